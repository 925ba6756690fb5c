"""The teaching guide in the speaker notes."""

from bn_teach.export import guide
from bn_teach.export.exporters import SlidesOfOneFile
from tests.export import samples

GUIDE = """
# Teaching

## 02 Another

### 1 A wave

Not this one.

## Alive

In all, ten minutes.

### 1 A wave

- **Ask**: up or down? For $x^2$, too.

### Exam

Nobody reads this out.
"""


def test_sections_are_found_by_notebook_and_heading(tmp_path):
    (tmp_path / guide.FILE).write_text(GUIDE)
    found = guide.sections(tmp_path, "Alive")
    assert list(found) == ["1 A wave", "Exam"]
    assert found["1 A wave"].startswith("- **Ask**")
    assert guide.sections(tmp_path, "03 Nowhere") == {}
    assert guide.sections(tmp_path / "elsewhere", "Alive") == {}


def test_headings_of_cells():
    assert guide.heading_of("## 1 A wave (5 min)\n\nText.") == ("1 A wave", "5 min")
    assert guide.heading_of("Text.\n\n## Summary") == ("Summary", None)
    assert guide.heading_of("### 1 A wave") is None


def test_a_deck_has_minutes_and_guide_as_notes_of_that_section_alone(tmp_path):
    (tmp_path / guide.FILE).write_text(GUIDE)
    resources = {"metadata": {"path": str(tmp_path)}}
    deck, _ = SlidesOfOneFile().from_notebook_node(samples.alive(), resources)
    notes = [part.partition("</aside>")[0] for part in deck.split('<aside class="notes">')[1:]]
    assert len(notes) == 2  # the section's, and those of the notebook's own notes cell
    assert "5 min" in notes[0]
    assert "<strong>Ask</strong>" in notes[0]
    assert "<math" in notes[0]
    assert "Not this one" not in deck
    assert "Nobody" not in deck
