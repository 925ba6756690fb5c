"""What works here and what does not, in plain words: the first cell of the course.

    from bn_teach import selfcheck
    selfcheck.run()

It prints the versions and the free memory, and returns a line that changes if pictures work.
"""

import platform
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import anywidget
import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
PACKAGES = ("torch", "plotly", "ipywidgets", "anywidget")
NEEDED = 0.7e9  # bytes: what the largest notebook of the course may use

REMEDY = "In a terminal, in the folder of the course: make lab"
PICTURES_FAIL = (
    "If this line does not change, the pictures will not work here: reload the page. If that "
    f"does not help, open the course in JupyterLab 4. {REMEDY}"
)
PICTURES_WORK = "The pictures work here."

# Where Linux keeps a container's memory limit and how much of it is in use: version 2, version 1.
CONTAINER = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


class PicturesLine(anywidget.AnyWidget):
    """A line of text that the browser replaces, if it can draw widgets at all."""

    _esm = f"""
    function render({{ el }}) {{
      el.textContent = "{PICTURES_WORK}";
    }}
    export default {{ render }};
    """

    def __repr__(self):  # what a page without widgets shows instead
        return PICTURES_FAIL


def run():
    """Print what was found; return the line that says whether pictures work."""
    print("\n".join([*versions(), memory()]))
    return PicturesLine()


def versions():
    """One sentence for Python and each of ``PACKAGES``: what is here, and whether it will do."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    python = SpecifierSet(project["requires-python"])
    yield _sentence("Python", platform.python_version(), python)
    wanted = {r.name: r.specifier for r in map(Requirement, project["dependencies"])}
    for name in PACKAGES:
        try:
            yield _sentence(name, version(name), wanted[name])
        except PackageNotFoundError:
            yield f"{name} is missing. {REMEDY}"


def memory():
    """A sentence on the memory that is free."""
    free = free_memory()
    found = f"Memory: {free / 1e9:.1f} GB free; a notebook needs up to {NEEDED / 1e9:.1f} GB"
    if free < NEEDED:
        return f"{found}. Too little: stop other notebooks (Kernel > Shut Down All Kernels...)."
    return f"{found}: fine."


def free_memory():
    """Bytes that this process can still have: of the machine's, or of its container's if less."""
    rooms = [psutil.virtual_memory().available]
    for limit, used in CONTAINER:
        with suppress(OSError, ValueError):  # no such container, or its limit is the word "max"
            rooms.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return min(rooms)


def _sentence(name, found, wanted):
    if wanted.contains(found, prereleases=True):
        return f"{name} {found}: fine."
    return f"{name} {found} does not fit: the course asks for {wanted}. {REMEDY}"
