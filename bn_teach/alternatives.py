"""What replaces or repairs Batch Normalization at small batches.

    GhostBatchNorm1d, -2d   statistics over groups of m: the small batch alone, all else equal
    group_norm              what torch.nn.GroupNorm computes, to be read
    BatchRenorm1d           corrects each group's statistics by the running ones
    precise_statistics      running statistics measured again, after training
    freeze_norms            go on training with running statistics that stay

Shapes: N samples, C channels, G groups of m samples each (in ``group_norm``: of channels).
"""

import torch
from torch import nn

from .batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    batch_moments,
    normalize,
    scale_and_shift,
    values_per_channel,
)


class _GhostBatchNorm:
    """Training in groups of m samples, for a layer of ``bn_teach.batchnorm``."""

    _smallest_group = 2

    def __init__(self, num_features, group_size, **settings):
        super().__init__(num_features, **settings)
        if group_size < self._smallest_group:
            raise ValueError(
                f"group_size {group_size}: expected at least {self._smallest_group}, because a "
                "single value is its own mean and nothing of it would be left"
            )
        self.group_size = group_size

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        self._refuse_what_torch_refuses(x, use_batch=True)
        m, c = self.group_size, x.shape[1]
        if len(x) % m:
            raise ValueError(
                f"a batch of {len(x)} cannot be cut into groups of {m}; expected a multiple of {m}"
            )
        # One column for each group and channel: (N, C, ...) -> (G, m, C, ...) -> (m, G*C, ...).
        columns = x.unflatten(0, (-1, m)).transpose(0, 1).flatten(1, 2)
        size = values_per_channel(columns)
        if size == 1:
            raise ValueError(
                f"expected more than 1 value per channel and group, got x of shape "
                f"{tuple(x.shape)} in groups of {m}. Use larger groups."
            )
        mean, var = batch_moments(columns)
        x_hat = self._normalize(columns, mean, var)
        self._track_groups(mean.view(-1, c), var.view(-1, c), size)
        x_hat = x_hat.unflatten(1, (-1, c)).transpose(0, 1).flatten(0, 1)
        return scale_and_shift(x_hat, self.gamma, self.beta)

    def _normalize(self, columns, mean, var):
        return normalize(columns, mean, var, self.eps)

    def _track_groups(self, mean, var, size):
        """Update the running statistics from mean and var (G, C) of ``size`` values each."""
        self._track(mean.mean(0), var.mean(0), size)

    def extra_repr(self):
        return f"{super().extra_repr()}, group_size={self.group_size}"


class GhostBatchNorm1d(_GhostBatchNorm, BatchNorm1d):
    """Batch Normalization of (N, C) whose statistics come from groups of m samples.

    In training the batch is cut into G = N / m groups, in its order, and each is normalised with
    its own mean and variance; the running statistics take the mean over the groups. That is what
    G workers with m samples each do, and it leaves the batch of the gradient descent as it is: m
    can be changed alone. Evaluation is that of ``BatchNorm1d``.

    Source: Hoffer, Hubara & Soudry 2017, arXiv 1705.08741, Algorithm 1 ("Ghost Batch
    Normalization"). There the running statistics take the groups by turns, not their mean.

    Parameters
    ----------
    num_features : int
        C.
    group_size : int
        m, at least 2.

    Raises
    ------
    ValueError
        When made: m is too small. When called in training: N is not a multiple of m.
    """

    _dimensions = (2,)


class GhostBatchNorm2d(_GhostBatchNorm, BatchNorm2d):
    """The same for images (N, C, H, W): a channel of a group has m * H * W values.

    So m may be 1 here, as long as H * W is not.
    """

    _smallest_group = 1


