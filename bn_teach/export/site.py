"""All notebooks of a folder as decks, or as a site that any web host serves.

    python -m bn_teach.export.site slides NOTEBOOKS FOLDER
    python -m bn_teach.export.site site NOTEBOOKS FOLDER

``slides`` writes one file for each notebook, with everything in it. ``site`` writes a page and a
deck for each, an index, and once what they share. A notebook that did not change since is left
out; what counts as a change is said at ``_key``.
"""

import argparse
import hashlib
import html
import json
import re
import sys
from pathlib import Path

import nbformat

from ..files import write_whole
from . import assets, guide, running
from .exporters import PageOfOneFile, SlidesOfOneFile

PACKAGE = Path(__file__).resolve().parents[1]
KINDS = {"pages": PageOfOneFile, "slides": SlidesOfOneFile}


def slides(notebooks, folder):
    """One self-contained deck for each notebook."""
    for path, nb in _changed(notebooks, folder, [f"{p.stem}.slides.html" for p in notebooks]):
        text, _ = SlidesOfOneFile().from_notebook_node(nb, _resources(path))
        write_whole(folder / f"{path.stem}.slides.html", text)


def site(notebooks, folder):
    """Pages, decks, an index, and the files they share, each with its hash in its folder's name."""
    shared = _shared_files()
    digest = hashlib.sha256("".join(shared.values()).encode()).hexdigest()[:12]
    for name, text in shared.items():
        if not (folder / "shared" / digest / name).exists():
            write_whole(folder / "shared" / digest / name, text)
    products = [f"slides/{path.stem}.html" for path in notebooks]
    for path, nb in _changed(notebooks, folder, products, digest):
        for kind, exporter_class in KINDS.items():
            exporter = exporter_class(
                shared=f"../shared/{digest}", notebook_link=f"../{kind}/{{name}}.html"
            )
            text, _ = exporter.from_notebook_node(nb, _resources(path))
            write_whole(folder / kind / f"{path.stem}.html", text)
    write_whole(folder / "index.html", _index(notebooks))


def _changed(notebooks, folder, products, *more):
    """The notebooks whose product is missing or older than they are, run: (path, notebook)."""
    record = folder / ".exported.json"
    done = json.loads(record.read_text("utf-8")) if record.exists() else {}
    for path, product in zip(notebooks, products, strict=True):
        key = _key(path, *more)
        if done.get(path.name) == key and (folder / product).exists():
            print(f"{path.name}: unchanged", flush=True)
            continue
        nb = nbformat.read(path, as_version=4)
        if running.needs_running(nb):
            running.run(nb, path.parent, lambda line, name=path.name: print(f"{name}: {line}"))
        yield path, nb
        done[path.name] = key
        write_whole(record, json.dumps(done, indent=1))
        print(f"{path.name}: written", flush=True)


def _key(path, *more):
    """What an export depends on: notebook and guide, package, data, and versions installed."""
    digest = hashlib.sha256("".join(more).encode())
    data = PACKAGE.parent / "data"
    guides = [file for file in [path.parent / guide.FILE] if file.exists()]
    for file in [path, *guides, *sorted(PACKAGE.rglob("*")), *sorted(data.rglob("*"))]:
        if file.is_file() and file.suffix != ".pyc":
            digest.update(file.read_bytes())
    for name in ("reveal.js", "reveal.css"):
        digest.update(assets.reveal(name).encode())
    digest.update(assets.plotly_source().encode())
    return digest.hexdigest()


def _shared_files():
    files = {"plotly.js": assets.plotly_source(), "reveal.js": assets.reveal("reveal.js")}
    for exporter_class in KINDS.values():
        exporter = exporter_class()
        files[exporter.starter] = exporter.module()
        files[exporter.starter.replace(".js", ".css")] = "\n".join(exporter.styles())
    return files


def _resources(path):
    return {"metadata": {"path": str(path.parent), "name": path.stem}}


def _index(notebooks):
    """A page with the title, the question and the minutes of each notebook."""
    rows = []
    for path in notebooks:
        cells = nbformat.read(path, as_version=4).cells
        words = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        title = re.search(r"^# (.+)$", words, re.MULTILINE)
        question = re.search(r"^\*\*(.+\?)\*\*$", words, re.MULTILINE)
        minutes = re.search(r"\*\*(\d+) minutes\*\*", words)
        said = html.escape(title[1] if title else path.stem)
        asked = html.escape(question[1].replace("*", "")) if question else ""
        rows.append(
            f'<tr><td><a href="pages/{path.stem}.html">{said}</a></td><td>{asked}</td>'
            f"<td>{minutes[1] + ' min' if minutes else ''}</td>"
            f'<td><a href="slides/{path.stem}.html">slides</a></td></tr>'
        )
    head = "<tr><th>to read</th><th>the question</th><th>time</th><th>in class</th></tr>"
    styles = assets.ours("text.css") + assets.ours("page.css")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Batch Normalization</title><style>{styles} body {{display: block}}</style></head>"
        f"<body><main><h1>Batch Normalization</h1><table>{head}{''.join(rows)}</table></main>"
        "</body></html>"
    )


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["slides", "site"])
    parser.add_argument("notebooks", type=Path, help="a folder of notebooks")
    parser.add_argument("folder", type=Path, help="where to write")
    chosen = parser.parse_args(arguments)
    notebooks = sorted(chosen.notebooks.glob("*.ipynb"))
    if not notebooks:
        sys.exit(f"there is no notebook in {chosen.notebooks}")
    try:
        {"slides": slides, "site": site}[chosen.what](notebooks, chosen.folder)
    except running.ExportError as error:
        sys.exit(str(error))
    size = sum(path.stat().st_size for path in chosen.folder.rglob("*") if path.is_file())
    print(f"{chosen.folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
