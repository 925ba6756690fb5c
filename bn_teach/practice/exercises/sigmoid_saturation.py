"""The exercises of notebook 03: the derivative of the sigmoid, and the share that saturates."""

import math

import torch

from ...experiments.sigmoid_saturation import SATURATED
from ..exercise import Exercise
from ..formula import Formula, drawn

NOTEBOOK = "03-sigmoid-saturation"


# --- Exercise 1: sigmoid_derivative, for z of any shape ---


def sigmoid_derivative(z):
    """The derivative of the sigmoid at its input z: s (1 - s), where s is its output."""
    s = torch.sigmoid(z)
    return s * (1 - s)


def _quotient(z):
    """The same by the quotient rule, which is infinite / infinite where exp(-z) is infinite."""
    return torch.exp(-z) / (1 + torch.exp(-z)) ** 2


def _loop(z):
    """The same with math.exp, value by value, as far as that goes."""
    return z.clone().apply_(lambda value: math.exp(-value) / (1 + math.exp(-value)) ** 2)


def _derivative(made, z):
    s = torch.sigmoid(torch.sigmoid(z) if "sigmoid-twice" in made else z)
    forms = {
        "of-the-output": lambda: z * (1 - z),
        "no-derivative": lambda: s,
        "one-minus-s": lambda: 1 - s,
        "of-tanh": lambda: 1 - torch.tanh(z) ** 2,
        "of-tanh/half-way": lambda: 1 - s**2,
        "of-tanh/input": lambda: 1 - z**2,
        "squared-factor": lambda: s**2 * (1 - s),
        "squared-factor/other": lambda: s * (1 - s) ** 2,
        "squared-factor/both": lambda: (s * (1 - s)) ** 2,
        "inner-derivative": lambda: s**2,
        "inner-derivative/minus": lambda: -(s**2),
        "second-derivative": lambda: s * (1 - s) * (1 - 2 * s),
        "times-z": lambda: z * s * (1 - s),
        "of-relu": lambda: (z > 0).to(z),
        "overflow": lambda: _quotient(z),
        "overflow/mirrored": lambda: _quotient(-z),
        "overflow/raised": lambda: _loop(z),
    }
    slope = next((forms[slip]() for slip in forms if slip in made), s * (1 - s))
    for factor in (4, 2, 0.5, 0.25):
        if f"wrong-factor/{factor}" in made:
            slope = factor * slope
    if "wrong-sign" in made:
        slope = -slope
    whole = {
        "one-number": slope.sum,
        "one-number/mean": slope.mean,
        "one-number/largest": slope.max,
    }
    return next((whole[slip]() for slip in whole if slip in made), slope)


def _inputs():
    """The last one is in float32, and so far out that exp is infinite."""
    some = [drawn(seed, *size, spread=2) for seed, size in enumerate(((3,), (2, 2), (3, 1, 4), ()))]
    return [(z,) for z in [*some, torch.tensor([-1000.0, 0.5, 1000.0])]]