class BatchRenorm1d(GhostBatchNorm1d):
    """Batch Renormalization of (N, C): training sees what evaluation will see.

    With mean and var of the batch, sigma_B = sqrt(var + eps), and mu and sigma, the moving
    averages of mean and sigma_B, from before this batch, in training

        r = sigma_B / sigma, at least 1 / r_max, at most r_max
        d = (mean - mu) / sigma, at least -d_max, at most d_max
        x_hat = (x - mean) / sigma_B * r + d

    where r and d are constants for the gradient. As long as neither limit holds, x_hat is
    (x - mu) / sigma, which is the x_hat of evaluation. r = 1 and d = 0 is Batch Normalization.

    The moving average is that of sigma_B, not of the variance as in ``BatchNorm1d``: of few values
    it is smaller. ``running_var`` holds sigma^2 - eps, so that evaluation divides by sigma.

    Source: Ioffe 2017, arXiv 1702.03275, Algorithm 1.

    Parameters
    ----------
    num_features : int
        C.
    group_size : int
        m, at least 2: statistics over groups of so many samples, see ``GhostBatchNorm1d``.
    r_max, d_max : float
        The limits, in the end.
    relax : pair of int
        Plain Batch Normalization for so many batches; then the limits grow evenly, from 1 and 0,
        and have reached r_max and d_max after the second number of batches. The running
        statistics need that time to become of use.
    """

    def __init__(self, num_features, group_size, *, r_max=3.0, d_max=5.0, relax=(0, 1), **settings):
        super().__init__(num_features, group_size, **settings)
        self.r_max, self.d_max, self.relax = r_max, d_max, relax

    def _normalize(self, columns, mean, var):
        x_hat = super()._normalize(columns, mean, var)
        r, d = self._corrections(mean.detach(), var.detach())
        return scale_and_shift(x_hat, r, d)

    @torch.no_grad()
    def _track_groups(self, mean, var, size):
        sigma = torch.sqrt(self.running_var + self.eps)
        super()._track_groups(mean, var, size)
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / int(self.num_batches_tracked)
        sigma.lerp_(torch.sqrt(var + self.eps).mean(0), momentum)
        self.running_var.copy_(sigma.square() - self.eps)

    def _corrections(self, mean, var):
        start, end = self.relax
        share = (int(self.num_batches_tracked) - start) / (end - start)
        share = min(max(share, 0), 1)
        r_max, d_max = 1 + share * (self.r_max - 1), share * self.d_max
        groups = len(mean) // self.num_features
        mu, sigma = self.running_mean, torch.sqrt(self.running_var + self.eps)
        mu, sigma = mu.repeat(groups), sigma.repeat(groups)
        r = torch.sqrt(var + self.eps) / sigma
        d = (mean - mu) / sigma
        return r.clamp(1 / r_max, r_max), d.clamp(-d_max, d_max)

    def extra_repr(self):
        limits = f"r_max={self.r_max}, d_max={self.d_max}, relax={self.relax}"
        return f"{super().extra_repr()}, {limits}"


def group_norm(x, groups, gamma=None, beta=None, eps=1e-5):
    """Normalise every sample by itself, in groups of neighbouring channels.

    For each sample and group, with the mean and the variance (divided by their number) of the
    C / G channels at all their places:

        x_hat = (x - mean) / sqrt(var + eps),    y = gamma * x_hat + beta

    One group is layer normalisation over channels and places, C groups are instance
    normalisation. No sample sees another, so the batch may have any size, and evaluation is the
    same as training.

    Source: Wu & He 2018, arXiv 1803.08494, section 3, equations 1, 2, 6 and 7.

    Parameters
    ----------
    x : Tensor (N, C, ...)
    groups : int
        G, a divisor of C.
    gamma, beta : Tensor (C,) or None
        One for each channel, not for each group.

    Returns
    -------
    y : Tensor (N, C, ...)

    Raises
    ------
    ValueError
        If C is not a multiple of G.
    """
    n, c = x.shape[:2]
    if c % groups:
        raise ValueError(
            f"{c} channels cannot be cut into {groups} groups; expected a divisor of {c}"
        )
    rows = x.reshape(n * groups, -1)  # one row for each sample and group
    mean = rows.mean(dim=1, keepdim=True)
    var = (rows - mean).square().mean(dim=1, keepdim=True)
    x_hat = ((rows - mean) / torch.sqrt(var + eps)).reshape(x.shape)
    return scale_and_shift(x_hat, gamma, beta)


def norms_of(model):
    """The Batch Normalization layers in ``model``, also those in stacks and of this file."""
    return [module for module in model.modules() if isinstance(module, (BatchNorm1d, BatchNorm2d))]


@torch.no_grad()
def precise_statistics(model, x):
    """Measure the running statistics of every Batch Normalization anew, on all x as one batch.

    The first layer's from x, the second's from what the first gives with its new statistics, and
    so on: each layer gets the mean and variance (divided by n - 1) of what reaches it in
    evaluation. The weights stay. With a moving average they come from the last batches only,
    of networks that were still changing, and in groups of m.

    Source: Wu & Johnson 2021, arXiv 2105.07576, section 3 ("PreciseBN"). There x is cut into
    mini-batches and their statistics are averaged, because all of ImageNet fits no memory.

    Parameters
    ----------
    model : torch.nn.Module, changed in place
    x : Tensor
        What ``model`` takes: all training samples.
    """

    def measure(layer, inputs):
        mean, var = batch_moments(inputs[0])
        n = values_per_channel(inputs[0])
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(var * (n / (n - 1)))

    handles = [layer.register_forward_pre_hook(measure) for layer in norms_of(model)]
    mode = model.training
    try:
        model.eval()(x)
    finally:
        model.train(mode)
        for handle in handles:
            handle.remove()


class FrozenNorm(nn.Module):
    """A Batch Normalization layer that stays in evaluation mode: its running statistics hold.

    gamma and beta go on learning. (What is called "frozen BN" in detection often fixes them as
    well.)
    """

    def __init__(self, layer):
        super().__init__()
        self.layer = layer.eval()

    def train(self, mode=True):
        """Take the mode, but leave the layer inside in evaluation mode."""
        super().train(mode)
        self.layer.eval()
        return self

    def forward(self, x):
        return self.layer(x)


def freeze_norms(model):
    """Put a ``FrozenNorm`` in the place of every Batch Normalization in ``model``, in place."""
    frozen = norms_of(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if child in frozen:
                setattr(parent, name, FrozenNorm(child))
