"""The predictions of notebook 03."""

import numpy as np
import torch

from ... import look
from ...experiments.sigmoid_saturation import (
    DEPTHS,
    GAINS,
    NORMAL,
    SATURATED,
    SPREADS,
    best_rate,
    geometric_mean,
)
from ..prediction import number, predict


def steepest():
    """How large the derivative of a sigmoid can be."""
    z = torch.linspace(-8, 8, 1601)
    slopes = _slopes(z)
    place = int(slopes.argmax())
    choices = {1.0: "1", 0.5: "½", 0.25: "¼"}
    return predict(
        "steepest-slope",
        "The gradient gets back through a sigmoid multiplied by the derivative. How large can this "
        "derivative be at best?",
        {
            "1": "The output rises by 1 in all. That is a height, and it takes a long way to get "
            "there: it is not the slope.",
            "½": "This is the output at z = 0, where the curve is steepest. Its slope there is "
            "smaller.",
            "¼": "At z = 0 the curve is steepest. Even there the gradient is divided by four.",
        },
        truth=choices[min(choices, key=lambda slope: abs(slope - slopes.max()))],
        found=f"Computed by autograd: {look.number(float(slopes.max()), 3)}, at "
        f"z = {look.number(float(z[place]))}.",
    )


def flatter_inputs(shifted=(4, 1), wide=(0, 4)):
    """Two units, each with the mean and the spread of its inputs."""
    slope, flat = {}, {}
    for unit in (shifted, wide):
        mean, spread = unit
        z = torch.tensor(mean + spread * NORMAL)
        slope[unit] = float(_slopes(z).mean())
        flat[unit] = float((z.abs() > SATURATED).double().mean())
    choices = {unit: "mean {}, spread {}".format(*unit) for unit in (shifted, wide)}
    both = "both the same"
    alike = max(slope.values()) < 1.2 * min(slope.values())
    said = "; ".join(
        f"{look.number(slope[unit], 3)} with {choices[unit]} ({look.percent(flat[unit])} saturated)"
        for unit in choices
    )
    return predict(
        "flatter-inputs",
        "Which inputs leave the smaller derivative, on average over the samples: those with "
        f"{choices[shifted]} or those with {choices[wide]}?",
        {
            choices[shifted]: "The spread is too small to bring many samples back from the flat "
            "part to the slope around 0.",
            choices[wide]: "Its ends lie further out, and they are flat. But many samples are "
            "still around 0, where the slope is, and they lift the average.",
            both: "A mean moves every sample by as much. A spread is a typical distance: many "
            "samples lie nearer to 0 than that.",
        },
        truth=both if alike else choices[min(slope, key=slope.get)],
        found=f"Computed, mean derivative: {said}.",
    )


def _slopes(z):
    """The derivative of the sigmoid at each z, by autograd."""
    z = z.clone().requires_grad_()
    torch.sigmoid(z).sum().backward()
    return z.grad


def vanishing(probes):
    """``probes``: experiments.sigmoid_saturation.probe()."""
    found = probes["sigmoid", "off"]
    depth, gain = DEPTHS.index(8), GAINS.index(1)
    norms, flat = found.gradient[depth, gain], float(found.saturated[depth, gain].mean())
    times = float(geometric_mean(norms[:, -1] / norms[:, 0]))  # over the seeds
    choices = {
        (0.5, 1e4): "half; over 10 000 times",
        (0.5, 10): "half; 10 times",
        (0, 10): "nearly none; 10 times",
        (0, 1e4): "nearly none; over 10 000 times",
    }
    cause, harmless, passes, right = choices.values()
    nearest = (
        min((0, 0.5), key=lambda share: abs(share - flat)),
        min((10, 1e4), key=lambda factor: abs(np.log(factor / times))),
    )
    return predict(
        "vanishing-or-saturated",
        "Sigmoids, eight layers, gain 1. What share is saturated? And how many times smaller is "
        "the weights' gradient in layer 1 than in layer 8?",
        {
            cause: "This takes saturation for the one cause of vanishing gradients. At gain 1 the "
            "inputs lie close to 0. There the derivative is nearly at its best, and that is ¼.",
            harmless: "At gain 1 the inputs lie close to 0, far from the flat part. And each layer "
            "on the way back counts: the factors multiply.",
            passes: "Where nothing is saturated, a gradient still does not pass whole: at best "
            "each sigmoid multiplies it by ¼, layer after layer.",
            right: "The inputs lie close to 0, where the derivative is nearly at its best. But "
            "that is ¼, and on the way back the layers multiply.",
        },
        truth=choices[nearest],
        found=f"Measured: {look.percent(flat)} saturated; the gradient of layer 1 is about "
        f"{float(f'{times:.2g}'):,.0f} times smaller.".replace(",", "\u202f"),
    )


