"""The explorables of notebook 08, first half: what Batch Normalization buys.

Each function takes what an experiment measured and returns its explorable. ``speed`` follows
figures 2 and 3 of Ioffe and Szegedy (2015), arXiv 1502.03167, in miniature.
"""

import numpy as np

from .. import draw
from ..experiments.effects import (
    GROUP_SIZES,
    NETWORKS,
    PUBLISHED,
    STARTS,
    TRAINING_SIZES,
    steps_to,
    target_of,
)
from ..explorable import choice, explore, slider
from ..look import BLUE, GREEN, GREY, VERMILLION, number, percent

NO_BN, BN = 1, 0  # how the two are drawn, by their number in draw.COLOURS: one look everywhere


def speed(run):
    """Test accuracy of an arm beside the baseline's, and how many times fewer steps it takes."""
    return explore(
        _race(run),
        title="the race to the baseline's best",
        arm=choice(run.settings["arms"], start="BN", label="arm"),
        step=slider(0, int(run.steps[-1]), step=20, start=200, label="training step", play=True),
        stills=[
            {"step": 800},
            {"arm": "BN, rate ×5", "step": 800},
            {"arm": "BN, rate ×30", "step": 800},
            {"arm": "no BN, rate ×15", "step": 800},
        ],
    )


def _race(run):
    arms, steps = run.settings["arms"], run.steps
    accuracies = run.snapshots["accuracy"].astype(float)  # (K, A, S)
    means = accuracies.mean(axis=2)
    target = target_of(run)
    taken = steps_to(run, target)
    baseline_steps = np.median(taken[arms.index("no BN")])
    finite = run.snapshots["finite"]  # (K, A, S)
    broken = ~finite.all(axis=2)  # (K, A)
    layout = {
        "height": 460,
        "margin": {"t": 56},
        "showlegend": False,
        "xaxis": draw.axis("step", 0, steps[-1], (0, 0.54), dtick=400, tickangle=0),
        "yaxis": draw.axis("test accuracy", 0, 1, tickformat=".0%"),
        "xaxis2": draw.axis("times<br>fewer steps", 0, np.log10(20), (0.74, 1), anchor="y2"),
        "yaxis2": draw.axis("", -0.6, 3.6, anchor="x2", tickvals=[3, 2, 1, 0], zeroline=False),
    }
    layout["xaxis2"] |= {"type": "log", "tickvals": [1, 3, 10], "tickangle": 0}
    rows = {"BN": 3, "BN, rate ×5": 2, "BN, rate ×15": 1, "BN, rate ×30": 0}
    layout["yaxis2"]["ticktext"] = ["BN", "BN ×5", "BN ×15", "BN ×30"]
    goal = draw.line([0, steps[-1]], [target] * 2, GREY, width=2, dash="dot")
    goal_label = {"xref": "x", "yref": "y", "x": 8, "y": target, "xanchor": "left"}
    goal_label |= {"yanchor": "bottom", "text": "no BN’s best"}
    key = {"xref": "x2 domain", "yref": "paper", "x": 0.5, "y": 1.02, "yanchor": "bottom"}
    key["text"] = "● here<br>◇ published"
    published = _published(rows)
    compare = _compared(arms, baseline_steps, taken, rows)

    def curves(i, shown, bold):
        """Every seed thin and the mean thick, up to the step that is shown."""
        look = NO_BN if arms[i].startswith(("no BN", "sigmoid")) else BN
        seeds = np.where(shown[:, None] & finite[:, i], accuracies[:, i], np.nan)
        shown = shown & ~broken[:, i]
        seeds = np.pad(seeds, ((0, 1), (0, 0)), constant_values=np.nan)  # a gap after each seed
        x = np.tile(np.append(steps, steps[-1]), seeds.shape[1])
        colour, dash = draw.COLOURS[look], "dash" if look else "solid"
        mean = np.where(shown, means[:, i], np.nan)
        yield draw.line(x, seeds.T.ravel(), colour, width=1, opacity=0.45 if bold else 0.25)
        yield draw.line(steps, mean, colour, width=4 if bold else 2, dash=dash)
        last = int(np.flatnonzero(shown)[-1])
        label = draw.dots(steps[[last]], means[[last], i], look, size=11)
        yield {**label, "mode": "markers"}

    def picture(arm, step):
        shown, i = steps <= step, arms.index(arm)
        data = [goal]
        for which in dict.fromkeys((arms.index("no BN"), i)):
            data += curves(which, shown, bold=which == i)
        diverged = broken[shown, i].any()
        notes = [goal_label, key]
        if diverged:
            place = {"xref": "x", "yref": "y", "x": steps[-1] / 2, "y": 0.3}
            notes.append({**place, "text": "<b>✕ diverged</b>:<br>no finite loss"})
            last = int(broken[:, i].argmax()) - 1
            data.append(draw.dots(steps[[last]], means[[last], i], NO_BN, symbol="x", size=18))
        k = int(np.searchsorted(steps, step))
        now = accuracies[k, i]
        there = int((taken[i] <= step).sum())
        says = f"{arm}, {step} steps: test accuracy {percent(now.mean(), 1)} ± "
        says += f"{percent(now.std(ddof=1), 1)} (mean ± standard deviation, {len(now)} seeds). "
        says += f"{there} of {len(now)} seeds have reached {percent(target, 1)}, the best of no BN"
        over = step >= baseline_steps  # before, nobody knows how many times
        if over and arm != "no BN" and np.isfinite(np.median(taken[i])):
            ratio = baseline_steps / np.median(taken[i])
            says += f"; the median seed takes {number(ratio, 1)} times fewer steps in all"
        if diverged:
            says += (
                f"; {int((~finite[k, i]).sum())} of {len(now)} diverged: their loss is not finite"
            )
        data += [*published, *(compare if over else [])]
        return {"data": data, "layout": {**layout, "annotations": notes}}, f"{says}."

    return picture


