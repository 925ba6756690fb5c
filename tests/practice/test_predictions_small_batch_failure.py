"""The predictions of notebook 06: each truth against an independent calculation."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.experiments import small_batch_failure as experiments
from bn_teach.practice.predictions import small_batch_failure as predictions
from tests.practice.asked import explained


def choices(prediction):
    return [choice for choice, _ in prediction._choices]


def numbers(text):
    return [float(found) for found in re.findall(r"-?\d+\.\d+", text.replace("−", "-"))]


@pytest.fixture(scope="module")
def values():
    """Numbers with heavier tails than a bell curve, as in a trained unit."""
    return np.random.default_rng(0).standard_t(6, size=1297)


@pytest.fixture(scope="module")
def groups():
    return stored.load("small-batch-groups")


@pytest.fixture(scope="module")
def rates():
    return stored.load("small-batch-rates")


@pytest.fixture(scope="module")
def conv():
    return stored.load("small-batch-cnn")


@pytest.fixture(scope="module")
def remedies():
    return stored.load("small-batch-remedies")


def doctored(run, **shares):
    """The run with other errors in some of its arms."""
    changed = {
        f"test/{name}": np.full_like(run.snapshots[f"test/{name}"], share)
        for name, share in shares.items()
    }
    return replace(run, snapshots=run.snapshots | changed)


def test_times_the_batch(values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # guesses are kept in the working directory
    samples = experiments.resample(values, resamples=500)
    prediction = predictions.times_the_batch(samples)
    assert prediction._truth == pytest.approx(4, abs=0.2)  # by theory, not by the fit
    for guess, fits in ((2, False), (1.4, False), (4, True), (8, False)):
        prediction.guess = guess
        assert prediction.fits() == fits
    assert numbers(prediction._found)[:3] == pytest.approx([2**-0.5, 8**-0.5, 32**-0.5], abs=0.05)
    assert explained(prediction)


@pytest.mark.parametrize(("power", "times"), [(1.0, 2), (0.25, 16)])
def test_times_the_batch_follows_the_errors(values, power, times):
    samples = experiments.resample(values, resamples=10)
    spread = np.array(samples.sizes)[:, None] ** -power
    samples = replace(samples, means=np.array([-1.0, 1.0]) * spread)
    assert predictions.times_the_batch(samples)._truth == pytest.approx(times)


def test_what_two_values_leave(values):
    prediction = predictions.what_two_values_leave(values)
    assert prediction._truth == "+1 and −1 from both"
    a, b, c, d = numbers(prediction._question)
    assert abs(a - b) > 5 * abs(c - d)
    batches = torch.tensor([[a, c], [b, d]])
    x_hat = torch.nn.functional.batch_norm(batches, None, None, training=True)
    assert x_hat.T.flatten().tolist() == pytest.approx(numbers(prediction._found), abs=0.02)
    assert explained(prediction)


def test_what_two_values_leave_follows_the_values(values):
    """Where ε counts, in one of the two batches or in both."""
    larger, _, nought = choices(predictions.what_two_values_leave(values))
    few = np.where(np.arange(len(values)) < 20, values, values * 1e-5)
    assert predictions.what_two_values_leave(few)._truth == nought
    assert predictions.what_two_values_leave(values * 1e-4)._truth == larger


def test_errors_in_groups_of_two(groups):
    prediction = predictions.errors_in_groups_of_two(groups)
    shares = groups.snapshots["test/2"][-1]
    assert prediction._truth == pytest.approx(100 * sum(shares.tolist()) / 5)
    assert prediction._truth > 4 * 100 * groups.snapshots["test/none"][-1].max()
    assert f"{prediction._truth:.1f}" in prediction._found
    assert f"{prediction._truth:.1f}" not in prediction._question
    assert "2.0\u202f%" in prediction._question
    assert explained(prediction)
    better = predictions.errors_in_groups_of_two(doctored(groups, **{"2": 0.03}))
    assert better._truth == pytest.approx(3)


def test_another_rate(rates):
    prediction = predictions.another_rate(rates)
    errors = rates.snapshots["test/2"]
    assert errors.shape == (1, 6, 5)
    assert (errors.mean(axis=2) > 0.1).all()
    assert prediction._truth == "none of them"
    assert prediction._found.count("\u202f% at ") == 6
    assert "was 0.3 so far" in prediction._question
    assert "300 steps" in prediction._question
    assert explained(prediction)


@pytest.mark.parametrize(
    ("place", "truth"), [(0, "one smaller than 0.3"), (5, "one larger than 0.3")]
)
def test_another_rate_follows_the_errors(rates, place, truth):
    errors = rates.snapshots["test/2"].copy()
    errors[:, place] = 0.05
    run = replace(rates, snapshots=rates.snapshots | {"test/2": errors})
    assert predictions.another_rate(run)._truth == truth


def test_cliff_of_a_conv_net(groups, conv):
    prediction = predictions.cliff_of_a_conv_net(groups, conv)
    worst = conv.snapshots["test/2"].max()
    assert worst < 2 * conv.snapshots["test/64"].mean() < groups.snapshots["test/2"].min() / 2
    assert prediction._truth == "hardly more than in groups of 64"
    eight = 100 * groups.snapshots["test/8"][-1].mean()
    assert f"network gets {eight:.1f}\u202f% wrong" in dict(prediction._choices)[prediction._truth]
    assert numbers(prediction._found)[0] == pytest.approx(
        100 * conv.snapshots["test/2"].mean(), abs=0.051
    )
    assert explained(prediction)


@pytest.mark.parametrize(
    ("share", "truth"), [(0.5, "about as many"), (0.2, "about half as many"), (0.03, "hardly")]
)
def test_cliff_of_a_conv_net_follows_the_errors(groups, conv, share, truth):
    prediction = predictions.cliff_of_a_conv_net(groups, doctored(conv, **{"2": share}))
    assert prediction._truth.startswith(truth)


def test_worst_statistics(remedies):
    prediction = predictions.worst_statistics(remedies)
    own, running = (remedies.snapshots[f"test/{way}/2"][-1] for way in ("own", "running"))
    assert (own > running).all()
    assert prediction._truth == "each group's own"
    assert explained(prediction)


@pytest.mark.parametrize("way", ["running", "precise"])
def test_worst_statistics_follows_the_errors(remedies, way):
    run = doctored(remedies, **{f"{way}/2": 0.9})
    prediction = predictions.worst_statistics(run)
    assert prediction._truth == f"{way} statistics"
    assert f"90\u202f% with {way} statistics" in prediction._found


def test_the_questions_are_told_apart(values, groups, rates, conv, remedies):
    asked = [
        predictions.times_the_batch(experiments.resample(values, resamples=5)),
        predictions.what_two_values_leave(values),
        predictions.errors_in_groups_of_two(groups),
        predictions.another_rate(rates),
        predictions.cliff_of_a_conv_net(groups, conv),
        predictions.worst_statistics(remedies),
    ]
    assert len({prediction._name for prediction in asked}) == len(asked)
    assert all(len(prediction._question.split()) <= 50 for prediction in asked)
