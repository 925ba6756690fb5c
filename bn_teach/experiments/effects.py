"""What Batch Normalization buys: the runs behind the first half of notebook 08.

    speed            how many steps does it save, and which learning rates does it bear?
    rates            how much of that is left if the baseline is tuned and well initialised?
    regularisation   does it help on new images, and does the noise of the batch do that?

All three are stored runs; each function also makes a small part of itself live. ``speed`` follows
Ioffe & Szegedy 2015, arXiv 1502.03167, section 4.2.2, in miniature.

Shapes: K recorded steps, A arms, S seeds, N images. A seed has the same first weights and the
same order of images in each arm of the same activation.
"""

import numpy as np
import torch

from ..datasets import load_digits, load_jittered_digits, read
from ..models import GAINS, mlp, stack
from ..train import Run, accuracy, as_tensors, evaluating, one_thread, train

# The arms of ``speed``: norm, activation, and the learning rate in multiples of BASE_RATE.
SPEED_ARMS = {
    "no BN": (None, "relu", 1),
    "no BN, rate ×5": (None, "relu", 5),
    "no BN, rate ×15": (None, "relu", 15),
    "BN": ("batch", "relu", 1),
    "BN, rate ×5": ("batch", "relu", 5),
    "BN, rate ×15": ("batch", "relu", 15),
    "BN, rate ×30": ("batch", "relu", 30),
    "sigmoid, rate ×5": (None, "sigmoid", 5),
    "BN, sigmoid, rate ×5": ("batch", "sigmoid", 5),
}
BASE_RATE = 0.1  # the best for "no BN" among those of ``rates``

# What Ioffe & Szegedy 2015 report of Inception on ImageNet: how many times fewer steps to 72.2 %
# accuracy, and whether the paper's text says so. If not, it is 31.0 / 13.3 or 31.0 / 2.7 million
# steps, as several summaries of its figure 3 give them.
PUBLISHED = {
    "BN": (31.0 / 13.3, False),
    "BN, rate ×5": (14.0, True),
    "BN, rate ×30": (31.0 / 2.7, False),
}

NETWORKS = {  # of ``rates``: sizes, activation, learning rates, steps at which we look
    "3 layers of 100, sigmoid": (
        [64, 100, 100, 100, 10],
        "sigmoid",
        (0.03, 0.1, 0.3, 1.0, 3.0, 6.0),
        (100, 1000),
    ),
    "6 layers of 64, ReLU": (
        [256, *[64] * 6, 10],
        "relu",
        (0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0),
        (100, 400),
    ),
}
STARTS = (0.25, 0.5, 1.0, 2.0)  # first weights of ``rates``, in multiples of the usual gain

GROUP_SIZES = (5, 10, 25, 50)  # of ``regularisation``, whose batches have 50 images
TRAINING_SIZES = (100, 200, 500, 1000)
REGULARISATION_ARMS = ("no BN", *GROUP_SIZES, "LayerNorm")


@one_thread()
def speed(seeds=range(10), arms=tuple(SPEED_ARMS), steps=800, progress=True):
    """Train 256-64x6-10 networks on the jittered digits, each arm with each seed.

    Batches of 32, plain gradient descent, looked at every 10 steps.

    Returns
    -------
    Run
        ``snapshots["accuracy"]`` (K, A, S): on the 1000 test images, in evaluation mode;
        ``snapshots["finite"]`` (K, A, S): whether every loss up to that step was finite;
        ``settings["arms"]``: the names of the A arms.
    """
    data = load_jittered_digits()
    x, y = as_tensors(data.train_images, data.train_labels, flat=True)
    test = as_tensors(data.test_images, data.test_labels, flat=True)
    seeds, looked = list(seeds), list(range(0, steps + 1, 10))
    found = {}
    for norm, activation in dict.fromkeys(SPEED_ARMS[arm][:2] for arm in arms):
        alike = [arm for arm in arms if SPEED_ARMS[arm][:2] == (norm, activation)]
        make = {"norm": norm, "activation": activation}
        nets = [mlp([256, *[64] * 6, 10], **make, seed=seed) for _ in alike for seed in seeds]
        run = train(
            stack(nets),
            x,
            y,
            steps=steps,
            lr=[BASE_RATE * SPEED_ARMS[arm][2] for arm in alike for _ in seeds],
            batch_size=32,
            seed=seeds * len(alike),
            watch=lambda model: {"accuracy": accuracy(model, *test)},
            watch_at=looked,
            progress=progress,
            label=", ".join(filter(None, ["BN" if norm else "no BN", activation])),
        )
        # Loss k belongs to the weights after k updates; after the last update none is taken.
        finite = np.isfinite(run.curves["loss"]).cumprod(axis=0).astype(bool)
        finite = np.concatenate([finite, finite[-1:]])[looked]
        accuracies = run.snapshots["accuracy"]
        for i, arm in enumerate(alike):
            mine = slice(i * len(seeds), (i + 1) * len(seeds))
            found[arm] = accuracies[:, mine], finite[:, mine]
    return Run(
        {"arms": list(arms), "seeds": seeds, "batch_size": 32, "base_rate": BASE_RATE},
        steps=np.array(looked),
        snapshots={
            "accuracy": np.stack([found[arm][0] for arm in arms], axis=1),
            "finite": np.stack([found[arm][1] for arm in arms], axis=1),
        },
    )


