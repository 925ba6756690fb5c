"""The explorables of notebook 04: what gamma and beta do, what they learn, what they are for.

Each function takes what an experiment measured and returns its explorable. Names and formulas are
those of Algorithm 1 in Ioffe and Szegedy (2015), arXiv 1502.03167: y = gamma x_hat + beta.
"""

import numpy as np
import torch

from .. import draw
from ..backward import backward_without_statistics, batch_norm_backward
from ..experiments.scale_and_shift import SATURATED
from ..explorable import choice, explore, slider, toggle
from ..look import BLUE, DASHES, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, number, percent

EPS = 1e-5


def busiest_channel(net):
    """The last layer, and the number of that channel of it whose gamma grew most."""
    return net.layers[-1], int(net.layers[-1].gamma[-1].argmax())


def gamma_and_beta(net):
    """Drag gamma and beta of one channel; see its values before and after the sigmoid."""
    layer, channel = busiest_channel(net)
    return explore(
        _on_the_sigmoid(layer.normalized[-1][:, channel].astype(float)),
        title="gamma and beta on the sigmoid",
        gamma=slider(0.1, 4, step=0.1, start=1, label="scale γ"),
        beta=slider(-4, 4, step=0.25, start=0, label="shift β"),
        stills=[{}, {"gamma": 0.3}, {"gamma": 4}, {"gamma": 1, "beta": 3}],
    )


def _on_the_sigmoid(x_hat):
    edge, bins, out_bins = 10, 40, 20  # z beyond the edge is not drawn, but counted
    curve = np.linspace(-edge, edge, 161)
    sigmoid = draw.line(curve, _sigmoid(curve), BLUE, name="sigmoid", showlegend=True)
    bars = {"type": "bar", "showlegend": False, "marker": {"color": BLUE, "opacity": 0.9}}
    below = {**bars, "x": np.arange(-9.75, 10, 0.5), "yaxis": "y2"}
    beside = {**bars, "y": np.arange(0.025, 1, 0.05), "orientation": "h", "xaxis": "x2"}
    ticks = {"tickformat": ".0%", "tickvals": [0, 0.5]}
    sides = np.array([[-edge, -SATURATED], [SATURATED, edge]])
    shapes = [draw.zone(x0=a, x1=b, yref="paper", y0=0, y1=1) for a, b in sides]
    shapes += [draw.zone(xref="x2 domain", x0=0, x1=1, y0=a, y1=b) for a, b in _sigmoid(sides)]
    layout = {
        "height": 450,
        "bargap": 0,
        "xaxis": draw.axis("input of the sigmoid, z = γ x̂ + β", -edge, edge, (0, 0.7), anchor="y2"),
        "yaxis": draw.axis("output", -0.04, 1.04, (0.36, 1)),
        "yaxis2": draw.axis("share", 0, 0.6, (0, 0.26), **ticks),
        "xaxis2": draw.axis("", 0, 0.6, (0.77, 1), **ticks),
        "shapes": shapes,
    }
    zones = [{"text": "saturated", "x": -6.5, "y": 0.7}, {"text": "saturated", "x": 6.5, "y": 0.3}]
    big = {"xref": "paper", "yref": "paper", "x": 0.885, "xanchor": "center", "y": -0.04}

    def picture(gamma, beta):
        z = gamma * x_hat + beta
        out = _sigmoid(z)
        slope, offset, r2 = _straight_line(z, out)
        ends, saturated = np.clip([z.min(), z.max()], -edge, edge), np.mean(np.abs(z) > SATURATED)
        line = draw.line(ends, slope * ends + offset, VERMILLION, dash="dash", showlegend=True)
        text = f"saturated<br><b>{percent(saturated)}</b><br>line: R²<br><b>{number(r2)}</b>"
        data = [
            sigmoid,
            {**line, "name": "best straight line"},
            {**below, "y": np.histogram(z, bins, (-edge, edge))[0] / len(z)},
            {**beside, "x": np.histogram(out, out_bins, (0, 1))[0] / len(z)},
        ]
        return {
            "data": data,
            "layout": {**layout, "annotations": [*zones, {**big, "text": text}]},
        }, (
            f"With γ = {number(gamma, 1)} and β = {number(beta)}, {percent(saturated)} of this "
            f"channel's {len(z)} values saturate the sigmoid. The best straight line through its "
            f"outputs reaches R² = {number(r2, 3)}."
        )

    return picture


