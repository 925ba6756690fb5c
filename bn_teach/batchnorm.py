"""Batch Normalization, to be read in one sitting.

Source: Ioffe and Szegedy (2015), "Batch Normalization: Accelerating Deep Network Training by
Reducing Internal Covariate Shift", arXiv 1502.03167; "the paper" below.

Shapes
    N        samples in the mini-batch
    C        channels (in a fully connected layer: its units, or features)
    L, H, W  length, or height and width, of a channel (BatchNorm3d: depth D as well)
    m        values that one channel has in the mini-batch: N, N*L, N*H*W or N*D*H*W

    x is (N, C), (N, C, L), (N, C, H, W) or (N, C, D, H, W): channels are dimension 1.
    mean, var, gamma, beta and the running statistics are (C,): one number per channel.

Training (the paper's Algorithm 1), for each channel by itself
    mean  = 1/m * sum of x                  batch_moments
    var   = 1/m * sum of (x - mean)^2       batch_moments
    x_hat = (x - mean) / sqrt(var + eps)    normalize
    y     = gamma * x_hat + beta            scale_and_shift

Evaluation (Algorithm 2): the last two lines again, with the running statistics in the place of
mean and var. update_running collects them during training.

The functions hold the mathematics, the classes at the end only keep state. Nothing here is
detached: autograd differentiates through mean and var too, as in the paper's section 3.
backward.py writes that gradient out by hand.
"""

import torch


def values_per_channel(x):
    """m: how many values each channel of x (N, C, ...) has."""
    return x[:, 0].numel()


def sum_over_batch(x):
    """The paper's sum over i = 1..m: x (N, C, ...) summed over every dimension but C, (C,)."""
    return x.sum([dim for dim in range(x.dim()) if dim != 1])


def per_channel(values, x):
    """Values (C,) reshaped to (1, C, 1, ...), so that each meets its own channel of x."""
    return values.reshape([1, -1] + [1] * (x.dim() - 2))


def centre(x, mean):
    """x - mean: each value's difference from the mean (C,) of its channel."""
    # Negating the C means gives the same result to the last bit, and is cheaper: to differentiate
    # x - mean, autograd would negate a whole gradient of the size of x.
    return x + per_channel(-mean, x)


def batch_moments(x):
    """Mean and variance of each channel over the mini-batch (Algorithm 1, lines 1 and 2).

    mean = 1/m * sum_i x_i,    var = 1/m * sum_i (x_i - mean)^2

    var divides by m, not by m - 1: the *biased* estimate, torch.var's ``correction=0``. It is
    the mean of squared differences, not E[x^2] - mean^2: where the mean is large beside the
    spread, that form can lose every digit in float32.

    Parameters
    ----------
    x : Tensor (N, C, ...)

    Returns
    -------
    mean, var : Tensor (C,), in the unit of x and in that unit squared

    Raises
    ------
    IndexError
        If x has fewer than two dimensions, or no channel.
    """
    m = values_per_channel(x)
    mean = sum_over_batch(x) / m
    difference = centre(x, mean)
    var = sum_over_batch(difference * difference) / m  # the gradient of .square() is slower
    return mean, var


def normalize(x, mean, var, eps):
    """Count x in standard deviations from the mean (Algorithm 1, line 3).

    x_hat = (x - mean) / sqrt(var + eps)

    With the batch moments, each channel gets mean 0 and variance var / (var + eps): below 1, but
    hardly, unless var is as small as eps. With running statistics it is 0 and 1 only as far as
    they fit this mini-batch.

    Parameters
    ----------
    x : Tensor (N, C, ...)
    mean, var : Tensor (C,)
    eps : float
        Added inside the root, in the unit of var: no division by 0 if a channel is constant.

    Returns
    -------
    x_hat : Tensor (N, C, ...), without unit
    """
    # Divide C times and multiply m*C times: the gradient of a division would cost more.
    inverse_std = 1 / torch.sqrt(var + eps)
    return centre(x, mean) * per_channel(inverse_std, x)


