"""Estimating the statistics for evaluation: moving averages, and the paper's Algorithm 2.

The networks are those of ``train_vs_inference``.

    moving_averages   how do running statistics of several momenta follow the truth?
    algorithm_2       what if the statistics are collected after training, with fixed weights?

Shapes: T training steps, K recorded steps or numbers of batches, S seeds (networks), C channels.
"""

import copy
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from ..batchnorm import BatchNorm1d
from ..models import stack
from ..record import to_numpy
from ..train import batches, cross_entropy, evaluating, one_thread, train
from .train_vs_inference import LR, SEEDS, STEPS, digits, fit, make_net

# torch's momentum is the weight of the new value; None, the cumulative average, weighs all alike.
MOMENTA = {"0.01": 0.01, "0.03": 0.03, "0.1": 0.1, "0.3": 0.3, "0.9": 0.9, "cumulative": None}


@dataclass(frozen=True)
class MovingAverages:
    """Running statistics with several momenta, collected in one training of S networks.

    Training never reads them, so the weights are the same for all.

    Attributes
    ----------
    steps : ndarray (K,)
    batch : dict of ndarray (T, C)
        "mean" and "variance" (unbiased) of each step's batch, before the first net's last norm.
    truth : dict of ndarray (K, C)
        The same of all training images as one batch, with the weights of that step.
    running : dict of dict of ndarray (K, C)
        For each name of ``MOMENTA`` the same, as the running statistics after that step say.
    accuracy : dict of ndarray (K, S)
        On the test images: with the truth, and with the running statistics of each momentum.
    """

    steps: np.ndarray
    batch: dict
    truth: dict
    running: dict
    accuracy: dict


@dataclass(frozen=True)
class Populations:
    """Test accuracy and loss with the statistics of Algorithm 2, for networks trained at one m.

    Attributes
    ----------
    numbers : tuple of K ints
        How many batches were averaged.
    accuracy, loss : dict of ndarray (K, S)
        For True and False: with and without the factor m / (m - 1).
    running_accuracy, running_loss : ndarray (S,)
        With the moving averages that training left (momentum 0.1).
    """

    numbers: tuple
    accuracy: dict
    loss: dict
    running_accuracy: np.ndarray
    running_loss: np.ndarray


@one_thread()
def moving_averages(batch_size=64, seeds=SEEDS, progress=True):
    """Train a network for each seed and follow every momentum's estimates: ``MovingAverages``."""
    x, y, x_test, y_test = digits()
    model = stack([make_net(seed) for seed in seeds])
    for norm in _norms(model):
        norm.momentum = 1.0  # the buffers are then the statistics of the latest batch
    batch, weights, steps = [], [], range(0, STEPS + 1, 10)

    def watch(model):
        if len(batch) in steps:
            weights.append(copy.deepcopy(model))
        batch.append(_statistics(model))
        return {}

    options = {"batch_size": batch_size, "seed": [*seeds], "progress": progress}
    options |= {"watch": watch, "watch_at": range(STEPS + 1), "label": f"batches of {batch_size}"}
    train(model, x, y, steps=STEPS, lr=LR, **options)

    seen = {name: _follow(batch, momentum) for name, momentum in MOMENTA.items()}
    seen = {name: [rows[step] for step in steps] for name, rows in seen.items()}
    seen["truth"] = [batch_statistics(model, x) for model in weights]
    shares = {
        name: np.stack(
            [_scores(m, rows_k, x_test, y_test)[0] for m, rows_k in zip(weights, rows, strict=True)]
        )
        for name, rows in seen.items()
    }
    channels = _norms(model)[-1].num_features // len(seeds)

    def last_norm(rows):
        mean, var = (np.stack([to_numpy(row[i][:channels]) for row in rows]) for i in (-2, -1))
        return {"mean": mean, "variance": var}

    return MovingAverages(
        steps=np.array(steps),
        batch=last_norm(batch[1:]),
        truth=last_norm(seen.pop("truth")),
        running={name: last_norm(rows) for name, rows in seen.items()},
        accuracy=shares,
    )


def _follow(batch, momentum):
    """Running statistics after each step, from those of the batches; the first are the start."""
    rows = batch[:1]
    for step, latest in enumerate(batch[1:], start=1):
        weight = 1 / step if momentum is None else momentum
        pairs = zip(rows[-1], latest, strict=True)
        rows.append([(1 - weight) * old + weight * new for old, new in pairs])
    return rows


@one_thread()
def algorithm_2(
    sizes=(2, 4, 8, 64), numbers=(1, 2, 4, 8, 16, 32, 64, 128), seeds=SEEDS, progress=True
):
    """Population statistics from batches of the size m of training: dict of m to ``Populations``.

    With all weights fixed, N batches go through in training mode. Then (Algorithm 2, line 10)
    mean = average of the batch means, variance = m / (m - 1) times average of the (biased)
    batch variances.
    """
    found = {}
    for m in sizes:
        nets = fit(stack([make_net(s) for s in seeds]), m, [*seeds], progress, f"batches of {m}")
        test = nets.x_test, nets.y_test
        order = batches(len(nets.x), m, max(numbers), seed=0)
        every = [batch_statistics(nets.model, nets.x[index]) for index in order]
        accuracies, losses = {}, {}
        for factor in (True, False):
            rows = []
            for number in numbers:
                average = [torch.stack(s).mean(0) for s in zip(*every[:number], strict=True)]
                if not factor:  # the variances, every second entry, have it already
                    average[1::2] = [var * (m - 1) / m for var in average[1::2]]
                rows.append(_scores(nets.model, average, *test))
            accuracies[factor], losses[factor] = map(np.stack, zip(*rows, strict=True))
        running = _scores(nets.model, _statistics(nets.model), *test)
        found[m] = Populations(tuple(numbers), accuracies, losses, *running)
    return found


def batch_statistics(model, x):
    """Mean and unbiased variance of each norm's input, x as one batch in training mode.

    Returns a list of Tensor (C,), as the buffers stand in the model: running mean, running
    variance of the first norm, of the second, ... The model is left as it was.
    """
    mode, momenta = model.training, [norm.momentum for norm in _norms(model)]
    with using(model, _statistics(model)), torch.no_grad():
        for norm in _norms(model):
            norm.momentum = 1.0  # the buffers are then the statistics of x
        model.train()
        model(x)
        found = _statistics(model)
    for norm, momentum in zip(_norms(model), momenta, strict=True):
        norm.momentum = momentum
    model.train(mode)
    return found


@contextmanager
def using(model, statistics):
    """Inside, the model has these running statistics, as from ``batch_statistics``."""
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        for buffer, values in zip(_moments(model), statistics, strict=True):
            buffer.copy_(values)
        yield model
    finally:
        for buffer, values in zip(model.buffers(), before, strict=True):
            buffer.copy_(values)


def _norms(model):
    return [module for module in model.modules() if isinstance(module, BatchNorm1d)]


def _moments(model):
    """The buffers themselves: running_mean, running_var of each norm in turn."""
    return [b for norm in _norms(model) for b in (norm.running_mean, norm.running_var)]


def _statistics(model):
    return [buffer.clone() for buffer in _moments(model)]


def _scores(model, statistics, x, labels):
    """Accuracy and loss in evaluation mode with these running statistics, each () or (S,)."""
    with using(model, statistics), evaluating(model):
        outputs = model(x)
        right = (outputs.argmax(-1) == labels).float().mean(-1)
        return to_numpy(right), to_numpy(cross_entropy(outputs, labels))
