"""The explorables of notebook 06: estimates from few samples, what they cost, and what helps.

Each function takes what an experiment measured, and returns its explorable.
"""

import numpy as np

from .. import draw
from ..experiments.small_batch_failure import PUBLISHED, VERIFIED
from ..explorable import choice, explore, slider
from ..look import BLUE, DASHES, GREY, VERMILLION, number, percent

NAMES = {
    "running": "running<br>statistics",
    "precise": "precise<br>statistics",
    "own": "each group<br>its own",
    "renorm": "Batch<br>Renorm.",
    "frozen": "frozen at<br>the end",
    "group": "Group<br>Norm.",
    "layer": "Layer<br>Norm.",
    "none": "no norm",
}

# Errors are drawn on a logarithmic axis; no error at all stands below it.
NOUGHT = 0.03
ERROR_TICKS = {
    "type": "log",
    "tickvals": [NOUGHT, 0.1, 1, 10, 100],
    "ticktext": ["0", "0.1", "1", "10", "100"],
}
ERROR_RANGE = (np.log10(NOUGHT) - 0.12, 2.05)


def estimates(samples):
    """Mean and variance of batches of m real values: how far from those of all values?"""
    return explore(
        _sampling(samples),
        title="mean and variance of small batches",
        m=slider(samples.sizes[0], samples.sizes[-1], factor=2, label="values in a batch"),
        stills=[{}, {"m": 8}, {"m": 256}],
    )


def _sampling(samples):
    sizes, spread = np.array(samples.sizes), samples.values.std()
    means = (samples.means - samples.values.mean()) / spread
    variances = samples.variances / spread**2
    errors = (samples.mean_error, samples.variance_error)
    bars = {"type": "bar", "showlegend": False, "opacity": 0.9}
    share = {"tickformat": ".0%", "tickvals": [0, 0.5]}
    layout = {
        "height": 460,
        "bargap": 0,
        "xaxis": draw.axis("mean, in σ", -2.25, 2.25, (0, 0.48)),
        "yaxis": draw.axis("batches", 0, 0.65, (0.62, 1), **share),
        "xaxis2": draw.axis("variance / σ²", 0, 4, (0, 0.48), anchor="y2"),
        "yaxis2": draw.axis("batches", 0, 0.65, (0, 0.38), **share),
        "xaxis3": draw.axis("batch size", 0.15, 2.6, (0.74, 1), anchor="y3", type="log"),
        "yaxis3": draw.axis("spread", -1.45, 0.35, (0, 1), anchor="x3", type="log"),
        "shapes": [_truth(x=0, y="y"), _truth(x=1, xref="x2", y="y2")],
    }
    layout["xaxis3"] |= {"tickvals": [2, 16, 256], "tickangle": 0}
    layout["yaxis3"] |= {"tickvals": [0.1, 1]}
    third = {"xaxis": "x3", "yaxis": "y3"}

    def picture(m):
        i = int(np.searchsorted(sizes, m))
        reached = sizes <= m
        data = [
            {**bars, **_shares(means[i], 45, -2.25, 2.25), "marker": {"color": BLUE}},
            {**bars, **_shares(variances[i], 40, 0, 4), "marker": {"color": VERMILLION}},
            {**draw.line(sizes[reached], sizes[reached] ** -0.5, GREY, dash="dash"), **third},
        ]
        data[1] |= draw.SECOND
        for j, name in enumerate(("mean", "variance")):
            dots = draw.dots(sizes[reached], errors[j][reached], j)
            data.append({**dots, **third, "name": name, "showlegend": True})
        return {"data": data, "layout": layout}, (
            f"Batches of {m}: the mean scatters by {number(errors[0][i])} σ around μ (dashed: 1/√m "
            f"= {number(m**-0.5)}), the variance by {number(errors[1][i])} σ². The average batch "
            f"variance is {number(variances[i].mean())} of the true one."
        )

    return picture


def _truth(x, y, xref="x"):
    line = {"color": GREY, "width": 2, "dash": "dot"}
    place = {"x0": x, "x1": x, "y0": 0, "y1": 1, "xref": xref, "yref": f"{y} domain"}
    return {"type": "line", **place, "line": line}


def _shares(values, bins, low, high):
    """A histogram; what lies beyond the last bin is counted in it."""
    counts, edges = np.histogram(np.clip(values, low, high), bins, (low, high))
    return {"x": (edges[:-1] + edges[1:]) / 2, "y": counts / len(values)}


