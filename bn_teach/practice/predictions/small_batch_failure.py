"""The predictions of notebook 06."""

import numpy as np
import torch

from ... import batchnorm, look
from ..prediction import number, predict


def times_the_batch(samples):
    """``samples``: experiments.small_batch_failure.resample(...)."""
    sizes, errors = samples.sizes, samples.mean_error
    slope, _ = np.polyfit(np.log(sizes), np.log(errors), 1)
    said = ", ".join(
        f"{look.number(errors[sizes.index(m)])} σ in batches of {m}" for m in sizes[:5:2]
    )
    return predict(
        "times-the-batch",
        "Of batches drawn from these values, the means scatter around μ. You want to halve this "
        "error. How many times as large must the batch be?",
        number(
            within=0.5,
            unit="times",
            low="Does twice as much data halve the error? The variance of a mean falls as 1/m, but "
            "its spread, which is the error, only as 1/√m.",
            high="The error does fall with the root of the batch size, not more slowly than that: "
            "which number has 2 as its root?",
            right="The variance of a mean falls as 1/m, so its spread falls as 1/√m. The root of "
            "4 is 2.",
        ),
        truth=2 ** (-1 / slope),
        found=f"Measured: the mean is off by {said}. Over all sizes, batches "
        f"{look.number(2 ** (-1 / slope))} times as large halve it.",
    )


