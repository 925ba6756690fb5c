"""The exercises of notebook 08: the steps to a target, and the rate that fits longer weights."""

import numpy as np

from ...experiments import effects, why
from ..exercise import Exercise
from ..formula import Formula, drawn

NOTEBOOK = "08-effects"


# --- Exercise 1: steps_to_target, for two arrays of one length ---


def steps_to_target(steps, accuracy, target):
    """The first of ``steps`` at which ``accuracy`` is at least ``target``; None if it never is."""
    reached = np.flatnonzero(accuracy >= target)
    return int(steps[reached[0]]) if len(reached) else None


def _first(qualifies, which=0):
    """The first place at which it is True, or with -1 the last; None if there is none."""
    places = np.flatnonzero(qualifies)
    return int(places[which]) if len(places) else None


# Wrong places in the arrays, from the accuracy y, the target t, and which places qualify, ok. None
# is for a target that is never reached.
WRONG_PLACES = {
    "last-not-first": lambda y, t, ok: _first(ok, -1),
    "best-step": lambda y, t, ok: y.argmax() if ok.any() else None,
    "best-step/always": lambda y, t, ok: y.argmax(),
    "nearest": lambda y, t, ok: np.abs(y - t).argmin() if ok.any() else None,
    "nearest/always": lambda y, t, ok: np.abs(y - t).argmin(),
    "exactly": lambda y, t, ok: _first(y == t),
    "below-not-above": lambda y, t, ok: _first(y < t),
    "below-not-above/at": lambda y, t, ok: _first(y <= t),
    "assumes-rising": lambda y, t, ok: np.searchsorted(y, t),
    "assumes-rising/right": lambda y, t, ok: np.searchsorted(y, t, side="right"),
    "assumes-rising/count": lambda y, t, ok: (~ok).sum(),
    "for-good": lambda y, t, ok: 0 if ok.all() else _first(~ok, -1) + 1,
    "one-place-off/before": lambda y, t, ok: _first(ok) - 1 if ok.any() else None,
    "one-place-off/after": lambda y, t, ok: _first(ok) + 1 if ok.any() else None,
    "first-round-only": lambda y, t, ok: 0 if ok[0] else None,
    "judged-by-the-end": lambda y, t, ok: _first(ok) if ok[-1] else None,
    "zero-lost/place": lambda y, t, ok: _first(ok) or None,
}

# What comes back, in place of None, where the target is never reached.
NEVER = {
    "never-reached/infinite": lambda answers: np.inf,
    "never-reached/not-a-number": lambda answers: np.nan,
    "never-reached/minus-one": lambda answers: -1,
    "never-reached/zero": lambda answers: 0,
    "never-reached/first": lambda answers: answers[0],
    "never-reached/last": lambda answers: answers[-1],
    "never-reached/length": lambda answers: len(answers),
    "never-reached/empty": lambda answers: [],
    "never-stops": lambda answers: answers[len(answers)],  # an IndexError
}

# Arrays in place of one step.
ARRAYS = {
    "array": lambda steps, reached: steps[reached],
    "array/places": lambda steps, reached: np.flatnonzero(reached),
    "array/where": lambda steps, reached: np.array(np.where(reached)),
    "array/argwhere": lambda steps, reached: np.argwhere(reached),
    "array/mask": lambda steps, reached: reached,
    "array/first": lambda steps, reached: steps[reached][:1],
    "array/list": lambda steps, reached: [steps[reached][0]] if reached.any() else None,
}


def _steps(made, steps, accuracy, target):
    compared = steps if "steps-compared" in made else accuracy
    reached = compared > target if "above-not-at" in made else compared >= target
    for slip in made & ARRAYS.keys():
        return ARRAYS[slip](steps, reached)
    if "counted" in made:
        return reached.sum()
    if "interpolated" in made:
        return np.interp(target, accuracy, steps)
    answers = steps  # in which the place is looked up
    if "place-not-step" in made:
        answers = np.arange(len(steps))
    if "accuracy-returned" in made:
        answers = accuracy
    place = _first(reached)
    for slip in made & WRONG_PLACES.keys():
        place = WRONG_PLACES[slip](accuracy, target, reached)
    if place is None or place == len(steps):
        for slip in made & NEVER.keys():
            return NEVER[slip](answers)
        return None
    if "interpolated/crossing" in made and place > 0:
        around = slice(place - 1, place + 1)
        return np.interp(target, accuracy[around], steps[around])
    if "zero-lost/none" in made:
        return answers[place] or None
    if "zero-lost/next" in made:
        return answers[_first(reached & (steps != 0))]
    return answers[place]


