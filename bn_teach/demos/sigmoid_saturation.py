"""The explorables of notebook 03: a sigmoid's flat and its straight part, and what each costs.

Each function takes what an experiment measured and returns its explorable; only the first needs
nothing measured: its inputs are normally distributed.
"""

import numpy as np

from .. import draw
from ..experiments.sigmoid_saturation import (
    ACTIVATIONS,
    DEPTHS,
    GAINS,
    NORMAL,
    SATURATED,
    SPREADS,
    best_rate,
    geometric_mean,
)
from ..explorable import choice, explore, slider, toggle
from ..look import BLUE, DASHES, VERMILLION, number, percent

BN = {  # how a network without and with Batch Normalization looks
    "off": {"color": VERMILLION, "symbol": "diamond", "dash": "dash", "pattern": "/", "sign": "◆"},
    "on": {"color": BLUE, "symbol": "circle", "dash": "solid", "pattern": "", "sign": "●"},
}


def curve():
    """Drag mean and spread of a sigmoid's inputs; see its outputs and its derivative."""
    return explore(
        _on_the_sigmoid(),
        title="inputs and outputs of a sigmoid",
        mean=slider(-6, 6, step=0.5, start=0, label="mean of the inputs"),
        spread=slider(0.25, 5, step=0.25, start=1, label="spread of the inputs"),
        stills=[{}, {"mean": 4}, {"spread": 4}, {"spread": 0.25}],
    )


def _on_the_sigmoid():
    edge, bins, out_bins = 10, 40, 20  # z beyond the edge is not drawn, but counted
    z = np.linspace(-edge, edge, 161)
    look = {"showlegend": True}
    curves = [
        draw.line(z, _sigmoid(z), BLUE, name="sigmoid", **look),
        draw.line(z, _slope(z), VERMILLION, dash="dash", name="its derivative σ′", **look),
    ]
    bars = {"type": "bar", "showlegend": False, "marker": {"color": BLUE, "opacity": 0.9}}
    below = {**bars, "x": np.arange(-9.75, 10, 0.5), "yaxis": "y2"}
    beside = {**bars, "y": np.arange(0.025, 1, 0.05), "orientation": "h", "xaxis": "x2"}
    sides = np.array([[-edge, -SATURATED], [SATURATED, edge]])
    shapes = [draw.zone(x0=a, x1=b, yref="paper", y0=0, y1=1) for a, b in sides]
    shapes += [draw.zone(xref="x2 domain", x0=0, x1=1, y0=a, y1=b) for a, b in _sigmoid(sides)]
    layout = {
        "height": 450,
        "bargap": 0,
        "xaxis": draw.axis("input of the sigmoid, z", -edge, edge, (0, 0.7), anchor="y2"),
        "yaxis": draw.axis("output", -0.04, 1.04, (0.36, 1)),
        "yaxis2": draw.axis("share", 0, 0.6, (0, 0.26), tickformat=".0%", tickvals=[0, 0.5]),
        "xaxis2": draw.axis("", 0, 1, (0.77, 1), tickformat=".0%", tickvals=[0, 0.5], tickangle=0),
        "shapes": shapes,
    }
    zones = [{"text": "saturated", "x": -6.5, "y": 0.7}, {"text": "saturated", "x": 6.5, "y": 0.5}]
    big = {"xref": "paper", "yref": "paper", "x": 0.885, "xanchor": "center", "y": -0.04}

    def picture(mean, spread):
        z = mean + spread * NORMAL
        out = _sigmoid(z)
        flat, slope = np.mean(np.abs(z) > SATURATED), _slope(z).mean()
        share = _small_percent(flat)
        text = f"saturated<br><b>{share}</b><br>mean σ′<br><b>{number(slope, 3)}</b>"
        data = [
            *curves,
            {**below, "y": np.histogram(z, bins, (-edge, edge))[0] / len(z)},
            {**beside, "x": np.histogram(out, out_bins, (0, 1))[0] / len(z)},
        ]
        return {
            "data": data,
            "layout": {**layout, "annotations": [*zones, {**big, "text": text}]},
        }, (
            f"Inputs with mean {number(mean, 1)} and spread {number(spread)}: {share} "
            f"saturate the sigmoid. The mean derivative is {number(slope, 3)}, "
            f"{percent(4 * slope)} of the most it can be, ¼."
        )

    return picture


