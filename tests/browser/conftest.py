"""One JupyterLab and one Chromium for all browser tests; notebooks are copies in a folder apart."""

import shutil

import nbformat
import pytest

from tests.browser import lab as real

NOTEBOOKS = real.PROJECT / "notebooks"

# A notebook of the tests' own: what each explorable does there is known to the test.
CELLS = [
    """
import os
import time
import ipywidgets
import numpy as np
from bn_teach import choice, explore, slider, toggle""",
    """
def wave(step, kind, dashed):
    x = np.linspace(0, 1, 60)
    y = np.sin(step * x) if kind == "sine" else x ** (0.1 * step)
    line = {"dash": "dash" if dashed else "solid"}
    figure = {"data": [{"type": "scatter", "x": x, "y": y, "line": line}]}
    figure["layout"] = {"yaxis": {"range": [-1.1, 1.1]}, "height": 300}
    return figure, f"A {kind} at step {step}, {'dashed' if dashed else 'solid'}."

controls = {
    "step": slider(0, 40, start=5, play=True),
    "kind": choice(["sine", "power"]),
    "dashed": toggle(label="dashed line"),
}
e = explore(wave, **controls)
e""",
    "e  # a second view",
    """
asked = []
def slow(a):
    asked.append(a)
    time.sleep(0.1)
    return {"data": [{"type": "bar", "y": [a]}], "layout": {"height": 300}}, f"slow {a}"

explore(slow, a=slider(0, 100))""",
    """
def picky(a):
    if a == 3:
        raise ValueError("three is not liked")
    return {"data": [{"type": "bar", "y": [1] * a}] * a, "layout": {"height": 300}}, f"picky {a}"

explore(picky, a=slider(0, 4, start=1))""",
    """
left = explore(wave, title="left", **controls)
right = explore(wave, title="right", **controls)
ipywidgets.jslink((left, "values"), (right, "values"))
ipywidgets.VBox([left, right])""",
    # Busy as long as a test says so: pictures must not wait for the cells behind them.
    "while os.path.exists('busy'):\n    pass",
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for path in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(path, folder)
    for name in ("kinds", "busy"):
        cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="session")
def served(folder):
    with real.server(folder) as served:
        yield served


@pytest.fixture(scope="session")
def chromium():
    with real.browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def kinds_page(served, chromium, folder):
    """The tests' own notebook, run, with every state in the browser."""
    lab = real.Lab(chromium, *served, "kinds.ipynb")
    lab.run_all()
    lab.wait_until_complete(folder)
    yield lab
    lab.close()


@pytest.fixture
def kinds(kinds_page):
    """That notebook with every control at its start."""
    for control in kinds_page.explorables().get_by_role("slider").all():
        control.press("Delete")
    first = kinds_page.explorables().first
    first.get_by_role("radio", name="sine").press("Delete")
    first.get_by_role("switch").press("Delete")
    return kinds_page


@pytest.fixture
def open_lab(served, chromium):
    """Opens a notebook in a page of its own: open_lab("04-scale-and-shift.ipynb", width=700)."""
    opened = []

    def open_lab(notebook, **options):
        opened.append(real.Lab(chromium, *served, notebook, **options))
        return opened[-1]

    yield open_lab
    for lab in opened:
        lab.close()
