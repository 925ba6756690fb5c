"""What works here and what does not, in plain words: the first cell of the course.

    from bn_teach import selfcheck
    selfcheck.run()

It prints the versions and the free memory, and returns a line that changes if pictures work.
"""

import platform
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import anywidget

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
MEMINFO = "/proc/meminfo"


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
    yield _sentence("Python", platform.python_version(), project["requires-python"])
    wanted = dict(re.match(r"([\w-]+)(.+)", line).groups() for line in project["dependencies"])
    for name in PACKAGES:
        try:
            yield _sentence(name, version(name), wanted[name])
        except PackageNotFoundError:
            yield f"{name} is missing. {REMEDY}"


def memory():
    """A sentence on the memory that is free."""
    free = free_memory()
    needs = f"a notebook needs up to {NEEDED / 1e9:.1f} GB"
    if free is None:
        return f"Memory: how much is free cannot be seen on this system; {needs}."
    found = f"Memory: {free / 1e9:.1f} GB free; {needs}"
    if free < NEEDED:
        return f"{found}. Too little: stop other notebooks (Kernel > Shut Down All Kernels...)."
    return f"{found}: fine."


def free_memory():
    """Bytes that this process can still have, or None where Linux's files on it are missing."""
    try:
        available = re.search(r"MemAvailable:\s+(\d+) kB", Path(MEMINFO).read_text())
    except OSError:
        return None
    rooms = [int(available[1]) * 1024]
    for limit, used in CONTAINER:
        try:
            rooms.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such container, or its limit is the word "max"
            continue
    return min(rooms)


def _sentence(name, found, wanted):
    if all(_fits(found, condition) for condition in wanted.split(",")):
        return f"{name} {found}: fine."
    return f"{name} {found} does not fit: the course asks for {wanted}. {REMEDY}"


def _fits(found, condition):
    """Whether version "2.13.0+cpu" satisfies "~=2.13.0", ">=2.13" or "<3"."""
    sign, wanted = re.match(r"([~<>=]+)([\d.]+)", condition.strip()).groups()
    found, wanted = _numbers(found), _numbers(wanted)
    if sign == "<":
        return found < wanted
    same_series = sign == ">=" or found[: len(wanted) - 1] == wanted[:-1]
    return same_series and found >= wanted


def _numbers(text):
    return [int(number) for number in re.match(r"[\d.]+", text)[0].strip(".").split(".")]
