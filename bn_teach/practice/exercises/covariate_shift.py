"""The exercise of notebook 01: how far each unit's median moves."""

import numpy as np

from ..exercise import Exercise
from ..formula import Formula

NOTEBOOK = "01-covariate-shift"


def moved(z):
    """How far each unit's median over the images moves: (steps, images, units) to (units,).

    The largest minus the smallest of the medians that a unit has had, from first to last step.
    """
    medians = np.median(z, axis=1)  # (steps, units)
    return medians.max(axis=0) - medians.min(axis=0)


# Over which axis of z the median runs, and over which of the two left the spread is taken.
AXES = {
    "wrong-axis": (0, 0),
    "wrong-axis/steps": (0, 1),
    "wrong-axis/units": (2, 0),
    "wrong-axis/units-then-images": (2, 1),
    "spread-over-units": (1, 1),
}


def _middle(made, z, axis):
    """What stands for the images of a step."""
    n = z.shape[axis]
    middles = {
        "mean-not-median": lambda: z.mean(axis),
        "one-middle": lambda: np.sort(z, axis).take((n - 1) // 2, axis),
        "one-middle/upper": lambda: np.sort(z, axis).take(n // 2, axis),
        "one-image": lambda: z.take(0, axis),
    }
    return next((middles[slip]() for slip in middles if slip in made), np.median(z, axis))


def _span(made, medians, axis):
    """How far they moved."""
    first, last = medians.take(0, axis), medians.take(-1, axis)
    steps = np.abs(np.diff(medians, axis=axis))
    spans = {
        "medians-only": lambda: medians,
        "largest-only": lambda: medians.max(axis),
        "largest-only/smallest": lambda: medians.min(axis),
        "smallest-minus-largest": lambda: medians.min(axis) - medians.max(axis),
        "standard-deviation": lambda: medians.std(axis),
        "standard-deviation/n-minus-1": lambda: medians.std(axis, ddof=1),
        "standard-deviation/squared": lambda: medians.var(axis),
        "last-minus-first": lambda: last - first,
        "last-minus-first/turned": lambda: first - last,
        "last-minus-first/size": lambda: np.abs(last - first),
        "step-by-step": lambda: steps.sum(axis),
        "step-by-step/largest": lambda: steps.max(axis),
        "step-by-step/mean": lambda: steps.mean(axis),
        "from-the-start": lambda: np.abs(medians - np.expand_dims(first, axis)).max(axis),
        "one-number/of-all-medians": lambda: np.ptp(medians),
    }
    return next((spans[slip]() for slip in spans if slip in made), np.ptp(medians, axis))


def _made(made, z):
    axis, left = next((AXES[slip] for slip in AXES if slip in made), (1, 0))
    orders = {
        "spread-first": lambda: _middle(made, _span(made, z, 0), 0),
        "spread-first/images": lambda: _middle(made, np.ptp(z, 1), 0),
        "no-median": lambda: np.ptp(z, (0, 1)),
        "no-median/images-kept": lambda: _span(made, z, 0),
    }
    order = next((orders[slip] for slip in orders if slip in made), None)
    found = order() if order else _span(made, _middle(made, z, axis), left)
    whole = {
        "one-number": found.mean,
        "one-number/largest": found.max,
        "one-number/sum": found.sum,
    }
    return next((whole[slip]() for slip in whole if slip in made), found)


def _recorded():
    """Skewed, so that mean and median differ; units apart; in the second all axes are as long."""
    noise = np.random.default_rng(0)
    sizes = ((2, 3, 2), (4, 4, 4), (6, 9, 3), (5, 8, 2))
    return [(noise.exponential(size=size) + 3 * np.arange(size[2]),) for size in sizes]


EXERCISES = [
    Exercise(
        "moved",
        Formula(
            right=moved,
            trials=_recorded,
            made=_made,
            mistakes=(
                *AXES,
                "spread-first",
                "spread-first/images",
                "no-median",
                "no-median/images-kept",
                "one-image",
                "mean-not-median",
                "medians-only",
                "largest-only",
                "largest-only/smallest",
                "smallest-minus-largest",
                "standard-deviation",
                "standard-deviation/n-minus-1",
                "standard-deviation/squared",
                "last-minus-first",
                "last-minus-first/turned",
                "last-minus-first/size",
                "step-by-step",
                "step-by-step/largest",
                "step-by-step/mean",
                "from-the-start",
                "one-number",
                "one-number/largest",
                "one-number/sum",
                "one-number/of-all-medians",
                "one-middle",
                "one-middle/upper",
            ),
            own={
                "wrong-axis": (
                    "the median runs over the wrong axis",
                    "z[k, i, c] is step k, image i, unit c. Which of the three should be gone when "
                    "you have the medians? What shape is left?",
                ),
                "spread-over-units": (
                    "the medians are right, but you compare those of different units",
                    "A unit moves in time. Which axis of your medians is time?",
                ),
                "spread-first": (
                    "the spread is taken first, and the median of spreads after it",
                    "What moves is the median. Which of the two has to be there first?",
                ),
                "no-median": (
                    "there is no median in it: single inputs are compared",
                    "One input is one image's. What stands for all images of a step?",
                ),
                "one-image": (
                    "only one image is looked at",
                    "The median is over all images of a step. Where do the others go?",
                ),
                "mean-not-median": (
                    "the mean is taken in place of the median",
                    "A few images that are far off pull a mean with them. Which number has half of "
                    "the images below it?",
                ),
                "medians-only": (
                    "these are the medians themselves, one for each step and unit",
                    "A good first half. How far apart are those of one unit?",
                ),
                "largest-only": (
                    "this is one end of the way that the median went",
                    "Add 100 to every input: nothing moves more than before. Does your result "
                    "stay?",
                ),
                "smallest-minus-largest": (
                    "the sign is the wrong way round",
                    "A distance is not negative. Which of the two is larger?",
                ),
                "standard-deviation": (
                    "this is the standard deviation of the medians, or its square",
                    "It says how far they lie from their mean, typically. The task asks for the "
                    "distance between two of them: which two?",
                ),
                "last-minus-first": (
                    "only the first and the last step are compared",
                    "A median may go far and come back. Which steps does your function not see?",
                ),
                "step-by-step": (
                    "you compare each step with the one before it",
                    "A median that goes up and comes back has walked twice, but within the same "
                    "bounds. Which two of a unit's medians lie furthest apart?",
                ),
                "from-the-start": (
                    "every step is compared with the first",
                    "The first median may lie in the middle of all. Which two of them lie furthest "
                    "apart?",
                ),
                "one-number": (
                    "one number comes out for all units",
                    "Each unit has a way of its own. How many numbers should there be?",
                ),
                "one-middle": (
                    "with an even number of images you take one of the two in the middle",
                    "What does NumPy's `median` make of 1, 2, 3, 4? torch's takes the lower one.",
                ),
            },
            arguments=("z",),
            todo="let `moved` return one number for each unit, in place of the dots.",
            praise="try it on what was recorded: "
            '`moved(moving.inputs["off", "small"]).mean()`, then with `"on"`.',
        ),
        moved,
        hints=(
            "Two things after each other, and each makes one axis go: first the images, then the "
            "steps. What is left are the units.",
            "`np.median` has an argument `axis`. With axes (steps, images, units), the images are "
            "number 1. The medians then have shape (steps, units).",
            "`.max(axis=0)` takes the largest over the steps, one for each unit. And the smallest?",
        ),
    )
]
