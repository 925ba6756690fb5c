"""The predictions of notebook 05."""

import numpy as np

from ... import look
from ..prediction import number, predict


def neighbours(found, size=8):
    """``found``: experiments.neighbours()."""
    batches = len(found.training[size])
    wrong, alone = (
        int((probabilities[size].argmax(axis=1) != found.label).sum())
        for probabilities in (found.training, found.evaluation)
    )
    return predict(
        "company-of-one-image",
        f"The same image of a {found.label}, the same weights, {batches} batches of {size} in "
        f"training mode. In how many of the {batches} does the network take the {found.label} for "
        "another digit?",
        {
            "none": "So it would be if the weights were all. In training mode the other images "
            "enter as well: mean and variance are theirs too.",
            "one or two": f"So few it would be if {size} images gave nearly the same mean and "
            "variance each time.",
            "more": f"{size} images are few: their mean and variance differ from batch to batch, "
            "and the answer with them.",
        },
        truth="none" if wrong == 0 else "one or two" if wrong <= 2 else "more",
        found=f"Counted: {wrong} of {batches} in training mode, {alone} of {batches} in evaluation "
        "mode. Drag to see them.",
    )


def half_way(averages, momentum=0.01):
    """``averages``: running_statistics.moving_averages(64): batches of 64, the last norm."""
    truth, running = averages.truth["mean"], averages.running[str(momentum)]["mean"]
    channel = np.abs(truth[-1]).argmax()
    share = running[:, channel] / truth[:, channel]  # 0 at the start
    steps = np.interp(0.5, np.maximum.accumulate(share), averages.steps)
    by_rule = np.log(0.5) / np.log(1 - momentum)
    return predict(
        "half-way",
        f"Batches of 64, the network's second norm: a running mean starts at 0, with momentum "
        f"{momentum}. Take the channel whose mean ends furthest from 0. After how many steps is "
        "its running mean half of the true one?",
        number(
            within=10,
            unit="steps",
            low=f"{0.5 / momentum:.0f} steps would do if each went {look.percent(momentum)} of the "
            "whole way. But each goes that share of what is still missing, so they become shorter.",
            high=f"Each step leaves {look.percent(1 - momentum)} of what is missing, the next one "
            f"{look.percent(1 - momentum)} of that. This falls to one half sooner than you said.",
            right=f"Each step leaves {look.percent(1 - momentum)} of what is missing.",
        ),
        truth=round(steps),
        found=f"Measured: half of the way after about {steps:.0f} steps. If the truth stood still "
        f"it would be {by_rule:.0f}, since {1 - momentum:g} to the power of {by_rule:.0f} is about "
        "½. Here it moves, as the weights do.",
    )


def worst_momentum(averages, momenta=("0.01", "0.1", "0.9")):
    """``averages``: running_statistics.moving_averages(8), of networks trained on batches of 8."""
    errors = {name: 1 - averages.accuracy[name][-1].mean() for name in momenta}
    slow, middle, fast = momenta
    measured = ", ".join(f"{look.percent(e, 1)} with {name}" for name, e in errors.items())
    return predict(
        "worst-momentum",
        "Networks train on batches of 8, and are then evaluated with the running statistics of "
        f"three momenta. Which one has the largest test error after {averages.steps[-1]} steps?",
        {
            slow: "It remembers the start for long, so early on it is far off. But a start fades: "
            "by how much depends on the number of steps.",
            middle: "It lies between: it forgets the start soon, and still averages over several "
            "batches.",
            fast: "It hardly averages: nearly all of it is the latest batch, and eight images are "
            "a rough estimate.",
        },
        truth=max(errors, key=errors.get),
        found=f"Measured, as the mean of {len(averages.accuracy[slow][-1])} networks: {measured}.",
    )


def sorted_batches(found, size=64):
    """``found``: experiments.batch_sizes()."""
    place = found.sizes.index(size)
    mixed, by_class = (found.accuracy[o][place].mean() for o in ("mixed", "sorted by class"))
    running = found.running.mean()
    shares = {0.1: "10\u202f%", 0.4: "40\u202f%", 0.75: "75\u202f%", running: "as many as before"}
    nearest = min(shares, key=lambda share: abs(share - by_class))
    guessing, some, most, all_as_before = shares.values()
    return predict(
        "sorted-batches",
        f"With running statistics {look.percent(running)} of the test images are right. Now each "
        f"batch of {size} uses its own statistics, and the images are sorted: first all zeros, "
        "then all ones, and so on, so a batch holds few of the ten digits. How many are right?",
        {
            guessing: "As by guessing, if nothing of the image were left. Only what a batch has "
            "in common is lost, and it holds more than one digit.",
            some: "What all images of a batch have in common is in their mean, and is "
            "subtracted. In a batch of mostly fours that is what the fours share.",
            most: "In a batch of mostly fours, the fours lose more than a little: what they have "
            "in common is in the mean, and is subtracted.",
            all_as_before: "They are the same images, but not the same batches: the mean of a few "
            "digits is not the mean of all ten.",
        },
        truth=shares[nearest],
        found=f"Measured with batches of {size}: {look.percent(by_class)} if sorted, "
        f"{look.percent(mixed)} if well mixed.",
    )


def moving_buffers(found):
    """``found``: experiments.two_switches()."""
    moved = {
        switches: np.abs(state.running_mean[-1] - state.running_mean[0]).max()
        for switches, state in found.items()
    }
    names = {
        frozenset([(True, True)]): "only train() with gradients",
        frozenset([(True, True), (True, False)]): "train(), with gradients or without",
        frozenset([(True, True), (False, True)]): "with gradients, in train() or in eval()",
        frozenset(found): "all four",
    }
    alone, training, gradients, every = names.values()
    passes = len(found[True, True].running_mean) - 1
    measured = "; ".join(
        f"{'train()' if mode else 'eval()'} {'with gradients' if grad else 'under no_grad'} "
        f"{look.number(far)}"
        for (mode, grad), far in moved.items()
    )
    return predict(
        "moving-buffers",
        "All test images of a four go through a network in train() or in eval(), with gradients or "
        "under no_grad. In which of the four combinations do its running statistics move?",
        {
            alone: "That takes a running mean for something that is learned. Nothing "
            "differentiates it: it is an average, kept during the forward pass.",
            training: "A forward pass in training mode keeps the average; gradients are not "
            "needed for that. eval() only reads it.",
            gradients: "no_grad stops gradients, and eval() does not. But a running mean is "
            "no parameter: neither gradients nor an optimiser move it.",
            every: "Then evaluating would change the model. In eval() the running statistics are "
            "only read.",
        },
        truth=names[frozenset(switches for switches, far in moved.items() if far > 0)],
        found=f"After {passes} passes the running mean of the first norm has moved by up to: "
        f"{measured}.",
    )
