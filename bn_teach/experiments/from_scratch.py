"""What a Batch Normalization layer must get right, measured: the runs behind notebook 07.

    bug_costs       how wrong are the outputs of a layer with a common bug?
    one_pass        what does E[x^2] - E[x]^2 cost in float32?
    eps_and_root    eps inside or outside the root: scale, spread and gradient
    side_by_side    a network with a given layer, trained beside torch's
    speed           the time of a given layer beside torch's

The layer to be checked is in ``from_scratch_layers``, the checks are in practice.layer_checks.

Shapes: N samples, C channels, B batch sizes, K means or recorded steps, V variances, E values of
eps.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
import torch

from ..batchnorm import batch_moments, normalize, scale_and_shift
from ..datasets import load_digits
from ..models import cnn, mlp
from ..train import accuracy, as_tensors, batches, one_thread, train
from .from_scratch_layers import Table

EPS, MOMENTUM = 1e-5, 0.1  # torch's defaults
SIZES = (2, 4, 8, 16, 32, 64, 128)  # batch sizes of ``bug_costs``
METHODS = ("one pass", "two passes", "torch.nn")
FORMS = ("inside", "outside")


@dataclass(frozen=True)
class BugCosts:
    """Outputs of a layer with one bug beside the right ones, for batches of ``SIZES``.

    Attributes
    ----------
    sizes : ndarray (B,)
    right, wrong : dict of ndarray (B, N)
        For each bug the outputs of one channel for the same N samples.
    error : dict of ndarray (B,)
        Root mean square of wrong - right over that of right, samples and all channels together.
    """

    sizes: np.ndarray
    right: dict
    wrong: dict
    error: dict


@dataclass(frozen=True)
class OnePass:
    """The variance of float32 numbers of spread 1 by each of ``METHODS``, for K means.

    Attributes
    ----------
    means : ndarray (K,)
    spacing : ndarray (K,)
        Distance between neighbouring float32 numbers at mean^2, about where E[x^2] lies.
    var : dict of ndarray (K, C); true_var : ndarray (K, C)
        The truth is that of the same float32 numbers, computed in float64.
    x_hat : dict of ndarray (K, N); true_x_hat : ndarray (K, N)
        The first channel, normalised with these.
    """

    means: np.ndarray
    spacing: np.ndarray
    var: dict
    true_var: np.ndarray
    x_hat: dict
    true_x_hat: np.ndarray

    @property
    def error(self):
        """Mean of abs(var - true) / true over the channels: dict of (K,)."""
        return {
            name: (np.abs(var - self.true_var) / self.true_var).mean(axis=1)
            for name, var in self.var.items()
        }


@dataclass(frozen=True)
class EpsAndRoot:
    """One channel of variance v, divided by sqrt(v + eps) or by sqrt(v) + eps; dicts by ``FORMS``.

    Attributes
    ----------
    variances, epsilons : ndarray (V,), (E,)
        The first variance is 0: a dead channel.
    factor : dict of ndarray (V, E)
        What x - mean is multiplied by.
    spread : dict of ndarray (V, E)
        Standard deviation of the output.
    gradient : dict of ndarray (V, E)
        Largest abs(dx), by autograd, where the loss is the output of one sample; may be NaN.
    """

    variances: np.ndarray
    epsilons: np.ndarray
    factor: dict
    spread: dict
    gradient: dict


class Speed(NamedTuple):
    """Median milliseconds of one forward and backward pass."""

    shape: tuple
    torchs: float
    layers: float

    HEADING = ("shape", "torch.nn", "this layer", "ratio")

    def cells(self):
        times = (f"{self.torchs:.2f} ms", f"{self.layers:.2f} ms")
        return " × ".join(map(str, self.shape)), *times, f"{self.layers / self.torchs:.1f}"


@one_thread()
def bug_costs(seed=0):
    """Run 200 batches of real values through right and wrong layers, for each size of ``SIZES``.

    The values are what 50 untrained linear units make of the digits; 128 test images are then
    normalised, in training or in evaluation, as the bug demands. All in float64. Returns
    ``BugCosts``.
    """
    digits = load_digits()
    linear = mlp([64, 50, 10], norm="batch", seed=seed).linear1
    with torch.no_grad():
        seen, new = (
            linear(as_tensors(images, labels, flat=True)[0]).double()
            for images, labels in (
                (digits.train_images, digits.train_labels),
                (digits.test_images[:128], digits.test_labels[:128]),
            )
        )
    found = [_outputs_with_bugs(seen, new, size, seed) for size in SIZES]
    pairs = {bug: [outputs[bug] for outputs in found] for bug in found[0]}
    return BugCosts(
        sizes=np.array(SIZES),
        right={bug: np.stack([right[:, 0] for right, _ in p]) for bug, p in pairs.items()},
        wrong={bug: np.stack([wrong[:, 0] for _, wrong in p]) for bug, p in pairs.items()},
        error={bug: np.array([_error(*pair) for pair in p]) for bug, p in pairs.items()},
    )


def _outputs_with_bugs(seen, new, size, seed):
    """Right and wrong outputs (N, C) for the samples ``new``, for each bug."""
    moments = [batch_moments(seen[index]) for index in batches(len(seen), size, 200, seed)]
    means, variances = (torch.stack(values) for values in zip(*moments, strict=True))
    unbiased = variances * size / (size - 1)

    def evaluated(momentum, variances):
        mean, var = _moved(0.0, means, momentum), _moved(1.0, variances, momentum)
        return normalize(new, mean, var, EPS).numpy()

    def by_batch(factor):
        parts = []
        for x in new.split(size):
            mean, var = batch_moments(x)
            parts.append(normalize(x, mean, var * factor, EPS))
        return torch.cat(parts).numpy()

    trained, right = by_batch(1), evaluated(MOMENTUM, unbiased)
    return {
        "n − 1 in training": (trained, by_batch(size / (size - 1))),
        "biased running variance": (right, evaluated(MOMENTUM, variances)),
        "momentum reversed": (right, evaluated(1 - MOMENTUM, unbiased)),
        "batch statistics in evaluation": (right, trained),
        "statistics not saved": (right, (new / np.sqrt(1 + EPS)).numpy()),
    }


def _moved(start, values, momentum):
    """The running statistic, (C,), after the batches' ``values`` (T, C)."""
    running = torch.full_like(values[0], start)
    for value in values:
        running = (1 - momentum) * running + momentum * value
    return running


