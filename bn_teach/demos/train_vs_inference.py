"""The explorables of notebook 05: whose mean does Batch Normalization use, and what follows.

Each function takes what an experiment measured and returns its explorable.
"""

import numpy as np

from .. import draw
from ..explorable import choice, explore, slider
from ..look import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, number, percent

MODES = {"model.train()": True, "model.eval()": False}
GRADIENTS = {"with gradients": True, "torch.no_grad()": False}

# Ink on no paper: legible on a light and on a dark page.
INK = [[0, "rgba(128, 128, 128, 0.15)"], [1, BLUE]]


def neighbours(found):
    """One image in many batches: what its neighbours do to its prediction, in both modes."""
    return explore(
        _company(found),
        title="one image in many batches",
        mode=choice(list(MODES), label="mode"),
        size=choice(list(found.images), start=8, label="batch size"),
        batch=slider(1, len(found.images[8]), label="batch"),
        stills=[{}, {"batch": 2}, {"batch": 2, "mode": "model.eval()"}, {"size": 64}],
    )


def _company(found):
    digits = np.arange(10)
    names = [f"<b>{d}</b>" if d == found.label else str(d) for d in digits]
    shares = {"tickformat": ".0%", "tickvals": [0, 0.5, 1], "tickangle": 0}
    layout = {
        "height": 430,
        "showlegend": False,
        "margin": {"l": 8},
        "xaxis": _tile_axis((0, 0.46)),
        "yaxis": {**_tile_axis((0, 1)), "scaleanchor": "x"},
        "xaxis2": draw.axis("probability", 0, 1.16, (0.56, 1), anchor="y2", **shares),
        "yaxis2": draw.axis("", 9.6, -0.6, anchor="x2", tickvals=digits, ticktext=names),
    }

    def picture(mode, size, batch):
        row = (found.training if MODES[mode] else found.evaluation)[size]
        p, mine = row[batch - 1], row[:, found.label]
        best, wrong = int(p.argmax()), int((row.argmax(axis=1) != found.label).sum())
        right = digits == found.label
        marker = {
            "color": np.where(right, SKY, ORANGE).tolist(),
            "line": {"color": np.where(right, BLUE, VERMILLION).tolist(), "width": 2},
            "pattern": {"shape": np.where(right, "", "/").tolist()},
        }
        bars = {"type": "bar", "orientation": "h", "x": p, "y": digits, "marker": marker}
        winner = {**draw.dots([p[best]], [best], 0), "mode": "text", **draw.SECOND}
        winner |= draw.words([f"<b>{best}</b>"], "middle right", size=20)
        tile = 1 / _columns(size)
        frame = {"type": "rect", "x0": 0, "x1": tile, "y0": 1, "y1": 1 - tile}
        frame["line"] = {"color": VERMILLION, "width": 4}
        return {
            "data": [_montage(found.images[size][batch - 1]), {**bars, **draw.SECOND}, winner],
            "layout": {**layout, "shapes": [frame]},
        }, (
            f"{mode}, batch {batch}: the framed {found.label} is read as {best}. Over the "
            f"{len(row)} batches of {size} its probability of being a {found.label} runs from "
            f"{percent(mine.min())} to {percent(mine.max())}; wrong answers: {wrong}."
        )

    return picture


def moving_average(averages):
    """Running statistics while a network learns: estimate and truth, and what they are worth.

    ``averages`` is a dict of the training's batch size to ``MovingAverages``.
    """
    first = next(iter(averages.values()))
    steps = first.steps
    return explore(
        _running(averages),
        title="the moving average",
        momentum=choice(list(first.running), start="0.01", label="momentum"),
        size=choice(list(averages), label="batch size"),
        step=slider(0, int(steps[-1]), step=int(steps[1]), label="training step", play=True),
        stills=[
            {"step": 50},
            {"step": 300},
            {"step": 50, "momentum": "0.1"},
            {"step": 300, "momentum": "0.9", "size": 8},
        ],
    )


