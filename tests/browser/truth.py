"""What the pictures of a notebook must show, asked of the notebook's own kernel.

Runs inside that kernel: what the browser shows is compared with what the functions return.
"""

import ipywidgets
import numpy as np

from bn_teach import Explorable


def explorables():
    """All explorables of this kernel in the order of their making."""
    widgets = ipywidgets.widgets.widget._instances.values()
    return [widget for widget in widgets if isinstance(widget, Explorable)]


def truth():
    """For each explorable, by title: its moves, each control alone to its first and last stop."""
    return {e._title: {"controls": e._controls, "moves": list(_moves(e))} for e in explorables()}


def complete():
    """Whether every state of every explorable is in the browser."""
    return all(e._sampled.complete() and not e._waiting for e in explorables())


def _moves(e):
    for name, control in e._grid.controls.items():
        for position in (0, len(control.stops) - 1):
            values = {**e._grid.start, name: control.stops[position]}
            state = e._grid.state(values)
            e._compute(state)
            tree = e._sampled.tree(state)
            yield {
                "control": name,
                "position": position,
                "state": state,
                "text": tree.get("text"),
                "data": _plain(tree.get("figure", {}).get("data")),
                "error": tree.get("error"),
            }


def _plain(tree):
    """As JSON has it: arrays as lists, gaps as None."""
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple, np.ndarray)):
        return [_plain(value) for value in tree]
    if isinstance(tree, (float, np.floating)):
        return None if not np.isfinite(tree) else float(tree)
    return tree
