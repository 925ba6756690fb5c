"""The teaching guide beside the notebooks: what it says of a section is a deck's speaker notes.

``TEACHING.md`` has a heading ``## 02 Whitening`` for a notebook that calls itself so, and below it
``### 1 Move it back`` for that notebook's section ``## 1 Move it back (4 min)``. Other headings are
for people alone.
"""

import re

FILE = "TEACHING.md"


def sections(folder, title):
    """Heading to Markdown of all that the guide in ``folder`` says of the notebook ``title``."""
    path = folder / FILE
    if not path.exists():
        return {}
    chapters = _split(path.read_text("utf-8"), "##")
    return _split(chapters.get(title, ""), "###")


def heading_of(source):
    """The section that a cell opens and the minutes it promises; None if it opens none."""
    found = re.search(r"^## (.+?)(?: \((\d+ min)\))?\s*$", source, re.MULTILINE)
    return found.groups() if found else None


def _split(text, level):
    """The parts of a text by their heading of a level; what precedes the first is left out."""
    parts = re.split(rf"^{level} (.+?)\s*$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))
