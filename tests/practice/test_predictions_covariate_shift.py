"""The predictions of notebook 01: each truth against an independent calculation."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bn_teach import stored
from bn_teach.datasets import load_digits
from bn_teach.experiments import covariate_shift as experiments
from bn_teach.practice.predictions import covariate_shift as predictions
from tests.practice.asked import explained


@pytest.fixture(scope="module")
def moving():
    return experiments.moving_inputs(progress=False)


def drifts(moved, grey, faded):
    """A classifier with these accuracies halfway, and others at the far end."""
    ends = zip(experiments.DRIFTS, (moved, grey, faded), strict=True)
    accuracy = {kind: np.full(11, 0.96) for kind in experiments.DRIFTS}
    for kind, half in ends:
        accuracy[kind][5] = half
        accuracy[kind][-1] = 1 - half
    return SimpleNamespace(accuracy=accuracy)


def test_costliest_drift():
    drift = experiments.input_drift(progress=False)
    prediction = predictions.costliest_drift(drift)
    one_pixel = np.roll(load_digits().test_images, 1, axis=2)
    one_pixel[:, :, 0] = 0
    moved = experiments.drifted(load_digits().test_images, "moved right", 0.5)
    assert np.array_equal(moved, one_pixel), "halfway is one pixel, as the question says"
    halfway = {kind: drift.accuracy[kind][5] for kind in experiments.DRIFTS}
    assert halfway["moved right"] < min(halfway["paper turns grey"], halfway["ink fades"]) - 0.2
    assert prediction._truth == "all images move right by one pixel"
    for share in halfway.values():
        assert f"{100 * share:.0f}\u202f%" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("halfway", "truth"),
    [
        ((0.4, 0.9, 0.9), "all images move right by one pixel"),
        ((0.9, 0.4, 0.5), "the paper turns 30 % grey"),
        ((0.9, 0.8, 0.3), "45 % of the ink fades"),
        ((0.90, 0.95, 0.93), "all cost about the same"),
    ],
)
def test_another_drift_may_cost_most(halfway, truth):
    assert predictions.costliest_drift(drifts(*halfway))._truth == truth


def test_spread_of_layer_12():
    nets = experiments.random_nets()
    prediction = predictions.spread_of_layer_12(nets)
    # Another way: layers of other random weights, each unit's inputs as a sum over the inputs.
    noise = np.random.default_rng(1)
    outputs = load_digits().test_images[:256].reshape(256, 64)
    for _ in range(12):
        fan_in = outputs.shape[1]
        z = outputs @ noise.normal(0, 2 / np.sqrt(fan_in), (fan_in, 300))
        outputs = np.maximum(z, 0)
    assert prediction._truth == pytest.approx(z.std(), rel=0.35)
    assert 30 < prediction._truth < 55
    assert f"{prediction._truth:.1f}" in prediction._found
    assert explained(prediction)
    nets.spread["relu"][:, -1] *= 3
    assert predictions.spread_of_layer_12(nets)._truth == pytest.approx(3 * prediction._truth)


def median_range(inputs):
    """How far the medians of (K, N, C) go, mean of the units."""
    medians = np.sort(inputs, axis=1)[:, 249:251].mean(axis=1)  # the two in the middle of 500
    return (medians.max(axis=0) - medians.min(axis=0)).mean()


def test_moving_median(moving):
    prediction = predictions.moving_median(moving)
    off, on = (median_range(moving.inputs[bn, "small"]) for bn in ("off", "on"))
    assert off > 1
    assert on < 0.3 * off
    assert prediction._truth == "it moves, with BN far less"
    found = [moving.moved((bn, "small"))[-1] for bn in ("off", "on")]
    assert [found[0][0], found[1][0]] == pytest.approx([off, on], rel=1e-3)  # the first seed
    for both_seeds in found:
        assert f"{both_seeds.mean():.2f}" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("off", "on", "truth"),
    [
        (0.01, 0.02, "it stays, in both"),
        (3, 0.5, "it moves, with BN far less"),
        (3, 2.5, "it moves, with BN about as far"),
        (0.05, 2, "it moves, with BN further"),
    ],
)
def test_medians_may_move_otherwise(moving, off, on, truth):
    doctored = medians_that_move(moving, {("off", "small"): off, ("on", "small"): on})
    assert predictions.moving_median(doctored)._truth == truth


def medians_that_move(moving, ranges):
    """The same, but for medians that move evenly over a range of their own."""
    percentiles = dict(moving.percentiles)
    for arm, far in ranges.items():
        percentiles[arm] = percentiles[arm].copy()
        percentiles[arm][:, :, 1] = np.linspace(0, far, len(moving.steps))[:, None, None]
    return replace(moving, percentiles=percentiles)


def test_usual_weights(moving):
    prediction = predictions.usual_weights(moving)
    small, usual = (moving.inputs["off", weights] for weights in ("small", "usual"))
    assert median_range(usual) > median_range(small)
    scores = [moving.accuracy["off", weights][-1] for weights in ("small", "usual")]
    assert scores[1].min() > scores[0].max() + 0.02
    assert prediction._truth == "better, and its medians move further"
    for score in scores:
        assert f"{100 * score.mean():.0f}\u202f%" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize("score", [0.5, 0.99])
@pytest.mark.parametrize("far", [0.5, 5])
def test_the_usual_weights_may_do_otherwise(moving, score, far):
    doctored = medians_that_move(moving, {("off", "small"): 2, ("off", "usual"): far})
    accuracy = {**moving.accuracy, ("off", "small"): np.full((21, 2), 0.8)}
    accuracy["off", "usual"] = np.full((21, 2), score)
    learns, moves = "better" if score > 0.8 else "worse", "further" if far > 2 else "less"
    truth = predictions.usual_weights(replace(doctored, accuracy=accuracy))._truth
    assert truth == f"{learns}, and its medians move {moves}"


def test_settings_that_learn():
    run = stored.load("trainability-map")
    prediction = predictions.settings_that_learn(run)
    good = {}
    for arm, paths in run.snapshots.items():
        cells = [np.mean(seeds) for rates in paths[-1] for seeds in rates]
        assert len(cells) == 36
        good[arm] = sum(cell >= 0.9 for cell in cells)
    assert good["sigmoid/off"] <= 2
    assert 20 <= good["sigmoid/on"] <= 29
    assert prediction._truth == "next to none without, about two thirds with it"
    for name in ("tanh", "relu"):
        assert f" {good[f'{name}/off']} and {good[f'{name}/on']}" in prediction._found
    assert f": {good['sigmoid/off']} without, {good['sigmoid/on']} with it." in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("off", "on", "truth"),
    [
        (17, 33, "about half without, nearly all with it"),
        (11, 14, "about a third, without and with it"),
        (1, 26, "next to none without, about two thirds with it"),
        (0, 35, "next to none without, all 36 with it"),
    ],
)
def test_other_settings_may_learn(off, on, truth):
    run = stored.load("trainability-map")
    snapshots = dict(run.snapshots)
    for arm, count in (("sigmoid/off", off), ("sigmoid/on", on)):
        good = np.arange(36).reshape(6, 6, 1) < count
        snapshots[arm] = np.where(good, 0.95, 0.1) * np.ones((21, 6, 6, 5))
    assert predictions.settings_that_learn(replace(run, snapshots=snapshots))._truth == truth
