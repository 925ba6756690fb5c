"""Inputs whose distribution moves, outside a network and inside: the runs behind notebook 01.

Ioffe and Szegedy (2015, arXiv 1502.03167) call the change of the distributions inside a network,
in the course of its training, internal covariate shift (section 1). Four questions, a function
each:

    input_drift     what does a trained classifier make of inputs that drift?
    random_nets     what does depth do to the spread, before any training?
    moving_inputs   how do the inputs of a late layer move during training (the paper's Fig. 1)?
    trainability    how far do the older remedies go: activation, first weights, learning rate?

Shapes: N images, K recorded steps, S seeds, C units of a layer, L layers, A amounts of drift,
G gains, R learning rates, B bins of a histogram.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..datasets import load_digits
from ..models import ACTIVATIONS, mlp, stack
from ..record import record
from ..train import Run, accuracy, as_tensors, evaluating, one_thread, train, training_pass

# How inputs may drift. Each keeps what the image shows, so its label stays as it is.
DRIFTS = ("moved right", "paper turns grey", "ink fades")
AMOUNTS = np.linspace(0, 1, 11)  # 0: as in training

ARMS = {"off": None, "on": "batch"}  # Batch Normalization, and what mlp() calls it

# Standard deviation of the first weights. The paper says "small random Gaussian values" and gives
# no number: 0.1 is ours. 0.4 = 4 / sqrt(100 units) makes up for the sigmoid's slope of 1/4.
FIRST_WEIGHTS = {"small": 0.1, "usual": 0.4}
PERCENTILES = (15, 50, 85)  # those of Fig. 1
FIG1_STEPS = 800

RANDOM_GAINS = tuple(2 ** (i / 4) for i in range(-4, 7))  # of untrained networks: 0.5 to 2.8
BINS = np.linspace(-4, 4, 81)

GAINS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # of trained networks
RATES = tuple(10 ** (i / 2 - 2) for i in range(6))  # 0.01 to 3.2
MAP_STEPS = 300


@dataclass(frozen=True)
class InputDrift:
    """A classifier that was trained once, and test images that drift away from the training ones.

    Attributes
    ----------
    images : dict of ndarray (A, N, 8, 8)
        For each of ``DRIFTS`` the first test image of each digit from 0 to 7, at every amount.
    labels : ndarray (N,)
        Theirs, at every amount.
    answers : dict of ndarray (A, N)
        What the classifier takes them for.
    accuracy : dict of ndarray (A,)
        On all test images.
    ink : dict of ndarray (A,)
        Mean of all pixels of all test images.
    """

    images: dict
    labels: np.ndarray
    answers: dict
    accuracy: dict
    ink: dict


@dataclass(frozen=True)
class RandomNets:
    """What arrives at the activations of untrained networks, "relu" and "tanh".

    Attributes
    ----------
    gains : ndarray (G,)
        The weights are drawn from N(0, gain^2 / fan_in).
    spread : dict of ndarray (G, L)
        Standard deviation of a layer's inputs to the activation, over all units and images.
    histogram : dict of ndarray (G, L, B)
        Share of those values in each bin of ``BINS``.
    input_rms : float
        Root mean square of the pixels.
    """

    gains: np.ndarray
    spread: dict
    histogram: dict
    input_rms: float

    def theory(self, activation):
        """What the spread should be ("relu"), and what it can at most be ("tanh"): (G, L).

        On average over weights of mean 0 and variance gain^2 / fan_in, the mean square of a
        layer's inputs is gain^2 times that of the outputs before it. A ReLU passes on half of
        the mean square of symmetric values (He et al. 2015, arXiv 1502.01852, section 2.2), so
        each layer multiplies the spread by gain / sqrt(2). Outputs of tanh are no larger than
        its inputs, nor than 1.
        """
        gain, layers = self.gains[:, None], np.arange(self.spread[activation].shape[1])
        if activation == "relu":
            return self.input_rms * gain * (gain / math.sqrt(2)) ** layers
        return np.minimum(self.input_rms * gain ** (layers + 1), gain)


@dataclass(frozen=True)
class MovingInputs:
    """The inputs to the last sigmoid while networks learn, on a fixed set of images.

    The keys are pairs of "off" or "on" (Batch Normalization) and "small" or "usual" (first
    weights).

    Attributes
    ----------
    steps : ndarray (K,)
    inputs : dict of ndarray (K, N, C)
        Of the first seed's network.
    percentiles : dict of ndarray (K, S, 3, C)
        The ``PERCENTILES`` over the images, of each unit's input.
    accuracy : dict of ndarray (K, S)
        On the test images, in evaluation mode.
    """

    steps: np.ndarray
    inputs: dict
    percentiles: dict
    accuracy: dict

    def moved(self, arm):
        """How far the median has moved so far, mean of all units: (K, S).

        That is the largest minus the smallest value that a unit's median has had up to a step.
        """
        median = self.percentiles[arm][:, :, 1]
        span = np.maximum.accumulate(median) - np.minimum.accumulate(median)
        return span.mean(axis=-1)

    def spread(self, arm):
        """The 85th minus the 15th percentile, mean of all units: (K, S)."""
        low, _, high = np.moveaxis(self.percentiles[arm], 2, 0)
        return (high - low).mean(axis=-1)


def drifted(images, kind, amount):
    """Images (N, 8, 8) with a drift of 0 (none) to 1: up to 2 pixels, 60 % grey, 90 % less ink."""
    if kind == "moved right":
        whole, part = divmod(2 * amount, 1)
        near, far = (_moved(images, int(whole) + more) for more in (0, 1))
        found = (1 - part) * near + part * far
    elif kind == "paper turns grey":
        found = images + 0.6 * amount * (1 - images)
    elif kind == "ink fades":
        found = (1 - 0.9 * amount) * images
    else:
        raise ValueError(f"kind {kind!r}: expected one of {DRIFTS}")
    return found.astype(np.float32)


def _moved(images, pixels):
    """Moved to the right; paper comes in from the left."""
    width = images.shape[-1]
    return np.pad(images, ((0, 0), (0, 0), (pixels, 0)))[..., :width]


@one_thread()
def input_drift(seed=0, progress=True):
    """Train a 64-50-10 ReLU network on the digits, then let its test images drift.

    400 steps of 64 images, learning rate 0.3, no Batch Normalization. Returns ``InputDrift``.
    """
    digits = load_digits()
    shown = [int(np.argmax(digits.test_labels == digit)) for digit in range(8)]

    net = mlp([64, 50, 10], seed=seed)
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    options = {"batch_size": 64, "seed": seed, "progress": progress, "label": "classifier"}
    train(net, x, y, steps=400, lr=0.3, **options)

    def answers(images):
        with evaluating(net):
            return net(torch.tensor(images).flatten(1)).argmax(-1).numpy()

    images, said, right, ink = {}, {}, {}, {}
    for kind in DRIFTS:
        steps = [drifted(digits.test_images, kind, amount) for amount in AMOUNTS]
        found = np.stack([answers(step) for step in steps])  # (A, 500)
        images[kind] = np.stack([step[shown] for step in steps])
        said[kind] = found[:, shown]
        right[kind] = (found == digits.test_labels).mean(axis=1)
        ink[kind] = np.array([step.mean() for step in steps])
    return InputDrift(images, digits.test_labels[shown], said, right, ink)


@one_thread()
def random_nets(seed=0):
    """Send 256 test images through untrained networks of 12 layers of 300 units.

    Networks of all ``RANDOM_GAINS`` and both activations share their weights but for the scale.
    Returns ``RandomNets``.
    """
    images = torch.tensor(load_digits().test_images[:256]).flatten(1)
    generator = torch.Generator().manual_seed(seed)
    fan_ins = [images.shape[1], *[300] * 11]
    weights = [torch.randn(n, 300, generator=generator) / math.sqrt(n) for n in fan_ins]
    spread, histogram = {}, {}
    for name, activation in {"relu": torch.relu, "tanh": torch.tanh}.items():
        nets = [_through(images, weights, gain, activation) for gain in RANDOM_GAINS]
        spread[name] = np.array([[z.std() for z in layers] for layers in nets])
        shares = [[np.histogram(z, BINS)[0] / z.size for z in layers] for layers in nets]
        histogram[name] = np.array(shares)
    rms = float(images.square().mean().sqrt())
    return RandomNets(np.array(RANDOM_GAINS), spread, histogram, rms)


def _through(images, weights, gain, activation):
    """The inputs to the activations of each layer: a list of L arrays (N, C)."""
    seen, outputs = [], images
    for weight in weights:
        inputs = gain * outputs @ weight
        seen.append(inputs.numpy())
        outputs = activation(inputs)
    return seen


@one_thread()
def moving_inputs(seeds=range(2), progress=True):
    """Train the network of the paper's Fig. 1, without and with Batch Normalization.

    64-100-100-100-10, sigmoid, 800 steps of 60 digits, learning rate 1; weights from
    N(0, std^2) with each std of ``FIRST_WEIGHTS``, biases 0. Every 40 steps all 500 test images
    go through as one batch, in training mode. Returns ``MovingInputs``.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    x_test, y_test = as_tensors(digits.test_images, digits.test_labels, flat=True)

    def watch(model):
        with record(model, "sigmoid3") as seen:
            training_pass(model, x_test)
        inputs = seen["sigmoid3"].inputs  # (networks, N, C)
        percentiles = np.percentile(inputs, PERCENTILES, axis=1).astype(np.float32)
        return {
            "inputs": inputs[:: len(seeds)],  # a stack holds all seeds of one std, then the next
            "percentiles": percentiles.swapaxes(0, 1),
            "accuracy": accuracy(model, x_test, y_test),
        }

    steps, inputs, percentiles, accuracies = None, {}, {}, {}
    for bn, norm in ARMS.items():
        nets = [fig1_net(norm, std, seed) for std in FIRST_WEIGHTS.values() for seed in seeds]
        run = train(
            stack(nets),
            x,
            y,
            steps=FIG1_STEPS,
            lr=1.0,
            batch_size=60,
            seed=[*seeds] * len(FIRST_WEIGHTS),
            watch=watch,
            watch_at=range(0, FIG1_STEPS + 1, 40),
            progress=progress,
            label=f"BN {bn}",
        )
        steps = run.steps
        for i, name in enumerate(FIRST_WEIGHTS):
            those = slice(i * len(seeds), (i + 1) * len(seeds))
            inputs[bn, name] = run.snapshots["inputs"][:, i]
            percentiles[bn, name] = run.snapshots["percentiles"][:, those]
            accuracies[bn, name] = run.snapshots["accuracy"][:, those]
    return MovingInputs(steps, inputs, percentiles, accuracies)


