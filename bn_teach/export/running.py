"""Run a notebook before it is exported, if it has to be, and sample every state of its pictures."""

import re

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert.utils.exceptions import ConversionException

from . import widgets

# What is run after the last cell. A notebook without explorables has nothing to sample.
BAKE = """
import sys
if "bn_teach.explorable" in sys.modules:
    sys.modules["bn_teach.explorable"].bake_all()
"""


class ExportError(ConversionException):
    """The notebook cannot be exported; the message says which cell is why."""


def needs_running(nb):
    """Whether a code cell was never run, or a picture lacks some of its states."""
    code = [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]
    if any(cell.execution_count is None for cell in code):
        return True
    models = widgets.Models(nb)
    shown = [model for cell in code for model in widgets.models_of(cell)]
    return not all(models.is_complete(model) for model in shown)


def run(nb, folder, log):
    """Run all cells of `nb` in a new kernel, in `folder`; outputs and widgets end up in `nb`.

    Parameters
    ----------
    nb : NotebookNode, changed in place
    folder : where the notebook lies, the kernel's working directory
    log : function of a line of text, called before each code cell

    Raises
    ------
    ExportError
        If a cell fails, or the kernel dies: with the number of the cell, counted from 1 over all
        cells, and its error.
    """
    bake = nbformat.v4.new_code_cell(BAKE)
    client = NotebookClient(
        nb,
        timeout=None,
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=True,
    )
    with client.setup_kernel():
        for place, cell in enumerate(nb.cells):
            if cell.cell_type != "code":
                continue
            log(f"cell {place + 1} of {len(nb.cells)}: {_first_line(cell.source)}")
            try:
                client.execute_cell(cell, place)
            except (CellExecutionError, DeadKernelError) as error:
                raise ExportError(_why(place, cell, error)) from error
        log("all states of the pictures")
        nb.cells.append(bake)
        try:
            client.execute_cell(bake, len(nb.cells) - 1)
        except (CellExecutionError, DeadKernelError) as error:
            raise ExportError(f"sampling the pictures failed: {error}") from error
        finally:
            nb.cells.remove(bake)
    client.set_widgets_metadata()


def join_streams(nb):
    """Let what a cell printed piece by piece be one output, in place.

    nbclient can do that too (coalesce_streams), but its search for carriage returns takes minutes
    for the progress bars of a busy machine.
    """
    for cell in nb.cells:
        joined = []
        for output in cell.get("outputs", []):
            last = joined[-1] if joined else None
            if output.output_type == "stream" and last and last.get("name") == output.name:
                last.text += output.text
            else:
                joined.append(output)
        if "outputs" in cell:
            cell.outputs = joined


def _why(place, cell, error):
    name = getattr(error, "ename", type(error).__name__)
    value = getattr(error, "evalue", "") or str(error)
    return f"cell {place + 1} failed ({_first_line(cell.source)}): {name}: {_plain(value)}"


def _first_line(source):
    lines = [line for line in source.splitlines() if line.strip()]
    return (lines or ["(empty)"])[0][:70]


def _plain(text):
    """A message without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
