"""Batch Normalization with any of the known mistakes in it, for the exercises to put together.

``made`` is the set of mistakes, by their names in mistakes.py; with an empty set the lines are
those of batchnorm.py. Shapes as there; statistics keep their dimensions, as (1, C) or (1, C, 1, 1).
"""

import torch


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
    if "eps-fixed" in made:
        eps = 1e-5
    if "eps-missing" in made:
        eps = 0
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
    if "affine-missing" in made:
        return x_hat
    shape = (-1,) + (1,) * (x_hat.dim() - 1 if "gamma-beta-shape" in made else x_hat.dim() - 2)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)
