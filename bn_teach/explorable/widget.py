"""The widget: samples a function over the grid of its controls, and gives the browser the table."""

import asyncio
import contextlib
import gzip
import inspect
import io
import threading
import time
import traceback
from collections import deque
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets

from .. import look
from .controls import Control
from .grid import Grid
from .table import Table, flatten

HERE = Path(__file__).parent

MOST_NUMBERS = 20_000_000  # in the picture times states: what a laptop's browser holds with ease
DEFAULT_HEIGHT = 400  # pixels, for a figure that does not say its own

# Sampling goes on in short slices, so that a cell or a slider waits for one slice at the most.
SLICE = 0.02  # seconds
PAUSE = 0.001  # seconds between slices, in which the kernel looks at its messages

# Everything the front end itself says. Replace a text here, before `explore`, to translate it.
WORDS = {
    "play": "Play",
    "pause": "Pause",
    "reset": "Double-click or press Delete to go back to the start",
    "loading": "Loading the drawing library …",
    "computing": "Not computed yet: waiting for the kernel …",
    "failed": "The function behind this picture failed here:",
}


class StateError(RuntimeError):
    """The function of an explorable failed at some values of its controls."""


def explore(function, *, title=None, stills=(), **controls):
    """Show `function` as a picture with controls.

    ::

        def parabola(a):
            x = np.linspace(-1, 1, 50)
            return go.Figure(go.Scatter(x=x, y=a * x**2)), f"The curve is {a} high at the ends."


        explore(parabola, a=slider(-2, 2, step=0.5, start=1, label="height a"))

    Parameters
    ----------
    function : takes one value for each control, by name, and returns a plotly figure (a
        `go.Figure`, or the dict of one) or a pair (figure, sentence). The sentence is the text
        twin of the picture: its caption and its description for those who do not see it; where
        it is None or missing, the names and values of the controls stand in. The function must
        give the same picture for the same values: it is called once for each state, in the
        background, and what it prints is shown for the first state only. It may be slow: a state
        that is asked for before its turn is computed next. It may draw more traces in one state
        than in another. Where it raises, the picture gives the error and the values, and the
        other states go on.
    title : the name of the explorable for assistive technology; by default the function's name
    stills : the states that print and slides show, each a dict of some controls' values; the
        others stand at their start
    controls : `slider(...)`, `choice(...)` or `toggle(...)` for each parameter of the function.
        A parameter that has a default may do without.

    Returns
    -------
    Explorable

    Raises
    ------
    TypeError
        if a parameter has no control, a control no parameter, or the figure is not a figure
    ValueError
        if the grid of all states is too large, or a still is no state of it
    StateError
        if the function fails at the start values; at other values, the picture says so instead
    """
    return Explorable(function, title=title, stills=stills, **controls)


