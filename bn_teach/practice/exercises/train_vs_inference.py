"""The exercises of notebook 05: one step of the running statistics, and folding a norm away."""

import torch

from ... import batchnorm, inference
from .. import formulas
from ..exercise import Exercise
from ..formula import Formula, drawn

NOTEBOOK = "05-train-vs-inference"


def update_running(running_mean, running_var, x, momentum):
    """One step of the running statistics for a batch x (N, C): two new tensors (C,).

    Raises ZeroDivisionError if x is a single sample.
    """
    mean, var = batchnorm.batch_moments(x)  # var is biased, as the forward pass needs it
    return batchnorm.update_running(running_mean, running_var, mean, var, len(x), momentum)


def _updated(made, running_mean, running_var, x, momentum):
    mean, var = _of_batch(made, x)
    n = x.numel() / mean.numel()
    around = {
        "around-running-mean": running_mean,
        "around-running-mean/new": (1 - momentum) * running_mean + momentum * mean,
    }
    for mistake in made & around.keys():
        var = ((x - around[mistake]) ** 2).mean(0)
    if "factor-reversed" in made:
        var = var * (n - 1) / n
    elif "corrected-twice" in made:
        var = var * (n / (n - 1)) ** 2
    elif "biased-buffer" not in made:
        var = var * n / (n - 1)
    if "standard-deviation" in made:
        var = torch.sqrt(var)
    if "momentum-fixed" in made:
        momentum = 0.1
    if "start-typed-in" in made:
        running_mean, running_var = 0, 1
    (old, new), (old_var, new_var) = (_weights(made, w, momentum) for w in ("mean", "variance"))
    moved = old * running_mean + new * mean, old_var * running_var + new_var * var
    return moved[::-1] if "swapped" in made else moved


def _of_batch(made, x):
    """Mean and biased variance of each channel (C,), or over whatever else was taken for it."""
    if "wrong-axis/kept" in made:
        return formulas.moments({"wrong-axis"}, x, ())
    axes = (0, 1) if "whole-batch" in made else (1,) if "wrong-axis" in made else (0,)
    return x.mean(axes), x.var(axes, correction=0)


def _weights(made, which, momentum):
    """By what the old and the new "mean" or "variance" are multiplied."""

    def has(mistake):
        return mistake in made or f"{mistake}/{which}" in made

    old, new = 1 - momentum, momentum
    if has("momentum-reversed"):
        old, new = new, old
    if has("moves-away"):
        old, new = 1 + momentum, -momentum
    if has("old-keeps-weight"):
        old = 1
    if has("old-left-out"):
        old = 0
    if "old-left-out/batch" in made:
        old, new = 0, 1
    return old, new


def _batches():
    """The first one to be followed by hand, and square: there a wrong axis goes unnoticed."""
    first = [[1.0, 5.0], [1.0, 4.0], [[1.0, 4.0], [3.0, 10.0]]]
    others = [(1, 7, 3, 0.3), (2, 4, 5, 0.6)]
    return [(*(torch.tensor(values, dtype=torch.float64) for values in first), 0.25)] + [
        (drawn(seed, c), drawn(seed + 10, c) ** 2, drawn(seed + 20, n, c, centre=2), momentum)
        for seed, n, c, momentum in others
    ]


def _large_batch():
    return drawn(4, 8).float(), torch.ones(8), drawn(5, 200, 8, centre=1e4).float(), 0.5


