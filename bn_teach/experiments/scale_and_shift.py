"""What gamma and beta are for: the runs behind notebook 04.

Batch Normalization, y = gamma x_hat + beta with x_hat = (x - mean) / sqrt(var + eps), one gamma
and one beta for each channel (Ioffe & Szegedy 2015, Algorithm 1). Four questions, a function each:

    digits_net          which gamma and beta does a network learn on real digits?
    xor_arms            what can it not do without them?
    identity            can Batch Normalization learn to give its input back?
    cnn_bias_gradient   why does the layer before need no bias?

And Algorithm 1 as one function for (N, C): batch_norm_train.

Shapes: T training steps, K recorded steps, S seeds, N samples, C channels, L layers.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..batchnorm import BatchNorm1d, batch_moments, normalize, scale_and_shift
from ..datasets import load_digits, xor_blobs
from ..models import cnn, mlp, stack
from ..record import record, to_numpy
from ..train import (
    Run,
    accuracy,
    as_tensors,
    cross_entropy,
    evaluating,
    one_thread,
    squared_error,
    train,
    training_pass,
)

# A sigmoid is called saturated where its derivative is below 19 % of its maximum of 1/4:
# |z| > log 19 = 2.94, which is where its output is below 5 % or above 95 %.
SATURATED = math.log(19)

# The arms of a comparison: what Batch Normalization may learn. "no BN" stands beside them.
ARMS = {
    "neither": (),
    "gamma only": ("gamma",),
    "beta only": ("beta",),
    "gamma and beta": ("gamma", "beta"),
}


def batch_norm_train(x, gamma, beta, eps=1e-5):
    """Algorithm 1 of Ioffe & Szegedy (2015), whole.

    y = gamma * (x - mean) / sqrt(var + eps) + beta, with the mean and the variance (divided by N)
    of each channel over this very batch.

    Parameters
    ----------
    x : Tensor (N, C)
    gamma, beta : Tensor (C,)
    eps : float

    Returns
    -------
    y : Tensor (N, C)
    """
    mean, var = batch_moments(x)
    x_hat = normalize(x, mean, var, eps)
    return scale_and_shift(x_hat, gamma, beta)


@dataclass(frozen=True)
class NormPath:
    """One Batch Normalization layer on a fixed batch, at K steps of training.

    The layer works as in training, with the mean and the variance of this very batch.

    Attributes
    ----------
    inputs : ndarray (K, N, C)
        x, what comes out of the linear map before the layer.
    gamma, beta : ndarray (K, C)
    eps : float
    """

    inputs: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    eps: float

    @property
    def mean(self):
        """The batch mean of each channel: (K, C)."""
        return self.inputs.mean(axis=1)

    @property
    def var(self):
        """The batch variance of each channel, biased (divided by N): (K, C)."""
        return self.inputs.var(axis=1)

    @property
    def normalized(self):
        """x_hat, before scale and shift: (K, N, C)."""
        centred = self.inputs - self.mean[:, None]
        return centred / np.sqrt(self.var[:, None] + self.eps)

    @property
    def outputs(self):
        """y = gamma x_hat + beta, what the sigmoid gets: (K, N, C)."""
        return self.gamma[:, None] * self.normalized + self.beta[:, None]

    @property
    def saturated(self):
        """Share of the batch on which each channel's sigmoid is saturated: (K, C)."""
        return (np.abs(self.outputs) > SATURATED).mean(axis=1)


@dataclass(frozen=True)
class DigitsNet:
    """A network with Batch Normalization while it learns the digits.

    Attributes
    ----------
    run : Run
        ``curves["loss"]`` (T,); ``steps`` (K,); ``snapshots["test_accuracy"]`` (K,).
    images, labels : ndarray (N, 8, 8), (N,)
        The fixed batch: test images.
    layers : tuple of NormPath
        From the input side, each with K steps, N images and its C channels.
    """

    run: Run
    images: np.ndarray
    labels: np.ndarray
    layers: tuple