def scale_and_shift(x_hat, gamma, beta):
    """Give each channel the spread and the centre that training chose (Algorithm 1, line 4).

    y = gamma * x_hat + beta

    Parameters
    ----------
    x_hat : Tensor (N, C, ...)
    gamma, beta : Tensor (C,) or None
        None leaves that step out.

    Returns
    -------
    y : Tensor (N, C, ...)
    """
    y = x_hat
    if gamma is not None:
        y = per_channel(gamma, y) * y
    if beta is not None:
        y = y + per_channel(beta, y)
    return y


def update_running(running_mean, running_var, mean, var, m, momentum):
    """Move the running statistics one step towards those of a mini-batch.

    running_mean <- (1 - momentum) * running_mean + momentum * mean
    running_var  <- (1 - momentum) * running_var  + momentum * var * m / (m - 1)

    momentum multiplies the *new* value, as in PyTorch: 0 never learns, 1 never remembers.
    (Keras multiplies the old one: its 0.99 is 0.01 here.) var * m / (m - 1) divides by m - 1
    instead of m: the *unbiased* estimate, because evaluation wants the variance of all data,
    not of this mini-batch (Algorithm 2, line 10). There the paper averages over mini-batches
    after training; moving averages are its alternative (end of section 3.1).

    Parameters
    ----------
    running_mean, running_var : Tensor (C,)
    mean, var : Tensor (C,), as from ``batch_moments``
    m : int
        Values per channel in the mini-batch.
    momentum : float from 0 to 1

    Returns
    -------
    running_mean, running_var : Tensor (C,), new ones: the arguments stay as they are

    Raises
    ------
    ZeroDivisionError
        If m is 1: a single value has no spread to estimate.
    """
    unbiased_var = var * (m / (m - 1))
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * unbiased_var
    return new_mean, new_var


