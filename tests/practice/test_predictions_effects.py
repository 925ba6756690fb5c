"""The predictions of notebook 08: each truth against an independent calculation."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bn_teach import stored
from bn_teach.experiments import why
from bn_teach.practice.predictions import effects as predictions
from bn_teach.train import Run
from tests.practice.asked import explained

GAP = "\u202f"  # before a per cent sign, after × and ÷


def race(steps):
    """A run in which each arm of one seed is at 80 % from its step on; "no BN" is the target."""
    looked = np.arange(0, 501, 10)
    accuracy = np.stack([np.where(looked >= step, 0.8, 0.1) for step in steps.values()], axis=1)
    return Run(
        {"arms": list(steps), "seeds": [0]},
        steps=looked,
        snapshots={"accuracy": accuracy[:, :, None]},
    )


def test_no_two_predictions_of_the_course_have_one_name():
    """Under its name a guess is kept, for all notebooks in one file."""
    sources = [path.read_text("utf-8") for path in Path(predictions.__file__).parent.glob("*.py")]
    names = re.findall(r'\bpredict\(\s*"([^"]+)"', "".join(sources))
    assert len(names) > 20
    assert len(names) == len(set(names))


# --- 1: the race ---

RACE = {"no BN": 300, "BN": 100, "BN, rate ×5": 60, "BN, rate ×15": 150}


def medians(run):
    """Steps of each arm's median seed to the best of "no BN", by a loop over every seed."""
    curves = run.snapshots["accuracy"].astype(float)

    def smooth(curve):
        return [sum(curve[k - 1 : k + 2]) / 3 for k in range(1, len(curve) - 1)]

    arms = run.settings["arms"]
    target = max(smooth(curves[:, arms.index("no BN")].mean(axis=1)))
    found = {}
    for i, arm in enumerate(arms):
        each = [
            next((s for s, y in zip(run.steps[1:], smooth(seed), strict=False) if y >= target), 1e9)
            for seed in curves[:, i].T
        ]
        found[arm] = np.median(each)
    return found


def test_fewer_steps():
    run = stored.load("effects-speed")
    prediction = predictions.fewer_steps(run)
    taken = medians(run)
    assert prediction._truth == pytest.approx(taken["no BN"] / taken["BN"])
    assert 2 < prediction._truth < 3.5
    assert f"{taken['no BN']:.0f} steps without BN, {taken['BN']:.0f} steps" in prediction._found
    assert explained(prediction)


def test_fewer_steps_follow_the_race():
    """A smoothed curve is at 80 % one record later: 10 steps."""
    for steps in (100, 140, 300):
        run = race(RACE | {"BN": steps})
        assert predictions.fewer_steps(run)._truth == pytest.approx(310 / (steps + 10))


def test_thirty_times_the_rate():
    run = stored.load("effects-speed")
    prediction = predictions.thirty_times_the_rate(run)
    taken = medians(run)
    assert taken["BN, rate ×30"] == 1e9
    assert prediction._truth == "it never gets there"
    for arm, name in (("BN", "1"), ("BN, rate ×5", "5"), ("BN, rate ×15", "15")):
        assert f"×{name}: {taken[arm]:.0f} steps" in prediction._found
    assert "×30: never" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("steps", "truth"),
    [
        (60, "fewer than at ×1"),
        (250, "more than at ×1, but it gets there"),
        (999, "it never gets there"),
    ],
)
def test_another_race_at_thirty_times_the_rate(steps, truth):
    run = race(RACE | {"BN, rate ×30": steps})
    assert predictions.thirty_times_the_rate(run)._truth == truth


# --- 3: the first weights ---

SIGMOID = "3 layers of 100, sigmoid"


def test_usual_first_weights():
    run = stored.load("effects-rates")
    prediction = predictions.usual_first_weights(run)
    found = run.snapshots[SIGMOID].astype(float)  # (K, starts, 2, rates, S)
    best = {
        (start, arm): max(np.mean(seeds) for seeds in found[1, start, arm])
        for start in (0, 2)
        for arm in (0, 1)
    }
    left = (best[2, 1] - best[2, 0]) / (best[0, 1] - best[0, 0])
    assert 0 <= left < 0.25
    assert prediction._truth == "almost nothing"
    for share in best.values():
        assert f"{100 * share:.1f}{GAP}%" in prediction._found
    assert SIGMOID in prediction._question
    assert explained(prediction)


@pytest.mark.parametrize(
    ("lead", "truth"),
    [(0.2, "all of it"), (0.11, "about half"), (0.01, "almost nothing"), (-0.1, "almost nothing")],
)
def test_another_lead_is_another_answer(lead, truth):
    found = np.full((2, 4, 2, 6, 5), 0.1)  # at most rates neither learns
    found[1, :, 0, 3] = 0.7
    found[1, :, 1, 5] = 0.9
    found[1, 2, 1, 5] = 0.7 + lead
    run = Run({}, snapshots={SIGMOID: found})
    assert predictions.usual_first_weights(run)._truth == truth


