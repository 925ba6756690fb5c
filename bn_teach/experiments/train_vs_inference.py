"""Whose mean? Training and inference: the runs behind notebook 05.

In training Batch Normalization uses the mean and the variance of the batch, in evaluation mode
the running statistics that training collected (Ioffe & Szegedy 2015, section 3.1). The networks
are 64-100-100-10 with ReLU, trained on the digits for 300 steps with learning rate 0.3.

    digits_net        one such network, and the data
    neighbours        what do the others in its batch do to the prediction of one image?
    batch_sizes       what if evaluation used the statistics of its own batches?
    two_switches      what do train/eval and grad/no_grad do to output and buffers?

``running_statistics`` is about how the running statistics are estimated.

Shapes: N samples, S seeds (networks), B batches of m samples, P passes, C channels.
"""

import copy
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import nn

from ..datasets import load_digits
from ..models import mlp, stack
from ..record import record, to_numpy
from ..train import (
    Run,
    accuracy,
    as_tensors,
    evaluating,
    one_thread,
    train,
    training_pass,
)

STEPS, LR = 300, 0.3
SEEDS = range(5)

# (training mode, gradients): the two switches have nothing to do with each other.
COMBINATIONS = tuple(product((True, False), repeat=2))


@dataclass(frozen=True)
class Trained:
    """A trained network, or a stack of S, with what it was trained on and what it never saw.

    Attributes
    ----------
    model : nn.Sequential
    run : Run
    x, y, x_test, y_test : Tensor (N, 64), (N,)
    """

    model: nn.Module
    run: Run
    x: torch.Tensor
    y: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor


@dataclass(frozen=True)
class Neighbours:
    """One test image in B batches of each size m: always first, the other m - 1 drawn at random.

    Attributes
    ----------
    label : int
    images : dict of ndarray (B, m, 8, 8)
        For each m: the batches.
    training, evaluation : dict of ndarray (B, 10)
        For each m: the probabilities of the ten digits that the network gives the first image,
        in training and in evaluation mode.
    """

    label: int
    images: dict
    training: dict
    evaluation: dict


@dataclass(frozen=True)
class BatchSizes:
    """Accuracy on the test images where each evaluation batch uses its own statistics.

    Attributes
    ----------
    sizes : tuple of int
    accuracy : dict of ndarray (len(sizes), S)
        For "mixed" and "sorted by class" batches; NaN where the network raised an error.
    running : ndarray (S,)
        The accuracy with running statistics.
    refusal : str
        The error's message.
    images : dict of ndarray (N, 8, 8)
        The test images in the order in which they are cut into batches.
    right : dict of ndarray (len(sizes), N), bool
        Which of these images the first network got right with its batch's statistics.
    """

    sizes: tuple
    accuracy: dict
    running: np.ndarray
    refusal: str
    images: dict
    right: dict


@dataclass(frozen=True)
class Switches:
    """A batch of test images goes through a copy of a network in one mode, P times.

    Attributes
    ----------
    running_mean : ndarray (P + 1, C)
        Of the first norm: before, and after each pass.
    batch_mean : ndarray (C,)
        What the batch gives that norm to average.
    from_batch, from_running : float
        Largest difference of that norm's first output from the one calculated with the batch's
        statistics, and from the one calculated with the running statistics.
    differentiable : bool
        Whether the output can be differentiated.
    accuracy : ndarray (P + 1,)
        Of the copy on all test images in evaluation mode: before, and after each pass.
    """

    running_mean: np.ndarray
    batch_mean: np.ndarray
    from_batch: float
    from_running: float
    differentiable: bool
    accuracy: np.ndarray


def digits_net(seed=0, progress=True):
    """Train one network, batches of 64. Returns ``Trained``; the model is in evaluation mode."""
    return fit(make_net(seed), 64, seed, progress, "digits")


@one_thread()
def neighbours(net, image, *, sizes=(2, 4, 8, 16, 32, 64), number=20, seed=0):
    """Let ``number`` random batches of each size predict test image ``image``: ``Neighbours``."""
    rng = np.random.default_rng(seed)
    others = np.delete(np.arange(len(net.x_test)), image)
    found = Neighbours(int(net.y_test[image]), {}, {}, {})
    for m in sizes:
        rows = [[image, *rng.choice(others, m - 1, replace=False)] for _ in range(number)]
        x = net.x_test[torch.tensor(np.array(rows))]  # (B, m, 64)
        with evaluating(net.model):
            evaluated = [net.model(batch)[0] for batch in x]
        trained = [training_pass(net.model, batch)[0] for batch in x]
        found.images[m] = to_numpy(x).reshape(number, m, 8, 8)
        found.training[m] = to_numpy(torch.stack(trained).softmax(-1))
        found.evaluation[m] = to_numpy(torch.stack(evaluated).softmax(-1))
    return found


