"""Small networks with one switch, ``norm``, and many of them trained as one.

``mlp`` and ``cnn`` return a plain ``nn.Sequential`` of named modules: linear1, norm1, sigmoid1,
linear2, ..., so that printing a network shows all there is to it. Normalisation stands where the
paper puts it, before the activation (Ioffe & Szegedy 2015, section 3.2). The linear map before it
has no bias: subtracting the mean would cancel it, and beta takes its part.

Shapes: N samples, D features, C channels of H x W places, S networks in a stack.
"""

import copy
import math
from collections import OrderedDict

import torch
from torch import nn

from .alternatives import GhostBatchNorm1d
from .batchnorm import BatchNorm1d, BatchNorm2d

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}

# Gain of the initial weights before each activation, W ~ N(0, gain^2 / fan_in). With these the
# spread of the signal neither dies nor explodes in a few layers: 4 makes up for the sigmoid's
# slope of 1/4 at 0. The output layer has gain 1, so that the first guesses are cautious.
GAINS = {"sigmoid": 4.0, "tanh": 1.0, "relu": math.sqrt(2.0)}

# What ``norm`` may be: the name, and a layer for (features, spatial dimensions: 0 or 2).
# Group Normalization has 4 groups of neighbouring channels. With one group it is what is called
# layer normalisation of images: over channels and places, with a gamma and a beta per channel.
NORMS = {
    "batch": lambda features, dims: (BatchNorm2d if dims else BatchNorm1d)(features),
    "group": lambda features, dims: nn.GroupNorm(4, features),
    "layer": lambda features, dims: nn.GroupNorm(1, features) if dims else nn.LayerNorm(features),
}


