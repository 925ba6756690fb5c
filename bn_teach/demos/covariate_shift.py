"""The explorables of notebook 01: inputs that drift, outside a network and inside it.

Each function takes what an experiment measured and returns its explorable. The third is Fig. 1 of
Ioffe and Szegedy (2015), arXiv 1502.03167; the fourth has the three remedies of their section 1.
"""

import numpy as np

from .. import draw
from ..experiments.covariate_shift import AMOUNTS, BINS, DRIFTS
from ..explorable import choice, explore, slider
from ..look import BLUE, GREEN, GREY, PURPLE, VERMILLION, number, percent

GUESSING = 0.1  # ten digits
UNITS = 10  # of the hundred, to choose from in the picture of one unit
LEARNT = 0.9  # what counts as a setting that learns, in the map of the remedies
LOOKS = {  # Batch Normalization off and on, as in notebook 00
    "off": {"color": VERMILLION, "dash": "dash"},
    "on": {"color": BLUE, "dash": "solid"},
}
NAMES = {"sigmoid": "sigmoid", "tanh": "tanh", "ReLU": "relu"}


def input_drift(found):
    """Let the test images drift; the classifier and the labels stay as they are."""
    return explore(
        _drifted_images(found),
        title="test images that drift",
        kind=choice(list(DRIFTS), label="drift"),
        amount=slider(0, 1, step=0.1, label="how far (share of the most)"),
        stills=[{}, *({"kind": kind, "amount": 0.5} for kind in DRIFTS)],
    )


def _drifted_images(found):
    cell, shown = 10, len(found.labels)  # the pixels in a row that one image takes with its margin
    lefts = cell * np.arange(shown)
    heading = {"yref": "paper", "y": 1, "yanchor": "bottom", "x": 0.5, "xref": "paper"}
    hidden = {"visible": False, "constrain": "domain"}
    layout = {
        "height": 460,
        "showlegend": False,
        "xaxis": draw.axis("", -1.5, cell * shown - 0.5, **hidden),
        "yaxis": draw.axis("", 11, -0.5, (0.68, 1), **hidden, scaleanchor="x"),
        "xaxis2": draw.axis("how far", -0.02, 1.02, anchor="y2", dtick=0.5),
        "yaxis2": draw.axis("accuracy", 0, 1.04, (0, 0.58), anchor="x2", dtick=0.25),
        "annotations": [{**heading, "text": "digits 0 to 7, taken for:"}],
    }
    layout["yaxis"]["constraintoward"] = "top"
    layout["yaxis2"]["tickformat"] = ".0%"
    ink = {"colorscale": [[0, "rgba(128, 128, 128, 0)"], [1, BLUE]], "zmin": 0, "zmax": 1}
    heat = {"type": "heatmap", "showscale": False, "hoverinfo": "skip", **ink}
    guess = draw.line([0, 1], [GUESSING] * 2, GREY, width=2, dash="dot")
    guess = {**guess, **draw.SECOND, "mode": "lines+text", "text": ["guessing", ""]}
    guess |= {"textposition": "top right", "textfont": {"size": 15}}
    units = {
        "moved right": lambda amount: f"moved right by {number(2 * amount, 1)} pixels",
        "paper turns grey": lambda amount: f"paper {percent(0.6 * amount)} grey",
        "ink fades": lambda amount: f"{percent(0.9 * amount)} of the ink faded",
    }

    def picture(kind, amount):
        a = int(np.argmin(np.abs(AMOUNTS - amount)))
        tiles = np.full((8, cell * shown), np.nan)
        for image, left in zip(found.images[kind][a], lefts, strict=True):
            tiles[:, left : left + 8] = np.round(image * 256) / 256  # packs well
        right = found.answers[kind][a] == found.labels
        said = [
            f"{answer}\u2009✓" if ok else f"<b>{answer}\u2009✗</b>"
            for answer, ok in zip(found.answers[kind][a], right, strict=True)
        ]
        colours = np.where(right, GREEN, VERMILLION).tolist()
        below = {"type": "scatter", "mode": "text", "x": lefts + 3.5, "y": [8] * shown}
        below |= draw.words(said, "bottom center") | {"cliponaxis": False, "hoverinfo": "skip"}
        below["textfont"] |= {"color": colours}
        path = draw.line(AMOUNTS[: a + 1], found.accuracy[kind][: a + 1], BLUE)
        here = draw.dots([AMOUNTS[a]], [found.accuracy[kind][a]], 0, size=14)
        second = [guess, {**path, **draw.SECOND}, {**here, **draw.SECOND}]
        return {"data": [{**heat, "z": tiles}, below, *second], "layout": layout}, (
            f"{units[kind](amount).capitalize()}: the classifier gets "
            f"{percent(found.accuracy[kind][a], 1)} of 500 test images right. The labels are those "
            f"of before; the mean of all pixels is {number(found.ink[kind][a], 3)} "
            f"({number(found.ink[kind][0], 3)} without drift)."
        )

    return picture


