"""The exercises of notebook 02: standardise, and the moments of a batch of images."""

from dataclasses import dataclass
from itertools import combinations

import torch

from ... import batchnorm, whitening
from .. import formulas
from ..exercise import Exercise
from ..formula import Formula, drawn

NOTEBOOK = "02-whitening"

# Mistakes that both exercises know; the axes in question are each one's own.
OWN = {
    "whole-batch": (
        "one mean, or one variance, for all numbers of the batch",
        "Is every number in x of the same kind? How many means are asked for?",
    ),
    "sum-not-mean": (
        "a sum stands where a mean should",
        "Give your function every sample twice: no mean and no variance may change. Do yours?",
    ),
    "wrong-count": (
        "a sum is divided by the wrong number",
        "Count how many numbers went into the sum. What do you divide it by?",
    ),
    "n-minus-1": (
        "the variance is divided by n − 1",
        "Divide by all values that went into the sum. (torch's `var` and `std` take one less.)",
    ),
}


@dataclass(frozen=True)
class _WithStd(Formula):
    """A Formula that tries a third mistake beside the two that come with torch's plain ``std``."""

    std: tuple[str, str] = ("", "")

    def _first_known(self, trials, outcomes, *close):
        threes = ((slip, *self.std) for slip in self.mistakes)
        return super()._first_known(trials, outcomes, *close) or next(
            (three for three in threes if self._gives(set(three), trials, outcomes, *close)), None
        )


def _by_sums(x, axes, count_of_mean, count_of_var):
    """The moments as sums, each divided by a number of its own, as from ``formulas.moments``."""
    mean = x.sum(axes, keepdim=True) / count_of_mean
    return mean, ((x - mean) ** 2).sum(axes, keepdim=True) / count_of_var


# --- Exercise 1: standardize, for x (N, C) ---

# Over which axes mean and variance run, where both should run over (0,). A variance by hand is
# around that very mean; torch's is around its own.
AXES_OF_FEATURES = {
    f"{slug}{variant}": axes
    for slug, wrong in (("wrong-axis", (1,)), ("whole-batch", (0, 1)))
    for variant, axes in {
        "": (wrong, wrong),
        "/mean": (wrong, (0,)),
        "/mean-by-hand": (wrong, (0,)),
        "/var": ((0,), wrong),
        "/var-by-hand": ((0,), wrong),
    }.items()
}
EPS_IN_VARIANCE = {f"eps-in-variance/{eps}": eps for eps in (1e-5, 1e-2, 1e-3, 1e-6, 1e-8)}


def _moments_of_features(made, x):
    n, c = x.shape
    if "wrong-axis/bare" in made:  # without keepdim: (N,), which then meets the features
        return [value[:, 0] for value in formulas.moments(made, x, (1,))]
    if "wrong-axis/bare-by-hand" in made:
        mean = x.mean(1)
        return mean, ((x - mean) ** 2).mean(1)
    counts = {
        "sum-not-mean": (n, 1),
        "sum-not-mean/both": (1, 1),
        "sum-not-mean/mean": (1, n),
        "wrong-count": (c, c),
        "wrong-count/var": (n, c),
        "wrong-count/all": (n * c, n * c),
    }
    for slip, (of_mean, of_var) in counts.items():
        if slip in made:
            return _by_sums(x, (0,), of_mean, of_var)
    for slip, (of_mean, of_var) in AXES_OF_FEATURES.items():
        if slip in made:
            mean, _ = formulas.moments(made, x, of_mean)
            _, var = formulas.moments(made, x, of_var)
            if slip.endswith("by-hand"):
                var = ((x - mean) ** 2).mean(of_var, keepdim=True)
            return mean, var
    mean, var = formulas.moments(made, x, (0,))
    if "mean-of-squares" in made:
        return mean, (x**2).mean(0)
    if "whole-batch/around" in made:
        return mean, ((x - x.mean()) ** 2).mean(0)
    return mean, var


def _standardize(made, x, eps):
    mean, var = _moments_of_features(made, x)
    if "min-max" in made:
        return (x - x.amin(0)) / (x.amax(0) - x.amin(0))
    if "eps-after-division" in made:
        return formulas.normalize(made | {"eps-missing"}, x, mean, var, eps) + eps
    if "sign-turned" in made:
        x, mean = -x, -mean
    return formulas.normalize(made, x, mean, var, eps)


def _batches_of_features():
    """Spreads so small that eps counts; one batch is square, where a wrong axis goes unnoticed.

    One feature is constant, which tells no eps from a tiny one; one eps is so large that no
    function of it looks like a tiny number. The last batch has correlated features of a large
    spread: see ``_Standardize``.
    """
    sizes = ((3, 2), (4, 4), (7, 3), (6, 5))
    few = [drawn(seed, *size, spread=0.02, centre=2) for seed, size in enumerate(sizes)]
    few[2][:, 0] = 2
    return [*zip(few, (1e-4, 2e-4, 5e-5, 0.3), strict=True), (_correlated(), 1e-9)]


def _correlated():
    return drawn(4, 20, 3, centre=1).cumsum(1)


