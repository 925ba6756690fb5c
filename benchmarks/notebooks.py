"""Every notebook run whole on one core, as on Binder: how long it takes and how much it holds."""

import contextlib
import os
from pathlib import Path
from time import perf_counter

import nbformat
from nbclient import NotebookClient

from tests.browser.lab import PROJECT

from . import report
from .report import progress, row

# The last cell, added here: a notebook is done when all states of its pictures are there.
WAIT = """
import asyncio
from ipywidgets.widgets.widget import _instances
from bn_teach import Explorable
for widget in list(_instances.values()):
    while isinstance(widget, Explorable) and not widget._sampled.complete():
        await asyncio.sleep(0.01)
"""


@contextlib.contextmanager
def one_core():
    """What is started in here runs on one core. Only Linux can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(path):
    """Seconds, the kernel's start included, and the kernel's peak memory in MB (None: unknown)."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(WAIT))
    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],
    )
    start = perf_counter()
    with one_core():
        client.create_kernel_manager()
        client.start_new_kernel(env={**os.environ, "PYTHONPATH": str(PROJECT)})
    client.start_new_kernel_client()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        return perf_counter() - start, peak_memory(client.km.provisioner.pid)


def peak_memory(process):
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def main():
    report.heading("Whole notebooks on one core", "MB", "seconds")
    if not hasattr(os, "sched_setaffinity"):
        report.note("This system cannot hold a process to one core: these ran on all.")
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        progress(f"notebooks: {path.name}")
        seconds, memory = run(path)
        if memory is None:
            row(path.stem, "not known", seconds, budget=report.NOTEBOOK_TIME)
        else:
            budgets = report.NOTEBOOK_MEMORY, report.NOTEBOOK_TIME
            row(path.stem, memory, seconds, budget=budgets)
