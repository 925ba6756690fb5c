"""The exercises of notebook 06: Group Normalization, and a diagnosis."""

import torch

from ... import alternatives
from ...experiments import small_batch_remedies as remedies
from .. import formulas
from ..attempt import Endless, attempt
from ..exercise import Exercise
from ..formula import Formula, drawn, drawn_affine, no_result, nothing_yet
from ..mistakes import MISTAKES
from ..verdict import right, wrong

NOTEBOOK = "06-small-batch-failure"


# --- Exercise 1: group_norm, for x (N, C, H, W) ---

# Over which axes of (N, G, C / G, H, W) mean and variance run, where they should run over
# (2, 3, 4).
AXES = {
    "instance-norm": (3, 4),
    "layer-norm": (1, 2, 3, 4),
    "each-place": (2,),
    "each-place/all-channels": (1, 2),
    "interleaved/by-size": (1, 3, 4),
    "wrong-axis/across-samples": (0, 2, 3, 4),
    "wrong-axis/batch-norm": (0, 3, 4),
    "wrong-axis/whole-batch": (0, 1, 2, 3, 4),
    "wrong-axis/width-forgotten": (2, 3),
    "wrong-axis/samples": (0,),
    "wrong-axis/groups": (1,),
    "wrong-axis/height": (3,),
    "wrong-axis/width": (4,),
    "wrong-axis/samples-groups": (0, 1),
    "wrong-axis/samples-channels": (0, 1, 2),
}
# These may be the axes of the mean alone, or of the variance alone.
ALONE = (
    "instance-norm",
    "layer-norm",
    "each-place",
    "wrong-axis/across-samples",
    "wrong-axis/batch-norm",
)

# How x is cut, and which axes remain for a group.
CUTS = {
    "groups-as-size": (lambda x, groups: x.unflatten(1, (-1, groups)), (2, 3, 4)),
    "interleaved": (lambda x, groups: x.unflatten(1, (-1, groups)), (1, 3, 4)),
    "interleaved/flat": (lambda x, groups: x.reshape(len(x), -1, groups), (1,)),
    "wrong-axis/samples-forgotten": (lambda x, groups: x.reshape(groups, -1), (1,)),
}

STATISTICS = (
    "var-in-steps",
    "mean-of-squares",
    "sum-not-mean",
    "sum-not-mean/var",
    "wrong-count",
    "wrong-count/var",
    "wrong-count/all",
    "mean-not-subtracted",
    "spread-kept",
    "brackets-missing",
)
AFFINE = (
    *formulas.AFFINE,
    "gamma-beta-shape/height",
    "gamma-beta-shape/width",
    "gamma-beta-shape/groups",
    "gamma-beta-shape/means-of-groups",
    "gamma-beta-shape/within-groups",
)
SHAPES = {  # a grouped shape that is left
    "shape-changed": lambda n, groups, h, w: (n, groups, -1),
    "shape-changed/axes": lambda n, groups, h, w: (n, groups, -1, h, w),
    "shape-changed/rows": lambda n, groups, h, w: (n * groups, -1),
    "shape-changed/samples": lambda n, groups, h, w: (n * groups, -1, h, w),
}


def _group_norm(made, x, groups, gamma, beta, eps):
    n, _, h, w = x.shape
    cut, axes = x.unflatten(1, (groups, -1)), (2, 3, 4)
    for slip, (cut_so, axes_so) in CUTS.items():
        if slip in made:
            cut, axes = cut_so(x, groups), axes_so
    y = _scaled(made, _normalized(made, cut, axes, eps).reshape(x.shape), groups, gamma, beta)
    for slip, shape in SHAPES.items():
        if slip in made:
            return y.reshape(shape(n, groups, h, w))
    return y


def _normalized(made, x, axes, eps):
    """x_hat of x (N, G, C / G, H, W), or of another cut."""
    mean, var = _moments(made, x, axes)
    return formulas.normalize(made, x, mean, var, eps)