derivative = Exercise(
    "sigmoid_derivative",
    Formula(
        right=sigmoid_derivative,
        trials=_inputs,
        made=_derivative,
        mistakes=(
            "of-the-output",
            "no-derivative",
            "one-minus-s",
            "of-tanh",
            "of-tanh/half-way",
            "of-tanh/input",
            "sigmoid-twice",
            "squared-factor",
            "squared-factor/other",
            "squared-factor/both",
            "inner-derivative",
            "inner-derivative/minus",
            "second-derivative",
            "times-z",
            "of-relu",
            "wrong-sign",
            *(f"wrong-factor/{factor}" for factor in (4, 2, 0.5, 0.25)),
            "one-number",
            "one-number/mean",
            "one-number/largest",
            "overflow",
            "overflow/mirrored",
            "overflow/raised",
        ),
        own={
            "of-the-output": (
                "this is z (1 − z): the formula for the sigmoid's output, with its input in it",
                "At z = 0 the curve is steepest. What does your function give there? What has to "
                "be computed from z first?",
            ),
            "no-derivative": (
                "this is the sigmoid itself, not its derivative",
                "Far to the right the curve is flat. What should your function give there?",
            ),
            "one-minus-s": (
                "this is 1 − s, where s is the sigmoid",
                "Far to the left the curve is flat. What does your function give there? A factor "
                "is missing.",
            ),
            "of-tanh": (
                "this is the derivative of tanh, or a part of its formula",
                "tanh runs from −1 to 1 and is steepest with slope 1. How steep is the sigmoid at "
                "0?",
            ),
            "sigmoid-twice": (
                "the sigmoid is applied twice",
                "z is the input. Where do you put an output in once more?",
            ),
            "squared-factor": (
                "a factor is squared that should not be",
                "The sigmoid is as steep at −z as at z, and at 0 its slope is ¼. Does yours do "
                "both?",
            ),
            "inner-derivative": (
                "this is s², with or without a minus: the inner derivative is missing",
                "s is 1/(1 + exp(−z)). By the chain rule the derivative of what stands below has "
                "to be there, too.",
            ),
            "second-derivative": (
                "this is the second derivative",
                "The slope of a curve that only rises is never negative. Derive once.",
            ),
            "times-z": (
                "the derivative is multiplied by z",
                "At z = 0 the curve is steepest. What does your function give there?",
            ),
            "of-relu": (
                "this is the derivative of a ReLU",
                "A ReLU has a corner, and slope 0 or 1. And the sigmoid?",
            ),
            "wrong-sign": (
                "the sign is wrong",
                "The sigmoid rises everywhere. Which sign has its slope? Two minus signs meet in "
                "the chain rule.",
            ),
            "wrong-factor": (
                "every value is off by the same factor",
                "How large is your derivative at z = 0? The picture above shows how large it is.",
            ),
            "one-number": (
                "one number comes out for the whole tensor",
                "Each z has a derivative of its own. Where do you sum, or average?",
            ),
            "overflow": (
                "right where z is small, but not at z = −1000 or 1000",
                "`torch.exp(1000)` is infinite, `math.exp(1000)` stops with an error. What is "
                "infinite by infinite? torch has a function that is safe at both ends.",
            ),
        },
        arguments=("z",),
        todo="let `sigmoid_derivative` return a tensor, in place of the dots.",
        praise="it is what autograd gives, also far from 0.",
    ),
    sigmoid_derivative,
    hints=(
        "The formula above has σ(z) in it twice. Compute that first: torch has it.",
        "With `s = torch.sigmoid(z)`, everything else is said in terms of s: no z any more.",
        "The product of s and of what s lacks to 1.",
    ),
)


# --- Exercise 2: saturated_share, for z (N, C) ---


def saturated_share(z):
    """For each unit, the share of samples beyond the limit: (N, C) to (C,), from 0 to 1."""
    beyond = z.abs() > SATURATED  # (N, C), true or false
    return beyond.float().mean(dim=0)


# What is compared with which limit, if it is the wrong one.
LIMITS = {
    "wrong-limit/half": SATURATED / 2,  # that of tanh
    "wrong-limit/3": 3,
    "wrong-limit/19": 19,
    "wrong-limit/1": 1,
    "share-as-limit": 0.95,
    "share-as-limit/19": 0.19,
    "share-as-limit/5": 0.05,
}


def _beyond(made, z):
    s = torch.sigmoid(z)
    tests = {
        "one-side": lambda: z > SATURATED,
        "one-side/negative": lambda: z < -SATURATED,
        "none-saturated": lambda: s > SATURATED,
        "not-of-the-maximum": lambda: s * (1 - s) < 0.19,
        "not-saturated": lambda: z.abs() < SATURATED,
        **{slip: lambda limit=limit: z.abs() > limit for slip, limit in LIMITS.items()},
    }
    return next((tests[slip]() for slip in tests if slip in made), z.abs() > SATURATED).double()


def _share(made, z):
    n, c = z.shape
    beyond = _beyond(made, z)
    shares = {
        "wrong-axis": lambda: beyond.mean(1),
        "whole-batch": lambda: beyond.mean(),
        "whole-batch/count": lambda: beyond.sum(),
        "count-not-share": lambda: beyond.sum(0),
        "in-percent": lambda: 100 * beyond.mean(0),
        "wrong-count": lambda: beyond.sum(0) / c,
        "wrong-count/all": lambda: beyond.sum(0) / (n * c),
        "wrong-count/n-minus-1": lambda: beyond.sum(0) / (n - 1),
        "wrong-count/n-plus-1": lambda: beyond.sum(0) / (n + 1),
        "each-value": lambda: beyond,
        "yes-or-no": lambda: beyond.amax(0),
        "yes-or-no/all": lambda: beyond.amin(0),
        "mean-first": lambda: z.mean(0).abs() > SATURATED,
        "mean-first/of-sizes": lambda: z.abs().mean(0) > SATURATED,
        "sizes-not-counted": lambda: (beyond * z.abs()).mean(0),
        "sizes-not-counted/signed": lambda: (beyond * z).mean(0),
    }
    return next((shares[slip]() for slip in shares if slip in made), beyond.mean(0))


