"""What a student returned, compared with what is right: as numbers, whatever holds them."""

import numpy as np
import torch

from .attempt import Raised, Returned
from .mistakes import MISTAKES
from .verdict import wrong

CLOSE = 1e-3  # of the largest value: far above float32's rounding; formula.py looks closer after it


def parts(value):
    """What was returned as a list: a pair gives two, everything else one."""
    return list(value) if isinstance(value, tuple) else [value]


def same(outcome, truth, close=CLOSE):
    """Whether a call returned the truth, up to rounding."""
    if not isinstance(outcome, Returned):
        return False
    expected = [array(part) for part in parts(truth)]
    found = _arrays(outcome.value, len(expected))
    return found is not None and all(
        _near(one, other, close) for one, other in zip(found, expected, strict=True)
    )


def same_but_for_shape(outcome, truth):
    if not isinstance(outcome, Returned):
        return False
    expected = [array(part) for part in parts(truth)]
    found = _arrays(outcome.value, len(expected))
    for one, other in zip(found, expected, strict=True):
        if one is None or other is None or one.size != other.size:
            return False
        ways = (one.reshape(other.shape), one.T.reshape(other.shape))
        if not any(_near(way, other, CLOSE) for way in ways):
            return False
    return True


def misfit(outcomes, truths):
    """The verdict on results that cannot be compared: not numbers, or not as many as expected."""
    for outcome, truth in zip(outcomes, truths, strict=True):
        if isinstance(outcome, Raised):
            continue
        count = len(parts(truth))
        if _arrays(outcome.value, count) is None:
            value = outcome.value
            listed = isinstance(value, tuple | list)
            if count > 1 and (listed and len(value) != count or hasattr(value, "ndim")):
                name, hint = MISTAKES["not-a-pair"]
                return wrong(f"{name}: {count} are expected. {hint}", "not-a-pair")
            return wrong(
                f"your function returned {_kind(value)}, `{shown(value)}`; expected {_kind(truth)}."
            )
    return None


def shapes_said(outcomes, truths):
    for outcome, truth in zip(outcomes, truths, strict=True):
        found, expected = (
            [np.shape(array(part)) for part in parts(value)] for value in (outcome.value, truth)
        )
        if found != expected:
            return f": {_listed(found)}, expected {_listed(expected)}"
    return ""


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


def compared(found, truth):
    """What was returned beside what is right; of large arrays, the first number that is not."""
    pairs = zip(_arrays(found, len(parts(truth))), parts(truth), strict=True)
    for place, (one, right_one) in enumerate(pairs):
        other = array(right_one)
        if one is None or other is None or one.shape != other.shape or other.size <= 12:
            continue
        wrongs = ~np.isclose(one, other, rtol=0, atol=CLOSE * np.abs(other).max())
        if wrongs.any():
            at = tuple(int(index) for index in np.argwhere(wrongs)[0])
            which = f"[{place}]" if isinstance(truth, tuple) else ""
            return f"`{one[at]:.4g}` at `{which}{list(at)}`; right is `{other[at]:.4g}` there"
    return f"`{shown(found)}`; right is `{shown(truth)}`"


def _kind(value):
    if value is None:
        return "None"
    kind = type(value).__name__
    count = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return f"{'an' if kind[0] in 'aein' else 'a'} {kind}{count}"


def _listed(shapes):
    return " and ".join(map(str, shapes))


def _arrays(value, count):
    """The ``count`` results in a returned value as arrays; None if they are not there."""
    try:
        values = [value] if count == 1 else value
        return [array(values[place]) for place in range(count)] if len(values) == count else None
    except Exception:  # a student may return anything at all
        return None


def array(value):
    """Numbers as a float64 array; None stays None; raises where there are no real numbers."""
    if value is None:
        return None
    found = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if found.dtype.kind in "SUc":  # numpy would read "3" as 3, and 1 + 2j as 1
        raise TypeError(f"{found.dtype} is no real number")
    return found.astype(float)


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
