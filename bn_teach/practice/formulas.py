"""Batch Normalization with any of the known mistakes in it, for the exercises to put together.

``made`` is the set of mistakes, by their names in mistakes.py; with an empty set the lines are
those of batchnorm.py. Shapes as there; statistics keep their dimensions, as (1, C) or (1, C, 1, 1).
"""

import torch

FIXED_EPS = {
    "eps-fixed": 1e-5,
    "eps-fixed/1e-3": 1e-3,
    "eps-fixed/1e-6": 1e-6,
    "eps-fixed/1e-8": 1e-8,
}
AFFINE = (  # what can go wrong with gamma and beta
    "gamma-beta-swapped",
    "gamma-beta-shape",
    "scalar-gamma",
    "scalar-gamma/gamma",
    "scalar-gamma/mean",
    "affine-missing",
    "affine-missing/gamma",
    "affine-missing/beta",
    "shift-before-scale",
)


def moments(made, x, axes):
    """Mean and variance of x over ``axes``, kept as dimensions of length 1."""
    if "wrong-axis" in made:
        axes = (1,)
    if "only-n" in made:
        axes = (0,)
    mean = x.mean(axes, keepdim=True)
    var = ((x - mean) ** 2).mean(axes, keepdim=True)
    if "n-minus-1" in made:
        n = x.numel() / mean.numel()
        var = var * n / (n - 1) if n > 1 else var * torch.nan
    if "statistics-detached" in made:
        mean, var = mean.detach(), var.detach()
    if "statistics-detached/mean" in made:
        mean = mean.detach()
    if "statistics-detached/var" in made:
        var = var.detach()
    return mean, var


def normalize(made, x, mean, var, eps):
    """(x - mean) / sqrt(var + eps)."""
    for slip in made & FIXED_EPS.keys():
        eps = FIXED_EPS[slip]
    if "eps-missing" in made:
        eps = 0
    if "spread-kept" in made:
        return x - mean
    if "mean-not-subtracted" in made:
        mean = 0 * mean
    if "brackets-missing" in made:
        return x - normalize(made - {"brackets-missing"}, mean, 0, var, eps)
    if "divides-by-variance" in made:
        return (x - mean) / (var + eps)
    if "eps-outside-root" in made:
        return (x - mean) / (torch.sqrt(var) + eps)
    return (x - mean) / torch.sqrt(var + eps)


def scale_and_shift(made, x_hat, gamma, beta):
    """gamma * x_hat + beta, for gamma and beta of shape (C,)."""
    if "gamma-beta-swapped" in made:
        gamma, beta = beta, gamma
    if "scalar-gamma" in made:
        gamma, beta = gamma[:1], beta[:1]
    if "scalar-gamma/gamma" in made:
        gamma = gamma[:1].expand_as(gamma)
    if "scalar-gamma/mean" in made:
        gamma, beta = gamma.mean().expand_as(gamma), beta.mean().expand_as(beta)
    if "affine-missing/gamma" in made:
        gamma = torch.ones_like(gamma)
    if "affine-missing/beta" in made:
        beta = torch.zeros_like(beta)
    if "shift-before-scale" in made:
        beta = gamma * beta
    if "affine-missing" in made:
        return x_hat
    shape = (-1,) + (1,) * (x_hat.dim() - 1 if "gamma-beta-shape" in made else x_hat.dim() - 2)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)
