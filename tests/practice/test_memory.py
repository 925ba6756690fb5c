"""Progress: kept in a file, shown, handed in; and said where it cannot be kept."""

import json
from pathlib import Path

import pytest

from bn_teach import practice
from bn_teach.practice import memory
from bn_teach.practice.verdict import right, wrong


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def busy():
    memory.remember_prediction("one", "How | many?", "3", "2", fits=False)
    memory.remember_prediction("one", "How | many?", "2", "2", fits=True)  # too late
    memory.remember_prediction("two", "<b>How</b> much?", "30 %", "31 %", fits=True)
    memory.remember_check("mean", wrong("no", "sum-only"))
    memory.remember_check("mean", wrong("no", "sum-only"))
    memory.remember_check("mean", right("yes"))
    memory.remember_hint("standardize", 2)
    memory.remember_solution("standardize")
    memory.remember_check("standardize", wrong("no"))


def test_nothing_yet(here):
    done = practice.progress()
    assert done.solved == 0
    assert done.summary().startswith("0 of ")
    assert {state for *_, state in done.exercise_rows()} == {"not begun"}
    assert list(here.iterdir()) == []


def test_what_was_done_is_shown(busy):
    done = practice.progress()
    states = {name: state for _, name, state in done.exercise_rows()}
    assert states["mean"] == "solved at check 3; met: sum-only"
    assert states["standardize"] == "not solved yet; 1 check; 2 hints; solution read first"
    assert done.prediction_rows() == [
        ("How | many?", "3", "2", "✗"),
        ("<b>How</b> much?", "30 %", "31 %", "✓"),
    ]
    assert f"1 of {len(states)} exercises solved, 2 predictions made, 1 of them right." in repr(
        done
    )
    assert r"| How \| many? | 3 | 2 | ✗ |" in done._repr_markdown_()
    assert memory.first_guess("one") == "3"


def test_a_record_to_hand_in(busy, here):
    path = practice.hand_in(" Kim <Minji> ")
    assert path == Path("record-of-kim-minji.html")
    page = path.read_text("utf-8")
    assert "<h1>Kim &lt;Minji&gt;</h1>" in page
    assert "<td>two</td><td>30 %</td><td>31 %</td>" in page
    assert "solved at check 3" in page
    assert "://" not in page
    other = practice.hand_in("김민지", here / "for" / "you.html")
    assert "김민지" in other.read_text("utf-8")


def test_hints_after_solving_do_not_count():
    memory.remember_hint("mean", 1)
    memory.remember_check("mean", right("yes"))
    memory.remember_hint("mean", 2)
    states = {name: state for _, name, state in practice.progress().exercise_rows()}
    assert states["mean"] == "solved at check 1; 1 hint"
    assert memory.hints_seen("mean") == 2


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_record_needs_a_name(name):
    with pytest.raises(ValueError, match='give yours, hand_in\\("Your Name"\\)'):
        practice.hand_in(name)


def test_where_nothing_can_be_written_it_is_said_and_the_check_goes_on(monkeypatch, capsys):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory, "write_whole", full)
    assert practice.check("mean", lambda values: sum(values) / len(values)).passed
    said = capsys.readouterr().out
    assert "Your progress could not be kept in " in said
    assert "No space left on device" in said


@pytest.mark.parametrize("broken", ["{", "[]", '{"predictions": 3}', "\0"])
def test_a_broken_file_is_put_aside_and_said(here, broken):
    (here / memory.FILE).write_text(broken)
    assert practice.progress().solved == 0  # only looking changes nothing
    assert (here / memory.FILE).read_text() == broken
    said = memory.remember_hint("mean", 1)
    assert "could not be read; it is now called my-progress-unreadable.json" in said
    assert (here / "my-progress-unreadable.json").read_text() == broken
    assert memory.hints_seen("mean") == 1
    assert memory.remember_hint("mean", 2) == ""


def test_a_file_that_may_not_be_read_stays_where_it_is(busy, here, monkeypatch):
    before = (here / memory.FILE).read_bytes()

    def locked(path, encoding):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as context:
        context.setattr(memory.Path, "read_text", locked)
        assert practice.progress().solved == 0
        assert "could not be kept" in memory.remember_hint("mean", 1)
    assert [path.name for path in here.iterdir()] == [memory.FILE]
    assert (here / memory.FILE).read_bytes() == before


def test_what_an_older_version_did_not_keep_is_empty(here):
    kept = {"predictions": {}, "exercises": {"mean": {"checks": 2, "passed": False}}}
    (here / memory.FILE).write_text(json.dumps(kept))
    assert ("00-start-here", "mean", "not solved yet; 2 checks") in (
        practice.progress().exercise_rows()
    )
    assert practice.check("mean", lambda values: sum(values) / len(values)).passed
    assert practice.progress().solved == 1


def test_two_notebooks_share_the_file(here):
    memory.remember_hint("mean", 1)
    entry = json.loads((here / memory.FILE).read_text("utf-8"))
    entry["exercises"]["standardize"] = dict(entry["exercises"]["mean"], passed=True)
    (here / memory.FILE).write_text(json.dumps(entry))  # as another kernel would
    memory.remember_hint("mean", 2)
    assert practice.progress().solved == 1