def learnt(net):
    """Gamma and beta of every channel while the network learns, and its loss."""
    return explore(
        _paths(net),
        title="gamma and beta are learnt",
        step=_steps(net.run.steps),
        stills=[{}, {"step": 60}, {"step": 600}],
    )


def _paths(net):
    steps, loss, layers = net.run.steps, net.run.curves["loss"], net.layers
    gammas = np.concatenate([layer.gamma for layer in layers], axis=1)  # (K, all channels)
    betas = np.concatenate([layer.beta for layer in layers], axis=1)
    saturated = np.concatenate([layer.saturated for layer in layers], axis=1).mean(axis=1)
    widest = 1.15 * np.abs(betas).max()
    loss_range = np.log10([loss.min() / 1.3, loss.max() * 1.3])
    start = {"text": "all start here:<br>γ = 1, β = 0", "x": 1, "y": 0, "showarrow": True}
    tail = {"ax": 0.45, "ay": -0.7 * widest, "axref": "x", "ayref": "y", "arrowcolor": GREY}
    heading = {"text": "loss", "xref": "x2 domain", "yref": "paper", "x": 0.5}
    layout = {
        "height": 430,
        "xaxis": draw.axis("scale γ", 0, 1.05 * gammas.max(), (0, 0.6)),
        "yaxis": draw.axis("shift β", -widest, widest),
        "xaxis2": draw.axis("step", 0, len(loss), (0.72, 1), anchor="y2", dtick=300),
        "yaxis2": draw.axis("", *loss_range, anchor="x2", type="log", dtick=1),
        "annotations": [{**start, **tail}, {**heading, "y": 1, "yanchor": "bottom"}],
    }
    rails = [(_rows(layer.gamma), _rows(layer.beta)) for layer in layers]
    now = np.arange(len(loss))

    def picture(step):
        k = int(np.searchsorted(steps, step))
        data = []
        for i, (layer, (x, y)) in enumerate(zip(layers, rails, strict=True)):
            trail = np.where(np.arange(y.shape[1]) <= k, y, np.nan).ravel()
            dots = draw.dots(layer.gamma[k], layer.beta[k], i, size=9, opacity=0.85)
            data.append(draw.line(x.ravel(), trail, draw.COLOURS[i], width=1, opacity=0.6))
            data.append({**dots, "name": f"layer {i + 1}", "showlegend": True})
        data.append(
            {**draw.line(now, np.where(now < step, loss, np.nan), PURPLE, width=2), **draw.SECOND}
        )
        return {"data": data, "layout": layout}, (
            f"After {step} steps γ runs from {number(gammas[k].min())} to "
            f"{number(gammas[k].max())} and the largest |β| is {number(np.abs(betas[k]).max())}; "
            f"{percent(saturated[k], 1)} of the sigmoids' inputs saturate, test accuracy is "
            f"{percent(net.run.snapshots['test_accuracy'][k], 1)}."
        )

    return picture


def identity(run):
    """Batch Normalization that learns to give its input back; then the input's spread changes."""
    return explore(
        _towards_the_input(run),
        title="can Batch Normalization give its input back?",
        step=_steps(run.steps),
        factor=choice([0.5, 1, 2], start=1, label="then the input's spread times"),
        stills=[{}, {"step": 200}, {"step": 200, "factor": 2}],
    )