# Each choice of ``who_learns``, and the networks that it names.
LEARNERS = {
    "the two with next to none saturated": {"sigmoid, gain 1", "tanh, gain 1"},
    "only tanh with gain 1": {"tanh, gain 1"},
    "tanh with gain 1 and tanh with gain 2": {"tanh, gain 1", "tanh, gain 2"},
    "all three tanh networks": {"tanh, gain 1", "tanh, gain 2", "tanh, gain 8"},
}


def who_learns(runs):
    """``runs``: experiments.sigmoid_saturation.four_networks()."""
    first = {name: run.snapshots["saturated"][0].mean() for name, run in runs.items()}
    score = {name: run.snapshots["accuracy"][-1].mean() for name, run in runs.items()}
    learnt = {name for name in runs if score[name] >= 0.9}
    seeds = len(runs["tanh, gain 1"].snapshots["accuracy"][-1])
    none, careful, right, activation = LEARNERS
    return predict(
        "who-learns-saturated",
        f"Saturated before training: {_listed(first)}. Which of the four will read nine digits "
        "out of ten after 200 steps?",
        {
            none: "This takes the saturated share for the one test of health. But gradients can "
            "vanish where nothing is saturated.",
            careful: "This sees that the sigmoids' gradient vanishes, but takes every saturated "
            "activation for harm. A network with a part of them flat can still learn.",
            right: "The sigmoid network has nothing saturated, and yet its gradient vanishes. A "
            "tanh network with a part of its activations flat can still learn.",
            activation: "tanh is steeper than a sigmoid, but that is not the whole answer: the "
            "size of the first weights counts as well.",
        },
        truth=min(LEARNERS, key=lambda choice: len(LEARNERS[choice] ^ learnt)),
        found=f"Measured, accuracy as the mean of {seeds} seeds: {_listed(score)}.",
    )


def _listed(shares):
    """Shares by name, in words: 27 % (tanh, gain 2), and so on."""
    said = {name: look.percent(share) for name, share in shares.items()}
    little = {name: f"under {look.percent(0.01)}" for name in shares if shares[name] < 0.01}
    return ", ".join(f"{share} ({name})" for name, share in (said | little).items())


def straight_stack(found):
    """``found``: experiments.sigmoid_saturation.straightness()."""
    one, wide = (100 * found.r2[SPREADS.index(spread)].mean(axis=0) for spread in (1, 4))
    return predict(
        "straight-stack",
        "One linear map, fitted to the images, tries to do the work of a whole stack. At spread 1 "
        f"and {len(one)} layers, what share of the outputs' variance does it get right (R²)?",
        number(
            within=10,
            unit="%",
            low="A stack of curves sounds far from a line. But inputs of spread 1 lie mostly in "
            "the middle of the curve, which is nearly straight, and straight after straight is "
            "straight.",
            high="One layer is so nearly straight. But each of the next ones bends a little, too, "
            "and that adds up.",
            right="Inputs of spread 1 lie mostly in the middle of the curve, which is nearly "
            "straight. What little each layer bends adds up.",
        ),
        truth=one[-1],
        found=f"Measured, means of {found.r2.shape[1]} seeds: {_per_cent(one[0])} for one layer, "
        f"{_per_cent(one[-1])} for {len(one)}. At spread 4: {_per_cent(wide[0])} and "
        f"{_per_cent(wide[-1])}.",
    )


def points_of_fixed_gamma(run):
    """``run``: stored.load("fixed-scale")."""
    arms = ("linear", "1/1", "1/learnt")
    found = {arm: best_rate(run, f"jittered digits/{arm}") for arm in arms}
    score = {arm: 100 * accuracy.mean() for arm, (accuracy, _) in found.items()}
    r2 = found["1/1"][1].mean()
    return predict(
        "points-of-fixed-gamma",
        "The jittered digits, one hidden layer, γ = 1 and β = 0 for good. By how many points of "
        "accuracy does this network beat the linear classifier?",
        number(
            within=3,
            unit="points",
            low="A nearly linear network does nearly what a linear one does: no more, but no less "
            "either.",
            high="A network with sigmoids is not linear, but with γ = 1 for good it is so nearly "
            "linear that it has little more to offer.",
            right="With γ = 1 for good the sigmoids get inputs from their straight middle, and the "
            "network does nearly what a linear classifier does.",
        ),
        truth=score["1/1"] - score["linear"],
        found=f"Measured: {_per_cent(score['1/1'], 1)} against {_per_cent(score['linear'], 1)}. "
        f"With γ and β learnt: {_per_cent(score['1/learnt'], 1)}. With γ = 1 a linear map gets "
        f"{look.percent(r2, 1)} of the variance of the network's outputs right.",
    )


def _per_cent(value, digits=0):
    return look.percent(value / 100, digits)