def what_two_values_leave(values):
    """``values`` (N,): what one unit gets, cut into batches of two."""
    pairs = np.random.default_rng(0).permutation(values)[: len(values) // 2 * 2].reshape(-1, 2)
    order = np.argsort(np.abs(pairs[:, 0] - pairs[:, 1]))
    shown = torch.tensor(pairs[order[[-1, len(order) // 5]]].T)  # (2, 2): a batch is a column
    mean, var = batchnorm.batch_moments(shown)
    x_hat = batchnorm.normalize(shown, mean, var, eps=1e-5)
    far, near = x_hat.abs().mean(0).tolist()
    choices = {
        "larger values from the first, smaller ones from the second": var.sqrt().tolist(),
        "+1 and −1 from both": (1, 1),
        "+1 and −1 from the first, about 0 twice from the second": (1, 0),
    }
    first, second = (" and ".join(map(look.number, batch)) for batch in shown.T.tolist())
    out, out_too = (" and ".join(map(look.number, batch)) for batch in x_hat.T.tolist())
    larger, ones, nought = choices
    return predict(
        "what-two-values-leave",
        f"Two batches of two values: {first}; {second}. Batch Normalization makes x̂ of each. What "
        "comes out?",
        {
            larger: "That is what is left after subtracting the mean. Then comes the division by "
            "the spread, and of two values the spread is half the difference.",
            ones: "Each value lies half the difference from the mean, and half the difference is "
            "the spread as well. What is left is which of the two was larger.",
            nought: "A small difference is not dropped: it is divided by an equally small spread. "
            "Only where it is so small that ε counts does the output shrink.",
        },
        truth=min(choices, key=lambda choice: np.hypot(*np.subtract(choices[choice], (far, near)))),
        found=f"Computed: {out} from the first, {out_too} from the second.",
    )


def errors_in_groups_of_two(run):
    """``run``: the stored run "small-batch-groups"."""
    wrong = {arm: 100 * run.snapshots[f"test/{arm}"][-1].mean() for arm in (2, 4, 8, 64, "none")}
    said = {arm: f"{look.number(share, 1)}\u202f%" for arm, share in wrong.items()}
    return predict(
        "errors-in-groups-of-two",
        f"After {run.steps[-1]} steps, groups of 64 get {said[64]} of the test images wrong, and "
        f"no norm at all {said['none']}. How many do groups of 2 get wrong?",
        number(
            within=10,
            unit="%",
            low=f"Smaller groups cost little at first: {said[8]} in groups of 8, {said[4]} in "
            "groups of 4. That does not say how it goes on.",
            high="Ten digits: guessing blindly gets about 90\u202f% wrong. These networks have "
            "learnt something.",
            right="Much worse than no norm at all, and yet better than guessing, which gets about "
            "90\u202f% wrong.",
        ),
        truth=float(wrong[2]),
        found=f"Measured, mean of {_seeds(run)} seeds: {said[2]} of the test "
        f"images in groups of 2.",
    )


def another_rate(run, tried=0.3):
    """``run``: the stored run "small-batch-rates"."""
    rates, errors = np.array(run.settings["lr"]), run.snapshots["test/2"][-1].mean(axis=1)
    best = errors.argmin()
    smaller, larger, none = f"one smaller than {tried}", f"one larger than {tried}", "none of them"
    helps = larger if rates[best] > tried else smaller
    said = ", ".join(
        f"{look.percent(error)} at {rate:g}" for rate, error in zip(rates, errors, strict=True)
    )
    return predict(
        "another-rate",
        f"“Groups of two only need another learning rate.” It was {tried:g} so far. They were "
        f"trained again, {run.steps[-1]} steps each, with {len(rates)} rates from {rates.min():g} "
        f"to {rates.max():g} (stored run). "
        "Which rate brings them below 10\u202f% errors?",
        {
            smaller: "Small steps average over more batches, one may think. But every forward "
            "pass, and every gradient, still goes through statistics of two values.",
            larger: "Batch Normalization bears large rates, one hears. That was said of larger "
            "groups; look at them in the picture.",
            none: "The rate says how far to step. Statistics of two values stay statistics of two "
            "values.",
        },
        truth=helps if errors[best] < 0.1 else none,
        found=f"Measured, mean of {_seeds(run)} seeds, test images wrong in groups of 2: {said}.",
    )


def cliff_of_a_conv_net(mlp_run, cnn_run):
    """The stored runs "small-batch-groups" and "small-batch-cnn"."""
    full, conv, best = (
        run.snapshots[f"test/{m}"][-1].mean()
        for run, m in ((mlp_run, 2), (cnn_run, 2), (cnn_run, 64))
    )
    eight = mlp_run.snapshots["test/8"][-1].mean()
    choices = {
        "about as many": full,
        "about half as many": full / 2,
        "hardly more than in groups of 64": best,
    }
    as_many, half, hardly = choices
    return predict(
        "cliff-of-a-conv-net",
        f"In groups of 2 images, the fully connected network gets {look.percent(full)} of the test "
        "images wrong. How many does the convolutional one get wrong?",
        {
            as_many: "Two images are two images, one may think. But every place of an image brings "
            "a value of its own to the mean of a channel.",
            half: "Do the places help a little? Count: in no normalisation has a channel fewer "
            "than 2 · 2 · 2 = 8 values.",
            hardly: "Count values, not images: a channel has 2 · 8 · 8 = 128 in the first "
            "normalisation and still 2 · 2 · 2 = 8 in the last. In groups of 8 images, which are 8 "
            f"values, the fully connected network gets {look.percent(eight, 1)} wrong.",
        },
        truth=min(choices, key=lambda choice: abs(np.log(choices[choice] / conv))),
        found=f"Measured, mean of {_seeds(cnn_run)} seeds: {look.percent(conv, 1)} in groups of 2, "
        f"{look.percent(best, 1)} in groups of 64.",
    )


def worst_statistics(run):
    """``run``: the stored run "small-batch-remedies"."""
    errors = {
        name: run.snapshots[f"test/{way}/2"][-1].mean()
        for name, way in (
            ("running statistics", "running"),
            ("precise statistics", "precise"),
            ("each group's own", "own"),
        )
    }
    said = ", ".join(f"{look.percent(error)} with {name}" for name, error in errors.items())
    running, precise, own = errors
    return predict(
        "worst-statistics",
        "Networks trained in groups of 2 are evaluated in three ways. With which statistics "
        "do they get the most test images wrong?",
        {
            running: "This blames the mismatch: training did not use them. Then each group's own, "
            "with no mismatch at all, would have to be better.",
            precise: "Training did not use them either, one may think. But they are the least "
            "noisy of the three: means over all training images.",
            own: "As in training: no mismatch at all. But the mean of two images is the noisiest "
            "of the three.",
        },
        truth=max(errors, key=errors.get),
        found=f"Measured, mean of {_seeds(run)} seeds, test images wrong: {said}.",
    )


def _seeds(run):
    return len(run.settings["seed"])
