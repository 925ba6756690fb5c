"""What a student calls: check, hint, solution."""

import json

import pytest

from bn_teach import practice
from bn_teach.practice import memory


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept():
    return json.loads(memory.Path(memory.FILE).read_text("utf-8"))["exercises"]["mean"]


def test_check_shows_and_returns_its_verdict_and_remembers_it(capsys):
    verdict = practice.check("mean", lambda values: sum(values))
    assert (verdict.passed, verdict.misconception) == (False, "sum-only")
    assert "this is the sum" in verdict.message
    assert "✗ Not right: this is the sum" in capsys.readouterr().out
    assert practice.check("mean", lambda values: sum(values) / len(values)).passed
    assert "✓ Right: " in capsys.readouterr().out
    assert kept() == kept() | {"checks": 2, "passed": True, "mistakes": ["sum-only"]}
    practice.check("mean", lambda values: sum(values))  # playing on takes nothing away
    assert kept()["passed"]
    assert kept()["checks"] == 2


def test_a_stub_is_not_remembered(here):
    def mean(values):
        """To be written."""
        ...

    verdict = practice.check("mean", mean)
    assert (verdict.passed, verdict.misconception, verdict.begun) == (False, None, False)
    assert str(verdict).startswith("… Not yet: ")
    assert list(here.iterdir()) == []


def test_a_result_in_place_of_the_function_is_said_to_be_so():
    verdict = practice.check("mean", 2.0)
    assert 'practice.check("mean", your_function)' in verdict.message
    assert "a float" in verdict.message


@pytest.mark.parametrize("call", [practice.hint, practice.solution, lambda n: practice.check(n, 1)])
def test_an_unknown_name_is_refused_with_the_known_ones(call):
    with pytest.raises(ValueError, match="no exercise 'xyz'; there are mean, "):
        call("xyz")


def test_a_name_that_is_nearly_right_is_asked_about():
    with pytest.raises(ValueError, match="no exercise 'standardise'; did you mean 'standardize'"):
        practice.hint("standardise")


def test_a_solution_is_shown_without_its_docstring(capsys):
    practice.solution("standardize")
    said = capsys.readouterr().out
    assert "def standardize(x" in said
    assert '"""' not in said
    assert "return normalize(" in said


def test_hints_come_one_by_one(capsys):
    said = []
    for _ in range(3):
        practice.hint("mean")
        said.append(capsys.readouterr().out)
    assert "Hint 1 of 2" in said[0]
    assert "practice.solution" not in said[0]
    assert "Hint 2 of 2" in said[1]
    assert 'practice.solution("mean")' in said[1]
    assert said[2] == said[1]
    assert kept()["hints"] == 2


def test_the_solution_is_shown_and_that_it_was_read_is_remembered(capsys):
    practice.solution("mean")
    assert "return sum(values) / len(values)" in capsys.readouterr().out
    assert kept()["solution"]


def test_the_solution_read_after_solving_costs_nothing():
    practice.check("mean", lambda values: sum(values) / len(values))
    practice.solution("mean")
    assert not kept()["solution"]