running = Exercise(
    "update_running",
    Formula(
        right=update_running,
        trials=_batches,
        made=_updated,
        mistakes=(
            "swapped",
            "wrong-axis",
            "wrong-axis/kept",
            "whole-batch",
            "momentum-reversed",
            "momentum-reversed/mean",
            "momentum-reversed/variance",
            "moves-away",
            "old-left-out",
            "old-left-out/mean",
            "old-left-out/variance",
            "old-left-out/batch",
            "old-keeps-weight",
            "old-keeps-weight/mean",
            "old-keeps-weight/variance",
            "start-typed-in",
            "momentum-fixed",
            "standard-deviation",
            "around-running-mean",
            "around-running-mean/new",
            "biased-buffer",
            "factor-reversed",
            "corrected-twice",
        ),
        own={
            "moves-away": (
                "the running statistics move away from those of the batch",
                "Take a running mean of 0, and a batch with mean 10. Should it become positive or "
                "negative?",
            ),
            "old-left-out": (
                "the old value is left out, or part of it",
                "What is left of the batches before this one? The rule is a sum of two terms, for "
                "the mean and for the variance.",
            ),
            "old-keeps-weight": (
                "the old value keeps all of its weight",
                "Let every batch have mean 1. Where does your running mean go after 100 of them? "
                "The two weights of an average make up 1.",
            ),
            "start-typed-in": (
                "the old value is always the start, 0 and 1",
                "Right for the first batch. Where does the second find what the first has left?",
            ),
            "standard-deviation": (
                "the running variance collects standard deviations",
                "Is there a root, or a `std`? Which of the two does the formula average?",
            ),
            "around-running-mean": (
                "the batch's variance is taken around a running mean",
                "How far the batch spreads has nothing to do with earlier batches. Which mean do "
                "its own values lie around?",
            ),
            "factor-reversed": (
                "the factor that corrects the running variance is upside down",
                "A batch's own variance is too small on average. Does your factor make it larger?",
            ),
            "corrected-twice": (
                "the running variance is corrected twice",
                "torch's `var` divides by n − 1 already, unless it is told not to.",
            ),
        },
        arguments=("running_mean", "running_var", "x", "momentum"),
        todo="let `update_running` return both, in place of the dots.",
        praise="the numbers are those of PyTorch's buffers.",
        kept=(2,),  # to move the running statistics in place is what PyTorch does
        large=_large_batch,
    ),
    update_running,
    hints=(
        "First the batch's own two statistics, each (C,): over which axis of x? Then two averages "
        "of old and new.",
        "In PyTorch's convention momentum is the weight of the new value. What is left for the "
        "old one?",
        "For the variance, the sum of `(x - mean) ** 2` is divided by `len(x) - 1`, which is what "
        "torch's `var` does by default.",
        "`new_mean = (1 - momentum) * running_mean + momentum * x.mean(0)`. The variance goes the "
        "same way. Return them in that order.",
    ),
    shown=(update_running, batchnorm.update_running),
)


class _FormulaOfLayers(Formula):
    """A formula for a weight and a bias, which may as well be returned as one linear layer."""

    def __call__(self, student):
        def pair(*arguments):
            return _as_pair(student(*arguments))

        pair.forward = getattr(student, "forward", student)  # where the student's lines are found
        return super().__call__(pair)


def _as_pair(found):
    return (found.weight, found.bias) if isinstance(found, torch.nn.Linear) else found


def _folded(made, linear, norm):
    gamma, beta, mean = norm.weight, norm.bias, norm.running_mean
    if "gamma-beta-swapped" in made:
        gamma, beta = beta, gamma
    if made & {"affine-missing", "affine-missing/gamma"}:
        gamma = torch.ones_like(gamma)
    if made & {"affine-missing", "affine-missing/beta"}:
        beta = torch.zeros_like(beta)
    inverse_std = formulas.normalize(made, 1, 0, norm.running_var, norm.eps)
    scale = gamma * inverse_std
    parts = {"": torch.ones_like(scale), "/gamma-missing": inverse_std, "/std-missing": gamma}

    def scale_in(mistake):
        """What is left of the scale where it is needed."""
        return next((part for end, part in parts.items() if mistake + end in made), scale)

    centre = scale_in("mean-not-scaled") * mean
    if "mean-added" in made:
        centre = -centre
    if "mean-left-out" in made:
        centre = 0 * centre
    bias = (scale * beta if "beta-scaled" in made else beta) - centre
    across = scale_in("weight-not-scaled")
    weight = (across if "inputs-scaled" in made else across[:, None]) * linear.weight
    return (bias, weight) if "swapped" in made else (weight, bias)


def _layers():
    """Pairs of layers; the first to be followed by hand, the second square."""
    return [_by_hand()] + [_drawn_layers(*sizes) for sizes in ((1, 4, 4), (2, 3, 5))]