def _moments(made, x, axes):
    for slip in AXES:
        if slip in made:
            axes = AXES[slip]
    mean, var = formulas.moments(made, x, axes)
    for slip in ALONE:
        if f"{slip}/mean" in made:
            mean, _ = formulas.moments(made, x, AXES[slip])
        if f"{slip}/var" in made:
            _, var = formulas.moments(made, x, AXES[slip])
    if "var-in-steps" in made:  # the mean over its channels of their variances
        var = formulas.moments(made, x, (3, 4))[1].mean(2, keepdim=True)
    if "mean-of-squares" in made:
        var = x.square().mean(axes, keepdim=True)
    # Sums divided by a wrong number: by 1, by the places, by all values of the sample.
    size, places = x.numel() / mean.numel(), x.shape[3:].numel()
    for slip, count in (
        ("sum-not-mean", 1),
        ("sum-not-mean/var", 1),
        ("wrong-count", places),
        ("wrong-count/var", places),
        ("wrong-count/all", x[0].numel()),
    ):
        if slip in made:
            if not slip.endswith("/var"):
                mean = mean * size / count
            var = (x - mean).square().mean(axes, keepdim=True) * size / count
    return mean, var


def _scaled(made, x_hat, groups, gamma, beta):
    size = len(gamma) // groups
    others = {
        "gamma-beta-shape/groups": lambda p: p[:groups].repeat_interleave(size),
        "gamma-beta-shape/means-of-groups": lambda p: (
            p.view(groups, -1).mean(1).repeat_interleave(size)
        ),
        "gamma-beta-shape/within-groups": lambda p: p[:size].repeat(groups),
    }
    for slip, taken in others.items():
        if slip in made:
            gamma, beta = taken(gamma), taken(beta)
    if "gamma-beta-shape/height" in made:
        return gamma[:, None] * x_hat + beta[:, None]
    if "gamma-beta-shape/width" in made:
        return gamma * x_hat + beta
    return formulas.scale_and_shift(made, x_hat, gamma, beta)


def _images():
    """Spreads so small that eps counts; in the second batch all axes are equally long.

    In the third, one group is constant, which tells no eps from a tiny one. In the last, eps is so
    large that no function of it looks like a tiny number.
    """
    sizes = (
        ((1, 2, 1, 2), 1, 1e-4),
        ((4, 4, 4, 4), 2, 2e-4),
        ((2, 6, 2, 3), 3, 5e-5),
        ((3, 8, 2, 5), 2, 0.3),
    )
    batches = [
        (drawn(seed, *size, spread=0.02, centre=2), groups, *drawn_affine(seed, size[1]), eps)
        for seed, (size, groups, eps) in enumerate(sizes)
    ]
    batches[2][0][0, :2] = 2
    return batches


def _far_from_zero():
    gamma, beta = drawn_affine(5, 8)
    return drawn(5, 4, 8, 6, 5, centre=1e4).float(), 4, gamma.float(), beta.float(), 1e-4


group_norm = Exercise(
    "group_norm",
    Formula(
        right=torch.nn.functional.group_norm,
        trials=_images,
        made=_group_norm,
        mistakes=(
            *CUTS,
            *AXES,
            *(f"{slip}/{part}" for slip in ALONE for part in ("mean", "var")),
            *STATISTICS,
            "divides-by-variance",
            "eps-outside-root",
            "eps-missing",
            *formulas.FIXED_EPS,
            "n-minus-1",
            *AFFINE,
            *SHAPES,
        ),
        own={
            "instance-norm": (
                "every channel of a sample has a mean or a variance of its own: instance norm",
                "How many channels lie in a group? All of them share one mean and one variance.",
            ),
            "layer-norm": (
                "all channels of a sample share a mean or a variance: layer norm",
                "That is right for one group. How many means has a sample, if there are more?",
            ),
            "each-place": (
                "each place of the image has a mean or a variance of its own",
                "The same filters made all places. Which axes lie inside a group, besides that "
                "of the channels?",
            ),
            "interleaved": (
                "your groups take every so-many-th value, not neighbouring channels",
                "Cut `torch.arange(6)` into two groups as your code does. Which numbers lie "
                "together?",
            ),
            "groups-as-size": (
                "`groups` is taken for the number of channels in a group",
                "With six channels and `groups=3`, how many channels has each group? And yours?",
            ),
            "var-in-steps": (
                "the variance is a mean of the channels' variances",
                "The channels of a group differ from each other, too. From which mean should "
                "every value's difference be taken?",
            ),
            "sum-not-mean": (
                "a sum stands where a mean should",
                "Make the image twice as high, by repeating its rows: no mean and no variance may "
                "change. Do yours?",
            ),
            "wrong-count": (
                "a sum is divided by the wrong number",
                "How many values has one group of one sample? What do you divide by?",
            ),
            "gamma-beta-shape": (
                "γ and β meet the wrong numbers",
                "They are of shape (C,): one number for each channel. Along which axis do yours "
                "lie: channels, groups, samples, places?",
            ),
        },
        arguments=("x", "groups", "gamma", "beta", "eps"),
        todo="let `group_norm` return y, in place of the dots.",
        praise="no sample needs another, so the batch may be as small as it likes.",
        differentiable=True,
        large=_far_from_zero,
    ),
    alternatives.group_norm,
    hints=(
        "How many means are there? One for each group of each sample: N times `groups`.",
        "`reshape` can lay out x so that each group of each sample is one row. Neighbouring "
        "channels lie beside each other in memory, so a row is just what a group holds.",
        "`rows = x.reshape(N * groups, -1)`. Normalise each row by its own mean and variance "
        "(`keepdim=True`), then go back to the shape of x.",
        "γ and β come last, when x̂ has the shape of x again: `gamma.reshape(1, -1, 1, 1)` meets "
        "the channels.",
    ),
)