def _running(averages):
    first = next(iter(averages.values()))
    steps, names = first.steps, ["truth", *first.running]
    channel = int(np.abs(first.truth["mean"][-1]).argmax())
    now, rows = np.arange(1, steps[-1] + 1), np.arange(len(names), dtype=float)[::-1]
    layout = {"height": 460, "legend": {"y": 1.02}}
    for panel, (name, domain) in enumerate({"mean": (0.55, 1), "variance": (0, 0.45)}.items()):
        every = [a.truth[name][:, channel] for a in averages.values()]
        every += [r[name][:, channel] for a in averages.values() for r in a.running.values()]
        low, high = np.min(np.concatenate(every)), np.max(np.concatenate(every))
        edge = 0.08 * (high - low)
        layout["yaxis3" if panel else "yaxis"] = draw.axis(name, low - edge, high + edge, domain)
    layout["xaxis"] = draw.axis("step", 0, steps[-1], (0, 0.5), anchor="y3", dtick=100)
    layout["yaxis3"]["anchor"] = "x"
    layout["xaxis2"] = draw.axis("test error,<br>all nets", -2.7, 0.05, (0.6, 1), anchor="y2")
    layout["xaxis2"] |= {"type": "log", "tickvals": [0.01, 0.1], "tickformat": ".0%"}
    layout["xaxis2"]["tickangle"] = 0
    layout["yaxis2"] = draw.axis("", -0.4, len(names) - 0.1, anchor="x2", visible=False)

    def picture(momentum, size, step):
        found, k = averages[size], int(np.searchsorted(steps, step))
        data = []
        for name, place in {"mean": "y", "variance": "y3"}.items():
            batch = np.where(now <= step, found.batch[name][:, channel], np.nan)
            truth = np.where(steps <= step, found.truth[name][:, channel], np.nan)
            mine = np.where(steps <= step, found.running[momentum][name][:, channel], np.nan)
            dots = draw.dots(now, batch, 0, size=4, color=GREY, opacity=0.7)
            both = [
                {**dots, "name": "each batch", "cliponaxis": True, "showlegend": place == "y"},
                draw.line(steps, truth, GREEN, dash="dash", name="truth", showlegend=place == "y"),
                draw.line(steps, mine, VERMILLION, name="running", showlegend=place == "y"),
            ]
            both += [draw.dots([step], [truth[k]], 2, size=11, symbol="diamond")]
            both += [draw.dots([step], [mine[k]], 1, size=13, symbol="circle")]
            data += [{**trace, "yaxis": place} for trace in both]
        for name, row in zip(names, rows, strict=True):
            errors = np.maximum(1 - found.accuracy[name][k], 0.002)  # none, drawn as one of 500
            ring = {"color": GREY, "symbol": "circle-open", "size": 10, "line": {"width": 2}}
            look = {"color": VERMILLION, "size": 12} if name == momentum else ring
            look = {"color": GREEN, "size": 10, "symbol": "diamond"} if name == "truth" else look
            dots = {**draw.dots(errors, np.full(len(errors), row), 0), "marker": look}
            data.append({**dots, **draw.SECOND})
        bold = [f"<b>{name}</b>" if name == momentum else name for name in names]
        left = np.full(len(names), 10**-2.7)
        above = {**draw.dots(left, rows + 0.4, 0), "mode": "text", **draw.SECOND}
        data.append({**above, **draw.words(bold, "middle right", size=15)})
        mean, var = (
            (found.running[momentum][name][k, channel], found.truth[name][k, channel])
            for name in ("mean", "variance")
        )
        errors = [percent(1 - found.accuracy[name][k].mean(), 1) for name in (momentum, "truth")]
        return {"data": data, "layout": layout}, (
            f"Momentum {momentum}, {step} steps: the running mean is {number(mean[0])} (truth "
            f"{number(mean[1])}), the running variance {number(var[0])} (truth {number(var[1])}). "
            f"Test error with such statistics is {errors[0]}, with the truth {errors[1]} (means of "
            f"{len(found.accuracy[momentum][k])} networks)."
        )

    return picture