@one_thread()
def batch_sizes(seeds=SEEDS, sizes=(1, 2, 4, 8, 16, 32, 64, 128, 256), progress=True):
    """Evaluate a network for each seed in training mode, batch by batch: ``BatchSizes``.

    The 500 test images are cut into batches of each size; the last one has what is left.
    """
    nets = fit(stack([make_net(s) for s in seeds]), 64, [*seeds], progress, "five networks")
    mixed = np.random.default_rng(0).permutation(len(nets.y_test))
    orders = {
        "mixed": torch.from_numpy(mixed),
        "sorted by class": torch.argsort(nets.y_test, stable=True),
    }
    refusal, right = "", {}
    for name, order in orders.items():
        x, y = nets.x_test[order], nets.y_test[order]
        right[name] = np.full((len(sizes), len(seeds), len(y)), np.nan)
        for i, m in enumerate(sizes):
            try:
                outputs = [training_pass(nets.model, batch) for batch in x.split(m)]
            except ValueError as error:
                refusal = str(error)
            else:
                right[name][i] = to_numpy(torch.cat(outputs, dim=1).argmax(-1) == y)
    return BatchSizes(
        sizes=tuple(sizes),
        accuracy={name: found.mean(-1) for name, found in right.items()},
        running=accuracy(nets.model, nets.x_test, nets.y_test),
        refusal=refusal,
        images={name: to_numpy(nets.x_test[o]).reshape(-1, 8, 8) for name, o in orders.items()},
        right={name: found[:, 0] == 1 for name, found in right.items()},
    )


@one_thread()
def two_switches(net, digit=4, passes=20):
    """Send the test images of one digit, as one batch, through copies of the network.

    Returns a dict of (training mode, gradients) to ``Switches``.
    """
    x = net.x_test[net.y_test == digit]
    return {combination: _passes(net, x, passes, *combination) for combination in COMBINATIONS}


def _passes(net, x, passes, training, gradients):
    model = copy.deepcopy(net.model)
    norm = model.norm1
    with torch.no_grad():
        z = model.linear1(x)
        batch_var, batch_mean = torch.var_mean(z, dim=0, correction=0)
        of_batch, of_running = (
            norm.gamma * (z - mean) / torch.sqrt(var + norm.eps) + norm.beta
            for mean, var in ((batch_mean, batch_var), (norm.running_mean, norm.running_var))
        )
    running, shares = [to_numpy(norm.running_mean)], [accuracy(model, net.x_test, net.y_test)]
    for i in range(passes):
        model.train(training)
        with torch.set_grad_enabled(gradients), record(model, "norm1") as seen:
            output = model(x)
        if i == 0:
            first = torch.tensor(seen["norm1"].outputs)
        running.append(to_numpy(norm.running_mean))
        shares.append(accuracy(model, net.x_test, net.y_test))
    return Switches(
        running_mean=np.stack(running),
        batch_mean=to_numpy(batch_mean),
        from_batch=float((first - of_batch).abs().max()),
        from_running=float((first - of_running).abs().max()),
        differentiable=output.requires_grad,
        accuracy=np.stack(shares),
    )


def make_net(seed):
    """An untrained network of this notebook."""
    return mlp([64, 100, 100, 10], norm="batch", seed=seed)


def digits():
    """The real digits as tensors: x and labels to train on, x and labels to test on."""
    data = load_digits()
    return (
        *as_tensors(data.train_images, data.train_labels, flat=True),
        *as_tensors(data.test_images, data.test_labels, flat=True),
    )


def fit(model, batch_size, seed, progress, label):
    """Train a network or a stack on the digits: ``Trained``, the model in evaluation mode."""
    x, y, x_test, y_test = digits()
    options = {"batch_size": batch_size, "seed": seed, "progress": progress, "label": label}
    run = train(model, x, y, steps=STEPS, lr=LR, **options)
    return Trained(model.eval(), run, x, y, x_test, y_test)
