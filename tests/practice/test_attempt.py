"""Calling a student's code: it may raise, leave, sleep or never end."""

import threading
import time

import pytest

from bn_teach.practice import attempt as module
from bn_teach.practice.attempt import Endless, Raised, Returned, attempt


def test_what_it_returns_comes_back():
    assert attempt(lambda a, b: a + b, 2, 3) == Returned(5)
    assert attempt(lambda: None) == Returned(None)


def test_an_error_comes_with_the_students_own_line():
    def deep(x):
        x = x + 1
        return [1, 2, 3][x]

    outcome = attempt(deep, 7)
    line = deep.__code__.co_firstlineno + 2
    assert outcome == Raised(
        f"in line {line}, `return [1, 2, 3][x]`, with IndexError: list index out of range", False
    )


def test_the_line_is_the_students_even_if_a_library_raised():
    import torch

    def product(x):
        return x @ torch.ones(3, 3)

    assert "in line" in attempt(product, torch.ones(2, 2)).said
    assert "`return x @ torch.ones(3, 3)`" in attempt(product, torch.ones(2, 2)).said


def test_wrong_arguments_have_no_line_of_their_own():
    assert attempt(lambda: 1, 2).said.startswith("with TypeError: ")


def test_a_stub_that_says_so_and_one_that_leaves():
    def unwritten():
        raise NotImplementedError

    def leaves():
        raise SystemExit(3)

    assert attempt(unwritten).unwritten
    assert attempt(leaves) == Raised(attempt(leaves).said, unwritten=False)
    assert "SystemExit: 3" in attempt(leaves).said


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(module, "LIMIT", 0.2)


def test_a_loop_for_ever_is_stopped(short):
    def endless():
        while True:
            pass

    before = threading.active_count()
    assert attempt(endless) == Endless(0.2)
    time.sleep(0.2)
    assert threading.active_count() == before, "the loop is still running"


def test_a_loop_that_catches_its_own_errors_is_stopped_too(short):
    def stubborn():
        while True:
            try:
                [][0]
            except Exception:
                continue

    before = threading.active_count()
    assert attempt(stubborn) == Endless(0.2)
    time.sleep(0.2)
    assert threading.active_count() == before


def test_a_loop_that_catches_everything_is_told_again_and_nothing_is_printed(short, capfd):
    def caught():
        for _ in range(3):
            try:
                while True:
                    pass
            except:  # noqa: E722, as a student writes it
                continue

    before = threading.active_count()
    assert attempt(caught) == Endless(0.2)
    assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")


def test_a_check_that_is_interrupted_leaves_no_thread(monkeypatch):
    def endless():
        while True:
            pass

    def interrupted(thread, timeout):
        monkeypatch.undo()
        raise KeyboardInterrupt

    before = threading.active_count()
    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attempt(endless)
    assert threading.active_count() == before


def test_an_error_that_cannot_say_what_it_is():
    class Silent(Exception):
        def __str__(self):
            raise RuntimeError

    def breaks():
        raise Silent

    assert "Silent: <exception str() failed>" in attempt(breaks).said


def test_one_that_sleeps_is_left_behind(short):
    asleep = threading.Event()
    assert attempt(lambda: asleep.wait(20)) == Endless(0.2)
    asleep.set()