def depth(probes):
    """The gradient of each layer before training, and the share of saturated activations."""
    return explore(
        _layers(probes),
        title="gradient and saturation, layer by layer",
        activation=choice(list(ACTIVATIONS), label="activation"),
        depth=slider(DEPTHS[0], DEPTHS[-1], step=2, start=8, label="hidden layers"),
        gain=slider(GAINS[0], GAINS[-1], factor=2, start=1, label="weight gain"),
        bn=toggle(False, label="BN as well"),
        stills=[{}, {"gain": 4}, {"bn": True}, {"activation": "ReLU", "bn": True}],
    )


def _layers(probes):
    means = {key: geometric_mean(p.gradient, axis=2) for key, p in probes.items()}
    shares = {key: p.saturated.mean(axis=2) for key, p in probes.items()}
    extremes = np.log10([(np.nanmin(norms), np.nanmax(norms)) for norms in means.values()])
    layers = np.arange(1, DEPTHS[-1] + 1)
    ends = (0.4, DEPTHS[-1] + 0.6)
    low, high = np.floor(extremes.min()) - 0.5, np.ceil(extremes.max()) + 0.5
    some = {"tickvals": [2, 4, 6, 8], "tickangle": 0}
    layout = {
        "height": 460,
        "bargap": 0.2,
        "showlegend": False,
        "xaxis": draw.axis("layer", *ends, (0, 0.52), **some),
        "yaxis": draw.axis("gradient norm of the weights", low, high, (0, 0.84)),
        "xaxis2": draw.axis("layer", *ends, (0.74, 1), anchor="y2", **some),
        "yaxis2": draw.axis("", 0, 1, (0, 0.84), anchor="x2", tickformat=".0%", dtick=0.5),
    }
    layout["yaxis"] |= {"type": "log", "dtick": 3, "exponentformat": "power"}
    above = {"yref": "paper", "y": 1.08, "yanchor": "top"}
    sides = {"left": {"xref": "x domain", "x": 0}, "right": {"xref": "x2 domain", "x": 1}}

    def points(look):
        marker = {"color": look["color"], "symbol": look["symbol"], "size": 10}
        return {"mode": "lines+markers", "marker": marker}

    def picture(activation, depth, gain, bn):
        i, j = DEPTHS.index(depth), GAINS.index(gain)
        flat_is = "z ≤ 0" if activation == "ReLU" else "saturated"
        data, said, left, right = [], [], [f"layer 1 : layer {depth}"], [flat_is]
        for arm in ("off", "on") if bn else ("off",):
            norms, flat = means[activation, arm][i, j], shares[activation, arm][i, j]
            look = BN[arm]
            color = look["color"]
            data += [
                draw.line(layers, norms, color, dash=look["dash"], **points(look)),
                {
                    "type": "bar",
                    "x": layers,
                    "y": flat,
                    "marker": {"color": color, "pattern": {"shape": look["pattern"]}},
                    **draw.SECOND,
                },
            ]
            ratio = norms[0] / norms[depth - 1]
            share = _small_percent(np.nanmean(flat))
            left.append(f"{look['sign']} BN {arm} <b>{_proportion(ratio)}</b>")
            right.append(f"{look['sign']} <b>{share}</b>")
            said.append(
                f"BN {arm}: layer 1's gradient is to layer {depth}'s as {_proportion(ratio)}, "
                f"{flat_is}: {share}"
            )
        notes = [
            {**above, **sides[side], "xanchor": side, "align": side, "text": "<br>".join(lines)}
            for side, lines in (("left", left), ("right", right))
        ]
        return {"data": data, "layout": {**layout, "annotations": notes}}, (
            f"{activation}, gain {gain:g}. {'. '.join(said)}."
        )

    return picture


def _proportion(ratio):
    """A ratio as "1 : 28 000" or "2.3 : 1", with two digits that count."""
    larger = max(ratio, 1 / ratio)
    text = number(larger, 1) if larger < 10 else f"{float(f'{larger:.2g}'):,.0f}"
    text = text.replace(",", "\u202f")
    return f"{text} : 1" if ratio > 1 else f"1 : {text}"