class Explorable(anywidget.AnyWidget):
    """A picture with controls; made by `explore`. An ipywidget: it composes, links, is observed."""

    _esm = HERE / "explorable.js"
    _css = HERE / "explorable.css"

    # name -> value of each control. Set some or all of them; read, observe (names="values") or
    # jslink them. In the browser they move at once; Python hears when the hand comes to rest. No
    # echo: a hand that has moved on in the meantime would be pulled back by it.
    values = traitlets.Dict().tag(sync=True, echo_update=False)

    _title = traitlets.Unicode().tag(sync=True)
    _controls = traitlets.List().tag(sync=True)  # what the front end draws, in order
    _stills = traitlets.List().tag(sync=True)  # state numbers
    _table = traitlets.Bytes().tag(sync=True)  # the start state, later all states
    _answer = traitlets.Bytes().tag(sync=True)  # one state that was asked for before that
    _themes = traitlets.Dict().tag(sync=True)
    _words = traitlets.Dict().tag(sync=True)
    _plotly = traitlets.Unicode().tag(sync=True)  # version of the package that has plotly.js

    def __init__(self, function, *, title=None, stills=(), **controls):
        _check_call(function, title, controls)
        self._function = function
        self._grid = Grid(controls)
        self._sampled = Table(self._grid.size)
        self._lock = threading.RLock()  # sliders may be answered in another thread than cells
        self._start = self._grid.state(self._grid.start)
        try:
            returned = function(**self._grid.start)
        except Exception as error:
            raise StateError(_failure(function, self._grid.start, error)) from error
        tree = _tree_of(returned, function, self._grid.spoken(self._start))
        self._refuse_heavy(tree)
        self._sampled.add(self._start, tree)
        super().__init__(
            values=self._grid.start,
            _title=title or _name(function).replace("_", " "),
            _controls=self._grid.described(),
            _stills=[self._grid.state(self._grid.checked(still)) for still in stills],
            _table=self._sampled.pack([self._start]),
            _themes={theme: look.template(theme) for theme in ("light", "dark")},
            _words=dict(WORDS),
            _plotly=version("plotly"),
        )
        self._requests = set()
        self.on_msg(self._send_plotly_js)
        self._waiting = deque(self._grid.nearest(self._start)[1:])
        with contextlib.suppress(RuntimeError):  # no event loop: a script; `bake` does it all
            loop = asyncio.get_running_loop()
            loop.call_later(PAUSE, self._sample_slice, loop)

    def figure(self, **values):
        """The picture at the given values (the others as they stand), as a `go.Figure`.

        Raises StateError where the function fails.
        """
        import plotly.graph_objects as go

        figure = self._tree(values)["figure"]
        return go.Figure(figure, layout_template=look.template("light"))

    def text(self, **values):
        """The text twin at the given values (the others as they stand)."""
        return self._tree(values)["text"]

    def bake(self):
        """Sample all states now, rather than in the background, and return the packed table."""
        for state in range(self._grid.size):
            self._compute(state)
        self._finish()
        return self._table

    def close(self):
        """Stop sampling and take the explorable off the page."""
        self._waiting = deque()
        super().close()

    def open(self):
        super().open()
        self._answer_beside_cells()

    def _send(self, msg, buffers=None):
        super()._send(msg, buffers)
        self._answer_beside_cells()

    def _answer_beside_cells(self):
        """Let the browser's questions be answered while a cell is running.

        JupyterLab sends them to a second thread of the kernel, a subshell, but ipykernel 7.4 sends
        them back to the thread that used the comm last: behind all cells that are queued. Without
        that memory it follows JupyterLab. Kernels that know no subshells have no such memory.
        """
        if self.comm is not None:
            vars(self.comm).pop("_reply_subshell_id", None)

    def __repr__(self):
        values = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        state = self._grid.state(self.values)
        text = self._sampled.tree(state).get("text", "") if state in self._sampled else ""
        return f"{self._title} ({values}): {text}"

    @traitlets.validate("values")
    def _validate_values(self, proposal):
        return self._grid.checked({**self.values, **proposal["value"]})

    @traitlets.observe("values")
    def _answer_now(self, change):
        """A state that is asked for before its turn is computed next and sent alone."""
        if self._sampled.complete():
            return
        state = self._grid.state(self.values)
        if state == self._start:  # the browser has it from the beginning
            return
        self._compute(state)
        self._answer = self._sampled.pack([state])

    def _tree(self, values):
        state = self._grid.state(self._grid.checked({**self.values, **values}))
        self._compute(state)
        tree = self._sampled.tree(state)
        if "error" in tree:
            raise StateError(tree["error"])
        return tree

    def _compute(self, state):
        with self._lock:
            if state in self._sampled:
                return
            values = self._grid.values(state)
            try:
                returned = self._function(**values)
                tree = _tree_of(returned, self._function, self._grid.spoken(state))
                self._sampled.add(state, tree)
            except Exception as error:
                self._sampled.add(state, {"error": _failure(self._function, values, error)})

    def _sample_slice(self, loop):
        end = time.perf_counter() + SLICE
        hidden = io.StringIO()  # what the function prints belongs to no cell
        with contextlib.redirect_stdout(hidden), contextlib.redirect_stderr(hidden):
            while self._waiting and time.perf_counter() < end:
                self._compute(self._waiting.popleft())
        if self._waiting:
            loop.call_later(PAUSE, self._sample_slice, loop)
        elif self._sampled.complete():
            self._finish()

    def _finish(self):
        self._waiting = deque()
        with self._lock:
            self._table = self._sampled.pack()

    def _refuse_heavy(self, tree):
        numbers = sum(np.size(value) for _, value in flatten(tree))
        if numbers * self._grid.size > MOST_NUMBERS:
            raise ValueError(
                f"{self._grid.sizes_said()}, each with about {numbers:,} numbers, are more than "
                f"{MOST_NUMBERS:,} numbers in all; draw fewer points, or give "
                f"{self._grid.longest()} fewer stops"
            )

    def _send_plotly_js(self, _widget, content, _buffers):
        """Answer a browser that has no plotly.js, once for each request, however often it asks."""
        request = content.get("request")
        if content.get("want") == "plotly.js" and request not in self._requests:
            self._requests.add(request)
            self.send({"request": request}, buffers=[packed_plotly_js()])


