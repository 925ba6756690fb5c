"""The exercises of notebook 04: scale and shift, Algorithm 1, the gradient of gamma and beta."""

import torch

from ... import backward, batchnorm
from ...experiments import scale_and_shift as experiments
from .. import formulas
from ..exercise import Exercise
from ..formula import Formula, drawn, drawn_affine

NOTEBOOK = "04-scale-and-shift"

# What can go wrong with gamma and beta, in Exercises 1 and 2.
AFFINE = (*formulas.AFFINE, "gamma-beta-shape/gamma", "gamma-beta-shape/beta")


def _scale_and_shift(made, x_hat, gamma, beta):
    """``formulas.scale_and_shift``, with the variants above."""
    if "gamma-beta-shape/gamma" in made:
        return gamma[:, None] * x_hat + beta
    if "gamma-beta-shape/beta" in made:
        return gamma * x_hat + beta[:, None]
    return formulas.scale_and_shift(made, x_hat, gamma, beta)


def _stretched(made, x_hat, gamma, beta):
    for again, more in (("normalises-again", ()), ("normalises-again/n-minus-1", ("n-minus-1",))):
        if again in made:
            mean, var = formulas.moments(set(more), x_hat, (0,))
            x_hat = formulas.normalize(set(), x_hat, mean, var, eps=1e-5)
    return _scale_and_shift(made, x_hat, gamma, beta)


scale_and_shift = Exercise(
    "scale_and_shift",
    Formula(
        right=batchnorm.scale_and_shift,
        trials=lambda: [
            (drawn(seed, n, c), *drawn_affine(seed, c))
            for seed, (n, c) in enumerate([(2, 1), (4, 4), (7, 4), (3, 6)])
        ],
        made=_stretched,
        mistakes=(*AFFINE, "normalises-again", "normalises-again/n-minus-1"),
        own={
            "normalises-again": (
                "x̂ is normalised a second time",
                "It comes in normalised. What is left to do?",
            ),
        },
        arguments=("x_hat", "gamma", "beta"),
        todo="let `scale_and_shift` return y, in place of the dots.",
        praise="every channel has its own scale and its own shift.",
        differentiable=True,
    ),
    batchnorm.scale_and_shift,
    hints=(
        "Two steps: stretch, then slide. Which of the two numbers multiplies?",
        "`gamma` has shape (C,), `x_hat` (N, C). PyTorch lines up the last axes by itself, so "
        "every value meets the number of its own channel.",
        "Multiply `x_hat` by `gamma`, then add `beta`: one line. With `*=` you would write into "
        "`x_hat` itself.",
    ),
    shown=(batchnorm.scale_and_shift, batchnorm.per_channel),
)


def _torchs(x, gamma, beta, eps):
    return torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def _algorithm_1(made, x, gamma, beta, eps):
    mean, var = formulas.moments(made, x, () if "whole-batch" in made else (0,))
    if "wrong-axis/met" in made:
        mean, var = formulas.moments(made | {"wrong-axis"}, x, (1,))
        mean, var = mean[:, 0], var[:, 0]  # (N,), which then meets the channels
    if "wrong-axis/met-twice" in made:
        mean = x.mean(1)
        var = ((x - mean) ** 2).mean(1)
    if "mean-of-squares" in made:
        var = (x * x).mean(0)
    x_hat = formulas.normalize(made, x, mean, var, eps)
    return _scale_and_shift(made, x_hat, gamma, beta)


def _batches():
    """Spreads so small that eps counts; one batch is square, where a wrong axis goes unnoticed."""
    return [
        (drawn(seed, n, c, spread=0.02, centre=2), *drawn_affine(seed, c), 1e-4)
        for seed, (n, c) in enumerate([(2, 1), (4, 4), (7, 4), (3, 6)])
    ]


def _far_from_zero():
    gamma, beta = drawn_affine(4, 8)
    return drawn(4, 200, 8, centre=1e4).float(), gamma.float(), beta.float(), 1e-4


batch_norm_train = Exercise(
    "batch_norm_train",
    Formula(
        right=_torchs,
        trials=_batches,
        made=_algorithm_1,
        mistakes=(
            "wrong-axis",
            "wrong-axis/met",
            "wrong-axis/met-twice",
            "whole-batch",
            "n-minus-1",
            "divides-by-variance",
            "eps-outside-root",
            "eps-missing",
            "eps-fixed",
            "mean-not-subtracted",
            "mean-of-squares",
            *AFFINE,
        ),
        arguments=("x", "gamma", "beta", "eps"),
        todo="let `batch_norm_train` return y, in place of the dots.",
        praise="your Algorithm 1 agrees with PyTorch's, in its gradient too.",
        differentiable=True,
        large=_far_from_zero,
    ),
    experiments.batch_norm_train,
    hints=(
        "This section begins with Algorithm 1 for one channel, in four lines. For a batch of shape "
        "(N, C) every sum runs over the samples: what shape do mean and variance have then?",
        "`x.sum(0) / len(x)` is the mean of every channel, with shape (C,). The variance is the "
        "mean of `(x - mean) ** 2`, taken in the same way.",
        "x̂ is `(x - mean)`, divided by the root of `var + eps`: the sum stands inside the root.",
        "The last line is Exercise 1: return γ x̂ + β.",
    ),
    shown=(
        experiments.batch_norm_train,
        batchnorm.batch_moments,
        batchnorm.normalize,
        batchnorm.scale_and_shift,
    ),
)


