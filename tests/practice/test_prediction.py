"""The prediction widget, its Python half; tests/browser has the other."""

import json

import pytest

from bn_teach import practice
from bn_teach.practice import memory

ANSWERS = {"1": "Too few.", "2": "Yes.", "3": "Too many."}
NUMBER = practice.number(within=2, unit="%", low="More.", high="Less.", right="Yes.")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(answers=ANSWERS, truth="2"):
    return practice.predict("one", "How many?", answers, truth, found="Counted: 2.")


def kept():
    return json.loads(memory.Path(memory.FILE).read_text("utf-8"))["predictions"]["one"]


def test_nothing_is_kept_before_a_guess(here):
    asked = ask()
    assert asked.guess is None
    assert repr(asked) == "Predict. How many? (1 / 2 / 3)"
    assert list(here.iterdir()) == []


def test_a_guess_is_kept_and_shown_again():
    asked = ask()
    asked.guess = "3"
    assert not asked.fits()
    assert kept() == kept() | {"guess": "3", "truth": "2", "fits": False, "question": "How many?"}
    again = ask()
    assert again.guess == "3"
    again.guess = None  # "guess again"
    again.guess = "2"
    assert again.fits()
    assert kept()["guess"] == "3", "the first guess is the prediction"


@pytest.mark.parametrize(("guess", "fits"), [(28, True), (32.0, True), (27.9, False), (33, False)])
def test_a_number_fits_if_it_is_near(guess, fits):
    asked = ask(NUMBER, truth=30.0)
    asked.guess = guess
    assert asked.fits() == fits
    assert kept()["fits"] == fits
    assert kept()["truth"] == "30 %"
    assert ask(NUMBER, truth=30.0).guess == guess


def test_an_earlier_guess_that_is_no_answer_any_more_is_forgotten():
    ask().guess = "3"
    assert ask({"2": "Yes.", "4": "No."}).guess is None
    assert ask(NUMBER, truth=2.0).guess == 3.0
    memory.Path(memory.FILE).unlink()
    ask().guess = "2"
    assert ask({"two": "Yes.", "four": "No."}, truth="two").guess is None
    memory.Path(memory.FILE).unlink()
    ask({"two": "Yes.", "four": "No."}, truth="two").guess = "two"
    assert ask(NUMBER, truth=2.0).guess is None, "words are no number"


def test_that_it_cannot_be_kept_is_said_in_the_widget(monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory, "write_whole", full)
    asked = ask()
    asked.guess = "2"
    assert "could not be kept" in asked._note


@pytest.mark.parametrize(
    ("answers", "truth", "words"),
    [
        (ANSWERS, "4", "the truth is '4'; the choices are '1', '2', '3'"),
        ({"1": "One."}, "1", "1 choice; expected two or more"),
        (NUMBER, "30", "the truth is '30'; expected a number"),
        (NUMBER, float("nan"), "expected a number"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(answers, truth, words):
    with pytest.raises(ValueError, match=words):
        ask(answers, truth)


def test_a_number_needs_room():
    with pytest.raises(ValueError, match="within is 0; expected a number above 0"):
        practice.number(within=0, low="", high="", right="")