def random_nets(nets):
    """What arrives at the layers of an untrained network, and how its spread grows or dies."""
    return explore(
        _layers(nets),
        title="spread through an untrained network",
        activation=choice(["ReLU", "tanh"], label="activation"),
        gain=slider(0.5, float(nets.gains[-1]), factor=2**0.25, start=1, label="weight gain"),
        depth=slider(1, nets.spread["relu"].shape[1], label="layers"),
        stills=[
            {"depth": 12},
            {"gain": 2, "depth": 12},
            {"gain": 2**0.5, "depth": 12},
            {"activation": "tanh", "gain": 2, "depth": 12},
        ],
    )


def _layers(nets):
    layers = np.arange(1, nets.spread["relu"].shape[1] + 1)
    middles = (BINS[1:] + BINS[:-1]) / 2
    across = {"tickvals": [1, *layers[1::2]], "tickangle": 0}
    layout = {
        "height": 460,
        "xaxis": draw.axis("", 0.4, layers[-1] + 0.6, anchor="y", showticklabels=False, **across),
        "yaxis": draw.axis("input of<br>the units", BINS[0], BINS[-1], (0.5, 1)),
        "xaxis2": draw.axis("layer", 0.4, layers[-1] + 0.6, anchor="y2", **across),
        "yaxis2": draw.axis("spread", -6, 4, (0, 0.42), anchor="x2", type="log", dtick=2),
    }
    layout["yaxis2"] |= {"exponentformat": "power"}
    says = {"ReLU": "theory", "tanh": "theory: at most about"}

    def picture(activation, gain, depth):
        g, name = int(np.argmin(np.abs(nets.gains - gain))), NAMES[activation]
        shares, spread = nets.histogram[name][g, :depth], nets.spread[name][g, :depth]
        theory = nets.theory(name)[g, :depth]
        shape = _violins(shares, layers, middles)
        dots = draw.dots(layers[:depth], spread, 0, size=11)
        line = draw.line(layers[:depth], theory, VERMILLION, dash="dash", showlegend=True)
        data = [
            shape,
            {**line, "name": says[activation], **draw.SECOND},
            {**dots, "name": "measured", "showlegend": True, **draw.SECOND},
        ]
        deepest = (
            f", those of layer {depth} by {_three(spread[-1])} ({says[activation]} "
            f"{_three(theory[-1])})"
        )
        outside = 1 - shares[-1].sum()
        wide = f"; {percent(outside)} of these lie outside the upper picture"
        return {"data": data, "layout": layout}, (
            f"{activation}, gain {number(gain)}, untrained: the inputs of layer 1 spread by "
            f"{_three(spread[0])}{deepest if depth > 1 else ''}{wide if outside >= 0.005 else ''}."
        )

    return picture


def _violins(shares, layers, middles):
    """The histograms (L, B), upright and symmetric, each as wide as its layer has room."""
    widths = 0.44 * shares / shares.max(axis=1, keepdims=True)
    x = np.concatenate([widths, -widths[:, ::-1]], axis=1) + layers[: len(shares), None]
    y = np.tile(np.concatenate([middles, middles[::-1]]), (len(shares), 1))
    gap = ((0, 0), (0, 1))
    x, y = (np.pad(part, gap, constant_values=np.nan).ravel().round(3) for part in (x, y))
    return {**draw.line(x, y, BLUE, width=0), "fill": "toself", "fillcolor": BLUE, "opacity": 0.75}