def four(runs):
    """Saturation and accuracy of four networks without BN while they are trained."""
    steps = next(iter(runs.values())).steps
    last = int(steps[-1])
    return explore(
        _saturation_and_accuracy(runs, steps),
        title="saturated, and learning",
        step=slider(0, last, step=int(steps[1]), label="training step", play=True),
        stills=[{}, {"step": last // 2}, {"step": last}],
    )


def _saturation_and_accuracy(runs, steps):
    layout = {
        "height": 430,
        "xaxis": draw.axis("saturated activations", -0.04, 1.04, tickformat=".0%", dtick=0.25),
        "yaxis": draw.axis("test accuracy", 0, 1.08, tickformat=".0%", dtick=0.25),
    }

    def picture(step):
        k = int(np.searchsorted(steps, step))
        data, said = [], []
        for i, (name, run) in enumerate(runs.items()):
            flat, right = run.snapshots["saturated"], run.snapshots["accuracy"]
            trail = [array[: k + 1].mean(axis=1) for array in (flat, right)]
            key = {"name": name, "showlegend": True}
            data += [
                draw.line(*trail, draw.COLOURS[i], width=2, dash=DASHES[i]),
                draw.dots(flat[k], right[k], i, size=8, opacity=0.6),
                {**draw.dots(*([values[-1]] for values in trail), i, size=15), **key},
            ]
            said.append(f"{name}: {percent(trail[0][-1])} and {percent(trail[1][-1])}")
        return {"data": data, "layout": layout}, (
            f"Step {step}, saturated and accuracy, means of {flat.shape[1]} seeds. "
            f"{'; '.join(said)}."
        )

    return picture


def straight(found):
    """A stack of normalised sigmoid layers against the best linear map, image by image."""
    deepest = found.r2.shape[2]
    return explore(
        _against_a_line(found),
        title="how straight is a stack of sigmoids?",
        spread=slider(SPREADS[0], SPREADS[-1], step=0.25, start=1, label="spread γ"),
        layers=slider(1, deepest, label="layers"),
        stills=[{}, {"spread": 4}, {"layers": deepest}, {"spread": 4, "layers": deepest}],
    )


def _against_a_line(found):
    edge = 4
    n = np.arange(1, found.r2.shape[2] + 1)
    layout = {
        "height": 440,
        "showlegend": False,
        "xaxis": draw.axis("best linear map", -edge, edge, (0, 0.58), dtick=2),
        "yaxis": draw.axis("stack (standardised)", -edge, edge, dtick=2),
        "xaxis2": draw.axis("layers", 0.4, len(n) + 0.6, (0.72, 1), anchor="y2"),
        "yaxis2": draw.axis("", 0, 1.06, anchor="x2", dtick=0.5),
    }
    layout["xaxis2"] |= {"tickvals": [2, 4, 6, 8], "tickangle": 0}
    heading = {"yref": "paper", "y": 1, "yanchor": "bottom", "x": 0.5, "xref": "x2 domain"}
    heading |= {"text": "R²"}
    diagonal = draw.line([-edge, edge], [-edge, edge], VERMILLION, dash="dash")

    def picture(spread, layers):
        i = SPREADS.index(spread)
        r2 = found.r2[i].mean(axis=0)
        now = r2[layers - 1]
        images = draw.dots(found.line[i, layers - 1], found.output[i, layers - 1], 0, size=6)
        images["marker"] |= {"opacity": 0.6}
        path = draw.line(n, np.where(n <= layers, r2, np.nan), BLUE, **draw.SECOND)
        here = {**draw.dots([layers], [now], 0, size=14), **draw.SECOND, "mode": "markers+text"}
        label = draw.words(
            [f"<b>{number(now)}</b>"], "bottom center" if now > 0.5 else "top center"
        )
        return {
            "data": [{**images, "cliponaxis": True}, diagonal, path, {**here, **label}],
            "layout": {**layout, "annotations": [heading]},
        }, (
            f"Spread {number(spread)}, {layers} layer{'s' * (layers > 1)}: on test images the best "
            f"linear map gets {percent(now, 1)} of the outputs' variance right (R² = "
            f"{number(now, 3)}, mean of {found.r2.shape[1]} seeds)."
        )

    return picture


def price(run):
    """Accuracy against straightness of trained networks whose gamma is fixed or learnt."""
    return explore(
        _accuracy_and_line(run),
        title="what straightness costs",
        data=choice(run.settings["data"], start="jittered digits", label="data"),
        hidden=choice(run.settings["hidden"], label="hidden layers"),
        scale=choice(run.settings["scales"], label="γ of every channel"),
        stills=[{}, {"scale": 1}, {"scale": "learnt"}, {"data": "digits", "scale": "learnt"}],
    )


def _accuracy_and_line(run):
    scales = run.settings["scales"]
    ends, places = (-0.6, len(scales) - 0.4), np.arange(len(scales))
    # Short, the word a line lower: six ticks find room in a panel of 100 pixels.
    short = {0.25: "¼", 0.5: "½", "learnt": "<br>learnt"}
    ticks = {"tickvals": places, "ticktext": [short.get(scale, str(scale)) for scale in scales]}
    ticks |= {"tickangle": 0, "zeroline": False}
    share = {"tickformat": ".0%", "dtick": 0.1}
    layout = {
        "height": 430,
        "showlegend": False,
        "xaxis": draw.axis("γ", *ends, (0, 0.46), **ticks),
        "yaxis": draw.axis("", 0.5, 1.02, **share),
        "xaxis2": draw.axis("γ", *ends, (0.6, 1), anchor="y2", **ticks),
        "yaxis2": draw.axis("", 0.5, 1.02, anchor="x2", dtick=0.1),
    }
    heading = {"yref": "paper", "y": 1, "yanchor": "bottom", "x": 0.5}
    headings = [
        {**heading, "xref": "x domain", "text": "test accuracy"},
        {**heading, "xref": "x2 domain", "text": "R²"},
    ]

    def picture(data, hidden, scale):
        linear, _ = best_rate(run, f"{data}/linear")
        shown = scales[: scales.index(scale) + 1]
        arms = [best_rate(run, f"{data}/{hidden}/{each}") for each in shown]
        accuracy, r2 = (np.array(values, float) for values in zip(*arms, strict=True))
        note = {"text": "linear classifier", "x": ends[1], "y": linear.mean(), "xanchor": "right"}
        note |= {"yanchor": "top", "yshift": -6}
        learnt = "learnt" if scale == "learnt" else f"= {scale:g}"
        return {
            "data": [
                draw.line(ends, np.full(2, linear.mean()), VERMILLION, width=2, dash="dash"),
                *panel(accuracy),
                *({**trace, **draw.SECOND} for trace in panel(r2)),
            ],
            "layout": {**layout, "annotations": [*headings, note]},
        }, (
            f"{data}, hidden layers: {hidden}, γ {learnt}: accuracy "
            f"{_mean_and_spread(accuracy[-1])} over {len(linear)} seeds; a linear classifier gets "
            f"{_mean_and_spread(linear)}. The best linear map from the image gets "
            f"{percent(r2[-1].mean(), 1)} of the variance of the network's outputs right."
        )

    def panel(values):
        """Each seed of each arm shown, the means, and a path through those of a fixed gamma."""
        here, means = places[: len(values)], values.mean(axis=1)
        fixed = [scale != "learnt" for scale in scales[: len(values)]]
        return [
            draw.line(here[fixed], means[fixed], BLUE),
            draw.dots(np.repeat(here, values.shape[1]), values.ravel(), 0, size=7, opacity=0.5),
            draw.dots(
                here, means, 0, size=13, symbol=["circle" if f else "diamond" for f in fixed]
            ),
        ]

    return picture


def _small_percent(share):
    """With one digit more where a share would else seem to be nothing."""
    return percent(share, 1 if 0 < share < 0.01 else 0)


def _mean_and_spread(shares):
    """Mean and sample standard deviation: "95.7 % ± 0.3"."""
    return f"{percent(np.mean(shares), 1)} ± {number(100 * np.std(shares, ddof=1), 1)}"


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _slope(z):
    """The derivative of the sigmoid."""
    return _sigmoid(z) * (1 - _sigmoid(z))