def smooth(accuracies):
    """Mean of each recorded step and its two neighbours: (K, ...) to (K - 2, ...)."""
    return (accuracies[:-2] + accuracies[1:-1] + accuracies[2:]) / 3


def target_of(run):
    """The best of "no BN": the highest mean accuracy over its seeds, smoothed.

    It is read off the test images and depends on how long one trains: good for comparing the arms
    of one run, not for choosing settings.
    """
    baseline = run.snapshots["accuracy"][:, run.settings["arms"].index("no BN")]
    return float(smooth(baseline).mean(axis=1).max())


def steps_to(run, target):
    """The first step at which each network's smoothed accuracy is there, or inf: (A, S)."""
    reached = smooth(run.snapshots["accuracy"]) >= target
    return np.where(reached.any(axis=0), run.steps[1 + reached.argmax(axis=0)], np.inf)


@one_thread()
def rates(seeds=range(5), networks=tuple(NETWORKS), starts=STARTS, progress=True):
    """Train two networks with and without BN, from many learning rates and first weights.

    The sigmoid network learns the digits (batches of 60, as in the paper's figure 1), the ReLU
    network the jittered digits (batches of 32).

    Returns
    -------
    Run
        For each network ``snapshots[name]`` (K, starts, 2, rates, S), accuracy on the test
        images: at the K steps, start weights and rates of ``NETWORKS`` and ``STARTS``, without
        and with Batch Normalization.
    """
    seeds, snapshots = list(seeds), {}
    for name in networks:
        sizes, activation, learning_rates, looked = NETWORKS[name]
        jittered = sizes[0] == 256
        data = load_jittered_digits() if jittered else load_digits()
        x, y = as_tensors(data.train_images, data.train_labels, flat=True)
        test = as_tensors(data.test_images, data.test_labels, flat=True)
        found = []
        for start in starts:
            for norm in (None, "batch"):
                make = {"norm": norm, "activation": activation, "gain": start * GAINS[activation]}
                nets = [mlp(sizes, **make, seed=s) for _ in learning_rates for s in seeds]
                run = train(
                    stack(nets),
                    x,
                    y,
                    steps=looked[-1],
                    lr=np.repeat(learning_rates, len(seeds)),
                    batch_size=32 if jittered else 60,
                    seed=seeds * len(learning_rates),
                    watch=lambda model, test=test: {"accuracy": accuracy(model, *test)},
                    watch_at=looked,
                    progress=progress,
                    label=f"{activation}, weights x{start}, {norm}",
                )
                found.append(run.snapshots["accuracy"])
        shape = (len(looked), len(starts), 2, len(learning_rates), len(seeds))
        snapshots[name] = np.stack(found, axis=1).reshape(shape)
    return Run({"seeds": seeds, "starts": list(starts)}, snapshots=snapshots)


@one_thread()
def regularisation(
    seeds=range(40), sizes=TRAINING_SIZES, arms=REGULARISATION_ARMS, steps=400, progress=True
):
    """Train 64-100-100-10 ReLU networks on few digits, and test them on all the others.

    Each seed draws its own training images, and gives them and its first weights to every arm:
    differences between arms are taken seed by seed. Batches of 50, learning rate 0.3; the group
    size m says over how many images of the batch a mean and a variance are taken.

    Returns
    -------
    Run
        ``snapshots["test"]`` (sizes, A, S): accuracy on the images not trained on, at the end;
        ``snapshots["train"]`` (sizes, A, S): on those trained on. Both in evaluation mode.
    """
    arrays = read("digits")
    x, y = as_tensors(arrays["images"].astype(np.float32) / 16, arrays["labels"], flat=True)
    y = y.long()
    seeds, found = list(seeds), {"test": [], "train": []}
    for n in sizes:
        pools = np.stack([np.random.default_rng(s).permutation(len(x))[:n] for s in seeds])
        seen = torch.zeros(len(seeds), len(x), dtype=torch.bool)
        seen.scatter_(1, torch.as_tensor(pools), value=True)
        for arm in arms:
            make = {"norm": "batch", "group_size": arm}
            make = {"no BN": {}, "LayerNorm": {"norm": "layer"}}.get(arm, make)
            model = stack([mlp([64, 100, 100, 10], **make, seed=s) for s in seeds])
            options = {"steps": steps, "lr": 0.3, "batch_size": 50, "seed": seeds, "pools": pools}
            train(model, x, y, **options, progress=progress, label=f"{n} images, {arm}")
            with evaluating(model):
                right = (model(x).argmax(-1) == y).double()
            found["test"].append((right * ~seen).sum(1) / (~seen).sum(1))
            found["train"].append((right * seen).sum(1) / n)
    shape = (len(sizes), len(arms), len(seeds))
    return Run(
        {"seeds": seeds, "sizes": list(sizes), "arms": list(arms), "steps": steps, "lr": 0.3},
        snapshots={key: torch.stack(v).reshape(shape).numpy() for key, v in found.items()},
    )


STORED = {
    "effects-speed": speed,
    "effects-rates": rates,
    "effects-regularisation": regularisation,
}