class _BatchNorm(torch.nn.Module):
    """State of a Batch Normalization layer; torch.nn's layer of the same name can replace it.

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Added to the variance inside the root.
    momentum : float or None
        Weight of the newest mini-batch in the running statistics. None: 1 / (mini-batches so
        far), which makes them the plain average over all mini-batches.
    affine : bool
        Learn gamma (``weight``, starts at 1) and beta (``bias``, starts at 0), or have neither.
    track_running_stats : bool
        Keep running statistics. Without them, evaluation uses the mini-batch's own.
    device, dtype
        Of gamma, beta and the running statistics.
    bias : bool
        False: have gamma, but no beta.

    Raises
    ------
    ValueError
        When called: wrong number of dimensions; or the mini-batch's statistics are needed, but
        it has one value per channel, or eps is not positive.
    RuntimeError
        When called: wrong number of channels, or wrong dtype. (A float32 layer also takes
        bfloat16 and float16.)
    """

    _version = 2  # of the state_dict: since 2 it has num_batches_tracked, see the last method

    def __init__(
        self,
        num_features,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats

        def vector():
            return torch.empty(num_features, device=device, dtype=dtype)

        # A parameter is changed by the optimiser. A buffer is not, but like a parameter it is
        # moved by .to() and saved in the state_dict.
        self.register_parameter("weight", torch.nn.Parameter(vector()) if affine else None)
        self.register_parameter("bias", torch.nn.Parameter(vector()) if affine and bias else None)
        self.register_buffer("running_mean", vector() if track_running_stats else None)
        self.register_buffer("running_var", vector() if track_running_stats else None)
        count = torch.tensor(0, device=device) if track_running_stats else None
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

    @property
    def gamma(self):
        """The paper's name for ``weight``: (C,) or None."""
        return self.weight

    @property
    def beta(self):
        """The paper's name for ``bias``: (C,) or None."""
        return self.bias

    def reset_parameters(self):
        """Start anew: gamma 1, beta 0, no mini-batch seen."""
        self.reset_running_stats()
        if self.weight is not None:
            torch.nn.init.ones_(self.weight)
        if self.bias is not None:
            torch.nn.init.zeros_(self.bias)

    def reset_running_stats(self):
        """Forget every mini-batch: running mean 0, running variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def forward(self, x):
        """Normalize, scale and shift x (N, C, ...); the result has its shape and dtype.

        train() and eval() alone choose the statistics, and whether the running ones move:
        torch.no_grad() makes no difference to either.
        """
        use_batch = self.training or self.running_mean is None
        self._refuse_what_torch_refuses(x, use_batch)

        values = x.to(_computing_dtype(x))
        if use_batch:
            mean, var = batch_moments(values)
        else:
            mean, var = self.running_mean.to(values.dtype), self.running_var.to(values.dtype)
        if self.training and self.track_running_stats:
            self._track(mean, var, values_per_channel(x))

        x_hat = normalize(values, mean, var, self.eps)
        y = scale_and_shift(x_hat, self.gamma, self.beta)
        return y.to(x.dtype)

    @torch.no_grad()  # else a buffer would hold the graph of every mini-batch so far
    def _track(self, mean, var, m):
        self.num_batches_tracked.add_(1)
        if m == 0:
            return  # like torch, count an empty mini-batch, which has no statistics
        momentum = self.momentum
        if momentum is None:
            momentum = 1 / float(self.num_batches_tracked)
        new_mean, new_var = update_running(
            self.running_mean, self.running_var, mean, var, m, momentum
        )
        self.running_mean.copy_(new_mean)  # in place: it stays the same buffer
        self.running_var.copy_(new_var)

    def _refuse_what_torch_refuses(self, x, use_batch):
        got = f"got x of shape {tuple(x.shape)} and {x.dtype}"
        if x.dim() not in self._dimensions:
            raise ValueError(
                f"{type(self).__name__} expected {' or '.join(map(str, self._dimensions))} "
                f"dimensions, {got}. Reshape x, or choose: BatchNorm1d takes (N, C) or (N, C, L), "
                "BatchNorm2d (N, C, H, W), BatchNorm3d (N, C, D, H, W)."
            )
        own = self.weight if self.weight is not None else self.running_mean
        if own is not None and x.shape[1] != self.num_features:
            raise RuntimeError(
                f"expected {self.num_features} channels in dimension 1, {got}. Make the layer "
                f"with num_features={x.shape[1]}, or move the channels to dimension 1."
            )
        if not x.is_floating_point():
            raise RuntimeError(f"expected floating-point numbers, {got}. Convert it: x.float().")
        if own is not None and own.dtype not in (x.dtype, _computing_dtype(x)):
            raise RuntimeError(
                f"expected the dtype of the layer, {own.dtype}, {got}. Convert one of them: "
                f"x.to({own.dtype}) or layer.to({x.dtype})."
            )
        if use_batch and values_per_channel(x) == 1:
            raise ValueError(
                f"expected more than 1 value per channel, {got}. A single value is its own mean: "
                "y would be beta, whatever x. Use a larger mini-batch (DataLoader: "
                "drop_last=True), or eval() with running statistics."
            )
        if self.eps < 0 or (use_batch and self.eps == 0):
            raise ValueError(f"expected a positive eps, got {self.eps}. The usual one is 1e-5.")

    def extra_repr(self):
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
        if self.track_running_stats and (local_metadata.get("version") or 1) < 2:
            state_dict.setdefault(prefix + "num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)


def _computing_dtype(x):
    """Like torch, compute half precision in float32, and every other dtype in itself."""
    return torch.promote_types(x.dtype, torch.float32)


class BatchNorm1d(_BatchNorm):
    """Batch Normalization of (N, C), where m = N, or of (N, C, L), where m = N*L."""

    _dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch Normalization of images (N, C, H, W), where m = N*H*W (section 3.2)."""

    _dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch Normalization of volumes or films (N, C, D, H, W), where m = N*D*H*W."""

    _dimensions = (5,)
