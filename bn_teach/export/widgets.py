"""A notebook's widgets as they were when it was run: some live on, the others are named.

What lives on is known by what it sends: an explorable (explorable/widget.py) by its controls and
the table of its states, a prediction (practice/prediction.py) by its question. A box of widgets is
shown by those that are in it.
"""

import base64
import gzip
import json

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
EXPLORABLE = ("values", "_title", "_controls", "_stills", "_themes", "_words")
PREDICTION = ("_question", "_choices", "_number", "_truth", "_found", "_words")
PREFIX = "IPY_MODEL_"


def models_of(cell):
    """The models that a code cell shows, in order."""
    outputs = [output for output in cell.get("outputs", []) if "data" in output]
    return [output.data[VIEW]["model_id"] for output in outputs if VIEW in output.data]


class Models:
    """The saved widgets of one notebook, by their model id."""

    def __init__(self, nb):
        self._saved = nb.metadata.get("widgets", {}).get(STATE, {}).get("state", {})

    def shown_for(self, model):
        """The models that stand for a model, in order: itself, or those inside it.

        Empty for a widget that cannot live without a kernel.
        """
        state = self._state(model)
        if self.is_explorable(model) or self.is_prediction(model):
            return [model]
        children = [child.removeprefix(PREFIX) for child in state.get("children", [])]
        return [shown for child in children for shown in self.shown_for(child)]

    def is_explorable(self, model):
        return set(EXPLORABLE) <= self._state(model).keys()

    def is_prediction(self, model):
        return set(PREDICTION) <= self._state(model).keys()

    def is_complete(self, model):
        """Whether everything that is shown for a model is there, with all its states."""
        if not self._state(model):
            return False
        return all(
            _holds_all(self._table(shown))
            for shown in self.shown_for(model)
            if self.is_explorable(shown)
        )

    def leaves_out(self, model):
        """Whether a model has a part that is not shown."""
        state = self._state(model)
        if self.shown_for(model) == [model]:
            return False
        children = [child.removeprefix(PREFIX) for child in state.get("children", [])]
        return "children" not in state or any(map(self.leaves_out, children))

    def exported(self, model):
        """What the front end needs of an explorable or a prediction, as JSON can hold it."""
        state = self._state(model)
        if self.is_prediction(model):  # nobody's guess, and the answer may be had without one
            return {name: state[name] for name in PREDICTION} | {"guess": None, "_reveal": True}
        table = base64.b64encode(self._table(model)).decode()
        return {name: state[name] for name in EXPLORABLE} | {"_table": table}

    def _state(self, model):
        return self._saved.get(model, {}).get("state", {})

    def _table(self, model):
        for buffer in self._saved.get(model, {}).get("buffers", []):
            if buffer["path"] == ["_table"]:
                return base64.b64decode(buffer["data"])
        return b""


def _holds_all(table):
    """Whether a packed table (explorable/table.py) has every state of its explorable."""
    if not table:
        return False
    body = gzip.decompress(table)
    header = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
    return header["states"] is None