class _Standardize(_WithStd):
    """It also knows whitening, of which there are as many as there are rotations."""

    def _unknown(self, trials, outcomes, truths):
        found, expected = getattr(outcomes[-1], "value", None), truths[-1]
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            rows = found.detach().double().T
            if rows.isfinite().all() and (rows.std(1) > 0.01).all():
                between = torch.corrcoef(rows) - torch.eye(len(rows))
                if between.abs().max() < 1e-3:
                    return self._named("whitens")
        return super()._unknown(trials, outcomes, truths)


standardize = Exercise(
    "standardize",
    _Standardize(
        std=("eps-missing", "n-minus-1"),
        right=whitening.standardize,
        trials=_batches_of_features,
        made=_standardize,
        mistakes=(
            *AXES_OF_FEATURES,
            "whole-batch/around",
            "wrong-axis/bare",
            "wrong-axis/bare-by-hand",
            "mean-of-squares",
            "sum-not-mean",
            "sum-not-mean/both",
            "sum-not-mean/mean",
            "wrong-count",
            "wrong-count/var",
            "wrong-count/all",
            "mean-not-subtracted",
            "spread-kept",
            "brackets-missing",
            "min-max",
            "sign-turned",
            "divides-by-variance",
            "eps-outside-root",
            "eps-after-division",
            "eps-missing",
            *formulas.FIXED_EPS,
            "n-minus-1",
        ),
        own=OWN
        | {
            "mean-not-subtracted": (
                "the mean is not subtracted",
                "The spread is as it should be. Around which number do your outputs lie?",
            ),
            "min-max": (
                "this stretches each feature from 0 to 1, by its smallest and its largest value",
                "That is another way to scale. Which two numbers of a feature are in the formula?",
            ),
            "sign-turned": (
                "every sign is turned round",
                "Where should a value come out that is larger than the mean?",
            ),
            "eps-after-division": (
                "ε is added to the quotient",
                "Python divides before it adds. What stands under the root in the formula?",
            ),
            "eps-missing": (
                "ε is missing",
                "What does it return for a feature that is constant? Look at the formula again.",
            ),
            "whitens": (
                "the features that you return have no correlation: this is whitening",
                "Standardising looks at one feature at a time. Where does yours mix two of them?",
            ),
        },
        arguments=("x", "eps"),
        todo="let `standardize` return x_hat, in place of the dots.",
        praise="each feature has mean 0 and variance 1, but for ε.",
        differentiable=True,
        large=lambda: (drawn(5, 200, 8, centre=1e4).float(), 1e-4),
    ),
    whitening.standardize,
    hints=(
        "Two numbers for each feature come first: its mean and its variance, over the samples.",
        "`x.sum(0) / len(x)` runs over the samples. It has shape (C,), and meets the features of "
        "x by itself. The variance is a mean too: of what?",
        "The variance is the mean of `(x - mean) ** 2` over the samples. Then subtract the mean, "
        "and divide by the root of variance and ε together.",
    ),
    shown=(whitening.standardize, batchnorm.batch_moments, batchnorm.normalize),
)


# --- Exercise 2: batch_moments, for x (N, C, H, W) ---

# Over which axes both run, where they should run over (0, 2, 3): every other choice is a mistake.
AXES_OF_CHANNELS = {"only-n": (0,), "only-places": (2, 3), "whole-batch": (0, 1, 2, 3)}
AXES_OF_CHANNELS |= {
    f"wrong-axis/{axes}": axes
    for count in (1, 2, 3)
    for axes in combinations(range(4), count)
    if axes not in ((0,), (2, 3), (0, 2, 3))
}


def _batch_moments(made, x):
    if "only-n/flat" in made:  # every place is taken for a feature
        return [value.flatten() for value in formulas.moments(made, x.flatten(1), (0,))]
    if "reshape-mixes" in made:
        x = x.reshape(1, x.shape[1], 1, -1)
    if "reshape-mixes/last" in made:
        x = x.reshape(-1, x.shape[1], 1, 1)
    axes = next((AXES_OF_CHANNELS[slip] for slip in AXES_OF_CHANNELS if slip in made), (0, 2, 3))
    mean, var = (value.squeeze(axes) for value in formulas.moments(made, x, axes))
    n, c, h, w = x.shape
    m = n * h * w
    counts = {
        "sum-not-mean": (m, 1),
        "sum-not-mean/both": (1, 1),
        "sum-not-mean/mean": (1, m),
        "wrong-count": (n, n),
        "wrong-count/var": (m, n),
        "wrong-count/places": (h * w, h * w),
        "wrong-count/all": (m * c, m * c),
    }
    for slip, (of_mean, of_var) in counts.items():
        if slip in made:
            mean, var = (value.squeeze(axes) for value in _by_sums(x, axes, of_mean, of_var))
    free = 1 if "n-minus-1" in made else 0
    others = {
        "only-n/var": lambda: _var(x, (0,), free),
        "only-places/var": lambda: _var(x, (2, 3), free),
        "whole-batch/var": lambda: _var(x, (0, 1, 2, 3), free),
        "whole-batch/around": lambda: ((x - x.mean()) ** 2).mean(axes),
        "mean-of-squares": lambda: (x**2).mean(axes),
        "var-in-steps/places": lambda: _var(x, (0,), free).mean((1, 2)),
        "var-in-steps/images": lambda: _var(x, (2, 3), free).mean(0),
        "var-in-steps/of-means": lambda: _var(x.mean((2, 3)), (0,), free),
        "var-in-steps/forwards": lambda: _of_variances(x, (0, 1, 1), free),
        "var-in-steps/backwards": lambda: _of_variances(x, (3, 2, 0), free),
        # Without a reshape the C means meet the last axis: an error, unless W happens to be C.
        "mean-meets-width": lambda: ((x - mean) ** 2).mean(axes),
    }
    for slip, variance in others.items():
        if slip in made:
            var = variance()
    for slip in made & EPS_IN_VARIANCE.keys():
        var = var + EPS_IN_VARIANCE[slip]
    if "standard-deviation" in made:
        var = var.sqrt()
    if "shape-changed" in made:  # keepdim
        mean, var = (value.reshape(_kept(x, axes)) for value in (mean, var))
    return (var, mean) if "swapped" in made else (mean, var)