def _check_call(function, title, controls):
    if not callable(function):
        raise TypeError(
            f"explore: got {function!r}; expected a function that returns a plotly figure"
        )
    if title is not None and not isinstance(title, str):
        raise TypeError(
            f"explore: title is {title!r}; expected a string (a control cannot be called title)"
        )
    if not controls:
        raise TypeError("explore: no controls; add at least one, for example x=slider(0, 10)")
    name = _name(function)
    parameters = inspect.signature(function).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for control_name, control in controls.items():
        if not isinstance(control, Control):
            raise TypeError(
                f"explore: {control_name} is {control!r}; expected slider(...), choice(...) or "
                "toggle(...)"
            )
        if control_name not in known and not takes_any:
            raise TypeError(
                f"{name}() has no parameter {control_name!r} for this control; "
                f"its parameters are {', '.join(known) or 'none'}"
            )
    for parameter in parameters:
        if parameter.name in known and parameter.default is parameter.empty:
            if parameter.name not in controls:
                raise TypeError(
                    f"{name}() has a parameter {parameter.name!r} without a control; "
                    f"add {parameter.name}=slider(...), choice(...) or toggle(...)"
                )


def _tree_of(returned, function, spoken):
    """The state's tree: what plotly.js draws, and the sentence."""
    is_pair = isinstance(returned, tuple) and len(returned) == 2
    figure, text = returned if is_pair else (returned, None)
    if hasattr(figure, "to_plotly_json"):
        figure = figure.to_plotly_json()
    if not isinstance(figure, dict) or "data" not in figure:
        raise TypeError(
            f"{_name(function)}() returned {_short(returned)}; expected a plotly figure (a "
            "go.Figure or a dict with 'data' and 'layout'), or a pair (figure, sentence)"
        )
    if text is not None and not isinstance(text, str):
        raise TypeError(
            f"{_name(function)}() returned {_short(text)} beside the figure; expected a sentence"
        )
    layout = {"height": DEFAULT_HEIGHT, **figure.get("layout", {})}
    # The page gives width and theme, and shows light and dark: the figure's own are left out.
    layout.pop("template", None)
    layout.pop("width", None)
    tree = {"data": list(figure["data"]), "layout": layout}
    return {"figure": tree, "text": spoken if text is None else text}


def _failure(function, values, error):
    said = ", ".join(f"{name}={value!r}" for name, value in values.items())
    line = traceback.extract_tb(error.__traceback__)[-1].lineno
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{_name(function)}({said}), line {line}: {message}"


def _name(function):
    """A function's name; that of its class for a callable without one, as functools.partial."""
    return getattr(function, "__name__", type(function).__name__)


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def bake_all():
    """Sample all states of every explorable that is open, and send them: for an exporter.

    Sent in any case: who runs a notebook cell by cell does not hear what comes between cells.
    """
    for widget in list(ipywidgets.widgets.widget._instances.values()):
        if isinstance(widget, Explorable):
            widget.bake()
            widget.send_state("_table")


def plotly_js():
    """plotly.js as the plotly package ships it: 4.8 MB."""
    return files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


@cache
def packed_plotly_js():
    """plotly.js, gzipped: 1.5 MB instead of 4.8."""
    return gzip.compress(
        plotly_js(), compresslevel=4, mtime=0
    )  # 6 takes twice as long for 4 % less