def what_is_left(values, seed=0):
    """What Batch Normalization makes of one unit's values (N,), cut into batches of n."""
    order = np.random.default_rng(seed).permutation(len(values))
    return explore(
        _in_and_out(values[order]),
        title="what goes in and what comes out",
        n=slider(2, 32, label="values in a batch"),
        stills=[{}, {"n": 3}, {"n": 4}, {"n": 32}],
    )


def _in_and_out(values):
    mean, spread = values.mean(), values.std()
    edge, shown = 3.6, 300
    layout = {
        "height": 440,
        "showlegend": False,
        "bargap": 0,
        "xaxis": draw.axis("in: (x − μ) / σ", -edge, edge, (0, 0.68)),
        "yaxis": draw.axis("out: x̂ of its batch", -edge, edge),
        "xaxis2": draw.axis("share", 0, 0.55, (0.78, 1), anchor="y", tickformat=".0%"),
    }
    layout["xaxis2"] |= {"tickvals": [0.5], "tickangle": 0}
    ends = np.array([-edge, edge])
    same = draw.line(ends, ends, GREY, width=2, dash="dot")
    bars = {"type": "bar", "orientation": "h", "xaxis": "x2", "marker": {"color": BLUE}}

    def picture(n):
        batches = values[: len(values) // n * n].reshape(-1, n)
        centred = batches - batches.mean(axis=1, keepdims=True)
        x_hat = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        x, y = (batches.ravel() - mean) / spread, x_hat.ravel()
        beside = _shares(y, 36, -edge, edge)
        dots = draw.dots(x[:shown], y[:shown], 0, size=7, opacity=0.7)
        data = [same, dots, {**bars, "x": beside["y"], "y": beside["x"], "showlegend": False}]
        ones = np.mean(np.abs(np.abs(y) - 1) < 0.01)
        return {"data": data, "layout": layout}, (
            f"Batches of {n}: {percent(ones)} of the outputs are +1 or −1 (to within 0.01); the "
            f"largest is {number(np.abs(y).max())}, and none can pass √(n−1) = "
            f"{number(np.sqrt(n - 1))}. Inputs and outputs correlate by "
            f"{number(np.corrcoef(x, y)[0, 1])}."
        )

    return picture


def groups(run):
    """Errors of every seed against the group size, while the networks learn."""
    return explore(
        _columns(run),
        title="errors by group size",
        step=slider(
            0, int(run.steps[-1]), step=int(run.steps[1]), label="training step", play=True
        ),
        stills=[{}, {"step": 60}, {"step": 300}],
    )


def _columns(run):
    arms = run.settings["arms"]
    labels = [_called(arm).removeprefix("groups of ") for arm in arms]
    layout = {
        "height": 450,
        "xaxis": draw.axis("statistics over groups of", -0.5, len(arms) - 0.5, zeroline=False),
        "yaxis": draw.axis("images wrong, %", *ERROR_RANGE, **ERROR_TICKS),
    }
    layout["xaxis"] |= {"tickvals": [*range(len(arms))], "ticktext": labels, "tickangle": 0}

    def picture(step):
        k = int(np.searchsorted(run.steps, step))
        data = []
        for i, part in enumerate(("test", "train")):
            shares = np.array([run.snapshots[f"{part}/{arm}"][k] for arm in arms])
            places = np.arange(len(arms))[:, None] + 0.4 * i - 0.2 + _side_by_side(shares)
            data.append(_seeds(places.ravel(), _on_axis(shares).ravel(), part))
        named = [arm for arm in arms if arm not in (4, 16, 32)]  # all of them are too many
        said = [f"{_called(arm)} {_mean(run, arm, k)}" for arm in named]
        return {"data": data, "layout": layout}, (
            f"After {step} steps, test images wrong (mean of {shares.shape[1]} seeds ± standard "
            f"deviation): {'; '.join(said)}."
        )

    return picture


def _called(arm):
    return f"groups of {arm}" if isinstance(arm, int) else {"layer": "LN", "none": "none"}[arm]


def _mean(run, arm, k=-1):
    share = run.snapshots[f"test/{arm}"][k]
    return f"{number(100 * share.mean(), 1)} ± {percent(share.std(ddof=1), 1)}"


def _side_by_side(shares):
    """Seeds (..., S) beside each other, so that equal ones do not hide each other."""
    return np.broadcast_to(np.linspace(-0.12, 0.12, shares.shape[-1]), shares.shape)


def _on_axis(shares):
    return np.maximum(100 * shares.astype(float), NOUGHT)


def _seeds(x, y, part):
    if part == "test":
        return {**draw.dots(x, y, 0), "name": "test images", "showlegend": True}
    dots = draw.dots(x, y, 1, symbol="diamond-open", line={"width": 2})
    return {**dots, "name": "training images", "showlegend": True}


def learning_rates(run):
    """Errors at several learning rates, from the smallest up to the one that is reached."""
    rates = run.settings["lr"]
    return explore(
        _by_rate(run),
        title="another learning rate",
        rate=choice(rates, start=0.3, label="learning rates up to"),
        stills=[{}, {"rate": 3.0}],
    )


def _by_rate(run):
    rates, sizes = np.array(run.settings["lr"]), run.settings["groups"]
    layout = {
        "height": 430,
        "xaxis": draw.axis("learning rate", -2.25, 0.75, type="log"),
        "yaxis": draw.axis("test images wrong, %", -0.3, 2.05, **ERROR_TICKS),
    }
    layout["xaxis"] |= {"tickvals": rates, "ticktext": [f"{rate:g}" for rate in rates]}

    def picture(rate):
        k = int(np.searchsorted(rates, rate)) + 1
        data = []
        for i, m in enumerate(sizes):
            shares = run.snapshots[f"test/{m}"][-1][:k]
            x = rates[:k, None] * 10 ** (_side_by_side(shares) * 0.4 + 0.06 * (i - 1))
            dots = draw.dots(x.ravel(), _on_axis(shares).ravel(), i)
            data.append({**dots, "name": f"groups of {m}", "showlegend": True})
        worst = run.snapshots[f"test/{sizes[0]}"][-1][:k].mean(axis=1)
        at = {m: run.snapshots[f"test/{m}"][-1][k - 1].mean() for m in sizes}
        return {"data": data, "layout": layout}, (
            f"Learning rate {rate:g}, test images wrong (mean of 5 seeds): "
            + ", ".join(f"{percent(share, 1)} in groups of {m}" for m, share in at.items())
            + f". Best so far for groups of {sizes[0]}: {percent(worst.min(), 1)}."
        )

    return picture


def values_per_channel(mlp_run, cnn_run):
    """The fully connected and the convolutional network, against images or values."""
    return explore(
        _against(mlp_run, cnn_run),
        title="images in a group, or values per channel",
        axis=choice(["images in a group", "fewest values per channel"], label="count"),
        stills=[{}, {"axis": "fewest values per channel"}],
    )


def _against(mlp_run, cnn_run):
    # The convolutional network's last norm sees 2 x 2 places: 4 values per image and channel.
    nets = {"fully connected": (mlp_run, 1), "convolutional": (cnn_run, 4)}
    ticks = [1, 2, 4, 8, 16, 32, 64, 256]
    y = draw.axis("test images wrong, %", -0.3, 2.05, **ERROR_TICKS)

    def picture(axis):
        data, of_eight = [], []
        for i, (name, (run, places)) in enumerate(nets.items()):
            factor = 1 if axis == "images in a group" else places
            sizes = np.array([arm for arm in run.settings["arms"] if isinstance(arm, int)])
            shares = np.array([run.snapshots[f"test/{m}"][-1] for m in sizes])
            x, mean = factor * sizes, shares.mean(axis=1)
            beside = x[:, None] * 10 ** (_side_by_side(shares) * 0.5)
            dots = draw.dots(beside.ravel(), _on_axis(shares).ravel(), i, size=9)
            line = draw.line(x, 100 * mean, draw.COLOURS[i], width=2, dash=("solid", "dash")[i])
            data += [line, {**dots, "name": name, "showlegend": True}]
            said = dict(zip(x.tolist(), mean, strict=True))
            of_eight.append(
                ", ".join(f"{n}: {percent(said[n], 1)}" for n in (2, 4, 8) if n in said)
            )
        scale = draw.axis(axis, -0.12, 2.55, type="log", tickvals=ticks, tickangle=0)
        return {"data": data, "layout": {"height": 430, "xaxis": scale, "yaxis": y}}, (
            f"Test images wrong (mean of 5 seeds) against {axis}. Fully connected, "
            f"{of_eight[0]}. Convolutional, {of_eight[1]}."
        )

    return picture


def published(run):
    """Our networks beside the published ResNet-50, from large groups down to small ones."""
    return explore(
        _beside(run),
        title="ours, and ResNet-50 as published",
        m=slider(2, 32, factor=2, start=32, label="images in a group, down to"),
        stills=[{}, {"m": 4}, {"m": 2}],
    )


def _beside(run):
    sizes = np.array([2, 4, 8, 16, 32])
    ours = np.array([100 * run.snapshots[f"test/{m}"][-1] for m in sizes], dtype=float)
    layer = 100 * run.snapshots["test/layer"][-1].mean()
    ticks = {"type": "log", "tickvals": [2, 8, 32], "tickangle": 0}
    heading = {"yref": "paper", "y": 1, "yanchor": "top", "x": 0.5}
    layout = {
        "height": 430,
        "xaxis": draw.axis("group size", 0.2, 1.75, (0, 0.42), **ticks),
        "yaxis": draw.axis("images wrong, %", 0, 65),
        "xaxis2": draw.axis("group size", 0.2, 1.75, (0.6, 1), anchor="y2", **ticks),
        "yaxis2": draw.axis("", 0, 65, anchor="x2"),
        "annotations": [
            {**heading, "xref": "x domain", "text": "ours: digits"},
            {**heading, "xref": "x2 domain", "text": "<b>published</b>"},
        ],
    }

    def curve(x, y, i, name, filled=True):
        dots, shape = draw.dots(x, y, i, size=11), draw.SYMBOLS[i]
        symbols = np.where(filled, shape, f"{shape}-open").tolist()
        dots["marker"] |= {"symbol": symbols, "line": {"width": 2, "color": draw.COLOURS[i]}}
        line = {"color": draw.COLOURS[i], "width": 2, "dash": DASHES[i]}
        return {**dots, "mode": "lines+markers", "line": line, "name": name}

    def picture(m):
        reached = sizes >= m
        x = sizes[reached]
        seeds = np.repeat(x, ours.shape[1])
        data = [
            draw.dots(seeds, ours[reached].ravel(), 0, size=7, opacity=0.6),
            curve(x, ours[reached].mean(axis=1), 0, "BN"),
            curve(x, np.full(len(x), layer), 1, "LN"),
        ]
        for i, (name, cells) in zip((0, 2), PUBLISHED.items(), strict=True):
            y = [cells[size] for size in x.tolist()]
            data.append({**curve(x, y, i, name, np.isin(x, VERIFIED)), **draw.SECOND})
        for trace, shown in zip(data, (False, True, True, False, True), strict=True):
            trace["showlegend"] = shown
        source = "the paper's text" if m in VERIFIED else "secondary sources (open symbols)"
        return {"data": data, "layout": layout}, (
            f"Groups of {m}. Ours: BN {number(ours[sizes == m].mean(), 1)}\u202f%, LN "
            f"{number(layer, 1)}\u202f%. Published by Wu and He (2018), ResNet-50 on ImageNet: BN "
            f"{PUBLISHED['BN'][m]}\u202f%, GN {PUBLISHED['GN'][m]}\u202f%, from {source}."
        )

    return picture


def causes(run):
    """The same trained networks, evaluated with three kinds of statistics."""
    return _comparison(run, ["running", "precise", "own"], "one network, three evaluations")


def remedies(run):
    """Batch Normalization in groups of m, and what can be done instead."""
    rows = ["running", "precise", "frozen", "renorm", "group", "layer", "none"]
    return _comparison(run, rows, "remedies")


def _comparison(run, rows, title):
    return explore(
        _bars_of_seeds(run, rows),
        title=title,
        m=slider(2, 8, factor=2, label="statistics over groups of"),
        stills=[{}, {"m": 4}, {"m": 8}],
    )


def _bars_of_seeds(run, rows):
    places = np.arange(len(rows))[::-1]
    layout = {
        "height": 200 + 60 * max(len(rows), 4),
        "xaxis": draw.axis("images wrong, %", *ERROR_RANGE, **ERROR_TICKS),
        "yaxis": draw.axis("", -0.6, len(rows) - 0.4, tickvals=places, zeroline=False),
    }
    layout["yaxis"]["ticktext"] = [NAMES[row] for row in rows]

    def picture(m):
        keys = [f"{row}/{m}" if f"test/{row}/{m}" in run.snapshots else row for row in rows]
        data = []
        for i, part in enumerate(("test", "train")):
            shares = np.array([run.snapshots[f"{part}/{key}"][-1] for key in keys])
            y = places[:, None] + 0.2 - 0.4 * i + _side_by_side(shares)
            data.append(_seeds(_on_axis(shares).ravel(), y.ravel(), part))
        plain = [NAMES[row].replace("<br>", " ").rstrip(".") for row in rows]
        said = [f"{name} {_mean(run, key)}" for name, key in zip(plain, keys, strict=True)]
        return {"data": data, "layout": layout}, f"Groups of {m}, test: {'; '.join(said)}."

    return picture
