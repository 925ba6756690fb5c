"""The explorables of notebook 02: standardising, whitening, and whose mean is subtracted.

Each function takes what an experiment measured and returns its explorable. Source: Ioffe and
Szegedy (2015), arXiv 1502.03167, sections 2 and 3.
"""

import numpy as np

from .. import draw
from ..experiments.whitening import COST_METHODS, NORMS, shares_mean, standardized
from ..explorable import choice, explore, slider
from ..look import BLUE, GREEN, GREY, PURPLE, VERMILLION, number, percent

# Each method, wherever it is drawn: colour, dash, number of the symbol in draw.SYMBOLS.
LOOKS = {
    "standardised": (BLUE, "solid", 0),
    "PCA": (PURPLE, "dashdot", 3),
    "ZCA": (VERMILLION, "dash", 1),
    "Cholesky": (GREEN, "dot", 2),
}


def standardise(samples):
    """Drag mean and spread of a sample; the output keeps neither, but it keeps the shape."""
    return explore(
        _before_and_after(samples),
        title="standardise",
        mean=slider(-4, 4, step=0.5, start=0, label="mean of the input"),
        spread=slider(0.5, 2, step=0.25, start=1, label="spread of the input"),
        sample=choice(list(samples), start="skewed", label="sample"),
        stills=[{"mean": 3, "spread": 2}, {"mean": -4, "spread": 0.5}, {"sample": "a pixel"}],
    )


def _before_and_after(samples):
    low, high, width = -8, 12, 0.5
    edges = np.arange(low, high + width / 2, width)
    curve = np.linspace(-4, 4, 81)
    bell = width * np.exp(-(curve**2) / 2) / np.sqrt(2 * np.pi)
    shape = draw.line(curve, bell, GREY, dash="dash")
    label = {"text": "dashed: bell", "x": 3.6, "y": 0.13, "xref": "x2", "yref": "y2"}
    bars = {"type": "bar", "x": edges[:-1] + width / 2, "showlegend": False}
    ticks = {"tickformat": ".0%", "tickvals": [0, 0.2, 0.4], "nticks": 3}
    layout = {
        "height": 440,
        "bargap": 0,
        "xaxis": draw.axis("", low, high, anchor="y"),
        "yaxis": draw.axis("input x", 0, 0.65, (0.56, 1), **ticks),
        "xaxis2": draw.axis("band: mean ± spread", low, high, anchor="y2"),
        "yaxis2": draw.axis("output x̂", 0, 0.65, (0, 0.44), anchor="x2", **ticks),
    }

    def picture(mean, spread, sample):
        x = mean + spread * samples[sample]
        x_hat = standardized(x)
        inside = np.mean(np.abs(x_hat) < 1)  # of x the same values
        data, shapes, notes = [], [], [{**label, "xanchor": "left"}]
        for values, place, color in ((x, {}, VERMILLION), (x_hat, draw.SECOND, BLUE)):
            centre, std = values.mean(), values.std()
            i = "2" if place else ""
            shares = np.histogram(values, edges)[0] / len(values)
            marker = {"color": color, "opacity": 0.85}
            data.append({**bars, **place, "y": shares, "marker": marker})
            ends = {"xref": f"x{i}", "x0": centre - std, "x1": centre + std}
            shapes.append(draw.zone(**ends, yref=f"y{i} domain", y0=0, y1=1))
            said = f"mean {number(centre)}<br>spread {number(std)}<br>in the band {percent(inside)}"
            where = {"xref": "paper", "x": 0.99, "yref": f"y{i} domain", "y": 0.9}
            notes.append({"text": said, "align": "right", "font": {"size": 18}, **where})
        data.append({**shape, **draw.SECOND})
        return {"data": data, "layout": {**layout, "shapes": shapes, "annotations": notes}}, (
            f"The input has mean {number(x.mean())} and spread {number(x.std())}, the output "
            f"{number(x_hat.mean())} and {number(x_hat.std())}. {percent(inside)} of the values "
            f"lie within one spread of the mean, before and after (of a bell, 68\u202f%)."
        )

    return picture


