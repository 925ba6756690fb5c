"""One seeded training loop, for one network or a stack of them, and what it leaves: a Run.

Shapes: N samples, T training steps, K recorded steps, S networks in a stack.
"""

import io
import json
import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tqdm.std import tqdm

from .files import write_whole
from .record import to_numpy


@dataclass(frozen=True)
class Run:
    """A training run: how it was made and what was seen on the way.

    Attributes
    ----------
    settings : dict
        Numbers and words, as JSON can hold them.
    curves : dict of ndarray (T, ...)
        One entry for each step. ``curves["loss"]`` is the loss of the step's own batch before
        the step is taken: (T,), or (T, S) for a stack.
    steps : ndarray (K,), int64
        The recorded steps. Step k means after k updates: 0 is the untrained network.
    snapshots : dict of ndarray (K, ...)
        What the caller's ``watch`` returned at each recorded step.
    """

    settings: dict
    curves: dict = field(default_factory=dict)
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    snapshots: dict = field(default_factory=dict)

    @property
    def diverged(self):
        """Whether the loss ever was NaN or infinite: a bool array of shape () or (S,)."""
        return ~np.isfinite(self.curves["loss"]).all(axis=0)

    def save(self, path):
        """Write everything to one ``.npz`` file: all of it or, if that fails, nothing."""
        arrays = {"settings": np.array(json.dumps(self.settings)), "steps": self.steps}
        arrays |= {f"curves/{name}": array for name, array in self.curves.items()}
        arrays |= {f"snapshots/{name}": array for name, array in self.snapshots.items()}
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        write_whole(Path(path), packed.getvalue())

    @classmethod
    def load(cls, path):
        """Read what ``save`` wrote: the path of a file, or a file that is open."""
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        groups = {"curves": {}, "snapshots": {}}
        for key, array in arrays.items():
            group, _, name = key.partition("/")
            if name:
                groups[group][name] = array
        return cls(json.loads(str(arrays["settings"])), steps=arrays["steps"], **groups)


@contextmanager
def one_thread():
    """Let torch compute on one thread, also as a decorator: ``@one_thread()``.

    Networks as small as these gain little from a second thread, and lose much when that thread
    has to wait for a busy neighbour. The number of threads is put back afterwards.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_tensors(images, labels, *, flat):
    """Images (N, H, W) and labels (N,) of a data set, as the networks take them.

    ``flat`` gives (N, H*W) for ``mlp``, else (N, 1, H, W) for ``cnn``.
    """
    x = torch.tensor(images)
    return (x.flatten(1) if flat else x[:, None]), torch.tensor(labels)


def batches(n, batch_size, steps, seed):
    """Which of n samples make the batch of each step: indices (steps, batch_size), int64.

    Every pass through the data is in a new random order; what is left at the end of a pass, too
    few for a batch, is dropped, so that each batch has the same size.

    Raises
    ------
    ValueError
        If a batch is empty or larger than the data.
    """
    if not 0 < batch_size <= n:
        raise ValueError(f"batch_size {batch_size}: expected 1 to {n}, the number of samples")
    rng = np.random.default_rng(seed)
    per_pass = n // batch_size
    passes = [
        rng.permutation(n)[: per_pass * batch_size].reshape(per_pass, batch_size)
        for _ in range(math.ceil(steps / per_pass))
    ]
    return torch.from_numpy(np.concatenate(passes)[:steps])


def cross_entropy(logits, labels):
    """Mean of -log softmax(logits)[label] over the N samples, in nats: (..., N, C) to (...)."""
    labels = labels.expand(logits.shape[:-1])  # a stack may share one batch
    losses = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
    return losses.view(labels.shape).mean(-1)


def squared_error(outputs, targets):
    """Mean of the squared error over samples and outputs: (..., N, C) to (...)."""
    return (outputs - targets).square().mean((-2, -1))


def descend(model, x, y, order, *, lr, momentum=0.0, drop_at=None, loss=cross_entropy):
    """Stochastic gradient descent, one step each time the next is asked for.

    Each step takes a batch, its gradient g and, for every parameter w,
    v <- momentum v + g, then w <- w - lr v, as ``torch.optim.SGD`` does.

    Parameters
    ----------
    order : Tensor (T, batch size) or (T, S, batch size), int64
        Which samples make each batch, as from ``batches``.
    model, x, y, lr, momentum, drop_at, loss
        As in ``train``.

    Yields
    ------
    Tensor () or (S,)
        The loss of the step's own batch before its update, after the update was made.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    rates = [_rate(lr, p) for p in parameters]
    velocities = [torch.zeros_like(p) for p in parameters]
    model.train()
    for step, index in enumerate(order):
        if step == drop_at:
            rates = [rate / 10 for rate in rates]
        value = loss(model(x[index]), y[index])
        gradients = torch.autograd.grad(value.sum(), parameters)
        with torch.no_grad():
            for p, v, g, rate in zip(parameters, velocities, gradients, rates, strict=True):
                v.mul_(momentum).add_(g)
                p.sub_(rate * v)
        yield value.detach()