@dataclass(frozen=True)
class XorArms:
    """The same small networks with and without the parts of Batch Normalization, on XOR.

    Attributes
    ----------
    steps : ndarray (K,)
        The recorded steps.
    loss : dict of ndarray (T, S)
        For "no BN" and each name in ``ARMS``: the loss of each training step.
    accuracy : dict of ndarray (K, S)
        On the test points below, in evaluation mode.
    surface : dict of ndarray (K, S, G, G)
        Probability of label 1, in evaluation mode; [..., i, j] at the point (axis[j], axis[i]).
    axis : ndarray (G,)
    points, labels : ndarray (N, 2), (N,)
        Test points.
    """

    steps: np.ndarray
    loss: dict
    accuracy: dict
    surface: dict
    axis: np.ndarray
    points: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class BiasGradients:
    """Euclidean norms of the gradients of a CNN's convolutions on one batch, with and without BN.

    Attributes
    ----------
    pairs : tuple of L ints
        Pairs of gamma and beta after each convolution, counted in the network.
    weight, bias : ndarray (L,)
        With Batch Normalization after each convolution.
    weight_without, bias_without : ndarray (L,)
        The same network, the same first weights, without it.
    """

    pairs: tuple
    weight: np.ndarray
    bias: np.ndarray
    weight_without: np.ndarray
    bias_without: np.ndarray