# --- Exercise 2: diagnosis, which takes nothing and returns two words ---

BLAMED = {  # the misconception behind each fault, where it is not the fault
    "learning rate": "learning-rate-blamed",
    "overfitting": "overfitting-blamed",
    "groups of two": "noise-blamed",
    "running statistics": "mismatch-blamed",
}


def _judge_diagnosis(student):
    patients = remedies.patients()  # here, if no cell did so: a call has no time for training
    outcome = attempt(student)
    if isinstance(outcome, Endless):
        return no_result(outcome)
    todo = "let `diagnosis` return two faults, in place of the dots."
    if nothing := nothing_yet(student, [outcome], todo):
        return nothing
    if problem := no_result(outcome):
        return problem
    faults = outcome.value
    if not isinstance(faults, tuple | list) or len(faults) != len(patients):
        name, _ = MISTAKES["not-a-pair"]
        return wrong(f"{name}. Return the fault of A, then that of B.", "not-a-pair")
    if not all(isinstance(fault, str) for fault in faults):
        return wrong('a fault is a word or two in quotes, like "overfitting".')
    faults = [" ".join(fault.lower().split()) for fault in faults]
    for fault in faults:
        if fault not in remedies.FAULTS:
            return wrong(f"{fault!r} is none of the faults: {', '.join(remedies.FAULTS)}.")
    return _second_opinion(patients, faults)


def _second_opinion(patients, faults):
    """The verdict on two faults, by what the measurements say against them."""
    against = _against(patients.values(), faults)
    wrongly = [place for place, said in enumerate(against) if said]
    if not wrongly:
        return right("one is noise, the other a mismatch between training and inference.")
    swapped = not any(_against(patients.values(), reversed(faults)))
    first = wrongly[0]
    rest = " There may be more than this." if len(wrongly) > 1 else ""
    return wrong(
        f"the fault of patient {[*patients][first]} is not “{faults[first]}”: {against[first]}."
        + rest,
        "swapped" if swapped else BLAMED[faults[first]],
    )


def _against(patients, faults):
    return [remedies.objection(*pair) for pair in zip(patients, faults, strict=True)]


diagnosis = Exercise(
    "diagnosis",
    _judge_diagnosis,
    remedies.diagnosis,
    hints=(
        "First ask whether training itself went well: how large is the loss of the last steps, "
        '`patients["A"].loss[-10:]`, and how large was the first?',
        "A network that has learnt, and yet errs on its own training images in evaluation: what "
        "is different in evaluation? One number of the patient tells.",
        "A loss that stands still, and errors that stay whichever statistics you evaluate with: "
        "then the weights themselves were trained on something useless.",
    ),
    shown=(remedies.diagnosis, remedies.objection),
)
EXERCISES = [group_norm, diagnosis]
