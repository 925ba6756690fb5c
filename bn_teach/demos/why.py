"""The explorables of notebook 08, second half: explanations of Batch Normalization, put to a test.

Each function takes what an experiment measured and returns its explorable. Two follow Santurkar
et al. (2018), arXiv 1805.11604; the third is the scale invariance of Ioffe and Szegedy (2015),
arXiv 1502.03167, section 3.3.
"""

import numpy as np

from .. import draw
from ..experiments.why import FACTORS
from ..explorable import choice, explore, slider
from ..look import DASHES, GREY, number, percent

ARMS = ("no BN", "BN")  # the arms of ``landscape`` and ``scaled``, in the order of the arrays
LOOKS = {"no BN": 1, "BN": 0, "BN + noise": 2, "no BN + noise": 3}  # numbers in draw.COLOURS


def noisy(run):
    """The input of a layer while the network learns, and how fast it learns, in four arms."""
    arms = run.settings["arms"]
    return explore(
        _shift_and_speed(run),
        title="noise after Batch Normalization",
        arm=choice(arms, label="arm"),
        unit=slider(1, run.snapshots["mean"].shape[2], label="unit"),
        stills=[{"arm": arm} for arm in arms],
    )


def _shift_and_speed(run):
    arms, steps, mean = run.settings["arms"], run.steps, run.snapshots["mean"]
    accuracy = run.snapshots["accuracy"].astype(float)
    shift = run.snapshots["shift"].mean(axis=(0, 2))
    edge = 1.1 * np.abs(mean).max()
    reached = accuracy > 0.95 - 1e-6  # 475 of 500 count, rounded as they may be
    taken = np.where(reached.any(axis=0), steps[reached.argmax(axis=0)], np.inf)  # (A, S)
    layout = {
        "height": 450,
        "xaxis": draw.axis("step", 0, steps[-1], (0, 0.42), dtick=200),
        "yaxis": draw.axis("mean input of the unit", -edge, edge),
        "xaxis2": draw.axis("step", 0, steps[-1], (0.6, 1), anchor="y2", dtick=200),
        "yaxis2": draw.axis("", 0, 1, anchor="x2", tickformat=".0%"),
    }
    heading = {"xref": "x2 domain", "yref": "paper", "x": 0.5, "y": 0.04}
    heading = {**heading, "text": "test<br>accuracy"}
    moves = {"xref": "x domain", "yref": "paper", "x": 0.5, "y": 0.04}
    goal = {**draw.line([0, steps[-1]], [0.95] * 2, GREY, width=1), **draw.SECOND}

    def picture(arm, unit):
        i = arms.index(arm)
        colour = draw.COLOURS[LOOKS[arm]]
        path = draw.line(steps, mean[:, i, unit - 1], colour, width=2)
        path |= {"mode": "lines+markers", "marker": {"symbol": draw.SYMBOLS[LOOKS[arm]], "size": 6}}
        data = [path, goal]
        for j, name in enumerate(arms):
            curve = draw.line(
                steps,
                accuracy[:, j].mean(axis=1),
                draw.COLOURS[LOOKS[name]],
                width=5 if j == i else 2,
                dash=DASHES[LOOKS[name]],
            )
            data.append({**curve, **draw.SECOND, "name": name, "showlegend": True})
        seeds, there = taken.shape[1], int(np.isfinite(taken[i]).sum())
        fast = f"{there} of {seeds} seeds reach 95\u202f% in {steps[-1]} steps"
        if there > seeds / 2:
            fast = f"the median seed takes {number(np.median(taken[i]), 0)} steps to 95\u202f%"
        note = {**moves, "text": f"shift per step<br><b>{number(shift[i])}</b>"}
        return {"data": data, "layout": {**layout, "annotations": [heading, note]}}, (
            f"{arm}: from one step to the next a unit's mean input moves by {number(shift[i])} "
            f"standard deviations (mean over units, steps and {seeds} seeds); {fast}. At the end "
            f"{percent(accuracy[-1, i].mean(), 1)} of the test images are right."
        )

    return picture


def landscape(run):
    """Walk along a gradient: loss and direction of the gradient with and without BN."""
    return explore(
        _along_the_gradient(run),
        title="how far can a gradient be trusted?",
        network=choice(run.settings["networks"], label="network"),
        step=slider(0, int(run.steps[-1]), step=10, start=200, label="training step", play=True),
        stills=[{}, {"step": 20}, {"network": run.settings["networks"][1], "step": 290}],
    )


