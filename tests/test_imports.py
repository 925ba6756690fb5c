"""Who may import whom in bn_teach. The rules keep each part readable on its own.

`batchnorm.py` imports torch and nothing else. The spine is the other files beside it, but for
`look.py`, `draw.py` and `selfcheck.py`. The folders build on the spine, each knowing only those
that the table below allows.
"""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bn_teach"

SPINE = {
    "batchnorm",
    "backward",
    "whitening",
    "alternatives",
    "models",
    "record",
    "train",
    "datasets",
    "files",
    "inference",
    "stored",
    "binder_link",
}
MAY_IMPORT = {  # within bn_teach; a demo may not even import another demo
    "batchnorm": set(),
    **dict.fromkeys(SPINE - {"batchnorm"}, SPINE),
    "look": set(),
    "draw": {"look"},
    "selfcheck": set(),
    "explorable": {"explorable", "look"},
    "experiments": SPINE | {"experiments"},
    "demos": SPINE | {"experiments", "look", "draw", "explorable"},
    "practice": SPINE | {"experiments", "look", "explorable", "practice"},
    "export": {"explorable", "export", "files", "look", "practice"},
}
DRAWING = {"plotly", "ipywidgets", "anywidget"}
MUST_NOT_IMPORT = {  # from outside
    **dict.fromkeys(SPINE | {"experiments", "draw"}, DRAWING),
    "explorable": {"torch"},
    "export": {"torch"},
}

MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def part_of(module):
    """`bn_teach.demos.forward` and `bn_teach.train` belong to `demos` and `train`."""
    return module.split(".")[1]


def imported_by(tree, module, is_package=False):
    """Every module that an import statement in `tree` names, absolute, with its line."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *filter(None, [node.module])])
            if source == "bn_teach":  # `from bn_teach import look` names a module of ours
                for alias in node.names:
                    yield f"bn_teach.{alias.name}", node.lineno
            else:
                yield source, node.lineno


def broken_rules(source, module, is_package=False):
    """What `source`, the text of `module`, imports against the rules: one sentence for each."""
    part = part_of(module)
    if part not in MAY_IMPORT:
        yield f"say in MAY_IMPORT what {part} may import"
        return
    for name, line in imported_by(ast.parse(source), module, is_package):
        top = name.split(".")[0]
        if top == "bn_teach":
            if "." not in name or part_of(name) not in MAY_IMPORT[part]:
                yield f"line {line}: {module} must not import {name}"
        elif top in MUST_NOT_IMPORT.get(part, ()) or (part == "batchnorm" and top != "torch"):
            yield f"line {line}: {module} must not import {name}"


def mixes_computing_and_drawing(source):
    """The functions of a demo that use both torch and plotly: numpy arrays cross that border."""
    tree = ast.parse(source)
    bound = {"torch": set(), "plotly": set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                top = (getattr(node, "module", None) or alias.name).split(".")[0]
                if top in bound:
                    bound[top].add((alias.asname or alias.name).split(".")[0])
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            used = {node.id for node in own_nodes(function) if isinstance(node, ast.Name)}
            if used & bound["torch"] and used & bound["plotly"]:
                yield function.name


def own_nodes(function):
    """What stands in a function, but not in a function inside it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield from own_nodes(child)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_keep_their_direction(path):
    is_package = path.name == "__init__.py"
    assert list(broken_rules(path.read_text("utf-8"), name_of(path), is_package)) == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "demos").glob("*.py")), ids=name_of)
def test_no_function_of_a_demo_both_computes_and_draws(path):
    assert list(mixes_computing_and_drawing(path.read_text("utf-8"))) == []


def test_importing_bn_teach_loads_neither_torch_nor_plotly():
    program = "import sys, bn_teach; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    loaded = set(done.stdout.decode().split())
    assert "bn_teach" in loaded
    assert not loaded & {"torch", "numpy", *DRAWING}


def test_what_the_package_imports_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    declared = {Requirement(line).name for line in wanted}
    imported_as = {"beautifulsoup4": "bs4", "ipython": "IPython"}
    declared |= {imported_as[name] for name in declared if name in imported_as}
    imported = {
        top
        for path in PACKAGE.rglob("*.py")
        for name, _ in imported_by(ast.parse(path.read_text("utf-8")), name_of(path))
        if (top := name.split(".")[0]) not in {*sys.stdlib_module_names, "bn_teach"}
    }
    assert imported <= declared, "add it to [project] dependencies in pyproject.toml"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bn_teach.newcomer", "import torch"),
        ("bn_teach.batchnorm", "import math"),
        ("bn_teach.batchnorm", "from .models import mlp"),
        ("bn_teach.train", "def show():\n    import plotly.graph_objects as go"),
        ("bn_teach.train", "from .explorable import explore"),
        ("bn_teach.train", "from bn_teach import look"),
        ("bn_teach.train", "import bn_teach"),
        ("bn_teach.look", "from .train import run"),
        ("bn_teach.explorable.table", "import torch.nn as nn"),
        ("bn_teach.explorable.table", "from ..batchnorm import normalize"),
        ("bn_teach.experiments.depth", "from ..demos import depth"),
        ("bn_teach.demos.depth", "from .forward import histogram"),
        ("bn_teach.demos.depth", "from . import forward"),
        ("bn_teach.demos.depth", "from ..export import slides"),
        ("bn_teach.export.slides", "from bn_teach.demos.forward import histogram"),
    ],
)
def test_a_wrong_import_is_found(module, source):
    assert len(list(broken_rules(source, module))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bn_teach.batchnorm", "import torch\nfrom torch import nn"),
        ("bn_teach.models", "from .batchnorm import BatchNorm1d"),
        ("bn_teach.explorable.widget", "from .. import look\nfrom .table import Table"),
        ("bn_teach.demos.depth", "from .. import look\nfrom ..experiments.depth import run"),
    ],
)
def test_a_right_import_is_let_pass(module, source):
    assert list(broken_rules(source, module)) == []


def test_a_function_that_computes_and_draws_is_found():
    source = """
import torch
import plotly.graph_objects as go
def compute(): return torch.zeros(3).numpy()
def draw(y): return go.Figure(go.Scatter(y=y))
def demo():
    def inner(): return torch.ones(3)
    return go.Figure()
def both(): return go.Figure(go.Scatter(y=torch.zeros(3)))
"""
    assert list(mixes_computing_and_drawing(source)) == ["both"]
