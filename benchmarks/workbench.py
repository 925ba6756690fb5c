"""JupyterLab and Chromium for the benchmark, and what is done in them with a clock running."""

import contextlib
import random
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tests.browser import lab as real

WATCH = (Path(__file__).parent / "watch.js").read_text("utf-8")


@dataclass
class Kept:
    """Stands in for Chromium where a Lab is to use a browser context that is there already."""

    context: object

    def new_context(self, **_):
        return self.context


@dataclass
class Workbench:
    folder: Path
    chromium: object
    address: str
    token: str

    def write(self, name, *cells):
        """A notebook of these code cells; returns its file name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / f"{name}.ipynb")
        return f"{name}.ipynb"

    def open(self, notebook, address=None):
        """A page of its own, with an empty cache."""
        lab = real.Lab(self.chromium, address or self.address, self.token, notebook)
        lab.page.evaluate(WATCH)
        return lab

    def open_again(self, lab, notebook):
        """A second page of the same browser, which has kept what the first one cached."""
        lab.page.close()
        again = real.Lab(Kept(lab.context), self.address, self.token, notebook)
        again.page.evaluate(WATCH)
        return again

    def settle(self, lab):
        """Wait until all states of all pictures are there."""
        lab.wait_until_complete(self.folder)
        quiet(lab)

    def end_kernel(self, lab):
        where = f"{lab.address}/api/kernels/{lab.kernel_id()}?token={lab.token}"
        urllib.request.urlopen(urllib.request.Request(where, method="DELETE")).read()


@contextlib.contextmanager
def workbench():
    with (
        tempfile.TemporaryDirectory() as folder,
        real.server(folder) as (address, token),
        real.browser() as chromium,
    ):
        yield Workbench(Path(folder), chromium, address, token)


def traffic(lab):
    """Bytes over the websockets of a page so far, both ways."""
    return lab.received + lab.sent


def quiet(lab):
    """Wait until nothing has crossed for a second."""
    before, since = traffic(lab), time.monotonic()
    while time.monotonic() < since + 1:
        lab.page.wait_for_timeout(100)
        if traffic(lab) != before:
            before, since = traffic(lab), time.monotonic()


def run_first_cell(lab, figures=1):
    """Shift+Enter on the first cell; seconds to the first picture and to the last."""
    page = lab.page
    page.click(".jp-CodeCell .cm-content")
    page.evaluate(f"""() => {{
        window.first = untilPainted(() => pictures() > 0);
        window.last = untilPainted(() => pictures() >= {figures});
    }}""")
    page.keyboard.press("Shift+Enter")
    return [ms / 1000 for ms in page.evaluate("Promise.all([first, last])")]


def press(lab, key, shown):
    """Milliseconds from a key press to the picture that answers it.

    `shown`, an expression in JavaScript, reads what the picture shows: it must change.
    """
    # Not in step with the frames, which the answers are.
    lab.page.wait_for_timeout(random.uniform(5, 35))
    lab.page.evaluate(f"""() => {{
        const look = () => {shown};
        const before = look();
        window.painted = untilPainted(() => ![before, "", undefined].includes(look()));
    }}""")
    lab.page.keyboard.press(key)
    return lab.page.evaluate("painted")
