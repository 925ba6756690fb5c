"""A question before a picture: the student commits to a guess, then sees it beside the truth."""

from pathlib import Path
from typing import NamedTuple

import anywidget
import traitlets

from . import memory

HERE = Path(__file__).parent

# Everything the front end itself says. Replace a text here to translate it.
WORDS = {
    "predict": "Predict.",
    "guess": "Your guess",
    "commit": "Commit",
    "choose": "Choose first, then commit.",
    "reveal": "Show the answer",
    "again": "Guess again",
    "right": "Your guess is right.",
    "wrong": "You guessed",
    "answer": "It is",
    "others": "Why not the others?",
}


class Number(NamedTuple):
    """A number as the answer; made by ``number``."""

    within: float
    unit: str
    low: str
    high: str
    right: str


def number(*, within, unit="", low, high, right):
    """Answers of ``predict`` that are numbers: what is said of a guess too low, too high, right.

    A guess is right if it is off by at most ``within``, in the unit of the answer.
    """
    if not within > 0:
        raise ValueError(f"number: within is {within!r}; expected a number above 0")
    return Number(float(within), unit, low, high, right)


def predict(name, question, answers, truth, *, found):
    """Ask a question; the guess is committed to, and then shown beside the truth.

    ::

        practice.predict(
            "correlation-stays",
            "Two features have a correlation of 0.8. You standardise each. What is it then?",
            {"0": "That would be whitening.", "0.8": "Each is only moved and stretched."},
            truth="0.8",
            found=f"Measured: {rho:.2f} before, {rho_after:.2f} after.",
        )

    Parameters
    ----------
    name : str
        Its own name, under which the first guess is kept.
    question : str
    answers : dict or Number
        For each choice why it is wrong, or right; or ``number(...)``.
    truth : str or float
        One of the choices, or the number. Compute it: do not type it in.
    found : str
        What was measured, in a sentence with numbers.

    Returns
    -------
    Prediction
        An ipywidget; it never blocks, and lives on without a kernel in exported slides and pages.

    Raises
    ------
    ValueError
        If there are fewer than two choices, or the truth is none of them or not a number.
    """
    if isinstance(answers, Number):
        if isinstance(truth, str) or truth != truth:
            raise ValueError(f"predict {name!r}: the truth is {truth!r}; expected a number")
        return Prediction(name, question, [], answers, float(truth), found)
    if len(answers) < 2:
        raise ValueError(f"predict {name!r}: {len(answers)} choice; expected two or more")
    if truth not in answers:
        said = ", ".join(map(repr, answers))
        raise ValueError(f"predict {name!r}: the truth is {truth!r}; the choices are {said}")
    return Prediction(name, question, list(answers.items()), None, truth, found)


class Prediction(anywidget.AnyWidget):
    """A question with its answers; made by ``predict``. ``guess`` is None until it is committed."""

    _esm = HERE / "prediction.js"
    _css = HERE / "prediction.css"

    guess = traitlets.Any(None, allow_none=True).tag(sync=True)  # a choice, or a number
    _question = traitlets.Unicode().tag(sync=True)
    _choices = traitlets.List().tag(sync=True)  # pairs: choice, why
    _number = traitlets.Dict(allow_none=True).tag(sync=True)  # in their place
    _truth = traitlets.Any().tag(sync=True)
    _found = traitlets.Unicode().tag(sync=True)
    _note = traitlets.Unicode().tag(sync=True)  # that the guess could not be kept
    _words = traitlets.Dict().tag(sync=True)

    def __init__(self, name, question, choices, number, truth, found):
        self._name = name
        super().__init__(
            guess=_earlier(choices, memory.first_guess(name)),
            _question=question,
            _choices=[list(choice) for choice in choices],
            _number=number and number._asdict(),
            _truth=truth,
            _found=found,
            _words=dict(WORDS),
        )
        self.observe(self._keep, names="guess")

    def fits(self):
        """Whether the guess is right."""
        if self._number is None:
            return self.guess == self._truth
        return abs(self.guess - self._truth) <= self._number["within"]

    def _keep(self, change):
        if self.guess is None:
            return
        unit = f" {self._number['unit']}".rstrip() if self._number else ""
        truth = f"{self._truth:.3g}{unit}" if self._number else self._truth
        guess = f"{self.guess:g}" if self._number else self.guess
        self._note = memory.remember_prediction(
            self._name, self._question, guess, truth, self.fits()
        )

    def __repr__(self):
        answers = " / ".join(choice for choice, _ in self._choices) or "a number"
        return f"Predict. {self._question} ({answers})"


def _earlier(choices, kept):
    """An earlier guess, kept as text, if it is still one of the answers, or a number; or None."""
    if choices:
        return kept if kept in dict(choices) else None
    try:
        return None if kept is None else float(kept)
    except ValueError:  # the question had choices then
        return None
