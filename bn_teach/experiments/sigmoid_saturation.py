"""The two ditches beside the road, flat and straight: the runs behind notebook 03.

A unit whose inputs lie far from 0 meets the flat part of its sigmoid, one whose inputs lie close
to 0 meets a nearly straight part. Four questions, a function each:

    probe           how large is the gradient of each layer before training, how many saturate?
    four_networks   does a network with many saturated units learn?
    straightness    how nearly is a stack of normalised sigmoid layers one linear map?
    fixed_scale     what accuracy does that cost, if gamma may not be learnt? (stored)

Shapes: N samples, L layers, S seeds, K recorded steps, R learning rates.
"""

from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np
import torch

from ..datasets import load_digits, load_jittered_digits
from ..models import mlp, stack
from ..record import record, to_numpy
from ..train import (
    Run,
    accuracy,
    as_tensors,
    cross_entropy,
    evaluating,
    one_thread,
    train,
    training_pass,
)
from .scale_and_shift import SATURATED

ACTIVATIONS = ("sigmoid", "tanh", "ReLU")
NORMS = {"off": None, "on": "batch"}
GAINS = (0.5, 1, 2, 4, 8)
DEPTHS = (2, 4, 6, 8)

# name: activation, gain of the initial weights. None has Batch Normalization.
FOUR = {
    "sigmoid, gain 1": ("sigmoid", 1),
    "tanh, gain 1": ("tanh", 1),
    "tanh, gain 2": ("tanh", 2),
    "tanh, gain 8": ("tanh", 8),
}

SPREADS = tuple(np.arange(0.25, 4.01, 0.25).tolist())

# What gamma of every channel is in an arm of ``fixed_scale``; beta stays 0 unless it is learnt.
SCALES = (0.25, 0.5, 1, 2, 4, "learnt")
LEARNT = {"learnt": ("gamma", "beta"), "beta": ("beta",)}
DATA = {"digits": load_digits, "jittered digits": load_jittered_digits}
RATES = (0.3, 1.0, 3.0)

# Values with the distribution of a standard normal: the middles of 2000 equal shares.
NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 2000) for i in range(2000)])


def geometric_mean(values, axis=0):
    """exp(mean of the logarithms): the mean of gradients that differ by powers of ten."""
    return np.exp(np.log(values).mean(axis=axis))


def saturated(z, activation):
    """Whether the derivative at z is below 19 % of its maximum: an array of bool like z.

    For a sigmoid that is |z| > log 19, its output below 5 % or above 95 %. tanh z is
    2 sigmoid(2 z) - 1: half of that. A ReLU's derivative is 0 or 1: all z <= 0.
    """
    if activation == "ReLU":
        return z <= 0
    return np.abs(z) > (SATURATED if activation == "sigmoid" else SATURATED / 2)


@dataclass(frozen=True)
class Probe:
    """What networks of one activation, with or without BN, are like before any training.

    Attributes
    ----------
    gradient : ndarray (depths, gains, S, most layers)
        Euclidean norm of the gradient of each hidden layer's weights, from the input side; NaN
        where the network has no such layer.
    saturated : ndarray, the same shape
        Share of a layer's activations that are saturated: see ``saturated``.
    """

    gradient: np.ndarray
    saturated: np.ndarray


