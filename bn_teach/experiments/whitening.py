"""Standardising, whitening and its price, and whose mean it is: the measurements of notebook 02.

Ioffe and Szegedy (2015), arXiv 1502.03167, start from whitening (section 2), give decorrelation up
(section 3), and share one mean over samples and places (section 3.2). A function each:

    samples                 what does standardising change, and what not?
    clouds                  what does whitening do that standardising does not?
    small_batches           what if the batch has fewer samples than features?
    whitening_cost          what does it cost, in milliseconds?
    feature_maps            real values (N, C, H, W), and which of them share a mean
    outside_the_gradient    what if the gradient does not know of the mean?

Shapes: N samples, C channels of H x W places, k features, T steps.
"""

import math
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm.std import tqdm

from .. import whitening
from ..datasets import load_digits
from ..models import cnn
from ..record import record, to_numpy
from ..train import Run, as_tensors, one_thread, train, training_pass

WHITENERS = {
    "PCA": whitening.pca_whiten,
    "ZCA": whitening.zca_whiten,
    "Cholesky": whitening.cholesky_whiten,
}
METHODS = {"standardised": whitening.standardize, **WHITENERS}
NORMS = ("batch norm", "layer norm", "instance norm", "group norm")


@dataclass(frozen=True)
class Clouds:
    """One cloud of points in the plane at R correlations, before and after each of ``METHODS``.

    Attributes
    ----------
    correlations : ndarray (R,)
    raw : ndarray (R, N, 2)
        Mean 0, standard deviations ``SPREADS``, and exactly that correlation.
    after : dict of ndarray (R, N, 2)
        For each name in ``METHODS``.
    marked : ndarray (4,)
        Samples worth following: the nearest to the axes, in each direction, without correlation.
    """

    correlations: np.ndarray
    raw: np.ndarray
    after: dict
    marked: np.ndarray


SPREADS = (1.5, 1.0)  # different: with equal ones PCA's axes would be arbitrary at correlation 0


@dataclass(frozen=True)
class SmallBatches:
    """Whitening with the statistics of a small batch of digits.

    M batch sizes, E values of eps, S batches for each, k pixels.

    Attributes
    ----------
    sizes, eps : ndarray (M,), (E,)
    spectrum : ndarray (M, k)
        Eigenvalues of the first batch's covariance, the largest first.
    all_data : ndarray (k,)
        Those of all training images.
    rank : ndarray (M, S), int
        Of the batch covariance.
    rms : dict of ndarray (M, E, S)
        For "standardised" and "ZCA": the root mean square of 500 test images after the map that
        the batch gave. 1 if it fits them.
    """

    sizes: np.ndarray
    eps: np.ndarray
    spectrum: np.ndarray
    all_data: np.ndarray
    rank: np.ndarray
    rms: dict


@dataclass(frozen=True)
class BiasRace:
    """Gradient descent on a bias before a centring step, at L learning rates.

    Attributes
    ----------
    rates : ndarray (L,)
    bias, loss : dict of ndarray (L, T + 1)
        For the gradient "outside" (the mean is a constant to it) and "inside" (through the mean);
        entry t is after t steps.
    """

    rates: np.ndarray
    bias: dict
    loss: dict


def samples(n=400, seed=0):
    """Three samples of n values, each with mean 0 and variance 1 (divided by n): name to (n,).

    A bell (Gaussian), a skewed one (gamma, shape 2), and a real one: a pixel in the middle of n
    digits, with many values at no ink and at full ink.
    """
    rng = np.random.default_rng(seed)
    values = {
        "bell": rng.normal(size=n),
        "skewed": rng.gamma(2.0, size=n),
        "a pixel": load_digits().train_images[:n, 3, 4].astype(float),
    }
    return {name: standardized(column) for name, column in values.items()}


def standardized(values):
    """``whitening.standardize`` of one feature: ndarray (N,) to ndarray (N,)."""
    return to_numpy(whitening.standardize(torch.tensor(values)[:, None])[:, 0])


