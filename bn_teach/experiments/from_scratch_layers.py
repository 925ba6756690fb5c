"""Two tries at a Batch Normalization layer, and how far a layer is from torch's: notebook 07.

``FirstTry`` looks right and trains well; practice.layer_checks finds its bugs. ``SecondTry`` is
right. ``compare`` measures in float64 how far a layer that passes is from torch's.

Shapes: N samples, C channels, H x W places.
"""

from typing import NamedTuple

import torch

from ..batchnorm import batch_moments, normalize, scale_and_shift, update_running

C, PLACES = 4, (4, 4)


class FirstTry(torch.nn.Module):
    """Batch Normalization of (N, C), as one writes it at first."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.running_mean = torch.zeros(num_features)
        self.running_var = torch.ones(num_features)

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            self.running_mean = self.moved(self.running_mean, mean.detach())
            self.running_var = self.moved(self.running_var, var.detach())
        return self.weight * (x - mean) / torch.sqrt(var + self.eps) + self.bias

    def moved(self, old, new):
        return (1 - self.momentum) * old + self.momentum * new


class SecondTry(torch.nn.Module):
    """Batch Normalization of (N, C), like torch.nn.BatchNorm1d."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        n, channels = x.shape
        if channels != len(self.weight):
            raise ValueError(f"expected {len(self.weight)} channels, got {channels}")
        mean, var = self.running_mean, self.running_var
        if self.training:
            if n == 1:
                raise ValueError("a batch of one has no variance")
            mean, var = batch_moments(x)
            self.running_mean, self.running_var = update_running(
                self.running_mean, self.running_var, mean.detach(), var.detach(), n, self.momentum
            )
        x_hat = normalize(x, mean, var, self.eps)
        return scale_and_shift(x_hat, self.weight, self.bias)


class Table(list):
    """Named tuples with a heading each; a notebook shows them as a table."""

    def _repr_markdown_(self):
        heading = self[0].HEADING
        lines = [heading, ["---"] * len(heading), *(row.cells() for row in self)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


class Comparison(NamedTuple):
    """Largest absolute differences from torch in float64, for (N, C) and for (N, C, H, W)."""

    what: str
    flat: float
    images: float

    HEADING = ("largest difference", "(N, C)", "(N, C, H, W)")

    def cells(self):
        return self.what, *(f"{value:.0e}" if value else "0" for value in self[1:])


def compare(flat, images, seed=0):
    """How far the two layers are from torch's in float64 after five batches.

    Returns a ``Table`` of ``Comparison``.
    """
    columns = [
        _differences(flat, torch.nn.BatchNorm1d, (16, C), seed),
        _differences(images, torch.nn.BatchNorm2d, (16, C, *PLACES), seed),
    ]
    rows = ((what, *(column[what] for column in columns)) for what in columns[0])
    return Table(Comparison(*row) for row in rows)


def _differences(make, torchs, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = _layer(make), _layer(torchs)

    def draw():
        return 3 * torch.randn(shape, generator=generator, dtype=torch.float64) + 2

    for x in [draw() for _ in range(4)]:
        for layer in layers:
            layer(x.clone())
    x, d_y, new = draw(), draw(), draw()
    seen = []
    for layer in layers:
        leaf = x.clone().requires_grad_()
        y = layer(leaf * 1)
        slopes = _slopes(y, d_y, (leaf, layer.weight, layer.bias))
        reader = torchs(C).double()
        reader.load_state_dict(layer.state_dict())
        seen.append(
            {
                "output in training": y,
                "gradient of x": slopes[0],
                "gradient of γ": slopes[1],
                "gradient of β": slopes[2],
                "running mean, 5 batches": layer.running_mean,
                "running variance, 5 batches": layer.running_var,
                "output in evaluation": layer.eval()(new.clone()),
                "the same, state_dict loaded in torch's": reader.eval()(new),
            }
        )
    mine, truth = seen
    return {what: (mine[what] - truth[what]).abs().max().item() for what in truth}


def _slopes(y, d_y, leaves):
    """0 where a layer has cut the graph."""
    if not y.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return torch.autograd.grad(y, leaves, d_y, allow_unused=True, materialize_grads=True)


def _layer(make):
    """A new layer of C channels in float64 whose gamma and beta are not 1 and 0."""
    layer = make(C).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 2, C))
        layer.bias.copy_(torch.linspace(-1, 3, C))
    return layer
