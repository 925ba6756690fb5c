"""Every exercise: right solutions pass, wrong ones hear their own mistake, and nothing ever raises.

The solutions are in tests/exercises, a file for each notebook, as students write them:
"right" at least three, "wrong" by the mistake that must be named, "two" mistakes at once by the one
that is said first, "unknown" for mistakes that have no name.
"""

import math
import pkgutil
from importlib import import_module
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from bn_teach.practice import attempt, exercise
from bn_teach.practice.formula import Formula, slug_of
from bn_teach.practice.mistakes import MISTAKES
from bn_teach.practice.results import same

ROOT = Path(__file__).parents[2]
MODULES = [
    import_module(f"tests.exercises.{module.name}")
    for module in pkgutil.iter_modules([ROOT / "tests" / "exercises"])
]
FIXTURES = {
    name: given
    for module in MODULES
    for name, given in module.EXERCISES.items()
    if isinstance(given, dict)
}
KNOWN = {one.name: one for found in exercise.by_notebook().values() for one in found}


def cases(kind):
    """(exercise, source, expected) for each solution of a kind."""
    return list(_cases(kind))


def _cases(kind):
    for name, given in FIXTURES.items():
        solutions = given.get(kind, ())
        if kind == "wrong":
            solutions = [(s, slug) for slug, sources in solutions.items() for s in sources]
        elif kind == "two":
            solutions = solutions.items()
        else:
            solutions = [(source, None) for source in solutions]
        for place, (source, expected) in enumerate(solutions):
            yield pytest.param(name, source, expected, id=f"{name}-{place}-{expected}")


def defined(source):
    """The last function or class that a source defines."""
    names = {"torch": torch, "np": np, "math": math}
    before = set(names)
    exec(source, names)
    return [value for name, value in names.items() if name not in before][-1]


def judged(name, source):
    return KNOWN[name].judge(defined(source))


@pytest.mark.parametrize(("name", "source", "expected"), cases("right"))
def test_a_right_solution_passes(name, source, expected):
    verdict = judged(name, source)
    assert (verdict.passed, verdict.misconception) == (True, None), verdict


@pytest.mark.parametrize(("name", "source", "expected"), cases("wrong"))
def test_a_known_mistake_is_named(name, source, expected):
    verdict = judged(name, source)
    assert verdict.misconception == expected, verdict
    assert not verdict.passed


@pytest.mark.parametrize(("name", "source", "expected"), cases("two"))
def test_of_two_mistakes_the_first_is_named(name, source, expected):
    verdict = judged(name, source)
    assert verdict.misconception == expected, verdict
    assert "There may be more" in verdict.message


@pytest.mark.parametrize(("name", "source", "expected"), cases("unknown"))
def test_an_unknown_mistake_gets_no_false_name(name, source, expected):
    verdict = judged(name, source)
    assert (verdict.passed, verdict.misconception, verdict.begun) == (False, None, True), verdict
    assert len(verdict.message) > 20


@pytest.fixture(params=sorted(KNOWN))
def one(request):
    return KNOWN[request.param]


def test_it_has_solutions_of_all_kinds(one):
    given = FIXTURES[one.name]
    assert len(set(given["right"])) >= 3
    assert given["wrong"]
    assert given["unknown"]
    if isinstance(one.judge, Formula):
        known = {slug_of(mistake) for mistake in one.judge.mistakes}
        assert known <= set(given["wrong"]), "a mistake without a fixture"
        assert given["two"]


def test_every_solution_belongs_to_an_exercise():
    assert sorted(FIXTURES) == sorted(KNOWN)


def test_every_known_mistake_has_a_fixture():
    named = {slug for given in FIXTURES.values() for slug in given["wrong"]}
    assert set(MISTAKES) <= named


def test_the_solution_is_the_packages_own_and_passes(one):
    assert one.judge(one.solution).passed
    for thing in one.shown or (one.solution,):
        assert thing.__module__.startswith("bn_teach.")
        assert thing.__doc__


def test_it_has_hints_that_end_in_words(one):
    assert 2 <= len(one.hints) <= 4
    assert len(set(one.hints)) == len(one.hints)


def is_class(one):
    return isinstance(one.solution, type)


def test_whatever_a_student_writes_gets_a_sentence(one, monkeypatch):
    monkeypatch.setattr(attempt, "LIMIT", 0.2)

    def endless(*arguments):
        while True:
            pass

    def breaks(*arguments):
        raise RuntimeError("of the student's own")

    def leaves(*arguments):
        raise SystemExit

    rubbish = [lambda *a, it=it: it for it in ("words", object(), [], {}, print, float("nan"), ())]
    for student in (endless, breaks, leaves, *rubbish):
        verdict = one.judge(student)
        assert (verdict.passed, verdict.misconception) in ((False, None), (False, "not-a-pair"))
        assert "Traceback" not in verdict.message
    assert "of the student's own" in one.judge(breaks).message
    assert "0 seconds" in one.judge(endless).message


def test_a_stub_is_not_begun_and_a_missing_return_is_named(one):
    def stub(*arguments):
        """What it shall do."""
        ...

    def unwritten(*arguments):
        raise NotImplementedError

    def forgets(*arguments):
        one.solution(*arguments)

    if not is_class(one):
        assert [one.judge(f).begun for f in (stub, unwritten, forgets)] == [False, False, True]
        assert one.judge(forgets).misconception == "nothing-returned"


@pytest.mark.parametrize("name", [n for n, e in KNOWN.items() if isinstance(e.judge, Formula)])
def test_no_two_mistakes_give_the_same_numbers(name):
    """And none gives the right ones: a name is never a guess."""
    judge = KNOWN[name].judge
    trials = judge.trials()

    def results(function):
        for arguments in trials:
            try:
                yield attempt.Returned(function(*arguments))
            except Exception as error:
                yield attempt.Raised(str(error), unwritten=False)

    outcomes = {m: [*results(lambda *a, m=m: judge.made({m}, *a))] for m in judge.mistakes}
    outcomes["right"] = [*results(judge.right)]
    assert all(map(same, results(lambda *a: judge.made(set(), *a)), values(outcomes["right"])))
    for (one, a), (other, b) in combinations(outcomes.items(), 2):
        if slug_of(one) != slug_of(other):
            raised = [
                isinstance(x, attempt.Raised) != isinstance(y, attempt.Raised)
                for x, y in zip(a, b, strict=True)
            ]
            differs = [
                isinstance(y, attempt.Returned) and not same(x, y.value)
                for x, y in zip(a, b, strict=True)
            ]
            assert any(raised) or any(differs), (one, other)


def values(outcomes):
    return [outcome.value for outcome in outcomes]