def _compared(arms, baseline_steps, taken, rows):
    """Each arm of ``rows``: how many times fewer steps, every seed and the median."""
    data = []
    for arm, row in rows.items():
        steps = taken[arms.index(arm)]
        seeds, ratio = baseline_steps / steps[np.isfinite(steps)], baseline_steps / np.median(steps)
        if ratio > 0:  # 0 where the median seed never gets there
            each = draw.dots(seeds, np.full(len(seeds), row - 0.15), BN, size=6)
            middle = draw.dots([ratio], [row - 0.15], BN, size=13)
            words = draw.words([number(ratio, 1)], "bottom center", size=15)
            data += [{**each, **draw.SECOND}, {**middle, **draw.SECOND, **words}]
            data[-1]["mode"] = "markers+text"
        else:
            never = {**draw.dots([1.1], [row - 0.15], BN), **draw.SECOND, "mode": "text"}
            data.append({**never, **draw.words(["never"], "middle right", size=15)})
    return data


def _published(rows):
    """The paper's own figures, open, in their rows; with a dagger what its text does not say."""
    look = {"symbol": "diamond-open", "size": 13, "line": {"width": 2}}
    data = []
    for arm, (times, in_the_text) in PUBLISHED.items():
        label = number(times, 1) + ("" if in_the_text else " †")
        dot = {**draw.dots([times], [rows[arm] + 0.15], 3, **look), **draw.SECOND}
        data.append({**dot, "mode": "markers+text", **draw.words([label], "top center", size=15)})
    return data


def rates(run):
    """Accuracy over the learning rate, with and without BN: network, first weights, steps."""
    return explore(
        _sweep(run),
        title="every learning rate, several first weights",
        network=choice(list(NETWORKS), label="network"),
        weights=slider(STARTS[0], STARTS[-1], factor=2, label="first weights, × the usual"),
        when=choice(["early", "at the end"], start="at the end", label="looked at"),
        stills=[
            {},
            {"weights": 1},
            {"weights": 1, "when": "early"},
            {"network": list(NETWORKS)[1], "weights": 1},
        ],
    )


def _sweep(run):
    layout = {
        "height": 450,
        "xaxis": draw.axis("learning rate", np.log10(0.007), np.log10(8.5), type="log"),
        "yaxis": draw.axis("test accuracy", 0, 1.02, tickformat=".0%"),
    }
    layout["xaxis"]["tickvals"] = [0.01, 0.1, 1]

    def picture(network, weights, when):
        _, _, learning_rates, looked = NETWORKS[network]
        k = ("early", "at the end").index(when)
        found = run.snapshots[network][k, STARTS.index(weights)].astype(float)  # (2, rates, S)
        data, best = [], []
        for i, name in ((NO_BN, "no BN"), (BN, "BN")):
            seeds = found[1 if i == BN else 0]
            mean = seeds.mean(axis=1)
            top = int(mean.argmax())
            best.append((mean[top], learning_rates[top]))
            x = np.repeat(learning_rates, seeds.shape[1])
            dash = "dash" if i == NO_BN else "solid"
            data.append(draw.dots(x, seeds.ravel(), i, size=6, opacity=0.45))
            curve = draw.line(learning_rates, mean, draw.COLOURS[i], dash=dash)
            data.append({**curve, "name": f"{name} (mean)", "showlegend": True})
            star = draw.dots([learning_rates[top]], [mean[top]], i, size=16)
            spot = "top center" if i == BN else "bottom center"
            words = draw.words([percent(mean[top], 1)], spot)
            data.append({**star, "mode": "markers+text", **words})
        (plain, plain_rate), (normed, bn_rate) = best
        return {"data": data, "layout": layout}, (
            f"After {looked[k]} steps, each at its own best of these rates: no BN "
            f"{percent(plain, 1)} (rate {plain_rate:g}), BN {percent(normed, 1)} (rate "
            f"{bn_rate:g}). BN is ahead by {number(100 * (normed - plain), 1)} points "
            f"({found.shape[2]} seeds)."
        )

    return picture