def _curves():
    """Curves that rise, dip, end below the target, start above it, meet it exactly, or never do."""
    rises = [5, 10, 15], [0.2, 0.6, 0.9]
    dips = [0, 10, 20, 30, 40], [0.1, 0.5, 0.8, 0.7, 0.9]
    falls = [3, 6, 12, 24, 48], [0.3, 0.9, 0.85, 0.2, 0.4]
    dips_for_long = [2, 4, 8, 16, 32], [0.2, 0.7, 0.3, 0.4, 0.8]
    starts_above = [7, 14, 21], [0.6, 0.5, 0.9]
    starts_above_at_0 = [0, 4, 8], [0.6, 0.7, 0.5]
    trials = [
        (rises, 0.5),
        (starts_above, 0.55),
        (starts_above_at_0, 0.5),
        (rises, 0.95),
        (dips, 0.8),
        (dips, 0.1),
        (dips, 0.95),
        (falls, 0.5),
        (dips_for_long, 0.5),
    ]
    return [(np.array(steps), np.array(curve), target) for (steps, curve), target in trials]


first_step = Exercise(
    "steps_to_target",
    Formula(
        right=steps_to_target,
        trials=_curves,
        made=_steps,
        mistakes=(
            "place-not-step",
            "last-not-first",
            "above-not-at",
            *NEVER,
            *ARRAYS,
            *(slip for slip in WRONG_PLACES if slip != "last-not-first"),
            "zero-lost/none",
            "zero-lost/next",
            "steps-compared",
            "accuracy-returned",
            "counted",
            "interpolated",
            "interpolated/crossing",
        ),
        own={
            "place-not-step": (
                "this is the place in the list, not the step that stands there",
                "The steps may be recorded every 10 steps, or every 100. What has your function "
                "found so far, and where is the step itself?",
            ),
            "last-not-first": (
                "this is the last step that qualifies, not the first",
                "The race is over as soon as the target is reached. When does your function stop "
                "looking?",
            ),
            "above-not-at": (
                "a step that is exactly at the target does not count",
                "The docstring says “at least”. Is 0.8 at least 0.8?",
            ),
            "never-reached": (
                "where the target is never reached, something other than None comes back",
                "A lost race must not look like one that was won. Call your function with a "
                "target of 2: no accuracy gets there.",
            ),
            "never-stops": (
                "where the target is never reached, your code stops with an error",
                "Call it with a target of 2. Which of your lines needs at least one step that "
                "qualifies?",
            ),
            "array": (
                "an array or a list comes back, not one step",
                "How many numbers are in it? Which of them is asked for?",
            ),
            "best-step": (
                "this is the step with the best accuracy",
                "A runner who goes on after the finish gets further. When was the finish reached?",
            ),
            "nearest": (
                "this is the step whose accuracy lies nearest to the target",
                "The nearest one may lie below the target. Has it been reached there?",
            ),
            "exactly": (
                "only an accuracy that equals the target counts",
                "A curve may jump over the target. Has it then not been reached?",
            ),
            "below-not-above": (
                "this is the first step below the target",
                "In which direction does your comparison point?",
            ),
            "assumes-rising": (
                "right only for a curve that never falls",
                "A test accuracy goes up and down. `searchsorted`, or a count of what lies below, "
                "needs sorted numbers.",
            ),
            "for-good": (
                "this is the step from which the accuracy stays at the target or above",
                "A curve may dip once more after it was there. Which step does the docstring ask "
                "for?",
            ),
            "one-place-off": (
                "this is the step before or after the one that is asked for",
                "Does the accuracy of the very step that you return qualify?",
            ),
            "first-round-only": (
                "your function looks at the first step alone",
                "What does your loop do in its first round if that step does not qualify?",
            ),
            "judged-by-the-end": (
                "the last accuracy decides whether the target was reached",
                "A curve may fall again. Does that undo the race?",
            ),
            "zero-lost": (
                "0 is taken for “nothing found”",
                "Python takes 0 for false, like None. What does your function say of a target "
                "that is reached at once?",
            ),
            "steps-compared": (
                "the steps are compared with the target",
                "Which of the two arrays holds numbers between 0 and 1?",
            ),
            "accuracy-returned": (
                "this is the accuracy, not the step at which it was reached",
                "The race is counted in steps. Which array holds them?",
            ),
            "counted": (
                "this is how many steps qualify",
                "`sum` counts them. Which one is asked for?",
            ),
            "interpolated": (
                "a step between two recorded ones comes out",
                "Nobody looked there. Return one of the steps that were recorded.",
            ),
        },
        arguments=("steps", "accuracy", "target"),
        todo="let `steps_to_target` return a step, in place of the dots.",
        praise="the first step that qualifies; and a race that is never won counts as such.",
    ),
    steps_to_target,
    hints=(
        "Two questions, one after the other: which places qualify, and which step stands at the "
        "first of them?",
        "`accuracy >= target` is an array of True and False. A loop over `zip(steps, accuracy)` "
        "will do as well.",
        "`np.flatnonzero(accuracy >= target)` lists the places that qualify, in order. It may be "
        "empty: then there is no first one.",
    ),
    shown=(steps_to_target, effects.steps_to),
)


# --- Exercise 2: matching_rate, for two numbers ---


def matching_rate(lr, a):
    """The learning rate at a * W whose step turns the weights as far as lr does at W: lr * a**2.

    With Batch Normalization behind the layer the gradient at a * W is a times smaller, and weights
    that are a times longer need a step a times longer for the same angle.
    """
    return lr * a**2


