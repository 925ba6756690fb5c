"""Exported decks and pages: how large they are, beside what stock nbconvert gives."""

import re
import time

import nbformat
from nbconvert.exporters import SlidesExporter

from bn_teach.export import running
from bn_teach.export.exporters import PageOfOneFile, SlidesOfOneFile
from tests.browser.lab import PROJECT

from . import report
from .report import progress, row

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
COMPARED = PROJECT / "notebooks" / "04-scale-and-shift.ipynb"


def main():
    report.heading("Exported files, everything in them", "seconds", "page, MB", "deck, MB")
    for path in NOTEBOOKS:
        nb = ran(nbformat.read(path, as_version=4), path)
        start = time.perf_counter()
        deck = exported(SlidesOfOneFile(), nb, path)
        seconds = time.perf_counter() - start
        page = exported(PageOfOneFile(), nb, path)
        row(path.stem, seconds, megabytes(page), megabytes(deck), budget=report.DECK)

    report.heading("The same notebook by `jupyter nbconvert --to slides`", "MB", "hosts asked")
    nb = nbformat.read(COMPARED, as_version=4)
    for cell in nb.cells:
        if cell.source.startswith("demos."):
            show = f"go.FigureWidget(({cell.source}).figure())"
            cell.source = f"import plotly.graph_objects as go\n{show}"
    stock = exported(SlidesExporter(), ran(nb, COMPARED), COMPARED)
    hosts = set(re.findall(r"""(?:src|href)=["']https?://([^/"']+)""", stock))
    row(f"{COMPARED.stem}, FigureWidgets", megabytes(stock), len(hosts))


def ran(nb, path):
    progress(f"exports: running {path.name}")
    running.run(nb, path.parent, lambda line: None)
    return nb


def exported(exporter, nb, path):
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    return exporter.from_notebook_node(nb, resources)[0]


def megabytes(text):
    return len(text.encode()) / 1e6