def clouds(n=150, seed=0):
    """A cloud of n points with correlations from -0.95 to 0.95, raw and after each method."""
    rng = np.random.default_rng(seed)
    # A whitened sample: exactly uncorrelated, so that the cloud has exactly the correlation.
    round_cloud = to_numpy(whitening.zca_whiten(torch.tensor(rng.normal(size=(n, 2)))))
    correlations = np.linspace(-0.95, 0.95, 39)
    raw = np.stack([round_cloud @ _mixing(rho).T for rho in correlations])
    after = {
        name: np.stack([to_numpy(method(torch.tensor(points))) for points in raw])
        for name, method in METHODS.items()
    }
    targets = 1.8 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
    marked = np.linalg.norm(round_cloud[:, None] - targets, axis=-1).argmin(axis=0)
    return Clouds(correlations, raw, after, marked)


def _mixing(rho):
    """The matrix A with A A^T = covariance of the two spreads and the correlation rho."""
    a, b = SPREADS
    return np.array([[a, 0], [b * rho, b * math.sqrt(1 - rho**2)]])


def varying_pixels(above=0.1):
    """The pixels of the digits whose standard deviation is ``above`` that: train, test (N, k).

    float64 tensors. The others, at the border, are nearly always blank.
    """
    digits = load_digits()
    x, test = (
        as_tensors(images, labels, flat=True)[0].double()
        for images, labels in (
            (digits.train_images, digits.train_labels),
            (digits.test_images, digits.test_labels),
        )
    )
    keep = x.std(0) > above
    return x[:, keep], test[:, keep]


@one_thread()
def small_batches(sizes=(16, 32, 64, 128, 256, 512, 1024), eps=(1e-5, 1e-3, 1e-1), seeds=range(5)):
    """Standardise and whiten test digits with the statistics of batches. Returns ``SmallBatches``.

    Each seed draws its batches without replacement; the smaller are the beginnings of the larger.
    """
    x, test = varying_pixels()
    orders = [np.random.default_rng(seed).permutation(len(x)) for seed in seeds]
    spectrum, ranks = [], []
    rms = {name: np.zeros((len(sizes), len(eps), len(orders))) for name in ("standardised", "ZCA")}
    for i, size in enumerate(sizes):
        batches = [x[order[:size]] for order in orders]
        covs = [whitening.covariance(batch) for batch in batches]
        spectrum.append(to_numpy(torch.linalg.eigvalsh(covs[0]).flip(0)))
        ranks.append([whitening.rank(cov) for cov in covs])
        for j, ridge in enumerate(eps):
            for s, (batch, cov) in enumerate(zip(batches, covs, strict=True)):
                cov = cov + ridge * torch.eye(len(cov)).double()
                centred = test - batch.mean(0)
                after = centred @ whitening.zca_matrix(cov).T
                rms["ZCA"][i, j, s] = after.square().mean().sqrt()
                after = centred / cov.diagonal().sqrt()
                rms["standardised"][i, j, s] = after.square().mean().sqrt()
    all_data = to_numpy(torch.linalg.eigvalsh(whitening.covariance(x)).flip(0))
    arrays = (np.array(a) for a in (sizes, eps, spectrum, all_data, ranks))
    return SmallBatches(*arrays, rms)


COST_METHODS = ("standardised", "Cholesky", "ZCA")


@one_thread()
def whitening_cost(features=(8, 16, 32, 64, 128, 256, 512, 1024), repeats=7, progress=True):
    """Time forward and backward passes of one batch of max(256, 2k) samples of k features.

    float32, one thread, eps 1e-5. Each time is the shortest of ``repeats``, each of which runs
    for 20 ms at least.

    Returns
    -------
    Run
        ``steps`` (K,): the numbers of features k, in place of training steps;
        ``snapshots[name]`` (K,): milliseconds, for each name in ``COST_METHODS``;
        ``settings["machine"]``: what it was measured on.
    """
    times = {name: [] for name in COST_METHODS}
    turns = [(k, name) for k in features for name in COST_METHODS]
    for k, name in tqdm(turns, "timing", file=sys.stdout, ncols=80, disable=not progress):
        x = torch.randn(max(256, 2 * k), k, generator=torch.Generator().manual_seed(k))
        weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(k + 1))
        times[name].append(_shortest(METHODS[name], x.requires_grad_(), weights, repeats))
    return Run(
        settings={"machine": _machine(), "torch": torch.__version__, "repeats": repeats},
        steps=np.array(features, dtype=np.int64),
        snapshots={name: np.array(column) for name, column in times.items()},
    )


