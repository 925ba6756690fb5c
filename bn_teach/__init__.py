"""Batch Normalization to read, to drag and to train: the package behind the notebooks.

`import bn_teach` is instant: it loads neither torch nor plotly. A name below is imported
from its module the first time it is used.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "explore": "bn_teach.explorable",
    "slider": "bn_teach.explorable",
    "choice": "bn_teach.explorable",
    "toggle": "bn_teach.explorable",
    "Explorable": "bn_teach.explorable",
    "batch_moments": "bn_teach.batchnorm",
    "normalize": "bn_teach.batchnorm",
    "scale_and_shift": "bn_teach.batchnorm",
    "update_running": "bn_teach.batchnorm",
    "BatchNorm1d": "bn_teach.batchnorm",
    "BatchNorm2d": "bn_teach.batchnorm",
    "BatchNorm3d": "bn_teach.batchnorm",
}

__all__ = [*_HOME, "__version__"]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"bn_teach has no {name!r}; it offers {', '.join(_HOME)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *_HOME])