def _towards_the_input(run):
    gamma, beta = run.snapshots["gamma"], run.snapshots["beta"]
    mean, std = np.array(run.settings["mean"]), np.array(run.settings["std"])
    channels = np.arange(1, len(mean) + 1)
    layout = {
        "height": 440,
        "showlegend": False,
        "xaxis": draw.axis("scale γ<br>(open: the goal)", 0, 1.25 * std.max(), (0, 0.56)),
        "yaxis": draw.axis("shift β (open: the goal)", mean.min() - 0.8, mean.max() + 0.8),
        "xaxis2": draw.axis("spread, open: in<br>filled: out", -1, 1.5, (0.67, 1), anchor="y2"),
        "yaxis2": draw.axis("channel", 0.4, len(mean) + 0.6, anchor="x2", tickvals=channels),
    }
    layout["xaxis2"] |= {"type": "log", "dtick": 1}

    def picture(step, factor):
        k = int(np.searchsorted(run.steps, step))
        spread_in = factor * std
        spread_out = np.abs(gamma[k]) * spread_in / np.sqrt(spread_in**2 + EPS)
        data = []
        for c, channel in enumerate(channels):
            label = {
                "mode": "markers+text",
                **draw.words([f"channel {channel}"], "middle right", size=15),
            }
            data += [
                {**draw.open_dot(std[c], mean[c], c), **label},
                draw.line(
                    gamma[: k + 1, c], beta[: k + 1, c], draw.COLOURS[c], width=2, dash=DASHES[c]
                ),
                draw.dots([gamma[k, c]], [beta[k, c]], c),
                {**draw.open_dot(spread_in[c], channel, c), **draw.SECOND},
                {**draw.dots([spread_out[c]], [channel], c), **draw.SECOND},
            ]
        return {"data": data, "layout": layout}, (
            f"After {step} steps channel 3 has γ = {number(gamma[k, 2])} (σ was {number(std[2])}), "
            f"β = {number(beta[k, 2])} (μ was {number(mean[2])}). Its input now spreads by "
            f"{number(spread_in[2])}, its output by {number(spread_out[2])}."
        )

    return picture


def four_numbers():
    """Algorithm 1 on a batch of four numbers of which one can be dragged."""
    return explore(
        _algorithm_1,
        title="Algorithm 1 on four numbers",
        fourth=slider(-4, 6, step=0.5, start=4, label="number 4"),
        gamma=slider(0.5, 2, step=0.5, start=1, label="scale γ"),
        beta=slider(-2, 2, start=0, label="shift β"),
        stills=[{}, {"fourth": 6}, {"fourth": -4}, {"gamma": 2, "beta": 1}],
    )


_FOUR_LAYOUT = {
    "height": 430,
    "showlegend": False,
    "xaxis": {"range": [-0.7, 4.3], "tickvals": [0, 1, 2, 3], "ticktext": ["x", "x − μ", "x̂", "y"]},
    "yaxis": {"range": [-5.8, 6.6], "dtick": 2, "title": {"text": "value"}},
}


def _algorithm_1(fourth, gamma, beta):
    x = np.array([-1.0, 1.0, 2.0, fourth])
    mean = x.mean()
    var = np.mean((x - mean) ** 2)  # divided by n = 4
    x_hat = (x - mean) / np.sqrt(var + EPS)
    y = gamma * x_hat + beta
    columns = np.array([x, x - mean, x_hat, y])
    places = np.arange(4.0)
    bars = {"symbol": "line-ew-open", "size": 34, "color": GREY, "line": {"width": 3}}
    data = [{**draw.dots(places, columns.mean(axis=1), 0), "marker": bars}]
    for i, label in enumerate(("1", "2", "3", "4\u2003")):  # 4 may pass others: stand aside
        line = {"color": draw.COLOURS[i], "width": 2, "dash": DASHES[i]}
        trace = {**draw.dots(places, columns[:, i], i, size=13), "mode": "lines+markers+text"}
        data.append({**trace, "line": line, **draw.words([label], "middle left")})
    results = [f"{i + 1}: {number(value)}" for i, value in enumerate(y)]
    beside = draw.dots(np.full(4, 3.06), _apart(y, 0.75), 0)
    data.append({**beside, "mode": "text", **draw.words(results, "middle right")})
    return {"data": data, "layout": _FOUR_LAYOUT}, (
        f"Mean μ = {number(mean)} (first grey bar), variance {number(var)} (divided by 4). Number "
        f"1 is still −1, and comes out as {number(y[0])}; the outputs have mean {number(y.mean())} "
        f"and spread {number(y.std())}."
    )