def _error(right, wrong):
    return np.sqrt(np.mean((wrong - right) ** 2) / np.mean(right**2))


@one_thread()
def one_pass(seed=0):
    """The variance of 256 samples of 32 channels around means from 1 to 10^5: ``OnePass``."""
    z = np.random.default_rng(seed).standard_normal((256, 32))
    means = 10 ** np.linspace(0, 5, 21)
    var, x_hat = ({name: [] for name in METHODS} for _ in "ab")
    true_var, true_x_hat = [], []
    for mean in means:
        x = torch.tensor(z + mean, dtype=torch.float32)
        for name, (v, y) in _by_each_method(x).items():
            var[name].append(v.numpy())
            x_hat[name].append(y[:, 0].numpy())
        exact = x.double()
        true_mean, v = batch_moments(exact)
        true_var.append(v.numpy())
        true_x_hat.append(normalize(exact, true_mean, v, EPS)[:, 0].numpy())
    return OnePass(
        means=means,
        spacing=np.spacing(np.float32(means**2)).astype(float),
        var={name: np.stack(values) for name, values in var.items()},
        true_var=np.stack(true_var),
        x_hat={name: np.stack(values) for name, values in x_hat.items()},
        true_x_hat=np.stack(true_x_hat),
    )


def _by_each_method(x):
    """Variance (C,) and x_hat (N, C) of float32 numbers, for each of ``METHODS``."""
    mean = x.mean(0)
    once = (x * x).mean(0) - mean * mean
    twice = batch_moments(x)
    layer = torch.nn.BatchNorm1d(x.shape[1], eps=EPS, momentum=1.0, affine=False)
    y = layer(x)
    torchs = layer.running_var * (len(x) - 1) / len(x)  # momentum 1: that of this batch
    results = (
        (once, normalize(x, mean, once, EPS)),
        (twice[1], normalize(x, *twice, EPS)),
        (torchs, y),
    )
    return dict(zip(METHODS, results, strict=True))