@one_thread()
def digits_net(seed=0, progress=True):
    """Train a 64-50-50-10 sigmoid network with Batch Normalization on the digits.

    600 steps of 64 images, learning rate 1; recorded every 15 steps. Returns a ``DigitsNet``.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    x_test, y_test = as_tensors(digits.test_images, digits.test_labels, flat=True)
    fixed = x_test[:256]
    net = mlp([64, 50, 50, 10], norm="batch", activation="sigmoid", seed=seed)
    norms = ("norm1", "norm2")

    def watch(model):
        with record(model, *norms) as seen:
            training_pass(model, fixed)
        entry = {"test_accuracy": accuracy(model, x_test, y_test)}
        for name in norms:
            layer = model.get_submodule(name)
            entry[f"{name}.inputs"] = seen[name].inputs
            entry[f"{name}.gamma"] = to_numpy(layer.weight)
            entry[f"{name}.beta"] = to_numpy(layer.bias)
        return entry

    run = train(
        net,
        x,
        y,
        steps=600,
        lr=1.0,
        batch_size=64,
        seed=seed,
        watch=watch,
        watch_at=range(0, 601, 15),
        progress=progress,
        label="digits",
    )
    layers = tuple(
        NormPath(
            inputs=run.snapshots[f"{name}.inputs"],
            gamma=run.snapshots[f"{name}.gamma"],
            beta=run.snapshots[f"{name}.beta"],
            eps=net.get_submodule(name).eps,
        )
        for name in norms
    )
    return DigitsNet(run, digits.test_images[:256], digits.test_labels[:256], layers)


@one_thread()
def xor_arms(seed=0, progress=True):
    """Train 2-8-2 sigmoid networks on XOR, five seeds from ``seed`` on for each of ``ARMS``.

    400 steps of 100 points, learning rate 0.1, momentum 0.9; recorded at 21 steps.
    Returns ``XorArms``.

    Without beta each hidden unit is sigmoid(odd function of x - mean) = 1/2 + odd, so the
    score of a class is a constant + odd. The labels of XOR do not change when a point changes
    its sign: they need an even function, and no training finds one. On data that are symmetric
    about their mean such a score gets at best one label right and half of the other: 75 %.
    """
    x, y = (torch.tensor(array) for array in xor_blobs(1000, seed=2 * seed))
    points, labels = xor_blobs(1000, seed=2 * seed + 1)
    x_test, y_test = torch.tensor(points), torch.tensor(labels)
    axis = np.linspace(-2, 2, 41, dtype=np.float32)
    grid = torch.tensor(grid_points(axis))
    seeds = range(seed, seed + 5)

    def watch(model):
        with evaluating(model):
            surface = model(grid).softmax(-1)[..., 1].unflatten(1, (len(axis), len(axis)))
        return {"accuracy": accuracy(model, x_test, y_test), "surface": to_numpy(surface)}

    def fit(norm, arms, label):
        nets = [
            mlp([2, 8, 2], norm=norm, activation="sigmoid", learn=learn, seed=s)
            for learn in arms.values()
            for s in seeds
        ]
        return train(
            stack(nets),
            x,
            y,
            steps=400,
            lr=0.1,
            momentum=0.9,
            batch_size=100,
            seed=[*seeds] * len(arms),
            watch=watch,
            watch_at=range(0, 401, 20),
            progress=progress,
            label=label,
        )

    plain_arm = {"no BN": ()}
    plain, normed = fit(None, plain_arm, "XOR, no BN"), fit("batch", ARMS, "XOR, BN")

    def both(get):
        return by_arm(get(plain), plain_arm) | by_arm(get(normed), ARMS)

    return XorArms(
        steps=normed.steps,
        loss=both(lambda run: run.curves["loss"]),
        accuracy=both(lambda run: run.snapshots["accuracy"]),
        surface=both(lambda run: run.snapshots["surface"]),
        axis=axis,
        points=points,
        labels=labels,
    )


def by_arm(array, arms):
    """What a stack of arms x seeds recorded, (K, A*S, ...), as a dict: arm to (K, S, ...)."""
    return dict(zip(arms, np.split(array, len(arms), axis=1), strict=True))


def grid_points(axis):
    """The points of a square grid, row by row, as a heat map wants them: (G,) to (G*G, 2).

    Point i*G + j is (axis[j], axis[i]).
    """
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


@one_thread()
def identity(seed=0, progress=True):
    """Train one BatchNorm1d of three channels to give its input back.

    The paper's remark in section 3: gamma = sqrt(Var[x]) and beta = E[x] would recover the
    input. 200 steps of 100 samples of the squared error, learning rate 0.1.

    Returns
    -------
    Run
        ``steps`` (K,); ``snapshots["gamma"]`` and ``["beta"]`` (K, 3); ``["error"]`` (K,), the
        mean squared error on all data as one batch in training mode; ``curves["loss"]`` (T,);
        ``settings["mean"]`` and ``["std"]``, of the three channels of the data (std biased:
        divided by n).
    """
    rng = np.random.default_rng(seed)
    data = rng.normal(loc=(-1, 0, 3), scale=(0.5, 2, 7), size=(2000, 3)).astype(np.float32)
    x = torch.tensor(data)

    def watch(layer):
        error = squared_error(training_pass(layer, x), x)
        return {
            "gamma": to_numpy(layer.weight),
            "beta": to_numpy(layer.bias),
            "error": to_numpy(error),
        }

    run = train(
        BatchNorm1d(3),
        x,
        x,
        steps=200,
        lr=0.1,
        batch_size=100,
        seed=seed,
        loss=squared_error,
        watch=watch,
        watch_at=range(0, 201, 5),
        progress=progress,
        label="identity",
    )
    run.settings.update(mean=data.mean(0).tolist(), std=data.std(0).tolist())
    return run


@one_thread()
def cnn_bias_gradient(seed=0):
    """Gradients of weights and biases of a CNN on 100 digits, before any training.

    With Batch Normalization the bias is subtracted again with the mean, so its gradient is 0
    but for rounding. Returns ``BiasGradients``.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images[:100], digits.train_labels[:100], flat=False)
    norms, pairs = [], ()
    for norm in ("batch", None):
        net = cnn((12, 24), norm=norm, keep_bias=True, seed=seed)
        cross_entropy(net(x), y).backward()
        convs = [net.get_submodule(f"conv{i}") for i in (1, 2)]
        if norm:
            pairs = tuple(net.get_submodule(f"norm{i}").gamma.numel() for i in (1, 2))
        norms.append(np.array([conv.weight.grad.norm().item() for conv in convs]))
        norms.append(np.array([conv.bias.grad.norm().item() for conv in convs]))
    return BiasGradients(pairs, *norms)