def _autograds(d_y, x_hat):
    gamma, beta = torch.zeros(2, x_hat.shape[1], dtype=x_hat.dtype, requires_grad=True)
    y = batchnorm.scale_and_shift(x_hat, gamma, beta)
    return torch.autograd.grad(y, (gamma, beta), d_y)


def _backward(made, d_y, x_hat):
    def summed(values, name):
        if made & {"not-summed", f"not-summed/{name}"}:
            return values
        if made & {"sum-over-channels", f"sum-over-channels/{name}"}:
            return values.sum(1)
        if made & {"averaged", f"averaged/{name}"}:
            return values.mean(0)
        return values.sum() if "scalar-gamma" in made else values.sum(0)

    for_gamma, for_beta = d_y * x_hat, d_y
    if "chain-rule-missing" in made:
        for_gamma, for_beta = x_hat, torch.ones_like(x_hat)
    if "chain-rule-missing/gamma" in made:
        for_gamma = x_hat
    if "same-for-both" in made:
        for_gamma = d_y
    if "same-for-both/x-hat" in made:
        for_beta = d_y * x_hat
    d_gamma, d_beta = summed(for_gamma, "gamma"), summed(for_beta, "beta")
    if "product-of-sums" in made:
        d_gamma = d_y.sum(0) * x_hat.sum(0)
    if "matrix-product" in made:
        d_gamma = d_y.T @ x_hat
    if "matrix-product/turned" in made:
        d_gamma = x_hat.T @ d_y
    return (d_beta, d_gamma) if "swapped" in made else (d_gamma, d_beta)


backward_of_gamma_and_beta = Exercise(
    "backward_of_gamma_and_beta",
    Formula(
        right=_autograds,
        trials=lambda: [
            (drawn(seed, n, c), drawn(seed + 100, n, c))
            for seed, (n, c) in enumerate([(2, 1), (4, 4), (5, 3), (3, 6)])
        ],
        made=_backward,
        mistakes=(
            "swapped",
            "not-summed",
            "not-summed/gamma",
            "not-summed/beta",
            "averaged",
            "averaged/gamma",
            "averaged/beta",
            "sum-over-channels",
            "sum-over-channels/gamma",
            "sum-over-channels/beta",
            "scalar-gamma",
            "same-for-both",
            "same-for-both/x-hat",
            "chain-rule-missing",
            "chain-rule-missing/gamma",
            "product-of-sums",
            "matrix-product",
            "matrix-product/turned",
        ),
        own={
            "not-summed": (
                "a gradient has a row for each sample",
                "A channel has one γ and one β, and every sample uses them. What happens to the "
                "gradients of the uses?",
            ),
            "averaged": (
                "the samples' gradients are averaged",
                "If the loss is a mean over the batch, its 1/n is in `d_y` already.",
            ),
            "sum-over-channels": (
                "the sum runs over the channels",
                "Who uses one and the same γ: all samples, or all channels?",
            ),
            "same-for-both": (
                "d_gamma and d_beta are the same",
                "Look at y = γ x̂ + β: what does γ multiply, and what β?",
            ),
            "chain-rule-missing": (
                "`d_y` is missing",
                "That is how y changes. Asked for is how the loss changes.",
            ),
            "product-of-sums": (
                "the sums are multiplied, in place of summing the products",
                "Each sample uses γ with its own x̂. Which comes first, the product or the sum?",
            ),
            "matrix-product": (
                "d_gamma mixes the channels",
                "A matrix product of (C, N) and (N, C) pairs each channel with all others. How "
                "many numbers do you need?",
            ),
        },
        arguments=("d_y", "x_hat"),
        todo="return `d_gamma` and `d_beta`, in place of the dots.",
        praise="autograd finds the same.",
    ),
    backward.backward_of_gamma_and_beta,
    hints=(
        "y = γ x̂ + β. Raise β of a channel a little: by how much does y of each sample grow? And "
        "if you raise γ?",
        "The chain rule: `d_y` times that growth, for each sample. All samples use the same γ and "
        "the same β, so what they ask for adds up.",
        "`d_beta` is `d_y.sum(0)`. In `d_gamma` the sum has one factor more inside.",
    ),
)
EXERCISES = [scale_and_shift, batch_norm_train, backward_of_gamma_and_beta]