def _by_hand():
    layers = _filled(1, 1, eps=1.0, weight=4, gamma=6, beta=1, mean=5, var=8)
    linear, norm = layers
    linear.extra_repr = lambda: "weight=[[4]]"  # for the message: the numbers, not the sizes
    norm.extra_repr = lambda: "weight=[6], bias=[1], running_mean=[5], running_var=[8], eps=1"
    return layers


def _drawn_layers(seed, outputs, inputs):
    """Layers with variances so small that eps counts, even 0.00001."""
    eps, small = 1e-4, 0.02
    gamma, var, beta, mean = (drawn(seed + 10 * i, outputs) for i in range(4))
    return _filled(
        outputs,
        inputs,
        eps=eps,
        weight=drawn(seed, outputs, inputs, spread=small),
        gamma=0.5 + gamma.abs(),
        beta=beta,
        mean=small * mean,
        var=eps * (0.5 + var.abs()),
    )


@torch.no_grad()
def _filled(outputs, inputs, *, eps, weight, gamma, beta, mean, var):
    """A linear map and the norm after it, in evaluation mode, with these numbers."""
    linear = torch.nn.Linear(inputs, outputs, bias=False, dtype=torch.float64)
    norm = batchnorm.BatchNorm1d(outputs, eps=eps, dtype=torch.float64).eval()
    places = (linear.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    for place, values in zip(places, (weight, gamma, beta, mean, var), strict=True):
        place.copy_(torch.as_tensor(values))
    # So that numpy can have them, and a change in place is noticed, not refused.
    return linear.eval().requires_grad_(False), norm.requires_grad_(False)


folding = Exercise(
    "fold",
    _FormulaOfLayers(
        right=lambda linear, norm: _as_pair(inference.fold(linear, norm)),
        trials=_layers,
        made=_folded,
        mistakes=(
            "swapped",
            "inputs-scaled",
            "gamma-beta-swapped",
            "affine-missing",
            "affine-missing/gamma",
            "affine-missing/beta",
            "weight-not-scaled",
            "weight-not-scaled/gamma-missing",
            "weight-not-scaled/std-missing",
            "mean-left-out",
            "mean-added",
            "mean-not-scaled",
            "mean-not-scaled/gamma-missing",
            "mean-not-scaled/std-missing",
            "beta-scaled",
            "divides-by-variance",
            "eps-outside-root",
            "eps-missing",
            "eps-fixed",
        ),
        own={
            "inputs-scaled": (
                "the scale runs along the inputs of W, not along its outputs",
                "The norm has one scale for each output of the linear map. Is that a row of its "
                "weight, or a column?",
            ),
            "weight-not-scaled": (
                "the weight is not multiplied by all of the scale",
                "The scale has a numerator and a denominator. Which of them reach W?",
            ),
            "mean-left-out": (
                "the running mean is left out",
                "Put x = 0 into both: W x is 0, but what does the norm make of a 0?",
            ),
            "mean-added": (
                "the running mean is added, not subtracted",
                "Put x = 0 into both: what does the norm subtract from W x = 0?",
            ),
            "mean-not-scaled": (
                "the running mean is not multiplied by all of the scale",
                "Put x = 0 into both: the norm gets a 0, and subtracts E. What else does it do to "
                "this −E before β is added?",
            ),
            "beta-scaled": (
                "β is scaled as well",
                "Look at the formula: does the norm add β before it scales, or after?",
            ),
        },
        arguments=("linear", "norm"),
        todo="let `fold` return the weight and the bias, in place of the dots.",
        praise="one linear map does the work of both.",
    ),
    inference.fold,
    hints=(
        "The formula above has it: the scale first, one number for each output. It is needed "
        "twice, for the weight and for the bias.",
        "The scale is γ / √(Var + ε): `torch.sqrt` of the running variance and eps. For the bias, "
        "ask what comes out of both layers for x = 0.",
        "Each row of the weight gets its own scale: `scale[:, None] * linear.weight`.",
        "The bias is `norm.bias - scale * norm.running_mean`. Return the weight first.",
    ),
)
EXERCISES = [running, folding]