@one_thread()
def train(
    model,
    x,
    y,
    *,
    steps,
    lr,
    batch_size,
    momentum=0.0,
    drop_at=None,
    seed=0,
    pools=None,
    loss=cross_entropy,
    watch=None,
    watch_at=(),
    progress=True,
    label="training",
):
    """Train ``model`` in place by stochastic gradient descent and return its ``Run``.

    The steps are those of ``descend``. A loss that becomes NaN or infinite is recorded, not
    raised: see ``Run.diverged``.

    Parameters
    ----------
    model : torch.nn.Module
        One network, or a stack of S from ``bn_teach.models.stack``.
    x, y : Tensor (N, ...)
        Samples and what they should give.
    lr : float, or sequence of S floats
        The learning rate, for a stack one for each network if wanted.
    momentum : float
        Of the descent; it has nothing to do with that of Batch Normalization.
    drop_at : int, optional
        After so many updates the learning rate is a tenth of what it was.
    seed : int, or sequence of S ints for a stack
        Of the order of the samples. A stack shares one order or has one for each network.
    pools : array (S, n) of int, optional
        For a stack with S seeds: the n of the N samples that each network learns from.
        Default: all.
    loss : function of (outputs, targets)
        The mean over a batch: (..., N, C) to (...).
    watch : function of the model, optional
        Called after each number of updates in ``watch_at`` (0: before the first), in the mode
        the model is in; returns a dict of numbers or arrays. It must leave the model as it is.
    progress : bool
        Show a bar of text, called ``label``.

    Raises
    ------
    ValueError
        If the batch is larger than the data, or ``watch_at`` lies outside 0 to ``steps``.
    """
    watch_at = sorted({int(step) for step in watch_at})
    if watch_at and not 0 <= watch_at[0] <= watch_at[-1] <= steps:
        raise ValueError(f"watch_at {watch_at}: expected steps from 0 to {steps}")
    if np.ndim(seed) == 0:
        order = batches(len(x), batch_size, steps, seed)  # (T, batch_size)
    else:
        pools = [torch.arange(len(x))] * len(seed) if pools is None else torch.as_tensor(pools)
        order = torch.stack(
            [
                pool[batches(len(pool), batch_size, steps, s)]
                for pool, s in zip(pools, seed, strict=True)
            ],
            dim=1,
        )
    updates = descend(model, x, y, order, lr=lr, momentum=momentum, drop_at=drop_at, loss=loss)
    losses, seen = [], []
    # A bar of plain text on stdout: the same in a terminal, a notebook and an exported page.
    bar = tqdm(
        range(steps), label, file=sys.stdout, ncols=80, mininterval=0.25, disable=not progress
    )
    for step in bar:
        if step in watch_at:
            seen.append(watch(model))
        losses.append(next(updates))
    if steps in watch_at:
        seen.append(watch(model))

    return Run(
        settings={
            "steps": steps,
            "lr": np.asarray(lr).tolist(),
            "batch_size": batch_size,
            "momentum": momentum,
            "drop_at": drop_at,
            "seed": np.asarray(seed).tolist(),
        },
        curves={"loss": torch.stack(losses).numpy()},
        steps=np.array(watch_at, dtype=np.int64),
        snapshots={name: np.stack([entry[name] for entry in seen]) for name in (seen or [{}])[0]},
    )


@contextmanager
def evaluating(model):
    """Inside: evaluation mode and no gradients. Afterwards the model is in its mode of before."""
    before = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield model
    finally:
        model.train(before)


def training_pass(model, x):
    """Outputs in training mode, with x as one batch; no gradients, and no trace in the model.

    Each norm uses the statistics of this batch, as it would in training, but its running
    statistics are put back afterwards.
    """
    mode, buffers = model.training, [buffer.clone() for buffer in model.buffers()]
    model.train()
    try:
        with torch.no_grad():
            return model(x)
    finally:
        with torch.no_grad():
            for buffer, value in zip(model.buffers(), buffers, strict=True):
                buffer.copy_(value)
        model.train(mode)


def accuracy(model, x, labels):
    """Share of samples whose largest output is the label's, in evaluation mode: () or (S,)."""
    with evaluating(model):
        return to_numpy((model(x).argmax(-1) == labels).float().mean(-1))


def _rate(lr, parameter):
    """The learning rate, in a shape that fits a parameter: (S, ...), or (S*D,) for a norm."""
    lr = torch.as_tensor(lr, dtype=parameter.dtype)
    if lr.ndim == 0:
        return lr
    if parameter.ndim == 1:
        return lr.repeat_interleave(len(parameter) // len(lr))
    return lr.view(-1, 1, 1)