def regularisation(run):
    """Paired differences to "no BN" on new images, seed by seed: training-set and group size."""
    return explore(
        _differences(run),
        title="does it help on new images?",
        images=choice(TRAINING_SIZES, start=500, label="training images"),
        group=choice(GROUP_SIZES, start=50, label="group size m"),
        stills=[{}, {"group": 10}, {"images": 100}, {"images": 100, "group": 10}],
    )


def _differences(run):
    arms = run.settings["arms"]
    test = run.snapshots["test"].astype(float)
    gaps = 100 * (test - test[:, [arms.index("no BN")]])  # (sizes, A, S), in points
    seeds = gaps.shape[2]
    most = np.ceil(np.abs(gaps).max())
    order = [*GROUP_SIZES, "LayerNorm"]
    layout = {
        "height": 450,
        "margin": {"t": 56},
        "showlegend": False,
        "bargap": 0.15,
        "xaxis": draw.axis(f"{seeds} seeds,<br>sorted", -1.5, seeds + 0.5, (0, 0.42)),
        "yaxis": draw.axis("points more than no BN", -most, most, zeroline=True),
        "xaxis2": draw.axis("group size m", -0.6, 4.6, (0.56, 1), anchor="y2", zeroline=False),
        "yaxis2": draw.axis("", -2, 2, anchor="x2", dtick=1, zeroline=True),
    }
    layout["xaxis"]["showticklabels"] = False
    ticks = [*map(str, GROUP_SIZES), "<br>Layer-<br>Norm"]
    layout["xaxis2"] |= {"tickvals": list(range(5)), "ticktext": ticks, "tickangle": 0}
    heading = {"xref": "x2 domain", "yref": "paper", "x": 0.5, "y": 1.01, "yanchor": "bottom"}
    heading["text"] = "mean ±<br>standard error"

    def picture(images, group):
        n = run.settings["sizes"].index(images)
        mine = np.sort(gaps[n, arms.index(group)])
        mean, error = mine.mean(), mine.std(ddof=1) / np.sqrt(seeds)
        better = mine > 0
        marker = {
            "color": np.where(better, BLUE, VERMILLION).tolist(),
            "pattern": {"shape": np.where(better, "", "/").tolist()},
        }
        bars = {"type": "bar", "x": np.arange(seeds), "y": mine, "marker": marker}
        level = draw.line([-1.5, seeds + 0.5], [mean, mean], GREEN, width=3, dash="dash")
        data = [bars, level]
        for place, arm in enumerate(order):
            gap = gaps[n, arms.index(arm)]
            middle, half = gap.mean(), gap.std(ddof=1) / np.sqrt(seeds)
            here = arm == group
            whisker = draw.line(
                [place, place], [middle - half, middle + half], GREEN if here else GREY, width=4
            )
            dot = draw.dots([place], [middle], 2, size=16 if here else 11)
            if not here:
                dot["marker"] |= {"color": GREY, "symbol": "circle"}
            data += [{**whisker, **draw.SECOND}, {**dot, **draw.SECOND}]
        label = {**heading, "xref": "x domain"}
        label["text"] = f"m = {group}<br>mean <b>{number(mean)}</b>"
        notes = [heading, label]
        return {"data": data, "layout": {**layout, "annotations": notes}}, (
            f"{images} training images, statistics over groups of {group}: BN minus no BN is "
            f"{number(mean)} ± {number(error)} points (mean ± standard error of {seeds} pairs); "
            f"{int(better.sum())} of {seeds} seeds gain. No BN gets "
            f"{percent(test[n, arms.index('no BN')].mean(), 1)}."
        )

    return picture
