"""The training bench of notebook 08: choose settings that nobody has run, and run them."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anywidget
import ipywidgets
import numpy as np
import traitlets

from ..draw import COLOURS, axis, line, table
from ..experiments import training_bench as bench
from ..explorable import choice, explore
from ..look import DASHES, GREY, number, percent
from ..models import GAINS

# Training goes on in short slices: between two of them the kernel looks at its messages, so
# that Cancel is heard and other cells run.
SLICE = 0.05  # seconds
PAUSE = 0.005  # seconds
REDRAW = 0.2  # seconds between two moves of the progress bar

CHOICES = {  # of Settings: label, and what can be chosen; "none" and "usual" stand for None
    "norm": ("norm", ["none", "batch", "layer", "group"]),
    "activation": ("activation", ["relu", "tanh", "sigmoid"]),
    "depth": ("hidden layers", range(1, 13)),
    "width": ("units in a layer", [10, 16, 32, 50, 64, 100]),
    "gain": ("initial gain", ["usual", 0.1, 0.3, 1, 2, 4, 8]),
    "lr": ("learning rate", [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]),
    "batch_size": ("batch size", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
    "seed": ("seed", range(1, 6)),
}
COLUMNS = "run,norm,activation,layers,units,gain,learning rate,batch,seed,end".split(",")

MOST = 6  # runs in the picture: the latest
ENDS = {"finished": "circle", "stopped": "square", "diverged": "x"}  # the symbol at a curve's end
KEY = '<span style="font-size: 15px">● finished  ■ stopped  ✕ diverged</span>'


class View(NamedTuple):
    axis: dict
    curve: Callable  # of a Run: steps, values
    said: Callable  # of a value
    best: Callable  # max or min
    guessing: float  # what a network gets that says of each digit that it is as likely


LOSSES = (0.03, 30)  # what is beyond is drawn at the end of the axis
VIEWS = {
    "test accuracy": View(
        axis("test accuracy", 0, 1, tickformat=".0%"),
        *(bench.accuracy_curve, partial(percent, digits=1), max, 0.1),
    ),
    "training loss": View(
        axis(f"loss, mean of {bench.EVERY} steps", *np.log10(LOSSES), type="log", dtick=1),
        *(partial(bench.loss_curve, limits=LOSSES), number, min, np.log(10)),
    ),
}


def training_bench():
    """Choose norm, depth, activation and more, train for some seconds, compare with runs before.

    There is one training at a time: making another bench, as running the cell again does, stops
    what the bench before is training. A bench whose cell was deleted ends its run by itself.
    Without an event loop, as in a script, a click on Run returns when the run has ended.

    Returns
    -------
    TrainingBench
        A VBox. In slides and pages without a kernel its picture, an explorable, lives on.
    """
    return TrainingBench()


class Status(anywidget.AnyWidget):
    """A sentence that screen readers say when it changes; ipywidgets' own labels do not."""

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")
    text = traitlets.Unicode().tag(sync=True)


class TrainingBench(ipywidgets.VBox):
    """Made by ``training_bench``.

    Attributes
    ----------
    controls : dict of Dropdown, by the names of ``Settings``
    run_button, cancel_button, clear_button : Button
    status : Status
    runs : dict of Run, the student's own: "run 1", "run 2", ...
    explorable : Explorable, the picture of the latest runs
    """

    latest = None  # the bench that was made last

    def __init__(self):
        if TrainingBench.latest is not None:
            TrainingBench.latest.stop()
        TrainingBench.latest = self
        self._stored = bench.stored_examples()
        self.runs, self.explorable = {}, None
        self._training = self._stop = False

        self.controls = {name: _dropdown(name, *of) for name, of in CHOICES.items()}
        self.run_button = _button("Run", self._start, button_style="primary")
        self.cancel_button = _button("Cancel", self.stop, disabled=True)
        self.clear_button = _button("Clear", self.clear, tooltip="Forget all runs but the stored")
        self._bar = ipywidgets.IntProgress(max=bench.STEPS, layout={"width": "12rem"})
        self._count = ipywidgets.Label()
        self.status = Status(text="Choose settings and press Run.")
        self._picture = ipywidgets.VBox(layout={"min_height": "34rem"})  # also while it is replaced
        self._table = ipywidgets.HTML()

        grid = {"display": "grid", "grid_template_columns": "repeat(auto-fill, minmax(15rem, 1fr))"}
        row = {"flex_flow": "row wrap", "align_items": "center"}
        controls = ipywidgets.Box([*self.controls.values()], layout={**grid, "max_width": "72rem"})
        buttons = [self.run_button, self.cancel_button, self.clear_button, self._bar, self._count]
        buttons = ipywidgets.HBox(buttons, layout=row)
        super().__init__([controls, buttons, self.status, self._picture, self._table])
        self.add_class("bn-bench")
        self._show()

    @property
    def settings(self):
        """What the controls say."""
        chosen = {name: control.value for name, control in self.controls.items()}
        nothing = ("none", "usual")
        return bench.Settings(**{k: None if v in nothing else v for k, v in chosen.items()})

    def stop(self, _button=None):
        """End the run that goes on, if there is one, within a step; it is kept."""
        self._stop = True

    def clear(self, _button=None):
        """Forget the student's runs."""
        if not self._training:
            self.runs = {}
            self._show()
            self.status.text = "Your runs are gone; the stored ones stay."

    def close(self):
        """Stop training, and take the bench and all in it off the page."""
        self.stop()
        for child in self.children:
            for grandchild in getattr(child, "children", ()):
                grandchild.close()
            child.close()
        super().close()

    def __repr__(self):
        return f"training bench: {self.explorable!r}"

    def _start(self, _button=None):
        if self._training:  # a second click, sent before the button was seen to be off
            return
        settings = self.settings
        if refusal := settings.refusal():
            self.status.text = f"Not run. {refusal}"
            return
        self._switch(training=True)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self._train(settings))
        else:
            self._task = loop.create_task(self._train(settings))

    def _switch(self, training):
        self._training, self._stop = training, False
        self.run_button.disabled = self.clear_button.disabled = training
        self.cancel_button.disabled = not training

    async def _train(self, settings):
        name = f"run {len(self.runs) + 1}"
        self.status.text = f"Training {name} …"
        try:
            trial = bench.Trial(settings)
            await self._take_steps(trial)
            if self.comm is None:  # closed in the meantime
                return
            self.runs[name] = trial.run()
            self._show()
            self.status.text = _how_it_ended(name, self.runs[name], "test accuracy")
        except Exception as error:
            self.status.text = f"{name} failed: {type(error).__name__}: {error}"
        finally:
            self._bar.value, self._count.value = 0, ""
            self._switch(training=False)

    async def _take_steps(self, trial):
        slice_end = redraw = time.monotonic()
        for step, loss in trial:
            now = time.monotonic()
            if now >= redraw:
                self._bar.value = step
                self._count.value = f"step {step} of {bench.STEPS}, loss {loss:.3g}"
                redraw = now + REDRAW
            if now >= slice_end:
                await asyncio.sleep(PAUSE)
                slice_end = time.monotonic() + SLICE
            if self._stop:
                return

    def _show(self):
        """Draw all runs anew: an explorable's function must not change, so there is a new one."""
        runs, old = self._stored | self.runs, self.explorable
        show = old.values["show"] if old else "test accuracy"
        self.explorable = explorable_of(runs, "training runs", show)
        self._picture.children = [self.explorable]
        self._table.value = _table(runs)
        if old:
            old.close()


