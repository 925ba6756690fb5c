"""Judges a student's function by its results: right, or which known mistake gives these numbers.

An exercise brings its trials (arguments, the smallest first), what is right, and ``made``: the same
formula with any of the known mistakes built in. A mistake is named only if it gives the student's
results on *every* trial. If no single mistake does, two at once are tried.
"""

import copy
import dis
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import torch

from .attempt import Endless, Raised, Returned, attempt
from .mistakes import MISTAKES
from .results import (
    CLOSE,
    array,
    compared,
    misfit,
    parts,
    same,
    same_but_for_shape,
    shapes_said,
    shown,
)
from .verdict import not_yet, right, wrong

# Differences that count as rounding, in units of the largest value (see also results.CLOSE):
CLOSE_IN_DOUBLE = 1e-7  # where everything was computed in float64
CLOSE_IF_LARGE = 0.05  # for numbers around 10 000 in float32


@dataclass(frozen=True)
class Formula:
    """What a function has to do, and in which known ways it goes wrong.

    Attributes
    ----------
    right : the function that is right
    trials : () -> list of tuples of arguments, the smallest first
    made : made(mistakes, *arguments) -> what ``right`` returns if these mistakes are in it; it may
        raise where the mistake would, and leaves its arguments as they are
    mistakes : names of mistakes that ``made`` knows, in the order in which they are told. What
        stands behind a "/" tells variants of one mistake apart: "wrong-axis/kept"
    arguments : the arguments' names, for the smallest failing example
    todo, praise : what is said of a stub, and of a right function
    own : mistakes of this exercise alone, in the form of mistakes.MISTAKES
    kept : the places of those arguments that must not be changed; all of them if None
    differentiable : whether the gradient of argument 0 is compared as well. ``made`` then has to
        know "statistics-detached" where statistics are taken.
    large : None, or () -> arguments in float32 around 10 000, which tell one-pass variances
    """

    right: Callable
    trials: Callable[[], list[tuple]]
    made: Callable
    mistakes: tuple[str, ...]
    arguments: tuple[str, ...]
    todo: str
    praise: str
    own: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: tuple[int, ...] | None = None
    differentiable: bool = False
    large: Callable[[], tuple] | None = None

    def __call__(self, student):
        trials = self.trials()
        copies, outcomes = copy.deepcopy(trials), []
        for arguments in copies:
            outcomes.append(attempt(student, *arguments))
            if isinstance(outcomes[-1], Endless):
                return no_result(outcomes[-1])
        if nothing := nothing_yet(student, outcomes, self.todo):
            return nothing
        if all(isinstance(outcome, Raised) for outcome in outcomes):
            return no_result(outcomes[0])
        truths = [self.right(*copy.deepcopy(arguments)) for arguments in trials]
        if problem := misfit(outcomes, truths):
            return problem
        if all(map(same, outcomes, truths)):
            return self._finer(student, trials, copies, outcomes, truths)
        if all(map(same_but_for_shape, outcomes, truths)):
            return self._named("shape-changed", said=shapes_said(outcomes, truths))
        found = self._first_known(trials, outcomes)
        if found is None:
            return self._unknown(trials, outcomes, truths)
        more = len(found) > 1 or self._changed(trials, copies)
        return self._named(found[0], more=more)

    def named(self, mistake):
        """The name of a mistake and its hint."""
        slug = slug_of(mistake)
        return (MISTAKES | self.own)[slug]

    def _named(self, mistake, said="", more=False):
        name, hint = self.named(mistake)
        rest = " There may be more than this." if more else ""
        return wrong(f"{name}{said}. {hint}{rest}", slug_of(mistake))

    def _first_known(self, trials, outcomes, close=CLOSE):
        """The one mistake, or the two, that give the student's results; None if none do."""
        for count in (1, 2):
            for mistakes in combinations(self.mistakes, count):
                if len({slug_of(mistake) for mistake in mistakes}) == count and self._gives(
                    set(mistakes), trials, outcomes, close
                ):
                    return mistakes
        return None

    def _gives(self, mistakes, trials, outcomes, close=CLOSE):
        returned = False
        for arguments, outcome in zip(trials, outcomes, strict=True):
            try:
                value = self.made(mistakes, *arguments)
            except Exception:  # as the student's code would: shapes that do not fit, for example
                if isinstance(outcome, Raised):
                    continue
                return False
            if not same(outcome, value, close):
                return False
            returned = True
        return returned

    def _finer(self, student, trials, copies, outcomes, truths):
        """Of a function with right results: does it keep to the rest of what is asked?"""
        if self._changed(trials, copies):
            return self._named("input-changed")
        for outcome, truth in zip(outcomes, truths, strict=True):
            values = outcome.value if isinstance(truth, tuple) else [outcome.value]
            for found, expected in zip(values, parts(truth), strict=True):  # a list will do too
                if isinstance(found, torch.Tensor) and isinstance(expected, torch.Tensor):
                    if found.dtype != expected.dtype:
                        said = f": {_short(expected.dtype)} came in, {_short(found.dtype)} goes out"
                        return self._named("dtype-changed", said=said)
                    if expected.dtype == torch.float64 and not same(
                        Returned(found), expected, CLOSE_IN_DOUBLE
                    ):
                        return self._nearly_right(trials, outcomes)
        if self.differentiable and (problem := self._gradient(student, trials[-1])):
            return problem
        if self.large is not None:
            arguments = self.large()
            found = attempt(student, *copy.deepcopy(arguments))
            if problem := no_result(found, "for float32 numbers around 10 000 "):
                return problem
            if not same(found, self.right(*arguments), CLOSE_IF_LARGE):
                return self._named("one-pass-variance")
        return right(self.praise)

    def _nearly_right(self, trials, outcomes):
        """Off by less than float32 would be, but not by mere rounding: a small ε, for example."""
        if found := self._first_known(trials, outcomes, CLOSE_IN_DOUBLE):
            return self._named(found[0], more=len(found) > 1)
        return wrong(
            "nearly right, but off by more than rounding. Is an ε added where none belongs, or a "
            "number rounded on the way?"
        )

    def _gradient(self, student, arguments):
        truth = _gradient_of(self.right, arguments)
        found = attempt(_gradient_of, student, arguments)
        if isinstance(found, Endless):
            return no_result(found)
        if isinstance(found, Raised) or found.value is None:
            return self._named("gradient-lost")
        if same(found, truth):
            return None
        for part in ("", "/mean", "/var"):
            made = {f"statistics-detached{part}"}
            guess = _gradient_of(lambda *a, made=made: self.made(made, *a), arguments)
            if guess is not None and same(found, guess):
                return self._named("statistics-detached")
        off = (found.value - truth).abs().max().item()
        return wrong(f"the output is right, but its gradient is off by up to {off:.2g}.")

    def _changed(self, trials, copies):
        kept = range(len(self.arguments)) if self.kept is None else self.kept
        return any(
            not _equal(before[place], after[place])
            for before, after in zip(trials, copies, strict=True)
            for place in kept
            if place < len(before)
        )

    def _unknown(self, trials, outcomes, truths):
        """No known mistake: the smallest example that fails."""
        for arguments, outcome, truth in zip(trials, outcomes, truths, strict=True):
            if problem := no_result(outcome):
                return problem
            if not same(outcome, truth):
                names = zip(self.arguments, arguments, strict=False)
                given = ", ".join(f"`{name} = {shown(value)}`" for name, value in names)
                return wrong(
                    f"not a mistake that is known here. For {given} it returns "
                    f"{compared(outcome.value, truth)}."
                )