WRONG_RATES = {
    "one-effect": lambda lr, a: lr * a,
    "unchanged": lambda lr, a: lr,
    "other-way-round": lambda lr, a: lr / a**2,
    "wrong-direction": lambda lr, a: lr / a,
    "wrong-direction/root": lambda lr, a: lr / a**0.5,
    "effects-added": lambda lr, a: lr * 2 * a,
    "effects-added/one": lambda lr, a: lr * (1 + a),
    "too-many": lambda lr, a: lr * a**3,
    "too-many/four": lambda lr, a: lr * a**4,
    "rate-squared": lambda lr, a: (lr * a) ** 2,
    "rate-squared/alone": lambda lr, a: lr**2 * a,
    "rate-missing": lambda lr, a: a**2,
    "rate-missing/one-effect": lambda lr, a: a,
    "rate-missing/inverse": lambda lr, a: 1 / a**2,
    "divides-by-rate": lambda lr, a: a**2 / lr,
    "divides-by-rate/one-effect": lambda lr, a: a / lr,
}

LR, A = 0.1, 3.0  # the example of a message: to be right for this pair alone is a mistake, too

ONE_PAIR = {
    "one-pair": lambda lr, a: LR * A**2,
    "one-pair/nine": lambda lr, a: lr * A**2,
    "one-pair/three": lambda lr, a: lr * a * A,
    "one-pair/tenth": lambda lr, a: LR * a**2,
}


def _rate(made, lr, a):
    rate = lr * a**2
    for slip, wrong in (WRONG_RATES | ONE_PAIR).items():
        if slip in made:
            rate = wrong(lr, a)
    return -rate if "negative" in made else rate


class _Turning(Formula):
    """It also says by how far the student's rate misses the angle."""

    def _named(self, mistake, said="", more=False):
        if not said and not more:
            said = self._turned(mistake)
        return super()._named(mistake, said, more)

    def _turned(self, mistake):
        w = drawn(0, 8, 4)  # of the layer in why.turned_by
        for lr, a in self.trials():
            rate = self.made({mistake}, lr, a)
            there, here = why.turned_by(a * w, rate), why.turned_by(w, lr)
            if not np.isclose(there, here, rtol=0.01):
                return (
                    f". Measured with a layer: a step with rate {lr:g} turns W by {here:.3g} "
                    f"degrees, but one with your {rate:.3g} turns {a:g}·W by {there:.3g}"
                )
        return ""


rate_of_scaled = Exercise(
    "matching_rate",
    _Turning(
        right=matching_rate,
        trials=lambda: [(LR, A), (0.2, 0.5), (0.05, 10.0), (1.5, 1.5)],
        made=_rate,
        mistakes=(*WRONG_RATES, *ONE_PAIR, "negative"),
        own={
            "one-effect": (
                "this makes up for one effect of two",
                "Multiplying W by a changes the gradient. It also changes how long a step has to "
                "be for the same angle. Which of the two is in your formula?",
            ),
            "unchanged": (
                "the rate is the same as at W",
                "The picture shows what happens to the gradient at a = 8. And how far does a "
                "step have to go at weights 8 times as long?",
            ),
            "other-way-round": (
                "this is the rate at W that turns as far as lr does at a·W",
                "Read the question once more: which of the two rates is given, and which one is "
                "asked for?",
            ),
            "wrong-direction": (
                "for a > 1 your rate becomes smaller",
                "The weights are longer, and the gradient is smaller. Does the same angle need a "
                "larger rate, or a smaller one?",
            ),
            "effects-added": (
                "two effects are added here",
                "Try a = 1: what should the rate be? Then ask of each effect by which factor it "
                "changes the rate.",
            ),
            "too-many": (
                "your rate grows too fast with a",
                "Count: how often does a enter by way of the gradient, and how often by way of "
                "the length of W?",
            ),
            "rate-squared": (
                "lr is squared",
                "Double lr: the step is twice as long. What should happen to the rate at a·W?",
            ),
            "rate-missing": (
                "lr is not in it",
                "What does your function return for a = 1, where nothing has changed?",
            ),
            "divides-by-rate": (
                "your function divides by lr",
                "What does it return for a = 1, where nothing has changed?",
            ),
            "one-pair": (
                f"right for lr = {LR:g} and a = {A:g}, but not for other numbers",
                "Write it with `lr` and `a`, not with their values.",
            ),
            "negative": (
                "the rate has the wrong sign",
                "With a negative rate a step climbs. Which way did the step at W go?",
            ),
        },
        arguments=("lr", "a"),
        todo="let `matching_rate` return a rate, in place of the dots.",
        praise="the same angle; and at a·W the rate lr is worth only lr / a².",
    ),
    matching_rate,
    hints=(
        "The angle of a small step is the length of the step, divided by the length of the "
        "weights. A step is the rate times the gradient.",
        "How long are the weights a·W, compared with W? And how large is the gradient there? The "
        "equation above says so.",
        "At the same rate the step is a times shorter, and the weights are a times longer. By "
        "which factor is the angle too small?",
    ),
    shown=(matching_rate, why.turned_by),
)
EXERCISES = [first_step, rate_of_scaled]
