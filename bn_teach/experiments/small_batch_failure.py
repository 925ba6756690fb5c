"""What Batch Normalization does with few samples: the runs behind notebook 06.

The statistics of a batch of m values are estimates, and noisy ones if m is small. Four questions:

    preactivations, resample   how far off are the mean and variance of m real values?
    ghost_groups               what does that cost a network? (statistics over groups of m)
    cnn_groups                 and a convolutional one, with more values per channel?
    learning_rates             does another learning rate mend it?

In all of them gradient descent takes batches of 64, and only the statistics come from groups of
m: "ghost batches" (Hoffer, Hubara & Soudry 2017, arXiv 1705.08741). Were the batches themselves
small, number and noise of the updates would change as well, and no one could tell which it was.

Shapes: N images, C units, M group sizes, R resamples, K recorded steps, S seeds.
"""

from dataclasses import dataclass

import numpy as np

from ..alternatives import GhostBatchNorm2d
from ..datasets import load_digits
from ..models import cnn, mlp, stack
from ..record import record
from ..train import Run, accuracy, as_tensors, evaluating, one_thread, train

SIZES = (64, 100, 100, 100, 10)
BATCH = 64
STEPS, DROP_AT, LR = 300, 210, 0.3  # the learning rate is a tenth from step 210 on

GROUPS = (2, 4, 8, 16, 32, 64)
ARMS = (*GROUPS, "layer", "none")

CHANNELS = (12, 24, 48)
CNN_STEPS, CNN_DROP_AT = 250, 175
CNN_ARMS = (1, *GROUPS, "group", "none")

RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)

# Wu & He 2018, arXiv 1803.08494: ResNet-50 on ImageNet, validation error in % against the images
# on each of 8 GPUs, which take their statistics alone. In the paper's text stand the cells in
# VERIFIED; the others are as four public summaries of its table give them, without exception.
PUBLISHED = {
    "BN": {2: 34.7, 4: 27.3, 8: 24.8, 16: 23.7, 32: 23.6},
    "GN": {2: 24.1, 4: 24.2, 8: 24.0, 16: 24.2, 32: 24.1},
}
VERIFIED = (2, 4)


@dataclass(frozen=True)
class Samples:
    """Batches drawn from the N values of one unit, with replacement: R for each size.

    Attributes
    ----------
    values : ndarray (N,)
    sizes : tuple of M ints
    means, variances : ndarray (M, R)
        Of each batch; the variance is the biased one, divided by m, with which Batch
        Normalization normalises.
    """

    values: np.ndarray
    sizes: tuple
    means: np.ndarray
    variances: np.ndarray

    @property
    def mean_error(self):
        """The spread of the batch means, in units of the spread of the values: (M,)."""
        return self.means.std(axis=1) / self.values.std()

    @property
    def variance_error(self):
        """The spread of the batch variances, in units of the variance of the values: (M,)."""
        return self.variances.std(axis=1) / self.values.var()


@one_thread()
def preactivations(seed=0):
    """What a trained network's first normalisation gets: (N, C) for all N training images.

    The network of ``ghost_groups`` with statistics of the whole batch of 64.
    """
    x, y, _, _ = _digits(flat=True)
    net = mlp(SIZES, norm="batch", seed=seed)
    train(net, x, y, steps=STEPS, lr=LR, drop_at=DROP_AT, batch_size=BATCH, progress=False)
    with evaluating(net), record(net, "norm1") as seen:
        net(x)
    return seen["norm1"].inputs