def _of_variances(x, axes, free):
    """The variance over the first axis, its variance over the next one, and so on."""
    for axis in axes:
        x = _var(x, (axis,), free)
    return x


def _var(x, axes, free):
    """torch's ``var``, without its warning of a single value, whose variance is then 0 / 0."""
    squares = (x - x.mean(axes, keepdim=True)) ** 2
    total = squares.sum(axes)
    return total / (x.numel() / total.numel() - free)


def _kept(x, axes):
    return [1 if axis in axes else length for axis, length in enumerate(x.shape)]


def _batches_of_images():
    """In the smallest batch N, C and W are the same: what does not fit goes unnoticed there.

    The last batch has a spread so small that an ε in the variance counts.
    """
    spreads = {(2, 2, 1, 2): 1, (4, 3, 2, 5): 1, (2, 4, 3, 2): 1e-3}
    return [
        (drawn(seed, *size, spread=spread, centre=1),)
        for seed, (size, spread) in enumerate(spreads.items())
    ]


batch_moments = Exercise(
    "batch_moments",
    _WithStd(
        std=("standard-deviation", "n-minus-1"),
        right=batchnorm.batch_moments,
        trials=_batches_of_images,
        made=_batch_moments,
        mistakes=(
            *AXES_OF_CHANNELS,
            "only-n/var",
            "only-places/var",
            "whole-batch/var",
            "whole-batch/around",
            "only-n/flat",
            "reshape-mixes",
            "reshape-mixes/last",
            "mean-meets-width",
            "var-in-steps/places",
            "var-in-steps/images",
            "var-in-steps/of-means",
            "var-in-steps/forwards",
            "var-in-steps/backwards",
            "mean-of-squares",
            "sum-not-mean",
            "sum-not-mean/both",
            "sum-not-mean/mean",
            "wrong-count",
            "wrong-count/var",
            "wrong-count/places",
            "wrong-count/all",
            "standard-deviation",
            "swapped",
            "n-minus-1",
            *EPS_IN_VARIANCE,
            "shape-changed",
        ),
        own=OWN
        | {
            "only-places": (
                "the statistics run over height and width alone, each image by itself",
                "Batch norm mixes the samples. How many means has a layer of C channels?",
            ),
            "reshape-mixes": (
                "the reshape mixes the channels",
                "It takes image after image. Which axis has to come first, or last, before that?",
            ),
            "eps-in-variance": (
                "ε is added to the variance",
                "It belongs to the division. What is the variance of a channel that is constant?",
            ),
            "mean-meets-width": (
                "the mean of shape (C,) meets the width, not the channels",
                "Shapes are lined up from the right: (N, C, H, W) under (C,). Where should C be?",
            ),
            "var-in-steps": (
                "the variance is taken in steps: of parts of the channel, not of all its values",
                "Means of equal parts can be averaged, variances cannot: the parts differ from "
                "each other too. From which mean should every value's difference be taken?",
            ),
        },
        arguments=("x",),
        todo="let `batch_moments` return the mean and the variance, in place of the dots.",
        praise="C means and C variances, each of N·H·W values.",
        differentiable=True,
        large=lambda: (drawn(5, 8, 3, 6, 5, centre=1e4).float(),),
    ),
    batchnorm.batch_moments,
    hints=(
        "Both results have shape (C,). Which axes of x have to go?",
        "torch takes several axes at once: `x.sum((0, 1))` sums over the first two. For the mean, "
        "divide by how many values were summed.",
        "To take the mean from x, give it the shape (1, C, 1, 1): `mean.reshape(1, -1, 1, 1)`, or "
        "`keepdim=True` when you take it.",
        "The variance is the mean of the squared differences, over the same three axes as the "
        "mean. torch's own `var` divides by m only with `correction=0`.",
    ),
    shown=(
        batchnorm.batch_moments,
        batchnorm.values_per_channel,
        batchnorm.sum_over_batch,
        batchnorm.centre,
        batchnorm.per_channel,
    ),
)
EXERCISES = [standardize, batch_moments]