@one_thread()
def probe(seeds=(0, 1, 2)):
    """Gradients and saturation at initialisation, on one batch of 256 digits.

    Networks 64-100-...-100-10 for each of ``DEPTHS`` and ``GAINS``: hidden weights from
    N(0, gain^2 / fan_in), biases 0. One forward and one backward pass in training mode.

    Returns
    -------
    dict of Probe
        By (activation, "off" or "on").
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images[:256], digits.train_labels[:256], flat=True)
    return {
        (activation, bn): _probe(activation, norm, x, y, seeds)
        for activation in ACTIVATIONS
        for bn, norm in NORMS.items()
    }


def _probe(activation, norm, x, y, seeds):
    shape = (len(DEPTHS), len(GAINS), len(seeds), max(DEPTHS))
    found = Probe(np.full(shape, np.nan), np.full(shape, np.nan))
    for i, depth in enumerate(DEPTHS):
        sizes = [x.shape[1], *[100] * depth, 10]
        for j, gain in enumerate(GAINS):
            make = partial(mlp, sizes, norm=norm, activation=activation.lower(), gain=gain)
            nets = stack([make(seed=seed) for seed in seeds])
            names = [f"{activation.lower()}{n}" for n in range(1, depth + 1)]
            with record(nets, *names) as seen:
                cross_entropy(nets(x), y).sum().backward()
            for n, name in enumerate(names):
                weight = nets.get_submodule(f"linear{n + 1}").weight
                found.gradient[i, j, :, n] = to_numpy(weight.grad.norm(dim=(1, 2)))
                flat = saturated(seen[name].inputs, activation)
                found.saturated[i, j, :, n] = flat.mean(axis=(1, 2))
    return found


@one_thread()
def four_networks(seeds=(0, 1, 2), steps=200, progress=True):
    """Train the networks of ``FOUR``: eight hidden layers of 100 units, no Batch Normalization.

    Batches of 64 digits, learning rate 0.1, no momentum; recorded every 10 steps.

    Returns
    -------
    dict of Run
        By name. ``snapshots["saturated"]`` (K, S): share of all hidden activations on the first
        256 test images; ``["accuracy"]`` (K, S), on all test images.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    x_test, y_test = as_tensors(digits.test_images, digits.test_labels, flat=True)
    depth = max(DEPTHS)

    def fit(activation, gain, label):
        names = [f"{activation}{n}" for n in range(1, depth + 1)]

        def watch(model):
            with record(model, *names) as seen:
                training_pass(model, x_test[:256])
            flat = [saturated(seen[name].inputs, activation).mean(axis=(1, 2)) for name in names]
            return {
                "saturated": np.mean(flat, axis=0),
                "accuracy": accuracy(model, x_test, y_test),
            }

        sizes = [x.shape[1], *[100] * depth, 10]
        return train(
            stack([mlp(sizes, activation=activation, gain=gain, seed=seed) for seed in seeds]),
            x,
            y,
            steps=steps,
            lr=0.1,
            batch_size=64,
            seed=[*seeds],
            watch=watch,
            watch_at=range(0, steps + 1, 10),
            progress=progress,
            label=label,
        )

    return {name: fit(*settings, label=name) for name, settings in FOUR.items()}


@dataclass(frozen=True)
class Straightness:
    """Stacks of normalised sigmoid layers, and the best linear map in their place.

    Attributes
    ----------
    r2 : ndarray (spreads, S, L)
        R^2 of the best linear map from the image to all outputs of a layer, on test images: the
        share of the outputs' variance that it gets right.
    output, line : ndarray (spreads, L, N)
        One unit of each layer of the first seed on the N test images: what the stack gives, and
        what the best linear map gives. Both counted from the mean of the output, in units of
        its standard deviation.
    """

    r2: np.ndarray
    output: np.ndarray
    line: np.ndarray


@one_thread()
def straightness(seeds=(0, 1, 2), layers=8, unit=0):
    """How well a linear map does what a stack of normalised sigmoid layers does to the digits.

    Untrained layers of 100 units: random weights, Batch Normalization over all 1797 images with
    beta = 0 and gamma = each of ``SPREADS`` in every channel, sigmoid. The linear map is fitted
    by least squares to the 1297 training images and judged on the 500 test images.
    """
    digits = load_digits()
    n_train = len(digits.train_images)
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(-1, 64)
    x = torch.tensor(images)
    names = [f"sigmoid{n}" for n in range(1, layers + 1)]
    guess = best_linear_map(images[:n_train], images[n_train:])
    r2 = np.empty((len(SPREADS), len(seeds), layers))
    output = np.empty((len(SPREADS), layers, len(images) - n_train), np.float32)
    line = np.empty_like(output)
    for s, seed in enumerate(seeds):
        for i, spread in enumerate(SPREADS):
            net = scaled_mlp([64, *[100] * layers, 10], spread, seed)
            with record(net, *names) as seen:
                training_pass(net, x)
            for n, name in enumerate(names):
                values = seen[name].outputs.astype(float)
                truth, guessed = values[n_train:], guess(values[:n_train])
                r2[i, s, n] = r_squared(guessed, truth)
                if s == 0:
                    mean, std = truth[:, unit].mean(), truth[:, unit].std()
                    output[i, n] = (truth[:, unit] - mean) / std
                    line[i, n] = (guessed[:, unit] - mean) / std
    return Straightness(r2, output, line)


