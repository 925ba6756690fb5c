"""Training runs that were made beforehand: what takes too long for a lesson, or needs many seeds.

They lie in ``data/runs``, one ``.npz`` for each, as ``Run.save`` writes it: settings and seeds are
inside. ``data/runs.json`` says of each its sha256, with which versions it was made and how long
that took. ``python -m bn_teach.experiments`` (``make data``) makes them anew.
"""

import hashlib
import json
import platform
import time

import numpy as np
import torch

from . import datasets
from .files import write_whole
from .train import Run


def load(name):
    """The stored run of that name, after its sha256 has been checked.

    Raises
    ------
    KeyError
        If there is no stored run of that name.
    FileNotFoundError, ValueError
        If its file is missing or was altered.
    """
    entries = registry()
    if name not in entries:
        raise KeyError(f"no stored run is called {name!r}; there are {', '.join(sorted(entries))}")
    return Run.load(datasets.checked(f"runs/{name}.npz", entries[name]["sha256"]))


def make(name, experiment):
    """Call ``experiment``, a function that returns a ``Run``, and store what it returns."""
    start = time.perf_counter()
    run = experiment()
    seconds = time.perf_counter() - start
    path = datasets.FOLDER / "runs" / f"{name}.npz"
    path.parent.mkdir(exist_ok=True)
    run.save(path)
    entry = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    _write_registry(registry() | {name: entry})
    return entry


def registry():
    """What ``data/runs.json`` says: name to entry."""
    path = _registry_path()
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _registry_path():
    return datasets.FOLDER / "runs.json"


def _write_registry(entries):
    write_whole(_registry_path(), json.dumps(entries, indent=1, sort_keys=True) + "\n")