def fig1_net(norm, std, seed):
    """The network of the paper's Fig. 1 for 8 x 8 images, every weight from N(0, std^2)."""
    net = mlp([64, 100, 100, 100, 10], norm=norm, activation="sigmoid", gain=1.0, seed=seed)
    with torch.no_grad():
        for module in net:
            if isinstance(module, nn.Linear):
                module.weight *= std * math.sqrt(module.in_features)  # was 1 / sqrt(fan_in)
    return net


@one_thread()
def trainability(activations=tuple(ACTIVATIONS), seeds=range(5), progress=True):
    """Train 64-50x6-10 networks on the digits for each activation, gain and learning rate.

    300 steps of 64 images, plain gradient descent, without and with Batch Normalization; hidden
    weights from N(0, gain^2 / fan_in).

    Returns
    -------
    Run
        ``steps`` (K,); ``snapshots["sigmoid/off"]`` and so on: test accuracy, (K, G, R, S).
        ``settings`` name gains, rates and seeds.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    test = as_tensors(digits.test_images, digits.test_labels, flat=True)
    sizes, cells = [64, *[50] * 6, 10], [(gain, rate) for gain in GAINS for rate in RATES]
    run, found = None, {}
    for activation in activations:
        for bn, norm in ARMS.items():
            nets = [
                mlp(sizes, norm=norm, activation=activation, gain=gain, seed=seed)
                for gain, _ in cells
                for seed in seeds
            ]
            run = train(
                stack(nets),
                x,
                y,
                steps=MAP_STEPS,
                lr=[rate for _, rate in cells for _ in seeds],
                batch_size=64,
                seed=[*seeds] * len(cells),
                watch=lambda model: {"accuracy": accuracy(model, *test)},
                watch_at=range(0, MAP_STEPS + 1, 15),
                progress=progress,
                label=f"{activation}, BN {bn}",
            )
            shape = (len(run.steps), len(GAINS), len(RATES), len(seeds))
            found[f"{activation}/{bn}"] = run.snapshots["accuracy"].reshape(shape)
    settings = {**run.settings, "lr": list(RATES), "gains": list(GAINS), "seed": [*seeds]}
    return Run(settings | {"sizes": sizes}, steps=run.steps, snapshots=found)


STORED = {"trainability-map": trainability}
