"""Sampling all states of an explorable: how long it takes, and how small they are."""

import contextlib
import io
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from time import perf_counter

import nbformat

from . import pictures, report
from .course import NOTEBOOKS
from .report import progress, row

ROUNDS = 3


def bake(explorable):
    """Seconds and kB."""
    start = perf_counter()
    table = explorable.bake()
    return perf_counter() - start, len(table) / 1e3


def bake_notebook(path):
    """Every explorable that the notebook's cells make: [(title, states, seconds, kB)].

    With no event loop running, as here, nothing is sampled before `bake`.
    """
    from IPython.core.interactiveshell import InteractiveShell

    from tests.browser.truth import explorables

    os.chdir(path.parent)
    shell = InteractiveShell.instance()
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source).raise_error()
    return [(each._title, each._grid.size, *bake(each)) for each in explorables()]


def main():
    report.heading("Baking, one process", "states", "kB", "seconds")
    results = {"dicts": [], "go.Figures": []}
    for number in range(ROUNDS):
        progress(f"bake: round {number + 1} of {ROUNDS}")
        results["dicts"].append(bake(pictures.explorable(pictures.as_dict)))
        results["go.Figures"].append(bake(pictures.explorable(pictures.as_figure)))
    for (kind, measured), budget in zip(
        results.items(), (report.BAKE_DICTS, report.BAKE_FIGURES), strict=True
    ):
        seconds, size = map(median, zip(*measured, strict=True))
        row(f"31 x 25, from {kind}", 31 * 25, size, seconds, budget=(report.BAKED_SIZE, budget))
    for path in NOTEBOOKS:
        progress(f"bake: the explorables of {path.name}")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as another_process:
            baked = another_process.submit(bake_notebook, path).result()
        for title, states, seconds, size in baked:
            row(f"{path.stem[:2]} {title}", states, size, seconds)
