"""The predictions of notebook 07."""

import numpy as np

from ... import look
from ..prediction import number, predict


def failing(findings):
    """``findings``: layer_checks.hunt of the first try."""
    failed = [check for check, verdict in findings if not verdict.passed]
    return predict(
        "failing-checks",
        f"{len(findings)} checks follow: output in training, its gradient, running mean, running "
        "variance, output in evaluation, statistics saved in state_dict(), statistics moved by "
        ".to(), a batch of one refused, a wrong number of channels refused, images. Write down "
        "which of them fail. How many are they?",
        number(
            within=0.5,
            low="A bug can show in more than one check. Which variance does the output in "
            "evaluation take? What do saving and moving have in common?",
            high="A layer can be right in part. Is anything wrong with the formula, with its "
            "gradient, or with the step of the running mean?",
            right="There are fewer bugs than checks that fail: one bug can show in several.",
        ),
        truth=len(failed),
        found=f"Measured: {len(failed)} fail ({', '.join(failed)}).",
    )


def lasting(costs):
    """``costs``: experiments.from_scratch.bug_costs()."""
    small, large = int(costs.sizes[0]), int(costs.sizes[-1])
    kept = {bug: error[-1] / error[0] for bug, error in costs.error.items()}
    lasts = max(kept, key=kept.get)
    before, after = (look.percent(costs.error[lasts][place]) for place in (0, -1))
    return predict(
        "bug-that-lasts",
        "Five bugs, measured on what 50 linear units make of the digits, after 200 batches of n. "
        f"From n = {small} to {large}, four of the five errors shrink to less than a fifth. Which "
        "one does not?",
        {
            "n − 1 in training": "Every output is √((n − 1)/n) of what it should be. That goes to "
            "1.",
            "biased running variance": "A factor n/(n − 1) is missing, and it goes to 1.",
            "momentum reversed": "The statistics are nearly those of the last batch: the larger "
            "it is, the less do they depend on chance.",
            "batch statistics in evaluation": "A larger batch knows its mean and variance better, "
            "so it comes closer to all the data.",
            "statistics not saved": "Mean 0 and variance 1 of a new layer have nothing to do with "
            "the data, however large the batches were.",
        },
        truth=lasts,
        found=f"Measured: “{lasts}” is off by {before} at n = {small} and by {after} at n = "
        f"{large}.",
    )


def difference(comparison):
    """``comparison``: from_scratch_layers.compare()."""
    largest = max(max(row.flat, row.images) for row in comparison)
    choices = ("exactly 0", "below 10⁻¹⁰, but not 0", "10⁻¹⁰ or more")
    return predict(
        "difference-from-torch",
        "The same five batches go through this layer and PyTorch's, in float64, which keeps about "
        "16 digits. Outputs, gradients, running statistics: how large is the largest difference?",
        {
            choices[0]: "Only if both do the same operations in the same order. Another order "
            "rounds differently.",
            choices[1]: "The same formula in another order: what is left is the rounding of the "
            "last digits.",
            choices[2]: "10⁻⁵ would be usual in float32, which keeps about 7 digits. In float64 "
            "so much points to another formula.",
        },
        truth=choices[0 if largest == 0 else 1 if largest < 1e-10 else 2],
        found=f"Measured: the largest of all differences is {largest:.0e}.",
    )


def useless(passes):
    """``passes``: experiments.from_scratch.one_pass()."""
    means = (1000, 10_000, 100_000)
    places = [int(np.abs(np.log(passes.means / mean)).argmin()) for mean in means]
    apart = [f"{passes.spacing[place]:.4g}" for place in places]
    errors = [passes.error["one pass"][place] for place in places]
    choices = {f"{mean:,}".replace(",", "\u202f"): mean for mean in means}
    first, second, third = choices
    over = [choice for choice, error in zip(choices, errors, strict=True) if error > 1]
    measured = ", ".join(
        f"{look.number(error, 2 if error < 1 else 0)} at {choice}"
        for choice, error in zip(choices, errors, strict=True)
    )
    return predict(
        "one-pass-useless",
        "256 float32 numbers have spread about 1. You raise their mean from 1 to 100 000. At which "
        "of these means is the one-pass variance first off by more than the variance itself?",
        {
            first: f"Its square is 10⁶, where neighbouring float32 numbers are {apart[0]} apart. "
            "How does that compare with a variance of 1?",
            second: f"Its square is 10⁸, where neighbouring float32 numbers are {apart[1]} apart. "
            "A variance near 1 falls through.",
            third: f"Its square is 10¹⁰, where float32 numbers are {apart[2]} apart. Long before, "
            "they are further apart than 1. It is the square that counts, not the mean.",
        },
        truth=(over or [third])[0],
        found=f"Measured, as multiples of the variance: errors of {measured}.",
    )


def dead(roots, eps=1e-5):
    """``roots``: experiments.from_scratch.eps_and_root(), whose first variance is 0."""
    place = int(np.abs(np.log(roots.epsilons / eps)).argmin())
    inside, outside = (roots.gradient[form][0, place] for form in ("inside", "outside"))
    said = "NaN" if np.isnan(outside) else f"{outside:.3g}"
    return predict(
        "dead-channel",
        "A unit gives the same value for every sample: variance 0, a dead channel. Its x̂ is 0 "
        "wherever ε stands. You divide by torch.sqrt(var) + ε, with ε outside the root. What does "
        "autograd give as the gradient of one x̂?",
        {
            "0": "x̂ is 0 now, but it would move if one sample did: its slope is not 0.",
            "a number near 1/ε": "On the way forward the factor is 1/ε. The way back goes through "
            "the root as well: which slope has √v at v = 0?",
            "NaN": "√v has an infinite slope at v = 0, and infinity times 0 is no number. Inside "
            "the root, ε keeps v + ε away from 0.",
        },
        truth="NaN" if np.isnan(outside) else "0" if outside == 0 else "a number near 1/ε",
        found=f"Measured at ε = 10⁻⁵: {said} with ε outside; at most {inside:.3g} inside.",
    )


def slower(times):
    """``times``: experiments.from_scratch.speed()."""
    ratios = [row.layers / row.torchs for row in times]
    shapes = [" × ".join(map(str, row.shape)) for row in times]
    measured = " and ".join(
        f"{look.number(ratio, 1)} for {shape}" for ratio, shape in zip(ratios, shapes, strict=True)
    )
    return predict(
        "times-slower",
        "PyTorch's layer is one compiled function; this one is several operations, each with a "
        f"gradient of its own. For a batch of {shapes[0]}, forward and backward: how many times as "
        "long as PyTorch's does it take?",
        number(
            within=max(1, ratios[0] / 2),
            unit="times",
            low="Each operation writes its own result, and autograd goes through each of them "
            "again.",
            high="Each operation of torch is compiled too. A loop in Python over the samples "
            "would cost far more.",
            right="Several compiled operations in the place of one. Another machine gives another "
            "number.",
        ),
        truth=ratios[0],
        found=f"Measured on this machine, median of 15 rounds: {measured}.",
    )
