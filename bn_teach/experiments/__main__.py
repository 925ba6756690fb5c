"""Make the stored runs anew: all of them, or those that are named.

python -m bn_teach.experiments [NAME ...]
"""

import pkgutil
import sys
from importlib import import_module

from .. import stored
from . import __name__ as package
from . import __path__ as folder


def stored_experiments():
    """Every experiment that is stored: its name to the function that runs it."""
    found = {}
    for module in pkgutil.iter_modules(folder):
        if module.name != "__main__":
            found |= getattr(import_module(f"{package}.{module.name}"), "STORED", {})
    return found


def main(names):
    experiments = stored_experiments()
    unknown = sorted(set(names) - set(experiments))
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(sorted(experiments))}")
    for name in names or sorted(experiments):
        print(f"{name} ...", flush=True)
        entry = stored.make(name, experiments[name])
        print(f"{name}: {entry['bytes']:,} bytes, {entry['seconds']} s")


if __name__ == "__main__":
    main(sys.argv[1:])
