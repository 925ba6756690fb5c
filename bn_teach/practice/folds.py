"""Folding a norm into the linear map before it, with any of the known mistakes in it."""

import torch

from .. import batchnorm
from . import formulas
from .formula import Formula, drawn


class FormulaOfLayers(Formula):
    """A formula for a weight and a bias, which may as well be returned as one linear layer."""

    def __call__(self, student):
        def pair(*arguments):
            return as_pair(student(*arguments))

        pair.forward = getattr(student, "forward", student)  # where the student's lines are found
        return super().__call__(pair)

    def _changed(self, trials, copies):
        """The layers come in evaluation mode, and have to stay in it."""
        modes = [layer.training for layers in copies for layer in layers]
        return any(modes) or super()._changed(trials, copies)


def as_pair(found):
    """The weight and the bias of a linear layer; anything else as it is."""
    return (found.weight, found.bias) if isinstance(found, torch.nn.Linear) else found


def folded(made, linear, norm):
    """Weight (C, D) and bias (C,) of the one linear map, with the mistakes of ``made`` in it."""
    gamma, beta, mean = norm.weight, norm.bias, norm.running_mean
    if "gamma-beta-swapped" in made:
        gamma, beta = beta, gamma
    if made & {"affine-missing", "affine-missing/gamma"}:
        gamma = torch.ones_like(gamma)
    if made & {"affine-missing", "affine-missing/beta"}:
        beta = torch.zeros_like(beta)
    inverse_std = formulas.normalize(made, 1, 0, norm.running_var, norm.eps)
    if "times-the-deviation" in made:
        inverse_std = 1 / inverse_std
    scale = gamma * inverse_std
    parts = {"": torch.ones_like(scale), "/gamma-missing": inverse_std, "/std-missing": gamma}

    def scale_in(mistake):
        """What is left of the scale where it is needed."""
        return next((part for end, part in parts.items() if mistake + end in made), scale)

    centre = scale_in("mean-not-scaled") * mean
    if "mean-added" in made:
        centre = -centre
    if made & {"mean-left-out", "mean-off-the-weight"}:
        centre = 0 * centre
    bias = (scale * beta if "beta-scaled" in made else beta) - centre
    across = scale_in("weight-not-scaled")
    before = linear.weight - mean[:, None] if "mean-off-the-weight" in made else linear.weight
    weight = (across if "inputs-scaled" in made else across[:, None]) * before
    if "matrix-product" in made:
        weight = across @ before
    if "matrix-product/reversed" in made:
        weight = before @ across
    if "bias-negated" in made:
        bias = -bias
    return (bias, weight) if "swapped" in made else (weight, bias)


def layers():
    """Pairs of layers; the first to be followed by hand, the second square."""
    return [_by_hand()] + [_drawn_layers(*sizes) for sizes in ((1, 4, 4), (2, 3, 5))]


def _by_hand():
    linear, norm = _filled(1, 1, eps=1.0, weight=4, gamma=6, beta=1, mean=5, var=8)
    linear.extra_repr = lambda: "weight=[[4]]"  # for the message: the numbers, not the sizes
    norm.extra_repr = lambda: "weight=[6], bias=[1], running_mean=[5], running_var=[8], eps=1"
    return linear, norm


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