def _along_the_gradient(run):
    distances = np.array(run.settings["distances"])
    ends = np.log10([distances[0] / 1.2, distances[-1] * 1.2])
    along = {"type": "log", "tickvals": [0.1, 1], "tickangle": 0}
    layout = {
        "height": 450,
        "margin": {"t": 56},
        "xaxis": draw.axis("distance<br>(× lr)", *ends, (0, 0.4), **along),
        "yaxis": draw.axis("loss there / here", -0.7, 1, type="log"),
        "xaxis2": draw.axis("distance<br>(× lr)", *ends, (0.6, 1), anchor="y2", **along),
        "yaxis2": draw.axis("", -1.05, 1.05, anchor="x2", dtick=0.5),
    }
    layout["yaxis"]["tickvals"] = [0.2, 0.5, 1, 2, 5, 10]
    heading = {"xref": "x2 domain", "yref": "paper", "x": 0.5, "y": 1.01, "yanchor": "bottom"}
    heading["text"] = "gradients:<br>cosine"
    same = draw.line(10**ends, [1, 1], GREY, width=1)
    right = {**draw.line(10**ends, [0, 0], GREY, width=1), **draw.SECOND}
    x = np.append(distances, np.nan)  # a gap after each seed

    def panel(values, arm, middle):
        """Each seed (S, F) thin, and what is in their middle thick."""
        colour, dash = draw.COLOURS[LOOKS[arm]], DASHES[LOOKS[arm]]
        rows = np.pad(values, ((0, 0), (0, 1)), constant_values=np.nan)
        yield draw.line(np.tile(x, len(rows)), rows.ravel(), colour, width=1, opacity=0.5)
        thick = draw.line(distances, middle, colour, width=4, dash=dash, name=arm)
        yield {
            **thick,
            "mode": "lines+markers",
            "marker": {"size": 8, "symbol": draw.SYMBOLS[LOOKS[arm]]},
        }

    def picture(network, step):
        k = int(np.searchsorted(run.steps, step))
        loss = run.snapshots[f"{network}/loss"][k].astype(float)  # (2, S)
        change = run.snapshots[f"{network}/change"][k].astype(float)  # (2, S, F)
        cosine = run.snapshots[f"{network}/cosine"][k].astype(float)
        ratio = 1 + change / loss[:, :, None]
        data, says = [same, right], []
        for i, arm in enumerate(ARMS):
            seeds, middle = panel(ratio[i], arm, np.median(ratio[i], axis=0))
            data += [seeds, {**middle, "showlegend": True}]
            lines = panel(cosine[i], arm, np.median(cosine[i], axis=0))
            data += [{**trace, **draw.SECOND} for trace in lines]
            up = int((change[i].max(axis=1) > 0).sum())
            says.append(
                f"{arm}: the loss rises somewhere along the way for {up} of {len(loss[i])} seeds, "
                f"the lowest cosine is {number(np.median(cosine[i].min(axis=1)))} (median)"
            )
        text = (
            f"Step {step}, up to {number(distances[-1], 1)} learning rates far. {'; '.join(says)}."
        )
        return {"data": data, "layout": {**layout, "annotations": [heading]}}, text

    return picture


def scaled(found):
    """Multiply the weights of one layer by a: loss and gradient, with and without BN."""
    return explore(
        _times(found),
        title="one layer's weights times a",
        a=slider(float(FACTORS[0]), float(FACTORS[-1]), factor=2, start=1.0, label="factor a"),
        stills=[{}, {"a": 8.0}, {"a": 0.125}],
    )


def _times(found):
    ends = np.log10([FACTORS[0] / 1.3, FACTORS[-1] * 1.3])
    log = {"type": "log", "tickvals": [0.1, 1, 10], "tickangle": 0}
    losses = np.concatenate([arm.loss for arm in found.values()])
    gradients = {name: arm.gradient / arm.gradient[FACTORS == 1] for name, arm in found.items()}
    layout = {
        "height": 440,
        "margin": {"t": 56},
        "xaxis": draw.axis("factor a", *ends, (0, 0.42), **log),
        "yaxis": draw.axis("loss", 0, 1.1 * losses.max()),
        "xaxis2": draw.axis("factor a", *ends, (0.6, 1), anchor="y2", **log),
        "yaxis2": draw.axis("", *(1.1 * ends), anchor="x2", **log),
    }

    heading = {"xref": "x2 domain", "yref": "paper", "x": 0.5, "y": 1.01, "yanchor": "bottom"}
    layout["annotations"] = [{**heading, "text": "gradient<br>(1 at a = 1)"}]

    def picture(a):
        here = int(np.argmin(np.abs(FACTORS - a)))
        data = []
        for name, arm in found.items():
            i = LOOKS[name]
            for values, panel in ((arm.loss, {}), (gradients[name], draw.SECOND)):
                curve = draw.line(FACTORS, values, draw.COLOURS[i], dash=DASHES[i], name=name)
                point = draw.dots([a], values[[here]], i, size=15)
                data += [{**curve, **panel, "showlegend": not panel}, {**point, **panel}]
        loss, angle = (
            {name: getattr(arm, part)[here] for name, arm in found.items()}
            for part in ("loss", "along")
        )
        return {"data": data, "layout": layout}, (
            f"W times {a:g}. With BN the loss is {number(loss['BN'], 3)}, the gradient "
            f"{gradients['BN'][here]:.3g} times that at a = 1, and the cosine between it and W "
            f"{number(angle['BN'], 3)}. Without BN: loss {number(loss['no BN'], 3)}, gradient "
            f"{gradients['no BN'][here]:.3g} times, cosine {number(angle['no BN'], 3)}."
        )

    return picture
