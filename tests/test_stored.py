"""Stored runs are there, are what the registry says, and are made by a command."""

import json
import re

import numpy as np
import pytest

from bn_teach import datasets, stored
from bn_teach.experiments import __main__ as command
from bn_teach.train import Run

EXPERIMENTS = command.stored_experiments()
MOST_BYTES = 100_000


def test_every_stored_run_has_its_experiment_and_every_file_its_entry():
    files = {path.stem for path in (datasets.FOLDER / "runs").glob("*")}
    assert files == set(stored.registry()) == set(EXPERIMENTS)


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_stored_run_is_small_and_says_how_it_was_made(name):
    entry = stored.registry()[name]
    assert entry["bytes"] == (datasets.FOLDER / "runs" / f"{name}.npz").stat().st_size
    assert entry["bytes"] < MOST_BYTES
    assert all(re.match(r"\d+\.\d+", entry[key]) for key in ("python", "torch", "numpy"))
    run = stored.load(name)
    said = json.dumps(run.settings)
    assert '"seed' in said or '"machine"' in said, "settings say the seeds, or whose times they are"
    for array in [*run.curves.values(), *run.snapshots.values()]:
        assert array.size and array.dtype != object


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    return tmp_path


def a_run():
    return Run({"seed": 3}, curves={"loss": np.array([2.0, 1.0])})


def test_a_run_that_is_made_can_be_loaded(folder):
    stored.make("first", a_run)
    entry = stored.make("second", a_run)
    assert (folder / "runs" / "second.npz").stat().st_size == entry["bytes"]
    assert set(stored.registry()) == {"first", "second"}
    assert stored.load("first").settings == {"seed": 3}
    assert stored.load("first").curves["loss"].tolist() == [2, 1]


def test_the_same_run_gives_the_same_bytes(folder):
    assert stored.make("a", a_run)["sha256"] == stored.make("b", a_run)["sha256"]


def test_an_unknown_name_is_told_the_names(folder):
    stored.make("first", a_run)
    with pytest.raises(KeyError, match="no stored run is called 'frist'; there are first"):
        stored.load("frist")


def test_an_altered_or_missing_file_is_refused(folder):
    stored.make("first", a_run)
    path = folder / "runs" / "first.npz"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ValueError, match=r"was altered.*git checkout -- data/runs/first\.npz"):
        stored.load("first")
    path.unlink()
    with pytest.raises(FileNotFoundError, match="is missing; expected the file with sha256"):
        stored.load("first")


def test_a_failing_experiment_leaves_what_was_stored(folder):
    stored.make("first", a_run)
    before = json.dumps(stored.registry())

    def fails():
        raise OverflowError("too large")

    with pytest.raises(OverflowError):
        stored.make("first", fails)
    assert json.dumps(stored.registry()) == before
    assert stored.load("first").settings == {"seed": 3}


def test_the_command_makes_what_is_named_and_refuses_the_rest(folder, monkeypatch, capsys):
    monkeypatch.setattr(command, "stored_experiments", lambda: {"one": a_run, "two": a_run})
    command.main(["two"])
    assert set(stored.registry()) == {"two"}
    assert re.search(r"two: [\d,]+ bytes, 0\.0 s", capsys.readouterr().out)
    command.main([])
    assert set(stored.registry()) == {"one", "two"}
    with pytest.raises(SystemExit, match="unknown: three; there are one, two"):
        command.main(["three"])