def typical_unit(inputs):
    """The unit whose values are as heavy-tailed as the median of all units: from (N, C), (N,).

    Tails matter here: the more often a value lies far out, the noisier is the batch variance.
    """
    z = (inputs - inputs.mean(0)) / inputs.std(0)
    kurtosis = (z**4).mean(0)
    return inputs[:, np.argsort(kurtosis)[len(kurtosis) // 2]].astype(float)


def resample(values, sizes=(2, 4, 8, 16, 32, 64, 128, 256), resamples=2000, seed=0):
    """Draw batches of every size from ``values`` (N,) and take their moments: ``Samples``."""
    rng = np.random.default_rng(seed)
    moments = []
    for m in sizes:
        batches = rng.choice(values, size=(resamples, m))
        moments.append((batches.mean(axis=1), batches.var(axis=1)))
    means, variances = np.array(moments).transpose(1, 0, 2)
    return Samples(values, tuple(sizes), means, variances)


@one_thread()
def ghost_groups(arms=ARMS, seeds=range(5), progress=True):
    """Train a 64-100-100-100-10 ReLU network on the digits, its norm given by each of ``arms``.

    An arm is m, for Batch Normalization with statistics over groups of m, or "layer" or "none".
    300 steps of 64 images in every arm, learning rate 0.3, a tenth of it after 210 steps. A seed
    has the same first weights and the same batches in each arm.

    Returns
    -------
    Run
        ``snapshots["test/2"]`` and ``["train/2"]`` (K, S), for each arm: the share of images
        that the network gets wrong, in evaluation mode, every 15 steps.
    """
    x, y, x_test, y_test = _digits(flat=True)
    steps, snapshots = [], {}
    for arm in arms:
        nets = stack([mlp(SIZES, **_mlp_norm(arm), seed=seed) for seed in seeds])
        run = train(
            nets,
            x,
            y,
            steps=STEPS,
            lr=LR,
            drop_at=DROP_AT,
            batch_size=BATCH,
            seed=[*seeds],
            watch=lambda model: {
                "test": 1 - accuracy(model, x_test, y_test),
                "train": 1 - accuracy(model, x, y),
            },
            watch_at=range(0, STEPS + 1, 15),
            progress=progress,
            label=_label(arm),
        )
        steps = run.steps
        snapshots |= {f"{part}/{arm}": share for part, share in run.snapshots.items()}
    settings = run.settings | {"sizes": SIZES, "arms": [*arms], "seed": [*seeds]}
    return Run(settings, steps=steps, snapshots=snapshots)


@one_thread()
def cnn_groups(arms=CNN_ARMS, seeds=range(5), progress=True):
    """The same for a convolutional network with 12, 24 and 48 channels (``models.cnn``).

    Its norms see 8 x 8, 4 x 4 and 2 x 2 places, so that groups of m have 64 m, 16 m and 4 m
    values per channel. An arm may also be 1 or "group" (four groups of channels). 250 steps,
    learning rate 0.3, a tenth of it after 175 steps.

    Returns
    -------
    Run
        ``snapshots["test/2"]`` and ``["train/2"]`` (1, S), as in ``ghost_groups``, at the end.
    """
    x, y, x_test, y_test = _digits(flat=False)
    snapshots = {}
    for arm in arms:
        shares = []
        for seed in seeds:
            net = ghost_cnn(arm, seed)
            run = train(
                net,
                x,
                y,
                steps=CNN_STEPS,
                lr=LR,
                drop_at=CNN_DROP_AT,
                batch_size=BATCH,
                seed=seed,
                progress=progress,
                label=f"{_label(arm)}, seed {seed}",
            )
            shares.append([1 - accuracy(net, x_test, y_test), 1 - accuracy(net, x, y)])
        test, training = np.transpose(shares)[:, None].astype(np.float32)
        snapshots |= {f"test/{arm}": test, f"train/{arm}": training}
    settings = run.settings | {"channels": CHANNELS, "arms": [*arms], "seed": [*seeds]}
    return Run(settings, steps=np.array([CNN_STEPS]), snapshots=snapshots)


def ghost_cnn(arm, seed):
    """The network of ``cnn_groups``."""
    if arm in ("group", "none"):
        return cnn(CHANNELS, norm=None if arm == "none" else arm, seed=seed)
    net = cnn(CHANNELS, norm="batch", seed=seed)
    for i, channels in enumerate(CHANNELS, start=1):
        net.set_submodule(f"norm{i}", GhostBatchNorm2d(channels, arm))
    return net


@one_thread()
def learning_rates(groups=(2, 8, 64), rates=RATES, seeds=range(5), progress=True):
    """The network of ``ghost_groups`` again, with other learning rates.

    Returns
    -------
    Run
        ``snapshots["test/2"]`` (1, L, S) for each group size: one row for each of the L learning
        rates in ``settings["lr"]``. A tenth of each after 210 steps, as before.
    """
    x, y, x_test, y_test = _digits(flat=True)
    seeds, snapshots = [*seeds], {}
    for m in groups:
        nets = [mlp(SIZES, **_mlp_norm(m), seed=seed) for _ in rates for seed in seeds]
        nets = stack(nets)
        run = train(
            nets,
            x,
            y,
            steps=STEPS,
            lr=np.repeat(rates, len(seeds)),
            drop_at=DROP_AT,
            batch_size=BATCH,
            seed=seeds * len(rates),
            progress=progress,
            label=f"{_label(m)}, all rates",
        )
        share = 1 - accuracy(nets, x_test, y_test)
        snapshots[f"test/{m}"] = share.reshape(1, len(rates), len(seeds))
    settings = run.settings | {"lr": [*rates], "groups": [*groups], "seed": seeds}
    return Run(settings, steps=np.array([STEPS]), snapshots=snapshots)


def _digits(flat):
    """Training images and labels, test images and labels, as tensors."""
    digits = load_digits()
    return (
        *as_tensors(digits.train_images, digits.train_labels, flat=flat),
        *as_tensors(digits.test_images, digits.test_labels, flat=flat),
    )


def _mlp_norm(arm):
    if isinstance(arm, str):
        return {"norm": None if arm == "none" else arm}
    return {"norm": "batch", "group_size": arm}


def _label(arm):
    return arm if isinstance(arm, str) else f"groups of {arm}"


STORED = {
    "small-batch-groups": ghost_groups,
    "small-batch-cnn": cnn_groups,
    "small-batch-rates": learning_rates,
}