def whiten(clouds):
    """Choose a correlation and a method; the cloud before and after, with four marked points."""
    return explore(
        _two_clouds(clouds),
        title="standardise or whiten",
        correlation=slider(-0.95, 0.95, step=0.05, start=0.8, label="correlation"),
        method=choice(list(clouds.after), label="output"),
        stills=[{}, {"method": "PCA"}, {"method": "ZCA"}, {"method": "Cholesky"}],
    )


def _two_clouds(clouds):
    edge = 3.3
    square = {"constrain": "domain", "dtick": 2}
    heading = {"xref": "x domain", "yref": "paper", "x": 0.5, "y": 1, "yanchor": "bottom"}
    layout = {
        "height": 460,
        "xaxis": draw.axis("feature 1", -edge, edge, **square),
        "yaxis": draw.axis("feature 2", -edge, edge, scaleanchor="x", **square),
        "legend": {"y": 1.1},
        "margin": {"t": 84},
    }
    around = np.linspace(0, 2 * np.pi, 61)
    circle = np.stack([np.cos(around), np.sin(around)])

    def cloud(points, color, dash, name):
        """The points, and twice their standard deviation in every direction."""
        pale = {"color": color, "size": 5, "opacity": 0.5, "symbol": "circle"}
        ellipse = 2 * np.linalg.cholesky(np.cov(points.T, bias=True)) @ circle
        yield {**draw.dots(*points.T, 0), "marker": pale, "cliponaxis": True}
        yield draw.line(*ellipse, color, dash=dash, name=name, showlegend=True)

    def picture(correlation, method):
        r = int(np.abs(clouds.correlations - correlation).argmin())
        raw, after = clouds.raw[r], clouds.after[method][r]
        color, dash, _ = LOOKS[method]
        data = [*cloud(raw, GREY, "solid", "input"), *cloud(after, color, dash, method)]
        for i, (start, end) in enumerate(
            zip(raw[clouds.marked], after[clouds.marked], strict=True)
        ):
            hollow = {"symbol": f"{draw.SYMBOLS[i]}-open", "size": 14, "line": {"width": 2}}
            way = draw.line(*np.transpose([start, end]), draw.COLOURS[i], width=2)
            data += [way, draw.dots(*start[:, None], i, **hollow)]
            name = draw.words([f"<b>{i + 1}</b>"], "top center", size=18)
            mark = draw.dots(*end[:, None], i, size=15)
            data.append({**mark, "mode": "markers+text", **name})
        before, now = (number(np.corrcoef(points.T)[0, 1]) for points in (raw, after))
        spreads = " and ".join(number(spread) for spread in after.std(axis=0))
        moved = number(np.sqrt(np.mean(np.sum((after - raw) ** 2, axis=1))))
        said = {**heading, "text": f"correlation <b>{before} → {now}</b>", "font": {"size": 18}}
        return {"data": data, "layout": {**layout, "annotations": [said]}}, (
            f"{method[0].upper()}{method[1:]}: the correlation was {before} and is {now}; the "
            f"features now spread by {spreads}. The points moved by {moved} (root mean square)."
        )

    return picture


def too_few(batches):
    """Whiten test images with the statistics of a batch: the size of the batch is dragged."""
    sizes = batches.sizes.tolist()
    return explore(
        _spectrum_and_rms(batches),
        title="whitening from a small batch",
        size=slider(sizes[0], sizes[-1], factor=2, start=sizes[-1], label="batch size"),
        eps=choice([_plain(eps) for eps in batches.eps], label="ε added"),
        stills=[{}, {"size": 64}, {"size": 32}, {"size": 16, "eps": _plain(batches.eps[-1])}],
    )


def _plain(eps):
    """1e-05 as 0.00001."""
    return np.format_float_positional(eps)


