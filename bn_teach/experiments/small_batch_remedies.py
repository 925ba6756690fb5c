"""What helps at small batches, and how to find out what is wrong: more runs behind notebook 06.

    remedies   noise or mismatch? and what each remedy is worth, on one network
    patients   two training runs with a fault, for a diagnosis

The network, the data and the training are those of ``small_batch_failure.ghost_groups``.

Shapes: N images, T training steps, S seeds.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from ..alternatives import BatchRenorm1d, freeze_norms, norms_of, precise_statistics
from ..datasets import load_digits
from ..models import mlp, stack
from ..train import Run, accuracy, as_tensors, one_thread, train, training_pass
from .small_batch_failure import BATCH, DROP_AT, LR, SIZES, STEPS

# Batch Renormalization: plain Batch Normalization for 15 steps, limits relaxed until step 90.
RELAX = (15, 90)

# What is compared, in groups of m. The first three are one and the same trained network,
# evaluated in three ways; the three after them are trained in another way, or go on so.
WAYS = ("running", "precise", "own")
TRAININGS = ("renorm", "frozen", "group", "layer", "none")


@one_thread()
def remedies(groups=(2, 4, 8), seeds=range(5), progress=True):
    """Train with statistics over groups of m, and with each remedy: how many images go wrong?

    In all of them 300 steps of 64 images, learning rate 0.3, a tenth of it after 210 steps.

    running    Batch Normalization, evaluated with its running statistics
    precise    the same networks, statistics measured anew on all training images
    own        the same networks, each group of m images normalised with its own statistics, as
               in training; the mean of ten ways to form the groups
    renorm     Batch Renormalization
    frozen     Batch Normalization for 210 steps, then precise statistics that stay
    group      Group Normalization, four groups of 25 units; needs no groups of images
    layer      Layer Normalization, the same
    none       no normalisation

    Returns
    -------
    Run
        ``snapshots["test/running/2"]`` (1, S) and so on, and the same with "train" for "test":
        the share of images that the network gets wrong. Where m does not matter, "test/layer".
    """
    data = _digits()
    seeds, snapshots = [*seeds], {}

    def fit(make, label, **more):
        nets = stack([make(seed) for seed in seeds])
        settings = {"steps": STEPS, "lr": LR, "drop_at": DROP_AT, "seed": seeds, **more}
        x, y = data["train"]
        run = train(nets, x, y, batch_size=BATCH, progress=progress, label=label, **settings)
        return nets, run

    def note(name, share):
        for part, (x, y) in data.items():
            snapshots[f"{part}/{name}"] = share(x, y)[None].astype(np.float32)

    for m in groups:
        ghost = _ghost(m)
        nets, run = fit(ghost, f"groups of {m}")
        note(f"running/{m}", _wrong(nets))
        note(f"own/{m}", lambda x, y, nets=nets, m=m: wrong_in_groups(nets, x, y, m))
        precise_statistics(nets, data["train"][0])
        note(f"precise/{m}", _wrong(nets))

        nets, _ = fit(lambda seed, m=m: _renorm_mlp(m, seed), f"Batch Renorm, {m}")
        note(f"renorm/{m}", _wrong(nets))

        nets, _ = fit(ghost, f"to be frozen, {m}", steps=DROP_AT, drop_at=None)
        precise_statistics(nets, data["train"][0])
        freeze_norms(nets)
        x, y = data["train"]
        settings = {"steps": STEPS - DROP_AT, "lr": LR / 10, "batch_size": BATCH}
        others = [seed + 100 for seed in seeds]  # other batches than in the first part
        train(nets, x, y, seed=others, progress=progress, label=f"frozen, {m}", **settings)
        note(f"frozen/{m}", _wrong(nets))

    for norm in ("layer", None):
        nets, _ = fit(lambda seed, norm=norm: mlp(SIZES, norm=norm, seed=seed), norm or "none")
        note(norm or "none", _wrong(nets))
    _note_group_norm(data, seeds, snapshots, progress)

    settings = run.settings | {"groups": [*groups], "relax": RELAX, "seed": seeds}
    return Run(settings, steps=np.array([STEPS]), snapshots=snapshots)


def _note_group_norm(data, seeds, snapshots, progress):
    """Group Normalization one network at a time: a stack does not take it."""
    x, y = data["train"]
    shares = []
    for seed in seeds:
        net = mlp(SIZES, norm="group", seed=seed)
        settings = {"steps": STEPS, "lr": LR, "drop_at": DROP_AT, "seed": seed}
        train(net, x, y, batch_size=BATCH, progress=progress, label=f"group, {seed}", **settings)
        shares.append([_wrong(net)(*data[part]) for part in data])
    for part, share in zip(data, np.transpose(shares), strict=True):
        snapshots[f"{part}/group"] = share[None].astype(np.float32)


def wrong_in_groups(model, x, y, m, ways=10):
    """Share of images that go wrong if each group of m has its own statistics: () or (S,).

    The groups are formed at random, ``ways`` times over; an incomplete group is left out.
    """
    generator = torch.Generator().manual_seed(0)
    whole = len(x) // m * m
    shares = []
    for _ in range(ways):
        order = torch.randperm(len(x), generator=generator)[:whole]
        guess = training_pass(model, x[order]).argmax(-1)
        shares.append((guess != y[order]).float().mean(-1).numpy())
    return np.mean(shares, axis=0)


@dataclass(frozen=True)
class Patient:
    """A network whose training went wrong somewhere, examined.

    Attributes
    ----------
    loss : ndarray (T,)
        The loss of each training step.
    train_error, test_error : float
        Share of images that go wrong, in evaluation mode.
    test_error_as_in_training : float
        The same test images in training mode: with statistics of their own batches.
    test_error_precise : float
        In evaluation mode after the statistics were measured anew on all training images.
    """

    loss: np.ndarray
    train_error: float
    test_error: float
    test_error_as_in_training: float
    test_error_precise: float


# What is wrong: running statistics that hardly move in A, groups of two in B.
_SETTINGS = {
    "A": {"group_size": 64, "momentum": 0.0005},
    "B": {"group_size": 2, "momentum": 0.1},
}

# Why it is not that: what would have to be seen. None of these names the fault itself.
_OBJECTIONS = {
    "learning rate": "with a rate far too high the loss would grow or jump; look at it",
    "overfitting": "compare errors on training and test images: overfitting drives them apart",
    "groups of two": "then even training itself could not get its loss down; look at it",
    "running statistics": "then fresh statistics would mend it: look at test_error_precise",
}
FAULTS = tuple(_OBJECTIONS)


@one_thread()
def patients(seed=0, progress=True):
    """Train two networks as in ``ghost_groups``, each with a fault: "A" and "B" to ``Patient``.

    Called again, it returns what was measured the first time.
    """
    return {name: _examined(name, seed, progress) for name in _SETTINGS}


def diagnosis():
    """The faults of patients A and B: of each the first that its measurements do not exclude."""
    return tuple(
        next(fault for fault in FAULTS if objection(patient, fault) is None)
        for patient in patients().values()
    )


def objection(patient, fault):
    """What speaks against one of the ``FAULTS`` in a ``Patient``: a sentence, or None."""
    loss = patient.loss
    grows = not loss.max() < 2 * loss[0]  # so that a loss of nan grows, too
    signs = {
        "learning rate": grows,
        "overfitting": patient.test_error > 2 * patient.train_error,
        "groups of two": not grows and loss[-50:].mean() > loss[0] / 2,
        "running statistics": patient.test_error_precise < patient.test_error / 2,
    }
    return None if signs[fault] else _OBJECTIONS[fault]


@cache
def _examined(name, seed, progress):
    data, settings = _digits(), _SETTINGS[name]
    net = mlp(SIZES, norm="batch", group_size=settings["group_size"], seed=seed)
    for norm in norms_of(net):
        norm.momentum = settings["momentum"]
    x, y = data["train"]
    recipe = {"steps": STEPS, "lr": LR, "drop_at": DROP_AT, "batch_size": BATCH, "seed": seed}
    run = train(net, x, y, progress=progress, label=f"patient {name}", **recipe)
    wrong = {part: float(_wrong(net)(*data[part])) for part in data}
    in_groups = float(wrong_in_groups(net, *data["test"], settings["group_size"]))
    precise_statistics(net, x)
    precise = float(_wrong(net)(*data["test"]))
    return Patient(run.curves["loss"], wrong["train"], wrong["test"], in_groups, precise)


def _ghost(m):
    return lambda seed: mlp(SIZES, norm="batch", group_size=m, seed=seed)


def _renorm_mlp(m, seed):
    net = mlp(SIZES, norm="batch", seed=seed)
    for i, units in enumerate(SIZES[1:-1], start=1):
        net.set_submodule(f"norm{i}", BatchRenorm1d(units, m, relax=RELAX))
    return net


def _wrong(model):
    """A function of images and labels: the share that the model gets wrong in evaluation."""
    return lambda x, y: 1 - accuracy(model, x, y)


def _digits():
    digits = load_digits()
    return {
        "test": as_tensors(digits.test_images, digits.test_labels, flat=True),
        "train": as_tensors(digits.train_images, digits.train_labels, flat=True),
    }


STORED = {"small-batch-remedies": remedies}
