"""Exported decks and pages: how large they are, and when the first picture of a page is there.

Beside each deck stands what stock `jupyter nbconvert --to slides` makes of the same notebook with
its pictures as plotly's FigureWidgets, one state each. Pages are timed from a static host on this
computer: what a network adds goes by the megabytes.
"""

import contextlib
import io
import re
import tempfile
from pathlib import Path
from time import perf_counter

import nbformat
from nbconvert.exporters import SlidesExporter

from bn_teach.export import running, site, widgets
from bn_teach.export.exporters import PageOfOneFile, SlidesOfOneFile
from tests.browser import host
from tests.browser.lab import PROJECT, browser

from . import report
from .report import progress, row

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))

# Run first in the notebook for stock nbconvert: an explorable shows its start as a FigureWidget.
FIGURE_WIDGETS = """
import plotly.graph_objects as go
from bn_teach import Explorable


def as_figure_widget(self, **kw):
    return go.FigureWidget(self.figure())._repr_mimebundle_(**kw)


Explorable._repr_mimebundle_ = as_figure_widget
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        was_run, out = Path(folder, "run"), Path(folder, "site")
        was_run.mkdir()
        files(was_run)
        with contextlib.redirect_stdout(io.StringIO()):
            site.main(["site", str(was_run), str(out)])
        with host.serve(out) as address, browser() as chromium:
            pages(out, address, chromium)


def files(folder):
    """A row for each notebook, everything in one file. The notebooks, run, are left in a folder."""
    columns = ("page, MB", "stock, MB", "deck, MB")
    report.heading("Exported, one file each, beside stock nbconvert's slides", *columns)
    hosts = set()
    for path in NOTEBOOKS:
        progress(f"exports: running {path.name} twice")
        nb = ran(path)
        nbformat.write(nb, folder / path.name)
        stock = exported(SlidesExporter(), with_figure_widgets(path), path)
        hosts |= set(re.findall(r"""["'(]https?://([^/"']+)/[^"']+\.(?:js|css)\b""", stock))
        made = (exported(kind(), nb, path) for kind in (PageOfOneFile, SlidesOfOneFile))
        page, deck = map(megabytes, made)
        row(path.stem, page, megabytes(stock), deck, budget=report.DECK)
    report.note(f"The stock decks load scripts and styles from {', '.join(sorted(hosts))}.")


def pages(out, address, chromium):
    """A row for each page of the site, and how large the site is."""
    columns = ("page, MB", "loaded, MB", "first, s", "again, s")
    report.heading("Pages of the site: time to the first picture, then from the cache", *columns)
    for path in NOTEBOOKS:
        size = (out / "pages" / f"{path.stem}.html").stat().st_size / 1e6
        row(path.stem, size, *visits(chromium, f"{address}/pages/{path.stem}.html"))
    sizes = {part: total(out / part) for part in ("pages", "slides", "shared")}
    said = ", ".join(f"{part} {size:.1f}" for part, size in sizes.items())
    report.note(f"The site has {total(out):.1f} MB: {said}.")


def visits(chromium, address):
    """MB loaded by a browser that was never there, its seconds to the first picture, and again."""
    context = chromium.new_context()
    page = context.new_page()
    loaded = []
    page.on("requestfinished", lambda request: loaded.append(request.sizes()["responseBodySize"]))
    first = seconds_to_picture(page, address)
    crossed = sum(loaded) / 1e6
    again = seconds_to_picture(page, address)
    context.close()
    return crossed, first, again


def seconds_to_picture(page, address):
    start = perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(".main-svg", state="attached")
    return perf_counter() - start


def ran(path, before=""):
    nb = nbformat.read(path, as_version=4)
    nb.cells.insert(0, nbformat.v4.new_code_cell(before))
    running.run(nb, path.parent, lambda line: None)
    del nb.cells[0]
    return nb


def with_figure_widgets(path):
    """The notebook run, its explorables replaced, and nothing of them left."""
    nb = ran(path, FIGURE_WIDGETS)
    models = nb.metadata.widgets[widgets.STATE]["state"]
    for name in [name for name, model in models.items() if "_controls" in model["state"]]:
        del models[name]
    return nb


def exported(exporter, nb, path):
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    return exporter.from_notebook_node(nb, resources)[0]


def megabytes(text):
    return len(text.encode()) / 1e6


def total(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
