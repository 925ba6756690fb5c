"""Controls of an explorable. Each is a finite row of stops; the front end only moves along it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Control:
    """One control: what it is called, where it can stand, where it starts.

    kind: "slider", "choice" or "toggle"
    stops: the values the function may be given, in order
    texts: what the reader sees for each stop
    start: the index of the first stop shown
    label: the visible name, or None for the name of the function's parameter
    play: whether the slider has a play button
    """

    kind: str
    stops: tuple
    texts: tuple
    start: int
    label: str | None = None
    play: bool = False

    def index(self, value):
        """The index of the stop that equals `value` (numbers: to 9 digits); None if none does."""
        for i, stop in enumerate(self.stops):
            if _same(stop, value):
                return i
        return None

    def why_not(self, value):
        """The second half of the sentence "gamma=5 ...", for a value that is no stop."""
        first, last = self.stops[0], self.stops[-1]
        if self.kind != "slider" or not _is_number(value):
            return f"is not one of {', '.join(repr(stop) for stop in self.stops)}"
        if not first <= value <= last:
            return f"is outside the range {first} to {last}"
        below = max(stop for stop in self.stops if stop <= value)
        above = min(stop for stop in self.stops if stop >= value)
        return f"lies between two stops; the nearest are {below} and {above}"


def slider(low, high, *, step=None, factor=None, start=None, label=None, play=False):
    """A slider from `low` to `high`, both included.

    Parameters
    ----------
    low, high : the first and the last stop
    step : distance between two stops, for evenly spaced stops (default 1)
    factor : ratio of two stops, for logarithmic stops: `slider(2, 256, factor=2)`
    start : the stop shown first; by default the first one
    label : the name the reader sees; by default the parameter's name
    play : adds a button that runs through the stops, for training steps

    Raises
    ------
    ValueError
        if the range is empty or not finite, if steps from `low` do not meet `high`, if both
        `step` and `factor` are given, or if `start` is not one of the stops
    """
    for name, value in {"low": low, "high": high, "step": step, "factor": factor}.items():
        if value is not None and not (_is_number(value) and math.isfinite(value)):
            raise ValueError(f"slider: {name} is {value!r}; expected a finite number")
    if not low < high:
        raise ValueError(f"slider: low={low} is not below high={high}; swap or widen them")
    if factor is None:
        stops = _even_stops(low, high, 1 if step is None else step)
    elif step is None:
        stops = _log_stops(low, high, factor)
    else:
        raise ValueError("slider: give step (even stops) or factor (logarithmic stops), not both")
    start = stops[0] if start is None else start
    return _control("slider", stops, _slider_texts(stops, factor), start, label, play)


def choice(options, *, start=None, label=None):
    """A choice of one among `options`, a list of two or more different strings or numbers."""
    options = tuple(options)
    if len(options) < 2 or len(set(map(str, options))) < len(options):
        raise ValueError(f"choice: got {list(options)}; expected two or more different options")
    for option in options:
        if not isinstance(option, str) and not _is_number(option):
            raise ValueError(f"choice: option {option!r} is neither a string nor a number")
    texts = tuple(str(option) for option in options)
    return _control("choice", options, texts, options[0] if start is None else start, label)


def toggle(start=False, *, label=None):
    """A switch: False or True."""
    return _control("toggle", (False, True), ("off", "on"), start, label)


def _control(kind, stops, texts, start, label, play=False):
    control = Control(kind, tuple(stops), tuple(texts), 0, label, play)
    index = control.index(start)
    if index is None:
        raise ValueError(f"{kind}: start={start!r} {control.why_not(start)}")
    return Control(kind, control.stops, control.texts, index, label, play)


def _even_stops(low, high, step):
    if step <= 0:
        raise ValueError(f"slider: step={step}; expected a number above 0")
    count = round((high - low) / step)
    if count < 1 or not math.isclose(low + count * step, high, rel_tol=1e-9, abs_tol=1e-9 * step):
        raise ValueError(
            f"slider: steps of {step} from {low} do not meet high={high}; "
            f"the last stop would be {_tidy(low + math.floor((high - low) / step) * step)}"
        )
    return [_tidy(low + i * step) for i in range(count + 1)]


def _log_stops(low, high, factor):
    if low <= 0 or factor <= 1:
        raise ValueError(
            f"slider: low={low}, factor={factor}; logarithmic stops need low above 0 and factor "
            "above 1"
        )
    count = round(math.log(high / low) / math.log(factor))
    if count < 1 or not math.isclose(low * factor**count, high, rel_tol=1e-6):
        raise ValueError(f"slider: factors of {factor} from {low} do not meet high={high}")
    stops = [_tidy(low * factor**i) for i in range(count)]
    return [*stops, high]  # not low * factor**count, which rounding keeps from being `high`


def _slider_texts(stops, factor):
    if all(isinstance(stop, int) for stop in stops):
        return [str(stop).replace("-", "−") for stop in stops]
    if factor is not None:
        return [f"{stop:.2g}" for stop in stops]
    digits = max(len(f"{stop:.10f}".rstrip("0").split(".")[1]) for stop in stops)
    return [f"{stop:.{min(digits, 4)}f}".replace("-", "−") for stop in stops]


def _tidy(value):
    """0.1 + 2 * 0.1 as 0.3; integers stay integers."""
    return value if isinstance(value, int) else float(f"{value:.12g}")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(a, b):
    if _is_number(a) and _is_number(b):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return type(a) is type(b) and a == b