def batch_size(found):
    """Accuracy if each evaluation batch used its own statistics: by size, mixed or sorted."""
    return explore(
        _own_statistics(found),
        title="evaluation batches with their own statistics",
        order=choice(list(found.accuracy), label="batches"),
        size=slider(1, found.sizes[-1], factor=2, start=2, label="batch size"),
        stills=[{"size": 4}, {"size": 1}, {"size": 256}, {"size": 64, "order": "sorted by class"}],
    )


def _own_statistics(found):
    sizes = np.array(found.sizes)
    ends = [sizes[0] / 1.3, sizes[-1] * 1.3]
    layout = {
        "height": 430,
        "margin": {"l": 8},
        "xaxis": _tile_axis((0, 0.44)),
        "yaxis": {**_tile_axis((0, 1)), "scaleanchor": "x"},
        "xaxis2": draw.axis("batch size", *np.log10(ends), (0.6, 1), anchor="y2", type="log"),
        "yaxis2": draw.axis("", 0, 1.05, anchor="x2", tickformat=".0%", dtick=0.25),
        "legend": {"x": 1, "xanchor": "right"},
        "annotations": [_heading("test accuracy")],
    }
    layout["xaxis2"] |= {"tickvals": [1, 4, 32, 256], "tickangle": 0}
    running = draw.line(ends, np.full(2, found.running.mean()), BLUE, dash="dash")
    running |= {"name": "running statistics", "showlegend": True, **draw.SECOND}

    def picture(order, size):
        i = int(np.searchsorted(sizes, size))
        mean, sd = found.accuracy[order].mean(axis=1), found.accuracy[order].std(axis=1, ddof=1)
        curve = draw.line(sizes, np.where(sizes <= size, mean, np.nan), VERMILLION)
        curve |= {"mode": "lines+markers", "name": "the batch's own", "showlegend": True}
        curve["marker"] = {"symbol": "diamond", "size": 11, "color": VERMILLION}
        curve["error_y"] = {"array": sd, "thickness": 2, "width": 5}
        wrong = np.flatnonzero(~found.right[order][i][:size])
        data = [_montage(found.images[order][:size]), running, {**curve, **draw.SECOND}]
        if size == 1:
            data.append(_refused(sizes[0]))
            reason = found.refusal.split(",")[0]
            text = f"Batches of 1 raise an error: “{reason}”. A single value is its own mean."
        else:
            data.append(_crosses(wrong, size))
            text = (
                f"Batches of {size}, {order}: accuracy {percent(mean[i], 1)} ± "
                f"{percent(sd[i], 1)} (5 networks). Running statistics give "
                f"{percent(found.running.mean(), 1)}, whatever the batch. A cross marks a wrong "
                "answer in the first batch."
            )
        return {"data": data, "layout": layout}, text

    return picture


def _heading(text):
    """What the second panel shows, at its left, where no curve passes."""
    place = {"xref": "x2 domain", "yref": "y2 domain", "x": 0.02, "xanchor": "left"}
    return {**place, "y": 0.34, "text": text}


