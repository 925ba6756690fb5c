"""Batch Normalization in use: one multiply-add, which the layer before can do as well.

Shapes: C channels of the norm, which are the outputs of the layer before it.
"""

import copy

import torch


@torch.no_grad()
def fold(layer, norm):
    """One layer that does the work of a linear map or convolution and the norm after it.

    In evaluation mode Batch Normalization is y = scale z + shift for each channel, with

    scale = gamma / sqrt(running_var + eps),    shift = beta - scale * running_mean

    (Ioffe & Szegedy 2015, Algorithm 2, line 11). With z = W x + b that is again a linear map:

    W' = scale W (each output's weights times its own scale),    b' = scale b + shift

    Parameters
    ----------
    layer : nn.Linear, nn.Conv1d, nn.Conv2d or nn.Conv3d
        With C outputs, with or without a bias.
    norm : BatchNorm1d, 2d or 3d, the course's or torch's
        With C channels and running statistics. Without gamma it counts as 1, without beta as 0.

    Returns
    -------
    A new layer of the same kind with a bias, and without a link to the old ones: equal, but for
    rounding, to ``norm(layer(x))`` in evaluation mode.

    Raises
    ------
    TypeError
        If ``layer`` is of another kind.
    ValueError
        If the norm has no running statistics, or another number of channels than the layer.
    """
    if not isinstance(layer, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
        raise TypeError(
            f"a norm cannot be folded into {type(layer).__name__}; expected the linear map or the "
            "convolution right before it"
        )
    if norm.running_mean is None:
        raise ValueError(
            "the norm has no running statistics (track_running_stats=False), so its scale "
            "changes with every batch; expected one that keeps them"
        )
    outputs, channels = len(layer.weight), len(norm.running_mean)
    if outputs != channels:
        raise ValueError(
            f"the layer has {outputs} outputs and the norm {channels} channels; expected the norm "
            "that comes right after the layer"
        )
    scale = 1 / torch.sqrt(norm.running_var + norm.eps)
    if norm.weight is not None:
        scale = norm.weight * scale
    shift = -scale * norm.running_mean
    if norm.bias is not None:
        shift = norm.bias + shift

    folded = copy.deepcopy(layer)
    rows = scale.reshape([-1] + [1] * (layer.weight.dim() - 1))  # (C, 1, ...): one for each output
    folded.weight.copy_(rows * layer.weight)
    folded.bias = torch.nn.Parameter(shift if layer.bias is None else scale * layer.bias + shift)
    return folded