def _shortest(method, x, weights, repeats):
    def passes(count):
        start = time.perf_counter()
        for _ in range(count):
            torch.autograd.grad((method(x, eps=1e-5) * weights).sum(), x)
        return (time.perf_counter() - start) / count

    once = min(passes(1), passes(1))  # the first ever also loads the library
    count = max(1, math.ceil(0.02 / once))
    return 1000 * min(passes(count) for _ in range(repeats))


def _machine():
    """The processor's name as the system knows it, and that one thread of it was used."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = names[0].partition(":")[2].strip() if names else name
    return f"{name}, one thread"


STORED = {"whitening-cost": whitening_cost}


@one_thread()
def feature_maps(seed=0, progress=True):
    """Train a small CNN on the digits; what its first convolution says of 100 test images.

    Channels 4 and 8, Batch Normalization, 100 steps of 64 images, learning rate 0.3.

    Returns
    -------
    maps : ndarray (100, 4, 8, 8), float32
        What goes into the first normalisation: N images, C channels, H x W places.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=False)
    test, _ = as_tensors(digits.test_images[:100], digits.test_labels[:100], flat=False)
    net = cnn((4, 8), norm="batch", seed=seed)
    settings = {"steps": 100, "lr": 0.3, "batch_size": 64, "seed": seed}
    train(net, x, y, **settings, progress=progress, label="small CNN")
    with record(net, "norm1") as seen:
        training_pass(net, test)
    return seen["norm1"].inputs


def shares_mean(norm, shape, sample, channel, groups=2):
    """Which cells enter the mean that is subtracted from a cell of (sample, channel).

    Parameters
    ----------
    norm : one of ``NORMS``
    shape : (N, C, H, W)
    groups : int
        Of group norm (Wu and He 2018): each has C / groups neighbouring channels.

    Returns
    -------
    ndarray (N, C, H, W), bool. It does not matter at which place of the channel the cell is.
    """
    mask = np.zeros(shape, dtype=bool)
    width = shape[1] // groups
    first = channel // width * width
    if norm == "batch norm":
        mask[:, channel] = True
    elif norm == "layer norm":
        mask[sample] = True
    elif norm == "instance norm":
        mask[sample, channel] = True
    else:
        mask[sample, first : first + width] = True
    return mask


@one_thread()
def outside_the_gradient(rates=(0.02, 0.05, 0.1), steps=200, seed=0):
    """The paper's example of section 2: a learnt bias before the mean is subtracted.

    x = u + b, x_hat = x - mean of x; u is a fixed random sum of the pixels of 100 digits, the
    target t is 1 for an odd digit and 0 for an even one, the loss is the mean of (x_hat - t)^2.
    Plain gradient descent on b, which starts at 0. Returns a ``BiasRace``.
    """
    digits = load_digits()
    images, labels = as_tensors(digits.train_images[:100], digits.train_labels[:100], flat=True)
    weights = torch.randn(images.shape[1], generator=torch.Generator().manual_seed(seed)) / 8
    u, t = images.double() @ weights.double(), (labels % 2).double()
    bias, loss = {}, {}
    for way in ("outside", "inside"):
        runs = [_descend(u, t, rate, steps, through=way == "inside") for rate in rates]
        bias[way], loss[way] = (np.array(column) for column in zip(*runs, strict=True))
    return BiasRace(np.array(rates), bias, loss)


def _descend(u, t, rate, steps, through):
    """b and the loss, each (T + 1,), with the gradient through the mean or not."""
    b = torch.zeros((), dtype=u.dtype, requires_grad=True)
    biases, losses = [], []
    for _ in range(steps + 1):
        x = u + b
        mean = x.mean() if through else x.mean().detach()
        loss = (x - mean - t).square().mean()
        biases.append(b.item())
        losses.append(loss.item())
        (gradient,) = torch.autograd.grad(loss, b)
        b = (b - rate * gradient).detach().requires_grad_()
    return biases, losses
