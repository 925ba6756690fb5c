"""The explorables of notebook 07: what bugs cost, digits that vanish, and a layer beside torch's.

Each function takes what an experiment measured and returns its explorable.
"""

import numpy as np

from .. import draw
from ..experiments.from_scratch import FORMS, METHODS
from ..explorable import choice, explore, slider, toggle
from ..look import BLUE, DASHES, GREEN, GREY, PURPLE, VERMILLION, number, percent

# Lines of the two forms of eps: the colour and the dash.
FORM_LOOKS = {"inside": (BLUE, "solid"), "outside": (VERMILLION, "dash")}
MAIN, SIDE = (0, 0.52), (0.72, 1)  # of the width: the large panel and the small one
LIMIT = 4  # of the outputs that are drawn; larger ones stand at the edge


def bugs(costs):
    """Outputs of a layer with one bug against the right ones, for each batch size."""
    return explore(
        _against_right(costs),
        title="what each bug costs",
        bug=choice(list(costs.error), label="bug"),
        size=slider(int(costs.sizes[0]), int(costs.sizes[-1]), factor=2, label="batch size n"),
        stills=[{}, {"bug": "biased running variance", "size": 8}, {"bug": "momentum reversed"}],
    )


def _against_right(costs):
    sizes = costs.sizes
    layout = {
        "height": 430,
        "showlegend": False,
        **_square("right output", "output with the bug"),
        "xaxis2": draw.axis("batch size n", 0.15, 2.25, SIDE, anchor="y2", type="log"),
        "yaxis2": draw.axis("", -3, 0.7, anchor="x2", type="log"),
        "annotations": [_heading("x2 domain", "error")],
    }
    layout["xaxis2"] |= {"tickvals": [2, 16, 128], "tickangle": 0}
    layout["yaxis2"] |= {"tickformat": ".0%", "tickvals": [0.01, 0.1, 1]}

    def picture(bug, size):
        b = int(np.searchsorted(sizes, size))
        right, wrong, error = costs.right[bug][b], costs.wrong[bug][b], costs.error[bug]
        slope, at_zero = np.polyfit(right, wrong, 1)
        data = [
            _diagonal(),
            draw.dots(right, np.clip(wrong, -LIMIT, LIMIT), 1, size=8, opacity=0.7),
            draw.line(sizes, error, VERMILLION, **draw.SECOND),
            {**draw.dots([size], [error[b]], 1, size=14), **draw.SECOND},
        ]
        return {"data": data, "layout": layout}, (
            f"With batches of {size}, the bug “{bug}” puts the outputs of all units off by "
            f"{percent(error[b], _digits(error[b]))} of their size (root mean square). For the "
            f"unit shown, the best line has slope {number(slope)} and height {number(at_zero)} at "
            f"0; the right one has slope 1 and height 0."
        )

    return picture


def one_pass(found):
    """The variance in one pass and in two, in float32, while the mean grows."""
    return explore(
        _cancelling(found),
        title="variance in one pass and in two",
        mean=slider(1, 1e5, factor=10**0.25, start=1, label="mean"),
        stills=[{}, {"mean": 1000}, {"mean": 1e5}],
    )


def _cancelling(found):
    means, errors = found.means, found.error
    layout = {
        "height": 440,
        "showlegend": False,
        **_square("right output", "output in float32"),
        "xaxis2": draw.axis("mean", -0.2, 5.2, SIDE, anchor="y2", type="log", tickangle=0),
        "yaxis2": draw.axis("", -8.6, 4.2, anchor="x2", type="log"),
    }
    layout["xaxis2"] |= {"tickvals": [1, 1e4], "ticktext": ["1", "10⁴"]}
    layout["yaxis2"] |= _powers(-8, -4, 0, 4)
    looks = {"one pass": 1, "two passes": 0, "torch.nn": 2}
    seen = np.arange(len(means))

    def picture(mean):
        k = int(np.abs(np.log(means / mean)).argmin())
        right, x_hat = found.true_x_hat[k], found.x_hat
        data = [_diagonal()]
        for name in ("two passes", "one pass"):
            y = np.clip(x_hat[name][k], -LIMIT, LIMIT)
            data.append(draw.dots(right, y, looks[name], size=8, opacity=0.7))
        for name in METHODS:
            i, y = looks[name], np.where(seen <= k, errors[name], np.nan)
            data.append(draw.line(means, y, draw.COLOURS[i], dash=DASHES[i], **draw.SECOND))
            dot = draw.dots([means[k]], [errors[name][k]], i, size=12)
            data.append({**dot, **draw.SECOND})
        fails = bool(np.isnan(x_hat["one pass"][k]).any())
        key = [
            (VERMILLION, "◆", "one pass: no root" if fails else "one pass"),
            (BLUE, "●", "two passes"),
            (GREEN, "■", "torch.nn"),
        ]
        notes = [_key(key, "left"), _heading("x2 domain", "error")]
        once, twice = (_plain(found.var[name][k, 0]) for name in ("one pass", "two passes"))
        return {"data": data, "layout": {**layout, "annotations": notes}}, (
            f"Near the square of the mean, float32 numbers are {_short(found.spacing[k])} apart. "
            f"One pass gives this channel a variance of {once}, two passes {twice}; right is "
            f"{_plain(found.true_var[k, 0])}. Mean error of one pass over all channels: "
            f"{_short(errors['one pass'][k])} of the variance."
        )

    return picture