def _crosses(places, count):
    """A cross over each image of these places in a montage of ``count``."""
    columns = _columns(count)
    slash = np.array([0.1, 0.8, np.nan, 0.1, 0.8, np.nan])
    back = np.array([0.1, 0.8, np.nan, 0.8, 0.1, np.nan])
    x = ((places % columns)[:, None] + slash) / columns
    y = 1 - ((places // columns)[:, None] + back) / columns
    return draw.line(x.ravel(), y.ravel(), VERMILLION, width=3)


def _refused(place):
    """Where there is no accuracy: a cross at the foot of the axis, and what happened."""
    look = {"symbol": "x", "size": 16, "color": PURPLE}
    trace = {**draw.dots([place], [0.2], 1, **look), "mode": "markers+text", **draw.SECOND}
    return {**trace, **draw.words(["ValueError"], "middle right")}


def algorithm_2(found):
    """Statistics from N batches after training, with and without the factor m / (m - 1)."""
    numbers = next(iter(found.values())).numbers
    return explore(
        _collected(found),
        title="Algorithm 2",
        size=choice(list(found), start=8, label="batch size m"),
        batches=slider(1, numbers[-1], factor=2, label="number of batches N"),
        stills=[{"batches": 4}, {"batches": numbers[-1]}, {"batches": numbers[-1], "size": 2}],
    )


def _collected(found):
    numbers, sizes = np.array(next(iter(found.values())).numbers), list(found)
    places = np.arange(len(sizes), dtype=float)
    ratios = {m: p.loss[False] / p.loss[True] for m, p in found.items()}  # (K, S)
    every = np.concatenate([ratio.ravel() for ratio in ratios.values()])
    ends = np.log10([numbers[0] / 1.2, numbers[-1] * 1.2])
    between = np.log10([every.min() / 1.15, every.max() * 1.15])
    layout = {
        "height": 430,
        "xaxis": draw.axis("batches N", *ends, (0, 0.36), type="log"),
        "yaxis": draw.axis("test accuracy", 0, 1.05, tickformat=".0%", dtick=0.25),
        "xaxis2": draw.axis("m", -0.6, len(sizes) - 0.4, (0.66, 1), anchor="y2"),
        "yaxis2": draw.axis("loss without / with factor", *between, anchor="x2", type="log"),
    }
    layout["xaxis"] |= {"tickvals": [1, 8, 64], "ticktext": [1, 8, 64], "tickangle": 0}
    layout["xaxis2"] |= {"zeroline": False, "tickangle": 0}
    layout["yaxis2"] |= {"tickvals": [0.5, 0.7, 1, 1.4, 2], "tickformat": ".1f"}
    equal = {**draw.line([-0.6, len(sizes) - 0.4], [1, 1], GREY, width=2), **draw.SECOND}

    def picture(size, batches):
        k, here = int(np.searchsorted(numbers, batches)), found[size]
        flat = np.full(2, here.running_accuracy.mean())
        average = draw.line(10**ends, flat, GREEN, dash="dot", name="moving average")
        data = [{**average, "showlegend": True}]
        for factor, (i, dash, name) in {
            True: (0, "solid", "with m/(m−1)"),
            False: (1, "dash", "without"),
        }.items():
            mean = np.where(numbers <= batches, here.accuracy[factor].mean(axis=1), np.nan)
            look = (
                {"size": 10} if i else {"size": 17, "symbol": "circle-open", "line": {"width": 3}}
            )
            trace = {**draw.dots(numbers, mean, i, **look), "mode": "lines+markers"}
            trace |= {"line": {"dash": dash, "width": 3}, "name": name, "showlegend": True}
            data.append(trace)
        data.append(equal)
        for place, m in zip(places, sizes, strict=True):
            look = {"size": 13, "color": VERMILLION if m == size else GREY}
            dots = draw.dots(np.full(len(ratios[m][k]), place), ratios[m][k], 1, **look)
            data.append({**dots, **draw.SECOND})
        bold = [f"<b>{m}</b>" if m == size else str(m) for m in sizes]
        axis = layout["xaxis2"] | {"tickvals": places, "ticktext": bold}
        shares = [percent(here.accuracy[factor][k].mean(), 1) for factor in (True, False)]
        lower, seeds = int((ratios[size][k] < 1).sum()), len(ratios[size][k])
        return {"data": data, "layout": {**layout, "xaxis2": axis}}, (
            f"Batches of {size}, N = {batches}: accuracy {shares[0]} with the factor and "
            f"{shares[1]} without; moving average {percent(flat[0], 1)} (means of {seeds} "
            f"networks). The loss is lower without it in {lower} of {seeds}."
        )

    return picture


def two_switches(found, channels=8):
    """train/eval and gradients on/off: what each does to output, running mean and accuracy."""
    passes = len(next(iter(found.values())).accuracy) - 1
    return explore(
        _switched(found, channels),
        title="two switches",
        mode=choice(list(MODES), start="model.eval()", label="mode"),
        gradients=choice(list(GRADIENTS), start="torch.no_grad()", label="gradients"),
        times=slider(0, passes, start=10, label="passes of the fours", play=True),
        stills=[
            {"mode": mode, "gradients": gradients, "times": passes}
            for mode in MODES
            for gradients in GRADIENTS
        ],
    )


def _switched(found, channels):
    before = next(iter(found.values()))
    gap = before.batch_mean - before.running_mean[0]
    shown = np.argsort(-np.abs(gap))[:channels]
    places = np.arange(1.0, channels + 1)
    start, goal = before.running_mean[0, shown], before.batch_mean[shown]
    widest = 1.15 * np.abs([start, goal]).max()
    layout = {
        "height": 460,
        "xaxis": draw.axis(
            "channels with the largest gap", 0.4, channels + 0.6, tickvals=places, tickangle=0
        ),
        "yaxis": draw.axis("running mean", -widest, widest, (0.44, 1)),
    }
    look = {"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2}}
    rings = {**draw.dots(places, start, 0, **look), "name": "after training", "showlegend": True}
    look = {"symbol": "line-ew-open", "size": 22, "color": VERMILLION, "line": {"width": 3}}
    bars = {**draw.dots(places, goal, 1, **look), "name": "mean of the fours", "showlegend": True}
    place = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    corners = [(x, y) for y in (0.12, -0.08) for x in (0, 0.55)]

    def picture(mode, gradients, times):
        state = found[MODES[mode], GRADIENTS[gradients]]
        moved = np.abs(state.running_mean[times] - state.running_mean[0]).max()
        batch = state.from_batch < state.from_running
        facts = {
            "statistics used": "the batch's" if batch else "running",
            "buffer moved by": number(moved),
            "output has a gradient": "yes" if state.differentiable else "no",
            "test accuracy": percent(state.accuracy[times], 1),
        }
        notes = [
            {**place, "x": x, "y": y, "text": f"{fact}<br><b>{value}</b>", "align": "left"}
            for (x, y), (fact, value) in zip(corners, facts.items(), strict=True)
        ]
        dots = {**draw.dots(places, state.running_mean[times, shown], 0, size=10), "name": "now"}
        return {
            "data": [rings, bars, {**dots, "showlegend": True}],
            "layout": {**layout, "annotations": notes},
        }, (
            f"{mode}, {gradients}, passes: {times}. The first norm uses "
            f"{'batch' if batch else 'running'} statistics, its running mean has moved by up to "
            f"{number(moved)}, and test accuracy in evaluation mode is {facts['test accuracy']} "
            f"(it was {percent(state.accuracy[0], 1)})."
        )

    return picture


def _columns(count):
    """How many images stand side by side where ``count`` fill a square."""
    return int(np.ceil(np.sqrt(count)))


def _montage(images):
    """Images (n, 8, 8) as one heatmap, row by row from the top left of the unit square."""
    count, columns, pixels = len(images), _columns(len(images)), 9  # eight, and one between
    sheet = np.full((columns, columns, pixels, pixels), np.nan)
    sheet.reshape(-1, pixels, pixels)[:count, :8, :8] = images
    sheet = sheet.transpose(0, 2, 1, 3).reshape(columns * pixels, columns * pixels)
    step = 1 / (columns * pixels)
    scale = {"colorscale": INK, "zmin": 0, "zmax": 1, "showscale": False, "hoverinfo": "skip"}
    where = {"x0": step / 2, "dx": step, "y0": 1 - step / 2, "dy": -step}
    return {"type": "heatmap", "z": np.round(sheet * 16), **scale, "zmax": 16, **where}


def _tile_axis(domain):
    """An axis of the unit square that holds images: square tiles, and no ticks."""
    return draw.axis("", 0, 1, domain, visible=False, constrain="domain")