def _batches():
    """No value lies so close to the limit, 2.944, that a rounded one is wrong."""
    few = [[0.4, 25, 5], [2.97, -4, -4], [0.98, 0.5, -6], [-2, -1, 7]]
    sizes = ((4, 4), (7, 3), (40, 5))
    return [
        (torch.tensor(few).double(),),
        *((drawn(s, *size, spread=3, centre=1),) for s, size in enumerate(sizes)),
    ]


class _Share(Formula):
    """A Formula that lets a share be of any type: it is counted from what is true and false."""

    def _finer(self, student, trials, copies, outcomes, truths):
        numbers = [truth.numpy() for truth in truths]
        return super()._finer(student, trials, copies, outcomes, numbers)


share = Exercise(
    "saturated_share",
    _Share(
        right=saturated_share,
        trials=_batches,
        made=_share,
        mistakes=(
            "wrong-axis",
            "whole-batch",
            "whole-batch/count",
            "count-not-share",
            "in-percent",
            "wrong-count",
            "wrong-count/all",
            "wrong-count/n-minus-1",
            "wrong-count/n-plus-1",
            "one-side",
            "one-side/negative",
            "none-saturated",
            "share-as-limit",
            "share-as-limit/19",
            "share-as-limit/5",
            "wrong-limit/half",
            "wrong-limit/3",
            "wrong-limit/19",
            "wrong-limit/1",
            "not-of-the-maximum",
            "not-saturated",
            "each-value",
            "yes-or-no",
            "yes-or-no/all",
            "mean-first",
            "mean-first/of-sizes",
            "sizes-not-counted",
            "sizes-not-counted/signed",
        ),
        own={
            "wrong-axis": (
                "this is a share for each sample, not for each unit",
                "z[n, c] is sample n of unit c. Which of the two axes has to go?",
            ),
            "whole-batch": (
                "one number comes out for the whole batch",
                "Each of the C units has a share of its own. Over which axis alone do you count?",
            ),
            "count-not-share": (
                "you count the samples: that is no share yet",
                "Give your function every sample twice: a share stays as it is. Does yours?",
            ),
            "in-percent": (
                "the shares are in percent",
                "The docstring says from where to where they run.",
            ),
            "wrong-count": (
                "the count is divided by the wrong number",
                "If all samples of a unit lie beyond the limit, its share is 1. And yours?",
            ),
            "one-side": (
                "only one of the two flat sides is counted",
                "The picture above has two zones called saturated. What do their z have in common?",
            ),
            "none-saturated": (
                "your function never finds a saturated sample",
                "log 19, about 2.9, is a limit for z. Outputs lie between 0 and 1 and never reach "
                "it. What do you compare?",
            ),
            "share-as-limit": (
                "|z| is compared with a number that is meant for the output, or the derivative",
                "5 %, 95 % and 19 % say how flat it is up there. From which z on is it so flat?",
            ),
            "wrong-limit": (
                "the limit is not log 19",
                "Print `experiments.SATURATED`. Is this what you compare |z| with? For tanh it "
                "would be half of that.",
            ),
            "not-of-the-maximum": (
                "the derivative is compared with 0.19",
                "Saturated is below 19 % *of its maximum*. How large is that maximum?",
            ),
            "not-saturated": (
                "this is the share within the limit, not beyond it",
                "Where is a sigmoid flat: close to 0, or far from it?",
            ),
            "each-value": (
                "this says for every value whether it is saturated",
                "A good first half. How do you get from N answers to one share?",
            ),
            "yes-or-no": (
                "your function says 0 or 1 of a unit, nothing between",
                "If a quarter of the samples saturates it? Is there an `any`, an `all` or a `//`?",
            ),
            "mean-first": (
                "the mean is taken first, and then compared with the limit",
                "A unit with inputs −5 and 5 has mean 0. Are they saturated? Compare first.",
            ),
            "sizes-not-counted": (
                "the values beyond the limit are averaged, not counted",
                "Just beyond the limit or far beyond: each sample counts as one. What is 1 or 0?",
            ),
        },
        arguments=("z",),
        todo="let `saturated_share` return a share for each unit, in place of the dots.",
        praise="one share for each unit.",
    ),
    saturated_share,
    hints=(
        "First say of every value whether it is saturated. A comparison with `>` gives a tensor of "
        "true and false, of the shape of z.",
        "Both sides are flat: `z.abs()` has their distance from 0.",
        "The share is a mean of zeros and ones: `.float()` makes them of false and true. The mean "
        "is over the samples, `dim=0`.",
    ),
)
EXERCISES = [derivative, share]