def mlp(
    sizes,
    *,
    norm=None,
    activation="relu",
    learn=("gamma", "beta"),
    group_size=None,
    gain=None,
    seed=0,
):
    """A multi-layer perceptron for samples of shape (N, sizes[0]).

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units in each hidden layer, and of outputs: [64, 50, 50, 10].
    norm : None, "batch", "group" or "layer"
        What stands between each hidden linear map and its activation.
    activation : "sigmoid", "tanh" or "relu"
    learn : the ones of "gamma" and "beta" that are trained
        The others keep their first values, gamma = 1 and beta = 0, which is the same as not
        having them.
    group_size : int, optional
        For "batch": take the statistics over groups of so many samples of the batch, see
        ``bn_teach.alternatives.GhostBatchNorm1d``.
    gain : float, optional
        Hidden weights are drawn from N(0, gain^2 / fan_in), those of the output layer from
        N(0, 1 / fan_in), biases start at 0. Default: the activation's in ``GAINS``.
    seed : int
        Of the weights. Networks that differ in ``norm`` or ``learn`` only start from the same.

    Raises
    ------
    ValueError
        If there are fewer than two sizes, if ``norm``, ``activation`` or ``learn`` is unknown,
        or if there is a ``group_size`` without norm="batch".
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes {list(sizes)}: expected inputs, hidden layers and outputs")
    _check(norm, activation, learn)
    if group_size is not None and norm != "batch":
        raise ValueError(f'group_size {group_size} with norm {norm!r}: expected norm="batch"')
    layers = OrderedDict()
    for i, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:-1], strict=False), start=1):
        layers[f"linear{i}"] = nn.Linear(fan_in, fan_out, bias=norm is None)
        if norm is not None:
            layers[f"norm{i}"] = make_norm(norm, fan_out, learn=learn, group_size=group_size)
        layers[f"{activation}{i}"] = ACTIVATIONS[activation]()
    layers["output"] = nn.Linear(sizes[-2], sizes[-1])
    return _initialise(nn.Sequential(layers), activation, gain, seed)


def cnn(
    channels=(12, 24),
    *,
    norm=None,
    activation="relu",
    learn=("gamma", "beta"),
    keep_bias=False,
    gain=None,
    seed=0,
):
    """A small convolutional network for images (N, 1, H, W) of ten classes.

    For each number of channels: convolution 3 x 3, norm, activation, 2 x 2 max pooling. Then the
    mean over all places (global average pooling) and a linear map to ten outputs.

    Parameters
    ----------
    keep_bias : bool
        Keep the bias of a convolution although a norm follows, to show that it does nothing.
    norm, activation, learn, gain, seed
        As in ``mlp``.

    Raises
    ------
    ValueError
        As in ``mlp``.
    """
    _check(norm, activation, learn)
    layers = OrderedDict()
    for i, (c_in, c_out) in enumerate(zip((1, *channels), channels, strict=False), start=1):
        bias = norm is None or keep_bias
        layers[f"conv{i}"] = nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, bias=bias)
        if norm is not None:
            layers[f"norm{i}"] = make_norm(norm, c_out, dims=2, learn=learn)
        layers[f"{activation}{i}"] = ACTIVATIONS[activation]()
        layers[f"pool{i}"] = nn.MaxPool2d(2)
    layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(channels[-1], 10)
    return _initialise(nn.Sequential(layers), activation, gain, seed)


def make_norm(norm, features, *, dims=0, learn=("gamma", "beta"), group_size=None):
    """A layer of ``NORMS`` for ``features`` channels of which only the parts in ``learn`` train."""
    if group_size is None:
        layer = NORMS[norm](features, dims)
    else:
        layer = GhostBatchNorm1d(features, group_size)
    # Without a gradient they stay at 1 and 0. The layer's own switches, affine and bias, can drop
    # both or beta, but not gamma alone.
    layer.weight.requires_grad_("gamma" in learn)
    layer.bias.requires_grad_("beta" in learn)
    return layer


def stack(networks):
    """S networks of the same shape as one, which trains several times faster than S by turns.

    Every parameter gets a leading axis S, and one batched product does the work of S. The
    networks do not touch each other: one that diverges leaves the others as they are. The stack
    takes (N, D), the same for all, or (S, N, D), and returns (S, N, outputs).

    Parameters
    ----------
    networks : list of nn.Sequential
        Made of nn.Linear, BatchNorm1d, nn.LayerNorm and activations. They may differ in their
        values, which are copied, and in which of gamma and beta they learn.

    Raises
    ------
    TypeError
        If there is another module with parameters in them.
    ValueError
        If the networks differ in the settings of a layer.
    """
    layers = OrderedDict()
    for name, first in networks[0].named_children():
        members = [network.get_submodule(name) for network in networks]
        settings = sorted({repr(member) for member in members})
        if len(settings) > 1:
            raise ValueError(f"{name} differs: {', '.join(settings)}; stack equals only")
        if isinstance(first, nn.Linear):
            layers[name] = StackedLinear(members)
        elif isinstance(first, BatchNorm1d):
            layers[name] = StackedNorm(members)
        elif isinstance(first, nn.LayerNorm):
            layers[name] = StackedLayerNorm(members)
        elif not list(first.parameters()):
            layers[name] = first
        else:
            raise TypeError(
                f"{name} is a {type(first).__name__}, which cannot be stacked; expected linear "
                "maps, norms and activations, as mlp() makes them"
            )
    return nn.Sequential(layers)


class StackedLinear(nn.Module):
    """S linear maps: y[s] = x[s] W[s] + b[s], with W of shape (S, in, out), b (S, 1, out)."""

    def __init__(self, members):
        super().__init__()
        with torch.no_grad():
            self.weight = nn.Parameter(torch.stack([m.weight.t() for m in members]))
            bias = [m.bias for m in members]
            self.bias = None if bias[0] is None else nn.Parameter(torch.stack(bias)[:, None])

    def forward(self, x):
        x = x.expand(len(self.weight), -1, -1)  # (N, in) or (S, N, in) -> (S, N, in)
        if self.bias is None:
            return torch.bmm(x, self.weight)
        return torch.baddbmm(self.bias, x, self.weight)


class StackedNorm(nn.Module):
    """S norms as one: (S, N, D) is seen as N samples of S*D channels, each normalised alone.

    It is the course's own layer that is trained, although with torch's a step of a small stack
    would take a third less: what the students read is what they see at work.
    """

    def __init__(self, members):
        super().__init__()
        first = members[0]
        self.norm = copy.deepcopy(first)
        self.norm.num_features *= len(members)
        for name, _ in first.named_parameters():
            parts = [member.get_parameter(name) for member in members]
            together = nn.Parameter(torch.cat([part.detach() for part in parts]))
            # Members may learn different ones of gamma and beta: no gradient, no movement. (The
            # hook is lost in a deepcopy: to train on, copy the networks and stack them anew.)
            learns = torch.cat([torch.full_like(part, part.requires_grad) for part in parts])
            together.register_hook(learns.mul)
            setattr(self.norm, name, together)
        for name, buffer in first.named_buffers():
            if buffer.ndim:  # not the count of batches, which all members share
                setattr(self.norm, name, torch.cat([m.get_buffer(name) for m in members]))

    def forward(self, x):
        s, n, d = x.shape
        side_by_side = x.transpose(0, 1).reshape(n, s * d)
        return self.norm(side_by_side).view(n, s, d).transpose(0, 1)


class StackedLayerNorm(nn.Module):
    """S layer norms: (S, N, D), each sample of each network alone; gamma and beta (S, 1, D)."""

    def __init__(self, members):
        super().__init__()
        self.shape, self.eps = members[0].normalized_shape, members[0].eps
        for name in ("weight", "bias"):
            parts = [member.get_parameter(name) for member in members]
            together = nn.Parameter(torch.stack([part.detach() for part in parts])[:, None])
            learns = torch.tensor([part.requires_grad for part in parts])[:, None, None]
            together.register_hook(learns.to(together.dtype).mul)
            setattr(self, name, together)

    def forward(self, x):
        return nn.functional.layer_norm(x, self.shape, eps=self.eps) * self.weight + self.bias


def _check(norm, activation, learn):
    if norm is not None and norm not in NORMS:
        raise ValueError(f"norm {norm!r} is not known; expected None or one of {sorted(NORMS)}")
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation {activation!r} is not known; expected one of {sorted(ACTIVATIONS)}"
        )
    if isinstance(learn, str) or not set(learn) <= {"gamma", "beta"}:
        raise ValueError(f'learn {learn!r}: expected a tuple of "gamma", "beta", both or neither')


def _initialise(network, activation, gain, seed):
    """Draw the weights, in order, from a generator of their own; set the biases to 0."""
    gain = GAINS[activation] if gain is None else gain
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, module in network.named_children():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                fan_in = module.weight[0].numel()
                std = (1.0 if name == "output" else gain) / math.sqrt(fan_in)
                module.weight.normal_(0, std, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
    return network