def _apart(values, gap):
    """The values, each moved as little as it takes for labels at them not to overlap."""
    placed = np.sort(values)
    for _ in range(20):
        push = np.maximum(gap - np.diff(placed), 0) / 2
        placed = placed - np.append(push, 0) + np.append(0, push)
    return placed[np.argsort(np.argsort(values))]


def gradient(net):
    """The gradient of eight samples of one channel, with and without the statistics' part."""
    layer, channel = busiest_channel(net)
    return explore(
        _gradient_bars(*_input_gradients(layer, channel, 8)),
        title="the gradient through mean and variance",
        sample=slider(1, 8, start=3, label="the loss is y of sample"),
        through=toggle(True, label="through the statistics"),
        stills=[{}, {"through": False}, {"sample": 8}],
    )


def _input_gradients(layer, channel, n):
    """x_hat (n,), and dx where the loss is y of sample j: row j, whole and direct, each (n, n)."""
    x = torch.tensor(layer.inputs[-1][:n, [channel]]).double()
    gamma, eps = torch.tensor(layer.gamma[-1][[channel]]).double(), layer.eps
    x_hat = (x - x.mean()) / torch.sqrt(x.var(correction=0) + eps)
    whole, direct = (
        torch.cat([backward(d_y[:, None], x, gamma, eps).d_x for d_y in torch.eye(len(x)).to(x)], 1)
        for backward in (batch_norm_backward, backward_without_statistics)
    )
    return x_hat[:, 0].numpy(), whole.T.numpy(), direct.T.numpy()


def _gradient_bars(x_hat, whole, direct):
    places = np.arange(1.0, len(x_hat) + 1)
    ticks = [f"{i + 1}<br>{number(value, 1)}" for i, value in enumerate(x_hat)]
    flat = {"tickvals": places, "tickangle": 0}
    top, low = 1.12 * direct.max(), whole.min() - 0.12 * direct.max()
    layout = {
        "height": 420,
        "showlegend": False,
        "bargap": 0.35,
        "xaxis": draw.axis("sample, and its x̂", 0.4, len(x_hat) + 0.6, ticktext=ticks, **flat),
        "yaxis": draw.axis("gradient dx", low, top),
    }

    def picture(sample, through):
        dx = (whole if through else direct)[sample - 1]
        here = places == sample
        marker = {
            "color": np.where(here, ORANGE, SKY).tolist(),
            "line": {"color": np.where(here, VERMILLION, BLUE).tolist(), "width": 2},
            "pattern": {"shape": np.where(here, "/", "").tolist()},
        }
        bars = {"type": "bar", "x": places, "y": dx, "marker": marker, "cliponaxis": False}
        words = draw.words([number(value) for value in dx], "outside", size=15) | {"textangle": 0}
        with_them = f"The loss is y of sample {sample} alone, yet every sample has a gradient"
        without = f"With mean and variance as constants only sample {sample} has a gradient"
        return {"data": [{**bars, **words}], "layout": layout}, (
            f"{with_them if through else without}: sum of dx is {number(dx.sum(), 4)}, sum of "
            f"dx·x̂ is {number(dx @ x_hat, 4)}."
        )

    return picture


