"""The repository itself: its lists of versions agree, and its files keep the rules of the house."""

import importlib.metadata
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "binder",
    "bn_teach",
    "data",
    "environment.yml",
    "notebooks",
    "pyproject.toml",
    "requirements.txt",
    "tests",
}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOURCES = sorted(p for p in (ROOT / "bn_teach").rglob("*") if p.suffix in {".py", ".js", ".css"})


def pins(lines):
    """Project name -> exact version, from lines such as `numpy==2.4.6 ; marker  # note`."""
    wanted = [Requirement(line.split(" #")[0]) for line in lines]
    assert all(str(each.specifier).startswith("==") for each in wanted), "every pin is exact"
    found = {canonicalize_name(each.name): each.specifier for each in wanted}
    assert len(found) == len(wanted), "every project is pinned once"
    return {name: str(specifier).removeprefix("==") for name, specifier in found.items()}


LOCK = pins(
    line
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)


def files_of_the_repository():
    """Paths of all that is committed, or would be by `git add .`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return [path for path in done.stdout.decode().split("\0") if path]


@pytest.mark.parametrize(
    "wanted",
    [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)],
)
def test_the_lock_holds_a_version_that_pyproject_admits(wanted):
    wanted = Requirement(wanted)
    assert wanted.specifier, f"say which versions of {wanted.name} will do"
    assert LOCK[canonicalize_name(wanted.name)] in wanted.specifier, "run `make lock`"


def test_the_lock_has_all_that_gets_installed_at_its_version():
    """Follow the requirements of what is installed here, from bn-teach on."""
    todo = [Requirement("bn-teach[lab,test,bench]")]
    seen = set()
    while todo:
        wanted = todo.pop()
        for line in importlib.metadata.requires(wanted.name) or ():
            needed = Requirement(line)
            name = canonicalize_name(needed.name)
            extras = wanted.extras or {""}
            applies = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            )
            if applies and (name, frozenset(needed.extras)) not in seen:
                seen.add((name, frozenset(needed.extras)))
                todo.append(needed)
    installed = {name: Version(importlib.metadata.version(name)).public for name, _ in seen}
    assert installed == {name: LOCK.get(name) for name in installed}
    assert len(installed) > 50, "this test must follow more than the first row"


def test_the_lock_never_brings_cuda():
    cuda = re.compile(r"nvidia|cuda|triton|cupy")
    assert [name for name in LOCK if cuda.search(name)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "tests/package-lock.json"])
def test_the_locks_name_no_address(name):
    assert "://" not in (ROOT / name).read_text("utf-8")


def test_environment_yml_pins_what_the_course_needs_at_the_versions_of_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    python, pip, from_pip = environment["dependencies"]
    assert (environment["channels"], python, pip) == (["conda-forge"], "python=3.11", "pip")
    index, *lines = from_pip["pip"]
    needed = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["lab"]]]
    assert pins(lines) == {each.name: LOCK[canonicalize_name(each.name)] for each in needed}
    address = index.removeprefix("--extra-index-url ")
    assert f"TORCH_CPU := {address}\n" in (ROOT / "Makefile").read_text("utf-8")


def test_the_makefile_takes_the_pythons_that_pyproject_admits():
    (low, high) = re.search(
        r"not \((3, \d+)\) <= sys.version_info < \((3, \d+)\)",
        (ROOT / "Makefile").read_text("utf-8"),
    ).groups()
    expected = f">={low.replace(', ', '.')},<{high.replace(', ', '.')}"
    assert PROJECT["requires-python"] == expected


def test_the_javascript_tools_are_pinned():
    wanted = json.loads((ROOT / "tests" / "package.json").read_text("utf-8"))["devDependencies"]
    locked = json.loads((ROOT / "tests" / "package-lock.json").read_text("utf-8"))["packages"]
    assert wanted == {name: locked[f"node_modules/{name}"]["version"] for name in wanted}


def test_ci_runs_the_test_command_of_the_readme_and_nothing_else():
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    commands = [line for line in script if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test"]
    readme = (ROOT / "README.md").read_text("utf-8")
    code = [line.strip() for line in readme.splitlines() if line.startswith("    ")]
    assert {"make lab", "make test"} <= set(code)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_only_the_agreed_names_stand_at_the_top():
    found = {path.split("/")[0] for path in files_of_the_repository()}
    assert found <= TOP_LEVEL


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_the_package_can_be_read_in_one_sitting(path):
    lines = path.read_text("utf-8").count("\n")
    # A widget's front end is one module: anywidget loads it as it is, and nothing bundles it.
    most = 650 if path.name == "explorable.js" else 400
    assert lines <= most, "split it where two subjects meet"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_opens_without_asking_for_a_kernel(path):
    assert json.loads(path.read_text("utf-8"))["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_holds_no_outputs_and_no_widget_state(path):
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    run = [cell["source"] for cell in code if cell["outputs"] or cell["execution_count"]]
    assert run == [], "clear the outputs with `make format`"
    assert "widgets" not in notebook["metadata"], "clear the widget state in JupyterLab, and save"