def eps(found):
    """eps inside the root and outside, for one channel of any variance."""
    return explore(
        _inside_and_outside(found),
        title="eps inside the root or outside",
        variance=slider(1e-12, 100, factor=10**0.5, start=1, label="variance"),
        eps=slider(1e-8, 0.1, factor=10, start=1e-5, label="ε"),
        dead=toggle(label="dead channel: variance 0"),
        stills=[{}, {"variance": 1e-5}, {"variance": 1e-8}, {"dead": True}],
    )


def _inside_and_outside(found):
    variances = found.variances
    alive = variances[1:]
    edge = 1e-14  # where variance 0 is drawn, on an axis that has no 0
    ticks = {"type": "log", "tickvals": [edge, 1e-6, 1], "ticktext": ["0", "10⁻⁶", "1"]}
    ticks["tickangle"] = 0
    key = [(BLUE, "━━", "ε inside"), (VERMILLION, "╍╍", "ε outside"), (GREY, "┈┈", "no ε")]
    layout = {
        "height": 440,
        "showlegend": False,
        "xaxis": draw.axis("variance", -14.6, 2.4, MAIN, **ticks),
        "yaxis": draw.axis("factor of x − μ", -1.4, 8.6, type="log", **_powers(0, 2, 4, 6, 8)),
        "xaxis2": draw.axis("variance", -14.6, 2.4, SIDE, anchor="y2", **ticks),
        "yaxis2": draw.axis("", -0.04, 1.08, anchor="x2", tickvals=[0, 0.5, 1]),
        "annotations": [_key(key, "right"), _heading("x2 domain", "spread")],
    }
    ideal = draw.line(alive, alive**-0.5, GREY, width=2, dash="dot")

    def picture(variance, eps, dead):
        v = 0 if dead else 1 + int(np.abs(np.log(alive / variance)).argmin())
        e = int(np.abs(np.log(found.epsilons / eps)).argmin())
        place = [edge if dead else variances[v]]
        data = [ideal]
        for i, form in enumerate(FORMS):
            color, dash = FORM_LOOKS[form]
            factor, spread = found.factor[form][:, e], found.spread[form][:, e]
            size = (18, 11)[i]  # both are seen where they meet
            data += [
                draw.line(alive, factor[1:], color, dash=dash),
                draw.dots(place, [factor[v]], i, size=size),
                {**draw.line(alive, spread[1:], color, dash=dash), **draw.SECOND},
                {**draw.dots(place, [spread[v]], i, size=size), **draw.SECOND},
            ]
        factors = [_short(found.factor[form][v, e]) for form in FORMS]
        spreads = [_short(found.spread[form][v, e]) for form in FORMS]
        gradients = [_up_to(found.gradient[form][v, e]) for form in FORMS]
        rests = "The channel is dead: its variance is 0, wherever the slider is. " if dead else ""
        return {"data": data, "layout": layout}, (
            f"{rests}Inside the root: factor {factors[0]}, spread of the output {spreads[0]}, "
            f"gradient of one output {gradients[0]}. Outside: factor {factors[1]}, spread "
            f"{spreads[1]}, gradient {gradients[1]}."
        )

    return picture


def side_by_side(runs, owner):
    """The same network with two kinds of layers: both losses, and how far they are apart."""
    steps = len(runs["float32"][0].curves["loss"])
    return explore(
        _two_losses(runs, owner),
        title="training beside torch.nn",
        arm=choice(list(runs), label="layer"),
        step=slider(5, steps, step=5, label="training step", play=True),
        stills=[{"arm": arm, "step": steps} for arm in runs],
    )


