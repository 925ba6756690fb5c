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
from .verdict import not_yet, right, wrong

CLOSE = 1e-3  # of the largest value: far above the rounding of float32, far below any mistake
CLOSE_IF_LARGE = 0.05  # the same for numbers around 10 000 in float32


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
        if misfit := _misfit(outcomes, truths):
            return misfit
        if all(map(same, outcomes, truths)):
            return self._finer(student, trials, copies, outcomes, truths)
        if all(map(_same_but_for_shape, outcomes, truths)):
            return self._named("shape-changed", said=_shapes(outcomes, truths))
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

    def _first_known(self, trials, outcomes):
        """The one mistake, or the two, that give the student's results; None if none do."""
        for count in (1, 2):
            for mistakes in combinations(self.mistakes, count):
                if len({slug_of(mistake) for mistake in mistakes}) == count and self._gives(
                    set(mistakes), trials, outcomes
                ):
                    return mistakes
        return None

    def _gives(self, mistakes, trials, outcomes):
        returned = False
        for arguments, outcome in zip(trials, outcomes, strict=True):
            try:
                value = self.made(mistakes, *arguments)
            except Exception:  # as the student's code would: shapes that do not fit, for example
                if isinstance(outcome, Raised):
                    continue
                return False
            if not same(outcome, value):
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
                    f"{_compared(outcome.value, truth)}."
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


def parts(value):
    """What was returned as a list: a pair gives two, everything else one."""
    return list(value) if isinstance(value, tuple) else [value]


def same(outcome, truth, close=CLOSE):
    """Whether a call returned the truth, up to rounding."""
    if not isinstance(outcome, Returned):
        return False
    expected = [_array(part) for part in parts(truth)]
    found = _arrays(outcome.value, len(expected))
    return found is not None and all(
        _near(one, other, close) for one, other in zip(found, expected, strict=True)
    )


def shown(value):
    """A value in few characters: small tensors as numbers, others by their shape."""
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    if isinstance(value, torch.Tensor | np.ndarray) and (arrays := _arrays(value, 1)):
        numbers = arrays[0]
        if numbers.size > 12:
            return f"{type(value).__name__} of shape {numbers.shape}"
        rounded = np.round(numbers, 3) + 0.0  # no -0.0
        return " ".join(str(rounded.tolist()).split())
    if isinstance(value, float):
        return f"{value:g}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a student may return anything at all
        text = object.__repr__(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _compared(found, truth):
    """What was returned beside what is right; of large arrays, the first number that is not."""
    pairs = zip(_arrays(found, len(parts(truth))), parts(truth), strict=True)
    for place, (one, right_one) in enumerate(pairs):
        other = _array(right_one)
        if one is None or other is None or one.shape != other.shape or other.size <= 12:
            continue
        wrongs = ~np.isclose(one, other, rtol=0, atol=CLOSE * np.abs(other).max())
        if wrongs.any():
            at = tuple(int(index) for index in np.argwhere(wrongs)[0])
            which = f"[{place}]" if isinstance(truth, tuple) else ""
            return f"`{one[at]:.4g}` at `{which}{list(at)}`; right is `{other[at]:.4g}` there"
    return f"`{shown(found)}`; right is `{shown(truth)}`"


def _misfit(outcomes, truths):
    """The verdict on results that cannot be compared: not numbers, or not as many as expected."""
    for outcome, truth in zip(outcomes, truths, strict=True):
        if isinstance(outcome, Raised):
            continue
        count = len(parts(truth))
        if _arrays(outcome.value, count) is None:
            value = outcome.value
            if count > 1:
                name, hint = MISTAKES["not-a-pair"]
                return wrong(f"{name}: {count} are expected. {hint}", "not-a-pair")
            return wrong(
                f"your function returned {_kind(value)}, `{shown(value)}`; expected {_kind(truth)}."
            )
    return None


def _kind(value):
    if value is None:
        return "None"
    kind = type(value).__name__
    count = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return f"{'an' if kind[0] in 'aein' else 'a'} {kind}{count}"


def _array(value):
    """Numbers as a float64 array; None stays None; raises where there are no real numbers."""
    if value is None:
        return None
    array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if array.dtype.kind in "SUc":  # numpy would read "3" as 3, and 1 + 2j as 1
        raise TypeError(f"{array.dtype} is no real number")
    return array.astype(float)


def _arrays(value, count):
    """The ``count`` results in a returned value as arrays; None if they are not there."""
    try:
        values = [value] if count == 1 else value
        return [_array(values[place]) for place in range(count)] if len(values) == count else None
    except Exception:  # a student may return anything at all
        return None


def _near(found, expected, close):
    if found is None or expected is None:
        return found is expected
    if found.shape != expected.shape:
        return False
    if found.size == 0:
        return True
    # Each side may hold an infinity or a NaN, where a mistake divides by zero.
    with np.errstate(invalid="ignore"):
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        return np.allclose(found, expected, rtol=0, atol=close * size + 1e-12, equal_nan=True)


def _same_but_for_shape(outcome, truth):
    if not isinstance(outcome, Returned):
        return False
    expected = [_array(part) for part in parts(truth)]
    found = _arrays(outcome.value, len(expected))
    for one, other in zip(found, expected, strict=True):
        if one is None or other is None or one.size != other.size:
            return False
        ways = (one.reshape(other.shape), one.T.reshape(other.shape))
        if not any(_near(way, other, CLOSE) for way in ways):
            return False
    return True


def _shapes(outcomes, truths):
    for outcome, truth in zip(outcomes, truths, strict=True):
        found, expected = (
            [np.shape(_array(part)) for part in parts(value)] for value in (outcome.value, truth)
        )
        if found != expected:
            return f": {_listed(found)}, expected {_listed(expected)}"
    return ""


def _listed(shapes):
    return " and ".join(map(str, shapes))


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
        return np.array_equal(_array(before), _array(after), equal_nan=True)
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