def _spectrum_and_rms(batches):
    k = len(batches.all_data)
    directions = np.arange(1.0, k + 1)
    means = {name: rms.mean(axis=2) for name, rms in batches.rms.items()}  # (M, E)
    ends = np.log10([0.5, 1.3 * max(rms.max() for rms in batches.rms.values())])
    seen = np.where(directions <= batches.rank[:, :1], batches.spectrum, np.nan)  # first batches
    least = min(np.nanmin(seen), batches.all_data.min())
    top = {"yref": "paper", "y": 1, "yanchor": "bottom", "font": {"size": 17}}
    powers = {"type": "log", "dtick": 1, "exponentformat": "power"}
    stops = {"tickvals": batches.sizes[::3], "tickangle": 0}
    span = np.log10(batches.sizes[[0, -1]] * [0.8, 1.25])
    layout = {
        "height": 460,
        "xaxis": draw.axis("direction", 0, k + 1, (0, 0.43), tickvals=[1, k // 2, k]),
        "yaxis": draw.axis("variance", np.log10(least / 2), 0.3, **powers),
        "xaxis2": draw.axis("batch size", *span, (0.6, 1), anchor="y2", type="log"),
        "yaxis2": draw.axis("", *ends, anchor="x2", type="log", tickvals=[1, 3, 10, 30]),
        "legend": {"y": 1.1},
        "margin": {"t": 84},
    }
    layout["xaxis2"] |= stops
    truth = draw.line(directions, batches.all_data, GREY, 4, name="all images", showlegend=True)

    def picture(size, eps):
        m = batches.sizes.tolist().index(size)
        e = batches.eps.tolist().index(float(eps))
        batch = draw.dots(directions, seen[m], 3, size=8)
        data = [truth, {**batch, "name": "a batch", "showlegend": True}]
        data.append({**draw.line(10**span, [1, 1], GREY, width=2, dash="dot"), **draw.SECOND})
        for name in ("standardised", "ZCA"):
            color, dash, i = LOOKS[name]
            so_far = np.where(batches.sizes >= size, means[name][:, e], np.nan)
            curve = draw.line(batches.sizes, so_far, color, dash=dash, name=name)
            data.append({**curve, **draw.SECOND, "showlegend": True})
            seeds = batches.rms[name][m, e]
            data.append({**draw.dots(np.full(len(seeds), size), seeds, i), **draw.SECOND})
        rank = {**top, "xref": "x domain", "x": 0.5}
        rms = {**top, "xref": "x2 domain", "x": 0.5, "text": "test rms"}
        rank["text"] = f"rank <b>{batches.rank[m, 0]}</b> of {k}"
        found = {name: number(values[m, e], 1) for name, values in means.items()}
        return {"data": data, "layout": {**layout, "annotations": [rank, rms]}}, (
            f"A batch of {size} images has a spread in {batches.rank[m, 0]} of {k} directions. "
            f"With its statistics and ε = {eps}, test images have an rms of {found['ZCA']} after "
            f"ZCA and of {found['standardised']} after standardising (1 is right; mean of "
            f"{batches.rms['ZCA'].shape[2]} batches)."
        )

    return picture


def cost(stored_run, here):
    """Time of a forward and a backward pass against the number of features, two machines."""
    ks = stored_run.steps.tolist()
    return explore(
        _times(stored_run, here),
        title="the price of whitening",
        k=slider(ks[0], ks[-1], factor=2, label="features k"),
        stills=[{"k": ks[3]}, {"k": ks[-1]}],
    )


def _times(stored_run, here):
    ks = stored_run.steps
    both = (stored_run, here)
    times = np.concatenate([run.snapshots[name] for run in both for name in COST_METHODS])
    layout = {
        "height": 440,
        "xaxis": draw.axis("features k", *np.log10([ks[0] / 1.25, ks[-1] * 1.25]), type="log"),
        "yaxis": draw.axis(
            "ms, forward + backward", *np.log10([times.min() / 1.6, times.max() * 2])
        ),
        "legend": {"x": 0.02, "y": 0.98, "yanchor": "top", "orientation": "v"},
    }
    layout["xaxis"] |= {"tickvals": ks[::2], "tickangle": 0}
    layout["yaxis"] |= {"type": "log", "dtick": 1, "exponentformat": "none"}
    big = {"xref": "paper", "yref": "paper", "x": 0.98, "y": 0.04, "xanchor": "right"}
    big |= {"yanchor": "bottom", "align": "right", "font": {"size": 20}}

    ring = {"color": GREY, "symbol": "circle-open", "size": 13, "line": {"width": 2}}
    key = {
        **draw.dots([None], [None], 0),
        "marker": ring,
        "name": "hollow: here, now",
        "showlegend": True,
    }

    def picture(k):
        data = [key]
        for name in COST_METHODS:
            color, dash, i = LOOKS[name]
            y = np.where(ks <= k, stored_run.snapshots[name], np.nan)
            curve = draw.line(ks, y, color, dash=dash, name=name, showlegend=True)
            marker = {"color": color, "symbol": draw.SYMBOLS[i], "size": 9}
            data.append({**curve, "mode": "lines+markers", "marker": marker})
            mine = np.where(here.steps <= k, here.snapshots[name], np.nan)
            hollow = {"color": color, "symbol": f"{draw.SYMBOLS[i]}-open", "size": 15}
            data.append(
                {**draw.dots(here.steps, mine, i), "marker": hollow | {"line": {"width": 2}}}
            )
        at = ks.tolist().index(k)
        ms = {name: float(stored_run.snapshots[name][at]) for name in COST_METHODS}
        ratio = number(ms["ZCA"] / ms["standardised"], 1)
        said = {**big, "text": f"ZCA takes<br><b>{ratio} ×</b> as long"}
        return {"data": data, "layout": {**layout, "annotations": [said]}}, (
            f"k = {k}, a batch of {max(256, 2 * k)}: standardising takes "
            f"{number(ms['standardised'])} ms, ZCA {number(ms['ZCA'])} ms, {ratio} times as long. "
            f"Stored times of one machine ({stored_run.settings['machine']})."
        )

    return picture


def whose_mean(maps):
    """Which cells of a block N x C x H x W enter the mean of a marked one, for four norms."""
    n, c = maps.shape[:2]
    return explore(
        _lit_cells(maps.astype(float)),
        title="which numbers share one mean",
        norm=choice(list(NORMS), label="norm"),
        sample=slider(1, n, start=2, label="sample"),
        channel=slider(1, c, start=2, label="channel"),
        stills=[{"norm": norm} for norm in NORMS],
    )


def _lit_cells(maps):
    n, c, height, width = maps.shape
    sizes = {
        "batch norm": f"({c},)",
        "layer norm": f"({n},)",
        "instance norm": f"({n}, {c})",
        "group norm": f"({n}, 2)",
    }
    dw, dh = width + 1, height + 1  # from tile to tile: one cell of nothing between them
    first_x, first_y = dw * np.arange(c), dh * np.arange(n)
    low, high = np.percentile(maps, [1, 99])
    scale = {"zmin": low, "zmax": high, "showscale": False, "hoverinfo": "skip"}
    scale["colorscale"] = "Cividis"
    square = {"constrain": "domain", "showgrid": False, "zeroline": False}
    layout = {
        "height": 450,
        "margin": {"t": 60},
        "xaxis": draw.axis("channel", -1, dw * c - 1, **square),
        "yaxis": draw.axis("sample", dh * n - 1, -1, scaleanchor="x", **square),
    }
    layout["xaxis"] |= {"tickvals": first_x + (width - 1) / 2, "ticktext": list(range(1, c + 1))}
    layout["yaxis"] |= {"tickvals": first_y + (height - 1) / 2, "ticktext": list(range(1, n + 1))}
    above = {"xref": "x domain", "yref": "y domain", "x": 0.5, "y": 1.02, "yanchor": "bottom"}

    def flat(values):
        """(N, C, H, W) as one picture, with gaps between the tiles."""
        gaps = ((0, 0), (0, 0), (0, 1), (0, 1))
        padded = np.pad(values, gaps, constant_values=np.nan)
        return padded.transpose(0, 2, 1, 3).reshape(n * dh, c * dw)

    pale = {"type": "heatmap", "z": flat(maps), "opacity": 0.25, **scale}

    def picture(norm, sample, channel):
        mask = shares_mean(norm, maps.shape, sample - 1, channel - 1)
        lit = {"type": "heatmap", "z": flat(np.where(mask, maps, np.nan)), **scale}
        frames = []
        for i, j in np.argwhere(mask.any(axis=(2, 3))):
            corner = {"x0": first_x[j] - 0.5, "y0": first_y[i] - 0.5}
            corner |= {"x1": first_x[j] + width - 0.5, "y1": first_y[i] + height - 0.5}
            frames.append({"type": "rect", **corner, "line": {"color": VERMILLION, "width": 4}})
        x, y = first_x[channel - 1] + width // 2, first_y[sample - 1] + height // 2
        line = {"width": 5, "color": VERMILLION}
        cell = draw.dots([x], [y], 1, symbol="square-open", size=16, line=line)
        mean, count = maps[mask].mean(), int(mask.sum())
        said = f"shape of μ: <b>{sizes[norm]}</b><br>each a mean of {count} values"
        note = {**above, "text": said, "font": {"size": 18}}
        layout_now = {**layout, "shapes": frames, "annotations": [note]}
        return {"data": [pale, lit, cell], "layout": layout_now}, (
            f"{norm}: μ has shape {sizes[norm]}. The marked cell of sample {sample}, channel "
            f"{channel} shares its mean, {number(mean)}, with the {count} framed values out of "
            f"{mask.size}."
        )

    return picture


def runaway(race):
    """A bias before a centring step, learnt with and without the gradient through the mean."""
    steps = race.bias["inside"].shape[1] - 1
    return explore(
        _bias_and_loss(race),
        title="the bias that runs away",
        step=slider(0, steps, step=5, label="training step", play=True),
        rate=choice(race.rates.tolist(), start=race.rates.tolist()[-1], label="learning rate"),
        stills=[{"step": 50}, {"step": steps}, {"step": steps, "rate": race.rates.tolist()[0]}],
    )


def _bias_and_loss(race):
    steps = np.arange(race.bias["inside"].shape[1])
    looks = {"outside": (VERMILLION, "dash", 4, 1), "inside": (BLUE, "solid", 8, 0)}
    heading = {"yref": "paper", "y": 1, "yanchor": "bottom", "x": 0.5, "font": {"size": 17}}
    top = 1.08 * max(bias.max() for bias in race.bias.values())
    most = 1.5 * max(loss.max() for loss in race.loss.values())
    layout = {
        "height": 430,
        "xaxis": draw.axis("step", 0, steps[-1], (0, 0.52), dtick=100, tickangle=0),
        "yaxis": draw.axis("", -0.05 * top, top),
        "xaxis2": draw.axis("step", 0, steps[-1], (0.68, 1), anchor="y2", dtick=100),
        "yaxis2": draw.axis("", 0, most, anchor="x2"),
        "annotations": [
            {**heading, "xref": "x domain", "text": "bias b"},
            {**heading, "xref": "x2 domain", "text": "loss"},
        ],
        "legend": {"y": 1.1},
        "margin": {"t": 84},
    }

    def picture(step, rate):
        at = race.rates.tolist().index(rate)
        data = []
        for way in ("inside", "outside"):  # the thin dashes over the broad line
            color, dash, width, i = looks[way]
            for values, place in ((race.bias[way][at], {}), (race.loss[way][at], draw.SECOND)):
                y = np.where(steps <= step, values, np.nan)
                curve = draw.line(steps, y, color, width=width, dash=dash, name=f"mean {way}")
                data.append({**curve, **place, "showlegend": not place})
                data.append({**draw.dots([step], [values[step]], i, size=13), **place})
        b = {way: number(race.bias[way][at, step]) for way in looks}
        loss = {way: number(race.loss[way][at, step], 4) for way in looks}
        return {"data": data, "layout": layout}, (
            f"After {step} steps b is {b['outside']} with the mean outside the gradient and "
            f"{b['inside']} with it inside. The loss is {loss['outside']} and {loss['inside']}; at "
            f"the start it was {number(race.loss['outside'][at, 0], 4)}."
        )

    return picture