def _two_losses(runs, owner):
    losses = {arm: [run.curves["loss"] for run in pair] for arm, pair in runs.items()}
    apart = {arm: np.maximum.accumulate(np.abs(a - b)) for arm, (a, b) in losses.items()}
    steps = np.arange(1, len(losses["float32"][0]) + 1)
    top = 1.05 * max(np.max(pair) for pair in losses.values())
    marks = {"dtick": len(steps) // 2, "tickangle": 0}
    layout = {
        "height": 440,
        "showlegend": False,
        "xaxis": draw.axis("training step", 0, len(steps), MAIN, **marks),
        "yaxis": draw.axis("loss", 0, top),
        "xaxis2": draw.axis("step", 0, len(steps), SIDE, anchor="y2", **marks),
        "yaxis2": draw.axis("", -16.5, 0.5, anchor="x2", type="log", **_powers(-16, -8, 0)),
    }
    colors = dict(zip(runs, (BLUE, GREEN, VERMILLION), strict=True))
    dashes = dict(zip(runs, ("solid", "dash", "dot"), strict=True))
    # A difference of exactly 0 has no place on a logarithmic axis: a gap.
    shown = {arm: np.where(values > 0, values, np.nan) for arm, values in apart.items()}

    def picture(arm, step):
        seen = steps <= step
        first, second = (np.where(seen, loss, np.nan) for loss in losses[arm])
        data = [
            draw.line(steps, second, PURPLE, width=9, opacity=0.5),
            draw.line(steps, first, colors[arm], width=2.5, dash="dash"),
        ]
        for other, values in shown.items():
            width = 4 if other == arm else 1.5
            y = np.where(seen, values, np.nan)
            label = {**draw.dots([len(steps)], y[[step - 1]], 0), "mode": "text", **draw.SECOND}
            data += [
                draw.line(steps, y, colors[other], width, dashes[other], **draw.SECOND),
                {**label, **draw.words([other], "top left", size=15)},
            ]
        mine = "with n − 1" if arm == "n − 1" else f"{owner} layer"
        short = "yours" if mine == "your layer" else mine.removesuffix(" layer")
        key = _key([(PURPLE, "━━", "torch.nn"), (colors[arm], "╍╍", short)], "right")
        notes = [key, _heading("x2 domain", "largest difference")]
        accuracies = [percent(run.settings["test_accuracy"], 1) for run in runs[arm]]
        return {"data": data, "layout": {**layout, "annotations": notes}}, (
            f"{mine[0].upper()}{mine[1:]}, {'float64' if arm == 'n − 1' else arm}: over {step} "
            f"steps its loss and that of torch.nn were never further apart than "
            f"{_short(apart[arm][step - 1])}. Test accuracy in the end: {accuracies[0]} and "
            f"{accuracies[1]}."
        )

    return picture


def _square(x, y):
    """Two axes for outputs against outputs."""
    edge = LIMIT + 0.3
    return {
        "xaxis": draw.axis(x, -edge, edge, MAIN, dtick=2, tickangle=0),
        "yaxis": draw.axis(y, -edge, edge, dtick=2),
    }


def _diagonal():
    return draw.line([-LIMIT, LIMIT], [-LIMIT, LIMIT], GREY, width=2, dash="dot")


def _heading(xref, text):
    """Words above a panel, in the place of a long title beside its axis."""
    return {"xref": xref, "yref": "paper", "x": 0.5, "y": 1, "yanchor": "bottom", "text": text}


def _key(entries, side):
    """Colour, sign and words of each kind of line or point, in a corner that stays empty."""
    rows = [
        f'<span style="color:{color}"><b>{sign}</b></span> {words}'
        for color, sign, words in entries
    ]
    corner = {"xref": "x domain", "yref": "paper", "y": 1, "yanchor": "top", "align": "left"}
    x = 0.02 if side == "left" else 0.98
    return {**corner, "x": x, "xanchor": side, "text": "<br>".join(rows)}


def _powers(*exponents):
    """Ticks of a logarithmic axis, as words of one size."""
    return {
        "tickvals": [10.0**exponent for exponent in exponents],
        "ticktext": ["1" if exponent == 0 else f"10{_raised(exponent)}" for exponent in exponents],
    }


def _raised(exponent):
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _plain(value):
    """A variance: three decimals while it has any size that one would expect."""
    return number(value, 3 if abs(value) < 10 else 0)


def _digits(share):
    return 0 if share > 0.1 else 1


def _up_to(value):
    return "NaN" if np.isnan(value) else f"up to {_short(value)}"


def _short(value):
    """A number of any size in two or three digits: 0.25, 316, 2·10⁻⁷."""
    if np.isnan(value):
        return "NaN"
    if value == 0:
        return "0"
    power = int(np.floor(np.log10(value)))
    if not -3 <= power <= 3:
        leading, power = f"{value:.1e}".split("e")
        return f"{leading}·10{_raised(int(power))}"
    text = number(value, max(0, 2 - power))
    return text.rstrip("0").rstrip(".") if "." in text else text