def scaled_mlp(sizes, scale, seed):
    """A sigmoid network with BN: gamma = ``scale`` and beta = 0 for good; or both "learnt"; or
    gamma = 1 for good and "beta" learnt.
    """
    if scale in LEARNT:
        return mlp(sizes, norm="batch", activation="sigmoid", learn=LEARNT[scale], seed=seed)
    net = mlp(sizes, norm="batch", activation="sigmoid", learn=(), seed=seed)
    with torch.no_grad():
        for n in range(1, len(sizes) - 1):
            net.get_submodule(f"norm{n}").gamma.fill_(scale)
    return net


def best_linear_map(x, x_new):
    """A function from targets at x (N, C) to least-squares guesses at x_new (M, C).

    Targets at x are fitted by w x + b. Pixels that never change make the fit ambiguous: the
    pseudo-inverse then takes the smallest w.
    """
    design, new = (np.c_[array.astype(float), np.ones(len(array))] for array in (x, x_new))
    hat = new @ np.linalg.pinv(design, rcond=1e-6)  # (M, N)
    return lambda targets: hat @ targets


def r_squared(guess, truth):
    """1 - (squared error) / (squared distance from the mean), all columns together."""
    return 1 - np.square(guess - truth).sum() / np.square(truth - truth.mean(axis=0)).sum()


@one_thread()
def fixed_scale(
    data=tuple(DATA), hidden=(1, 3), scales=SCALES, seeds=range(5), steps=2000, progress=True
):
    """Train sigmoid networks with BN whose gamma is fixed or learnt, and a linear classifier.

    Hidden layers of 50 units, batches of 64; each with every learning rate in ``RATES``.

    Returns
    -------
    Run
        ``steps`` is (steps,). For "linear" and each "HIDDEN/SCALE", after "DATA/":
        ``snapshots[".../accuracy"]`` (1, R, S), on the test images; ``[".../r2"]`` (1, R, S), of
        the best linear map from images to logits (fitted on the training images, judged on the
        test images); ``[".../loss"]`` (1, R, S), mean training loss of the last 100 steps.
    """
    snapshots = {}
    for name in data:
        split = DATA[name]()
        x, y = as_tensors(split.train_images, split.train_labels, flat=True)
        test = as_tensors(split.test_images, split.test_labels, flat=True)
        guess = best_linear_map(x.numpy(), test[0].numpy())
        arms = {"linear": partial(mlp, [x.shape[1], 10])}
        for layers in hidden:
            sizes = [x.shape[1], *[50] * layers, 10]
            arms |= {f"{layers}/{scale}": partial(scaled_mlp, sizes, scale) for scale in scales}
        for arm, make in arms.items():
            nets = stack([make(seed=seed) for _ in RATES for seed in seeds])
            run = train(
                nets,
                x,
                y,
                steps=steps,
                lr=np.repeat(RATES, len(seeds)),
                batch_size=64,
                seed=[*seeds] * len(RATES),
                progress=progress,
                label=f"{name}, {arm}",
            )
            with evaluating(nets):
                fitted, truth = to_numpy(nets(x)), to_numpy(nets(test[0]))
            found = {
                "accuracy": accuracy(nets, *test),
                "r2": np.array(
                    [r_squared(guess(a), b) for a, b in zip(fitted, truth, strict=True)]
                ),
                "loss": run.curves["loss"][-100:].mean(axis=0),
            }
            for key, values in found.items():
                shape = (1, len(RATES), len(seeds))
                snapshots[f"{name}/{arm}/{key}"] = values.reshape(shape).astype(np.float32)
    settings = {
        "data": list(data),
        "hidden": list(hidden),
        "units": 50,
        "scales": list(scales),
        "rates": list(RATES),
        "batch_size": 64,
        "steps": steps,
        "seeds": list(seeds),
    }
    return Run(settings, steps=np.array([steps]), snapshots=snapshots)


def best_rate(run, key):
    """Accuracy and R^2, each (S,), at the learning rate with the smallest mean training loss."""
    k = int(np.nanmean(run.snapshots[f"{key}/loss"][-1], axis=1).argmin())
    return run.snapshots[f"{key}/accuracy"][-1, k], run.snapshots[f"{key}/r2"][-1, k]


STORED = {"fixed-scale": fixed_scale}