def xor(arms):
    """XOR with and without gamma and beta: the probability surface, and accuracy of five seeds."""
    return explore(
        _surfaces(arms, arms.points[:120], arms.labels[:120]),
        title="XOR with and without gamma and beta",
        arm=choice(list(arms.accuracy), start="neither", label="learnt"),
        step=_steps(arms.steps),
        stills=[{}, *({"arm": arm, "step": 400} for arm in ("neither", "gamma only", "beta only"))],
    )


def _surfaces(arms, points, labels):
    axis, names = arms.axis, list(arms.accuracy)
    rows = np.arange(len(names), dtype=float)[::-1]
    layout = {
        "height": 450,
        "xaxis": draw.axis("input 1", axis[0], axis[-1], (0, 0.56), dtick=1),
        "yaxis": draw.axis("input 2", axis[0], axis[-1], dtick=1),
        "xaxis2": draw.axis("accuracy<br>of 5 seeds", 0.2, 1.04, (0.65, 1), anchor="y2"),
        "yaxis2": draw.axis("", -0.6, len(names) - 0.2, anchor="x2", visible=False),
    }
    layout["xaxis2"] |= {"tickformat": ".0%", "tickvals": [0.5, 1], "tickangle": 0}
    grid = {"x": axis, "y": axis, "showscale": False, "hoverinfo": "skip"}
    heat = {**grid, "type": "heatmap", "zmin": 0, "zmax": 1, "opacity": 0.4}
    heat["colorscale"] = [[0, BLUE], [0.5, "rgba(128, 128, 128, 0)"], [1, VERMILLION]]
    border = {**grid, "type": "contour", "showlegend": False, "line": {"color": PURPLE, "width": 4}}
    border["contours"] = {"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"}
    kinds = [{"symbol": "circle-open", "size": 8, "line": {"width": 2}}, {"symbol": "x", "size": 7}]
    cloud = [draw.dots(*points[labels == i].T, i, **kind) for i, kind in enumerate(kinds)]
    cloud = [{**dots, "name": f"label {i}", "showlegend": True} for i, dots in enumerate(cloud)]

    def picture(arm, step):
        k = int(np.searchsorted(arms.steps, step))
        surface = np.round(arms.surface[arm][k, 0] * 256) / 256  # packs well
        data = [{**heat, "z": surface}, {**border, "z": surface}, *cloud]
        for name, row in zip(names, rows, strict=True):
            seeds = arms.accuracy[name][k]
            ring = {"color": GREY, "symbol": "circle-open", "size": 10, "line": {"width": 2}}
            look = {"color": GREEN, "size": 12} if name == arm else ring
            data.append(
                {**draw.dots(seeds, np.full(len(seeds), row), 0), "marker": look, **draw.SECOND}
            )
        bold = [f"<b>{name}</b>" if name == arm else name for name in names]
        bold = [name.replace(" and ", "<br>and ") for name in bold]
        names_above = {
            **draw.dots(np.full(len(names), 0.2), rows + 0.4, 0),
            **draw.SECOND,
            "mode": "text",
        }
        data.append({**names_above, **draw.words(bold, "middle right", size=15)})
        accuracy = arms.accuracy[arm][k]
        return {"data": data, "layout": layout}, (
            f"{arm}, {step} steps: accuracy over {len(accuracy)} seeds "
            f"{percent(accuracy.mean(), 1)} ± {percent(accuracy.std(ddof=1), 1)} (mean ± sample "
            f"standard deviation; a coin gets 50\u202f%). The surface is the first seed's."
        )

    return picture


def _steps(steps):
    return slider(0, int(steps[-1]), step=int(steps[1]), label="training step", play=True)


def _rows(path):
    """(K, C) as (C, K + 1) with a gap at the end of each row: one trace holds all paths."""
    return np.pad(path.T.astype(float), ((0, 0), (0, 1)), constant_values=np.nan)


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _straight_line(x, y):
    """Slope, offset and R² of the straight line with the least squared error through (x, y)."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = dx @ dy / (dx @ dx)
    return slope, y.mean() - slope * x.mean(), (dx @ dy) ** 2 / (dx @ dx) / (dy @ dy)