def no_result(outcome, when=""):
    """The verdict on a call that raised or did not come back; None for one that returned."""
    if isinstance(outcome, Endless):
        return wrong(
            f"your function was not back after {outcome.seconds:.0f} seconds. Is there a loop that "
            "never ends?"
        )
    if isinstance(outcome, Raised):
        return wrong(f"{when}your code stopped {outcome.said}.")
    return None


def nothing_yet(student, outcomes, todo):
    """The verdict on a function that returns nothing at all: a stub, or one without return."""
    if any(isinstance(outcome, Raised) and outcome.unwritten for outcome in outcomes):
        return not_yet(todo)
    if any(isinstance(outcome, Raised) or outcome.value is not None for outcome in outcomes):
        return None
    if is_stub(student):
        return not_yet(todo)
    name, hint = MISTAKES["nothing-returned"]
    return wrong(f"{name}. {hint}", "nothing-returned")


def is_stub(function):
    """Whether a function does nothing but return a constant: nobody has written in it yet."""
    code = getattr(getattr(function, "forward", function), "__code__", None)
    return code is not None and _operations(code) <= {*_operations(_stub), "NOP"}


def _operations(code):
    return {line.opname for line in dis.get_instructions(code)}


def _stub():
    """A stub in the Python at hand: each version compiles it to other operations."""
    ...


def slug_of(mistake):
    return mistake.partition("/")[0]


def _gradient_of(function, arguments):
    """The gradient of a weighted sum of what a function returns, with respect to argument 0."""
    x, *others = copy.deepcopy(arguments)
    leaf = x.requires_grad_()
    value = _stacked(function(leaf * 1, *others))
    if not value.requires_grad:
        return None
    weight = torch.rand(value.shape, generator=torch.Generator().manual_seed(0)).to(value)
    return torch.autograd.grad((value * weight).sum(), leaf, allow_unused=True)[0]


def _stacked(value):
    """A pair, or a list of any depth, as one tensor that autograd can follow."""
    if isinstance(value, tuple | list):
        return torch.stack([_stacked(one) for one in value])
    return torch.as_tensor(value)


def _equal(before, after):
    if isinstance(before, torch.nn.Module):
        before, after = before.state_dict(), after.state_dict()
        return before.keys() == after.keys() and all(
            torch.equal(before[name], after[name]) for name in before
        )
    if isinstance(before, torch.Tensor | np.ndarray):
        return np.array_equal(array(before), array(after), equal_nan=True)
    return before is after or before == after


def _short(dtype):
    return str(dtype).removeprefix("torch.")


def drawn(seed, *shape, spread=1.0, centre=0.0):
    """Reproducible normal numbers in float64, for trials."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return centre + spread * noise


def drawn_affine(seed, c):
    """Random gamma and beta: never 1 and 0, and hardly ever alike."""
    return drawn(seed + 100, c, centre=1.5), drawn(seed + 200, c, spread=2)