@one_thread()
def eps_and_root():
    """Eight samples of one channel, of each variance, with each eps and form: ``EpsAndRoot``.

    In float64, so that only the formulas differ.
    """
    variances = np.concatenate([[0], 10 ** np.linspace(-12, 2, 29)])
    epsilons = 10.0 ** np.arange(-8, 0)
    found = np.array(
        [[[_divided(v, e, form) for e in epsilons] for v in variances] for form in FORMS]
    )
    parts = ({form: found[i, ..., j] for i, form in enumerate(FORMS)} for j in range(3))
    return EpsAndRoot(variances, epsilons, *parts)


def _divided(variance, eps, form):
    """Factor, spread of the output and largest gradient."""
    signs = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)
    x = (3 + np.sqrt(variance) * signs).requires_grad_()
    mean, var = x.mean(), x.var(correction=0)
    factor = 1 / (torch.sqrt(var + eps) if form == "inside" else torch.sqrt(var) + eps)
    y = (x - mean) * factor
    y[0].backward()
    return factor.item(), y.std(correction=0).item(), x.grad.abs().max().item()


class NMinus1(torch.nn.BatchNorm2d):
    """torch's layer with one bug: in training it divides the variance by n - 1, not by n."""

    def forward(self, x):
        y = super().forward(x)  # moves the running statistics as it should
        if not self.training:
            return y
        mean, var = batch_moments(x)
        n = x[:, 0].numel()
        x_hat = normalize(x, mean, var * n / (n - 1), self.eps)
        return scale_and_shift(x_hat, self.weight, self.bias)


@one_thread()
def side_by_side(make, steps=60, seed=0, progress=True):
    """Train a CNN on the digits with other layers and, from the same start, with torch's.

    Batches of 64, learning rate 0.3. Returns a dict, name to a pair of ``Run``, the second with
    torch's layers: "float32" and "float64" with those of ``make``, "n − 1" with ``NMinus1``, in
    float64. ``settings`` has the test accuracy at the end.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=False)
    x_test, y_test = as_tensors(digits.test_images, digits.test_labels, flat=False)

    def fit(layer, dtype, label):
        net = cnn((12, 24), norm="batch", seed=seed)
        net.norm1, net.norm2 = layer(12), layer(24)
        net.to(dtype)
        run = train(
            net,
            x.to(dtype),
            y,
            steps=steps,
            lr=0.3,
            batch_size=64,
            seed=seed,
            progress=progress,
            label=label,
        )
        run.settings["test_accuracy"] = float(accuracy(net, x_test.to(dtype), y_test))
        return run

    single, double = torch.float32, torch.float64
    torchs = fit(torch.nn.BatchNorm2d, double, "torch's, float64")
    return {
        "float32": (
            fit(make, single, "this layer, float32"),
            fit(torch.nn.BatchNorm2d, single, "torch's, float32"),
        ),
        "float64": (fit(make, double, "this layer, float64"), torchs),
        "n − 1": (fit(NMinus1, double, "n − 1, float64"), torchs),
    }


@one_thread()
def speed(flat, images, rounds=15):
    """Time the two layers beside torch's, forward and backward, by turns: a table of ``Speed``.

    Few repeats: a layer of loops can be a hundred times slower than torch's.
    """
    pairs = [
        ((256, 100), flat, torch.nn.BatchNorm1d),
        ((64, 24, 8, 8), images, torch.nn.BatchNorm2d),
    ]
    return Table(
        Speed(shape, *_milliseconds([torchs(shape[1]), make(shape[1])], shape, rounds))
        for shape, make, torchs in pairs
    )


def _milliseconds(layers, shape, rounds, repeats=2):
    generator = torch.Generator().manual_seed(0)
    x, d_y = (torch.randn(shape, generator=generator) for _ in "ab")
    x.requires_grad_()
    times = [[] for _ in layers]
    for _ in range(rounds):
        for layer, seen in zip(layers, times, strict=True):
            start = time.perf_counter()
            for _ in range(repeats):
                layer(x * 1).backward(d_y)
            seen.append((time.perf_counter() - start) / repeats * 1000)
    return [median(seen) for seen in times]
