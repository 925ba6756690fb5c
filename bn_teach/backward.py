"""The gradient of Batch Normalization by hand, as the paper derives it.

Source: Ioffe and Szegedy (2015), arXiv 1502.03167, section 3: the block of six chain-rule
equations below Algorithm 1. It has no number; the lines below number it in the paper's order.

Shapes are those of batchnorm.py: x is (N, C, ...), a channel has m values, one sum runs over
those m. ``d_z`` is the derivative of the loss with respect to z, and has the shape of z.

    1  d_x_hat = d_y * gamma
    2  d_var   = sum of d_x_hat * (x - mean) * (-1/2) * (var + eps)^(-3/2)
    3  d_mean  = sum of d_x_hat * (-1) / sqrt(var + eps)  +  d_var * sum of -2 * (x - mean) / m
    4  d_x     = d_x_hat / sqrt(var + eps)  +  d_var * 2 * (x - mean) / m  +  d_mean / m
    5  d_gamma = sum of d_y * x_hat
    6  d_beta  = sum of d_y

x reaches y on three paths: directly, through var and through mean; equation 4 adds them up.
Here var divides by m throughout. The m - 1 of the running variance is no part of y and so has
no part in the gradient.
"""

from typing import NamedTuple

import torch

from .batchnorm import (
    batch_moments,
    centre,
    normalize,
    per_channel,
    sum_over_batch,
    values_per_channel,
)


class BatchNormGradients(NamedTuple):
    """The six derivatives of the loss, in the paper's order."""

    d_x_hat: torch.Tensor  # (N, C, ...)
    d_var: torch.Tensor  # (C,)
    d_mean: torch.Tensor  # (C,)
    d_x: torch.Tensor  # (N, C, ...)
    d_gamma: torch.Tensor  # (C,)
    d_beta: torch.Tensor  # (C,)


def batch_norm_backward(d_y, x, gamma, eps):
    """The gradient of y = gamma * x_hat + beta in training mode (equations 1 to 6).

    Whatever d_y is, sum of d_x = 0 in each channel: adding a constant to the channel changes
    nothing in y. And sum of d_x * x_hat is nearly 0, because scaling the channel changes almost
    nothing: only eps notices.

    Parameters
    ----------
    d_y : Tensor (N, C, ...)
        Derivative of the loss with respect to y.
    x : Tensor (N, C, ...)
        What the forward pass was given.
    gamma : Tensor (C,)
    eps : float

    Returns
    -------
    BatchNormGradients

    Raises
    ------
    ValueError
        If d_y has another shape than x.
    """
    _check_shapes(d_y, x)
    m = values_per_channel(x)
    mean, var = batch_moments(x)
    x_hat = normalize(x, mean, var, eps)
    centred = centre(x, mean)
    inverse_std = (var + eps) ** (-1 / 2)

    d_x_hat = d_y * per_channel(gamma, x)
    d_var = sum_over_batch(d_x_hat * centred) * (-1 / 2) * (var + eps) ** (-3 / 2)
    # The second sum is 0 up to rounding: differences from the mean cancel. The paper keeps it.
    d_mean = -sum_over_batch(d_x_hat) * inverse_std + d_var * sum_over_batch(-2 * centred) / m
    directly = d_x_hat * per_channel(inverse_std, x)
    through_var = per_channel(d_var, x) * 2 * centred / m
    through_mean = per_channel(d_mean, x) / m
    d_x = directly + through_var + through_mean
    return BatchNormGradients(d_x_hat, d_var, d_mean, d_x, *backward_of_gamma_and_beta(d_y, x_hat))


def backward_of_gamma_and_beta(d_y, x_hat):
    """The gradients of gamma and beta (equations 5 and 6).

    d_gamma = sum_i d_y_i * x_hat_i,    d_beta = sum_i d_y_i

    Every value of a channel uses the same gamma and beta: the gradients of its uses add up.

    Parameters
    ----------
    d_y, x_hat : Tensor (N, C, ...)

    Returns
    -------
    d_gamma, d_beta : Tensor (C,)
    """
    return sum_over_batch(d_y * x_hat), sum_over_batch(d_y)


def backward_without_statistics(d_y, x, gamma, eps):
    """A common mistake, for comparison: mean and var taken for constants.

    The forward pass is the same, but equation 4 keeps only its first term: d_var and d_mean
    are 0. Autograd gives this d_x if mean and var are detached or computed under
    ``torch.no_grad()``. Gradient descent then moves x in directions that normalization takes
    back, and the sum of d_x is in general not 0. (In evaluation, mean and var *are* constants,
    the running statistics: there the two terms are rightly missing.)

    Parameters
    ----------
    d_y, x, gamma, eps
        As for ``batch_norm_backward``.

    Returns
    -------
    BatchNormGradients
        Wrong in d_var, d_mean and d_x; right in d_x_hat, d_gamma and d_beta.

    Raises
    ------
    ValueError
        If d_y has another shape than x.
    """
    truth = batch_norm_backward(d_y, x, gamma, eps)
    _, var = batch_moments(x)
    zero = torch.zeros_like(var)
    inverse_std = (var + eps) ** (-1 / 2)
    d_x = truth.d_x_hat * per_channel(inverse_std, x)
    return truth._replace(d_var=zero, d_mean=zero, d_x=d_x)


def _check_shapes(d_y, x):
    if d_y.shape != x.shape:
        raise ValueError(
            f"expected d_y to have the shape of x, {tuple(x.shape)}, got {tuple(d_y.shape)}: "
            "pass one derivative for each value of y (for a mean over y, each is 1 / y.numel())."
        )