def moving_inputs(found):
    """The percentiles of one unit's input while the network learns, and its accuracy."""
    return explore(
        _percentiles(found),
        title="one unit's input during training",
        bn=choice(["off", "on"], label="Batch Normalization"),
        weights=choice(["small", "usual"], label="first weights"),
        unit=slider(1, UNITS, label="unit"),
        step=slider(
            0,
            int(found.steps[-1]),
            step=int(found.steps[1]),
            label="training step",
            play=True,
        ),
        stills=[
            {"bn": bn, "weights": weights, "step": int(found.steps[-1])}
            for weights in ("small", "usual")
            for bn in ("off", "on")
        ],
    )


def _percentiles(found):
    steps = found.steps
    limit = max(np.abs(values[:, 0, :, :UNITS]).max() for values in found.percentiles.values())
    limit = float(np.ceil(limit))
    numbers = {arm: (found.moved(arm).mean(1), found.spread(arm).mean(1)) for arm in found.accuracy}
    accuracy = {arm: values.mean(axis=1) for arm, values in found.accuracy.items()}
    seeds = found.accuracy["off", "small"].shape[1]
    across = {"dtick": 200, "tickangle": 0}
    room = 1.15 * steps[-1]  # for the names of the percentiles
    layout = {
        "height": 460,
        "xaxis": draw.axis("", 0, room, anchor="y", showticklabels=False, **across),
        "yaxis": draw.axis("percentiles of<br>the input", -limit, limit, (0.36, 1)),
        "xaxis2": draw.axis("training step", 0, room, anchor="y2", **across),
        "yaxis2": draw.axis("test<br>accuracy", 0, 1.08, (0, 0.28), anchor="x2", dtick=0.5),
    }
    layout["yaxis2"]["tickformat"] = ".0%"
    ends = [f"\u2002{end}" for end in ("15th", "50th", "85th")]

    def picture(bn, weights, unit, step):
        k, look = int(np.searchsorted(steps, step)), LOOKS[bn]
        low, middle, high = found.percentiles[bn, weights][: k + 1, 0, :, unit - 1].T
        now, colour = steps[: k + 1], look["color"]
        edge = {"color": colour, "width": 2}
        data = [
            draw.line(now, low, **edge),
            {**draw.line(now, high, **edge), "fill": "tonexty", "fillcolor": _faint(colour)},
            draw.line(now, middle, colour, width=4),
        ]
        values = [low[-1], middle[-1], high[-1]]
        data.append(draw.dots(np.full(3, now[-1]), values, 0, color=colour, size=8))
        labels = draw.dots(np.full(3, now[-1]), _apart(values, limit / 6), 0)
        data.append({**labels, "mode": "text", **draw.words(ends, "middle right", size=15)})
        for arm in LOOKS:
            path = accuracy[arm, weights][: k + 1]
            thick = 4 if arm == bn else 2
            curve = draw.line(now, path, width=thick, showlegend=True, **LOOKS[arm])
            data.append({**curve, "name": f"BN {arm}", **draw.SECOND})
        moved, spread = numbers[bn, weights]
        return {"data": data, "layout": layout}, (
            f"BN {bn}, {weights} first weights, {step} steps. Mean of all "
            f"{found.inputs[bn, weights].shape[-1]} units, {seeds} seeds: the median has moved "
            f"over a range of {number(moved[k])}, the spread (15th to 85th) is "
            f"{number(spread[k])}. Test accuracy {percent(accuracy[bn, weights][k])}."
        )

    return picture