# --- 4: few images ---


def test_few_images():
    run = stored.load("effects-regularisation")
    prediction = predictions.few_images(run)
    arms = run.settings["arms"]
    gains = {}
    for n, size in enumerate(run.settings["sizes"]):
        bn, plain = (100 * run.snapshots["test"][n, arms.index(arm)] for arm in (50, "no BN"))
        gains[size] = bn - plain
    few = gains[100]
    assert -2 < few.mean() < -0.5
    assert prediction._truth == "loses about 1 point"
    assert f"{few.mean():.2f} ± {np.std(few, ddof=1) / 40**0.5:.2f}".replace("-", "−") in (
        prediction._found
    )
    assert f"{sum(gain > 0 for gain in few)} of 40" in prediction._found
    assert f"500 images {gains[500].mean():.2f}" in prediction._found
    assert f"BN gains {gains[500].mean():.1f} points" in prediction._question
    assert explained(prediction)


@pytest.mark.parametrize(
    ("gain", "truth"),
    [
        (4.0, "gains about 5 points"),
        (0.8, "gains about 1 point"),
        (-0.3, "makes no difference"),
        (-0.9, "loses about 1 point"),
    ],
)
def test_another_gain_is_another_answer(gain, truth):
    run = stored.load("effects-regularisation")
    test = run.snapshots["test"].copy()
    plain, bn = (run.settings["arms"].index(arm) for arm in ("no BN", 50))
    test[run.settings["sizes"].index(100), bn] = test[0, plain] + gain / 100
    doctored = replace(run, snapshots={"test": test})
    assert predictions.few_images(doctored)._truth == truth


# --- 5: noise after BN ---


def test_noise_after_bn():
    run = stored.load("effects-noisy")
    prediction = predictions.noise_after_bn(run)
    median = {}
    for i, arm in enumerate(run.settings["arms"]):
        right = np.rint(500 * run.snapshots["accuracy"][:, i].astype(float))  # of 500 test images
        each = [
            next((s for s, n in zip(run.steps, r, strict=True) if n >= 475), 1e9) for r in right.T
        ]
        median[arm] = np.median(each)
    assert median["BN + noise"] < 1.5 * median["BN"] < 0.75 * median["no BN"]
    assert median["no BN + noise"] > run.steps[-1]
    assert prediction._truth == "BN"
    for arm in ("no BN", "BN", "BN + noise"):
        assert f"{arm} {median[arm]:.0f} steps" in prediction._found
    assert "no BN + noise never for 5 of them" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("noisy", "truth"),
    [
        (70, "BN"),
        (110, "halfway between BN and no BN"),
        (230, "no BN"),
        (450, "no BN + noise"),
        (999, "no BN + noise"),
    ],
)
def test_noise_may_slow_it_down(noisy, truth):
    run = race({"no BN": 210, "BN": 70, "BN + noise": noisy, "no BN + noise": 999})
    run = replace(run, snapshots={"accuracy": run.snapshots["accuracy"] + 0.15})
    assert predictions.noise_after_bn(run)._truth == truth


# --- 7: eight times the weights ---


def test_eight_times_the_weights():
    found = why.scaled()
    prediction = predictions.eight_times_the_weights(found)
    assert why.FACTORS[[4, 7]].tolist() == [1, 8]
    bn = found["BN"]
    assert bn.loss[7] == pytest.approx(bn.loss[4], rel=1e-3)
    assert bn.gradient[7] == pytest.approx(bn.gradient[4] / 8, rel=1e-2)
    assert prediction._truth == f"loss stays, gradient ÷{GAP}8"
    assert f"with BN: loss ×{GAP}1.000, gradient ×{GAP}0.125" in prediction._found
    assert f"×{GAP}{found['no BN'].loss[7] / found['no BN'].loss[4]:.3f} and" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("loss", "gradient", "truth"),
    [
        (8, 8, f"both ×{GAP}8"),
        (1.1, 0.9, "both stay"),
        (1, 6, f"loss stays, gradient ×{GAP}8"),
        (0.9, 0.2, f"loss stays, gradient ÷{GAP}8"),
    ],
)
def test_another_scaling_is_another_answer(loss, gradient, truth):
    at_8 = why.FACTORS == 8
    bn = why.Scaled(np.where(at_8, loss, 1.0), np.where(at_8, gradient, 1.0), 0 * why.FACTORS)
    found = why.scaled() | {"BN": bn}
    assert predictions.eight_times_the_weights(found)._truth == truth
