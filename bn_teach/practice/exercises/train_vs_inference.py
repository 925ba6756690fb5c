"""The exercises of notebook 05: one step of the running statistics, and folding a norm away."""

import torch

from ... import batchnorm, inference
from .. import folds, formulas
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
    corrected = mean * n / (n - 1)
    around = {
        "mean-corrected/around": corrected,
        "around-running-mean": running_mean,
        "around-running-mean/new": (1 - momentum) * running_mean + momentum * mean,
    }
    for mistake in made & around.keys():
        var = ((x - around[mistake]) ** 2).mean(0)
    if "factor-reversed" in made:
        var = var * (n - 1) / n
    elif "corrected-twice" in made:
        var = var * (n / (n - 1)) ** 2
    elif "brackets-missing" in made:
        var = var - 1
    elif "channels-counted" in made:
        var = var * n / (x.shape[1] - 1)
    elif not made & {"biased-buffer", "factor-on-all"}:
        var = var * n / (n - 1)
    if made & {"mean-corrected", "mean-corrected/around"}:
        mean = corrected
    if "square-missing" in made:
        var = 0 * var
    if "eps-in-buffer" in made:
        var = var + 1e-5
    if "standard-deviation" in made:
        var = torch.sqrt(var)
    if "momentum-fixed" in made:
        momentum = 0.1
    if "start-typed-in" in made:
        running_mean, running_var = 0, 1
    (old, new), (old_var, new_var) = (_weights(made, w, momentum) for w in ("mean", "variance"))
    moved = old_var * running_var + new_var * var
    if "factor-on-all" in made:
        moved = moved * n / (n - 1)
    if "eps-in-buffer/new" in made:
        moved = moved + 1e-5
    pair = old * running_mean + new * mean, moved
    return pair[::-1] if "swapped" in made else pair


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
    if has("old-left-out/batch"):
        old, new = 0, 1
    return old, new


def _batches():
    """Two to be followed by hand, the first square: there a wrong axis goes unnoticed.

    The last one has numbers so small that an ε of 0.00001 counts.
    """
    by_hand = [
        ([1, 5], [1, 4], [[1, 4], [3, 10]], 0.25),
        ([1, 8], [3, 2], [[1, 2], [2, 6], [6, 4]], 0.5),
    ]
    others = [(1, 7, 3, 0.3, 1), (2, 4, 5, 0.6, 0.003)]
    return [
        (*(torch.tensor(values, dtype=torch.float64) for values in tensors), momentum)
        for *tensors, momentum in by_hand
    ] + [
        (
            unit * drawn(seed, c),
            (unit * drawn(seed + 10, c)) ** 2,
            unit * drawn(seed + 20, n, c, centre=2),
            momentum,
        )
        for seed, n, c, momentum, unit in others
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
            "old-left-out/batch/mean",
            "old-left-out/batch/variance",
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
            "factor-on-all",
            "mean-corrected",
            "mean-corrected/around",
            "channels-counted",
            "brackets-missing",
            "square-missing",
            "eps-in-buffer",
            "eps-in-buffer/new",
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
            "factor-on-all": (
                "the old variance is corrected as well",
                "It was corrected when it came in. Which of the two terms is new?",
            ),
            "mean-corrected": (
                "the mean is divided by n − 1 as well",
                "Let all values of a channel be 5. What is your mean?",
            ),
            "channels-counted": (
                "the channels are counted, not the samples",
                "x is (N, C). How many values does the variance of one channel run over?",
            ),
            "brackets-missing": (
                "1 is subtracted from the variance, not from n",
                "Python divides before it subtracts. What belongs together?",
            ),
            "square-missing": (
                "the batch's variance comes out as 0",
                "In a sum of differences from the mean, plus and minus cancel. What keeps them "
                "from it?",
            ),
            "eps-in-buffer": (
                "ε is added to the running variance",
                "ε belongs under the root, when x is normalised. What would many steps with ε do "
                "to a channel that is constant?",
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


folding = Exercise(
    "fold",
    folds.FormulaOfLayers(
        right=lambda linear, norm: folds.as_pair(inference.fold(linear, norm)),
        trials=folds.layers,
        made=folds.folded,
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
            "bias-negated",
            "mean-off-the-weight",
            "matrix-product",
            "matrix-product/reversed",
            "divides-by-variance",
            "times-the-deviation",
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
            "bias-negated": (
                "the bias has the wrong sign",
                "Let E be 0: what do the two layers make of x = 0?",
            ),
            "mean-off-the-weight": (
                "E is subtracted from W, not from W x",
                "Put x = 0 into both: E still counts. Is it part of the weight, or of the bias?",
            ),
            "matrix-product": (
                "the scale and W are multiplied as matrices",
                "Which shape has your weight? Each row of W should only become longer or shorter.",
            ),
            "affine-missing": (
                "γ or β is left out",
                "Let E = 0 and Var + ε = 1. Is your weight still right, and your bias?",
            ),
            "divides-by-variance": (
                "the scale divides by the variance, not by the standard deviation",
                "If W x is in metres, in which unit is its variance? The norm's output is in none.",
            ),
            "times-the-deviation": (
                "the scale multiplies by the standard deviation",
                "Should the norm make a channel of large spread wider, or narrower?",
            ),
            "eps-fixed": (
                "ε is a number in your code, not `norm.eps`",
                "Set `norm.eps = 1` and call it again: the result should change.",
            ),
            "input-changed": (
                "the result is right, but one of the layers is not as it was",
                "Which of your lines writes into it, or changes its mode?",
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