def explorable_of(runs, title, show="test accuracy"):
    """The curves of the latest of ``runs``, a dict of Run in the order of their making."""
    own = [name for name in runs if not name.startswith("stored")]
    looks = {name: (GREY, DASHES[i % MOST]) for i, name in enumerate(runs)}
    looks |= {name: (COLOURS[i % len(COLOURS)], DASHES[i % MOST]) for i, name in enumerate(own)}
    drawn = dict(list(runs.items())[-MOST:])
    newest = own[-1] if own else None
    layout = {
        "height": 460,
        "xaxis": axis(f"training step<br>{KEY}", 0, bench.STEPS),
        "legend": {
            "traceorder": "reversed",
            "itemwidth": 40,
            "itemclick": False,
            "itemdoubleclick": False,
        },
    }

    def picture(show):
        view = VIEWS[show]
        data = [line([0, bench.STEPS], [view.guessing] * 2, GREY, width=2, dash="dot")]
        for name, run in drawn.items():
            (x, y), (color, dash) = view.curve(run), looks[name]
            label, width = (f"<b>{name}</b>", 4) if name == newest else (name, 2.5)
            data.append(line(x, y, color, width, dash, name=label, showlegend=True))
            end = {"color": color, "symbol": ENDS[run.settings["end"]], "size": 12}
            data.append(line(x[-1:], y[-1:], color, mode="markers", marker=end, cliponaxis=False))
        sentences = [_how_it_ended(newest, drawn[newest], show)] if newest else []
        sentences += _best(drawn, show)
        return {"data": data, "layout": layout | {"yaxis": view.axis}}, " ".join(sentences)

    stills = [{"show": view} for view in VIEWS]
    show = choice(list(VIEWS), start=show, label="show")
    return explore(picture, title=title, stills=stills, show=show)


def _how_it_ended(name, run, show):
    said, view = f"{name.capitalize()} {bench.how_it_ended(run)}", VIEWS[show]
    if run.settings["end"] == "diverged":
        return f"{said}."
    return f"{said} with a {show} of {view.said(view.curve(run)[1][-1])}."


def _best(runs, show):
    """The best of the runs that did not diverge, if there are any."""
    view = VIEWS[show]
    ends = {k: view.curve(r)[1][-1] for k, r in runs.items() if r.settings["end"] != "diverged"}
    if ends:
        best = view.best(ends, key=ends.get)
        yield f"Best {show} of these {len(runs)}: {best}, {view.said(ends[best])}."


def _table(runs):
    """All runs and their settings, the newest first, as an HTML table."""
    rows = []
    for name, run in reversed(runs.items()):
        s, diverged = run.settings, run.settings["end"] == "diverged"
        gain = f"{GAINS[s['activation']]:.2g} (usual)" if s["gain"] is None else f"{s['gain']:g}"
        cells = [name, s["norm"] or "none", s["activation"], s["depth"], s["width"], gain]
        cells += [f"{s['lr']:g}", s["batch_size"], s["seed"]]
        cells.append(f"{s['end']} at step {len(run.curves['loss'])}")
        ends = [view.said(view.curve(run)[1][-1]) for view in VIEWS.values()]
        rows.append(cells + ["–" if diverged else end for end in ends])
    return table("All runs, the newest first", [*COLUMNS, *VIEWS], rows)


def _dropdown(name, label, options):
    start = getattr(bench.Settings(), name)
    return ipywidgets.Dropdown(
        description=label,
        options=[*options],
        value=options[0] if start is None else start,
        style={"description_width": "8rem"},
        layout={"width": "auto"},
    )


def _button(label, on_click, **more):
    button = ipywidgets.Button(description=label, **more)
    button.on_click(on_click)
    return button