def remedies(run):
    """Activation, first weights and learning rate as controls, without and with BN."""
    gains, rates = run.settings["gains"], run.settings["lr"]
    return explore(
        _map(run),
        title="the older remedies",
        bn=choice(["off", "on"], label="Batch Normalization"),
        activation=choice(list(NAMES), label="activation"),
        gain=slider(gains[0], gains[-1], factor=2, start=1, label="gain of the first weights"),
        rate=slider(rates[0], rates[-1], factor=10**0.5, start=rates[2], label="learning rate"),
        stills=[
            {"bn": bn, "activation": name} for bn in ("off", "on") for name in ("sigmoid", "ReLU")
        ],
    )


def _map(run):
    gains, rates, steps = run.settings["gains"], run.settings["lr"], run.steps
    seeds = len(run.settings["seed"])
    places, rows = np.arange(len(rates)), np.arange(len(gains))
    heading = {"xref": "paper", "x": 0.5, "yref": "paper", "y": 1, "yanchor": "bottom"}
    bare = {"showgrid": False, "zeroline": False}
    stops = {"tickvals": places[::2], "ticktext": [f"{rate:g}" for rate in rates[::2]]}
    names = {"tickvals": rows, "ticktext": [f"{gain:g}" for gain in gains]}
    layout = {
        "height": 460,
        "showlegend": False,
        "xaxis": draw.axis("learning rate", -0.5, len(rates) - 0.5, anchor="y", **stops, **bare),
        "yaxis": draw.axis("gain", -0.5, len(gains) - 0.5, (0.44, 1), **names, **bare),
        "xaxis2": draw.axis("training step", 0, steps[-1], anchor="y2", dtick=100),
        "yaxis2": draw.axis("each of<br>the seeds", 0, 1.08, (0, 0.24), anchor="x2", dtick=0.5),
        "annotations": [{**heading, "text": "test accuracy in %"}],
    }
    layout["yaxis2"]["tickformat"] = ".0%"
    shade = {"colorscale": [[0, "rgba(128, 128, 128, 0)"], [1, BLUE]], "zmin": 0, "zmax": 1}
    heat = {"type": "heatmap", "showscale": False, "hoverinfo": "skip", "opacity": 0.55, **shade}
    where = {"x": np.tile(places, len(gains)), "y": np.repeat(rows, len(rates))}
    cells = {"type": "scatter", "mode": "text", "hoverinfo": "skip", **where}
    frame = {"symbol": "square-open", "size": 30, "color": PURPLE, "line": {"width": 4}}

    def picture(bn, activation, gain, rate):
        paths = run.snapshots[f"{NAMES[activation]}/{bn}"]  # (K, G, R, S)
        ends = paths[-1].mean(axis=-1)
        g, r = (
            int(np.argmin(np.abs(np.log(np.array(stops) / value))))
            for stops, value in ((gains, gain), (rates, rate))
        )
        whole = [int(100 * end) for end in ends.ravel()]  # cut, so that 89.6 does not look bold
        said = [f"<b>{end}</b>" if end >= 100 * LEARNT else f"{end}" for end in whole]
        data = [
            {**heat, "x": places, "y": rows, "z": ends},
            {**cells, **draw.words(said, "middle center")},
            {**draw.dots([r], [g], 0), "marker": frame},
        ]
        data += [
            {**draw.line(steps, path, width=2, **LOOKS[bn]), **draw.SECOND}
            for path in paths[:, g, r].T
        ]
        here, good = paths[-1, g, r], int((ends >= LEARNT).sum())
        return {"data": data, "layout": layout}, (
            f"{activation}, gain {number(gain)}, learning rate {rate:.2g}, BN {bn}: "
            f"{percent(here.mean(), 1)} ± {percent(here.std(ddof=1), 1)} after {steps[-1]} steps "
            f"({seeds} seeds). "
            f"With this activation {good} of {ends.size} settings reach {percent(LEARNT)} (bold)."
        )

    return picture


def _apart(values, gap):
    """Three values in ascending order, the outer two at least a gap away from the middle one."""
    low, middle, high = values
    return [min(low, middle - gap), middle, max(high, middle + gap)]


def _faint(colour):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.25)"


def _three(value):
    """A positive number with about three digits that count."""
    digits = max(0, 2 - int(np.floor(np.log10(value))))
    return number(value, digits)
