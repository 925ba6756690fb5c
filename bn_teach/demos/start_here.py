"""The explorable of notebook 00: what the layers of a deep network say, without and with BN."""

import numpy as np

from ..explorable import choice, explore, slider
from ..look import BLUE, VERMILLION, number, percent

LOOKS = {
    "off": {"color": VERMILLION, "symbol": "diamond", "dash": "dash"},
    "on": {"color": BLUE, "symbol": "circle", "dash": "solid"},
}


def depth(runs):
    """Go through the layers of a trained network, with Batch Normalization off or on."""
    return explore(
        _units(
            {arm: run.snapshots["activations"][-1] for arm, run in runs.items()},
            {arm: run.snapshots["test_accuracy"][-1] for arm, run in runs.items()},
        ),
        title="activations of a deep network",
        bn=choice(list(runs), label="Batch Normalization"),
        layer=slider(1, len(runs["on"].snapshots["activations"][-1]), label="layer"),
        stills=[{}, {"layer": 6}, {"bn": "on", "layer": 6}],
    )


def _units(activations, accuracies):
    """Pictures of activations (L, N, C) for each arm: L layers, N images, C units."""
    spreads = {arm: values.std(axis=1).mean(axis=1) for arm, values in activations.items()}
    layers = np.arange(1, len(spreads["on"]) + 1)
    images, units = activations["on"].shape[1:]
    heading = {"yref": "paper", "y": 1, "yanchor": "bottom", "x": 0.5}
    layout = {
        "height": 440,
        "showlegend": False,
        "xaxis": {
            "title": {"text": "units, sorted"},
            "range": [-1, units],
            "domain": [0, 0.6],
            "showticklabels": False,
        },
        "yaxis": {"title": {"text": "output of the sigmoid"}, "range": [0, 1]},
        "xaxis2": {
            "title": {"text": "layer"},
            "range": [0.5, len(layers) + 0.5],
            "domain": [0.74, 1],
            "anchor": "y2",
            "nticks": 7,
            "tickangle": 0,
        },
        "yaxis2": {
            "type": "log",
            "range": [-4.6, 0],
            "anchor": "x2",
            "dtick": 1,
            "exponentformat": "none",
        },
        "annotations": [
            {**heading, "xref": "x domain", "text": "bar: 90 % of images"},
            {**heading, "xref": "x2 domain", "text": "spread"},
        ],
    }
    bars = {
        arm: [_bars(layer, LOOKS[arm]) for layer in values] for arm, values in activations.items()
    }

    def curve(arm, deepest):
        """The spread of an arm's layers down to the one that is shown."""
        look = LOOKS[arm]
        return {
            "type": "scatter",
            "mode": "lines+markers+text",
            "x": layers,
            "y": np.where(layers <= deepest, spreads[arm], np.nan),
            "line": {"color": look["color"], "dash": look["dash"], "width": 3},
            "marker": {"color": look["color"], "symbol": look["symbol"], "size": 8},
            "text": [f"BN {arm}"],
            "textposition": "top right",
            "cliponaxis": False,
            "xaxis": "x2",
            "yaxis": "y2",
        }

    def picture(bn, layer):
        spread = spreads[bn][layer - 1]
        curves = [curve(arm, layer) for arm in spreads]
        digits = 1 + int(np.ceil(-np.log10(spread)))  # two that count
        return {"data": [*bars[bn][layer - 1], *curves], "layout": layout}, (
            f"BN {bn}, layer {layer}: from image to image the output of a unit spreads by "
            f"{number(spread, digits)} (standard deviation, mean of {units} units). The trained "
            f"network gets {percent(accuracies[bn], 1)} of the {images} test images right; "
            "guessing gets 10\u202f%."
        )

    return picture


def _bars(values, look):
    """One layer's values (N, C): for each unit a bar of the middle 90 % and a dot, the median."""
    low, middle, high = np.percentile(values, [5, 50, 95], axis=0)
    order = np.argsort(middle)
    units = np.arange(len(order))
    shape = {"type": "bar", "x": units, "y": (high - low)[order], "base": low[order]}
    look = {"color": look["color"], "symbol": look["symbol"]}
    dots = {"type": "scatter", "mode": "markers", "x": units, "y": middle[order]}
    return [
        {**shape, "marker": {"color": look["color"], "opacity": 0.45}},
        {**dots, "marker": {**look, "size": 6}},
    ]
