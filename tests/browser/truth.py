"""What the pictures of a notebook must show, asked of the notebook's own kernel.

Runs inside that kernel: what the browser shows is compared with what the functions return.
"""

import ipywidgets

from bn_teach import Explorable
from bn_teach.practice.prediction import Prediction
from tests.plain import plain


def explorables():
    """All explorables of this kernel in the order of their making."""
    return _widgets(Explorable)


def questions():
    """The questions of all predictions, in that order too."""
    return [prediction._question for prediction in _widgets(Prediction)]


def truth():
    """For each explorable, by title: its moves, each control alone to its first and last stop."""
    return {e._title: {"controls": e._controls, "moves": list(_moves(e))} for e in explorables()}


def complete():
    """Whether every state of every explorable is in the browser."""
    return all(e._sampled.complete() and not e._waiting for e in explorables())


def _widgets(kind):
    widgets = ipywidgets.widgets.widget._instances.values()
    return [widget for widget in widgets if isinstance(widget, kind)]


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
                "data": plain(tree.get("figure", {}).get("data")),
                "error": tree.get("error"),
            }
