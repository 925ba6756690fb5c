"""What notebook 00 says about the two deep networks, measured again."""

import numpy as np
import pytest
import torch

from bn_teach.datasets import load_digits
from bn_teach.experiments import start_here as experiment


@pytest.fixture(scope="module")
def runs():
    return experiment.deep_nets(progress=False)


def test_runs_have_the_shapes_they_promise(runs):
    assert list(runs) == ["off", "on"]
    for run in runs.values():
        assert run.curves["loss"].shape == (300,)
        assert run.steps.tolist() == [300]
        assert run.snapshots["activations"].shape == (1, 6, 500, 50)
        assert run.snapshots["test_accuracy"].shape == (1,)
        assert not run.diverged


def test_without_batch_normalization_it_guesses_and_with_it_it_learns(runs):
    _, counts = np.unique(load_digits().test_labels, return_counts=True)
    assert runs["off"].snapshots["test_accuracy"][-1] <= counts.max() / 500 + 0.02
    assert runs["on"].snapshots["test_accuracy"][-1] > 0.93


def test_a_layer_without_batch_normalization_passes_on_a_quarter_of_the_spread(runs):
    spread = {
        arm: run.snapshots["activations"][-1].std(axis=1).mean(axis=1) for arm, run in runs.items()
    }
    ratios = spread["off"][1:] / spread["off"][:-1]
    assert ((ratios > 0.15) & (ratios < 0.35)).all()
    assert ((spread["on"] > 0.15) & (spread["on"] < 0.4)).all()


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(runs):
    again = experiment.deep_nets(progress=False)
    other = experiment.deep_nets(seed=1, progress=False)
    for arm, run in runs.items():
        assert np.array_equal(run.curves["loss"], again[arm].curves["loss"])
        assert not np.array_equal(run.curves["loss"], other[arm].curves["loss"])


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        experiment.deep_nets(progress=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
