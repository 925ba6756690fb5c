"""The explorables of notebook 08, first half, against what the stored runs hold."""

import numpy as np
import pytest

from bn_teach import stored
from bn_teach.demos import effects as demos
from bn_teach.experiments.effects import NETWORKS, STARTS
from bn_teach.look import number, percent
from tests.demos import form

RUNS = {"speed": "effects-speed", "rates": "effects-rates", "regularisation": None}
RUNS["regularisation"] = "effects-regularisation"


@pytest.fixture(scope="module")
def runs():
    return {name: stored.load(file) for name, file in RUNS.items()}


@pytest.fixture(scope="module")
def explorables(runs):
    return {name: getattr(demos, name)(run) for name, run in runs.items()}


@pytest.mark.parametrize("name", RUNS)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


def smoothed(curve):
    return np.convolve(curve, [1 / 3] * 3, mode="valid")


def first_steps(run, arm):
    """The step at which each seed reaches the baseline's best, by a loop; inf: never."""
    accuracy = run.snapshots["accuracy"].astype(float)
    target = smoothed(accuracy[:, 0].mean(axis=1)).max()  # arm 0 is "no BN"
    found = []
    for seed in range(accuracy.shape[2]):
        curve = smoothed(accuracy[:, run.settings["arms"].index(arm), seed])
        places = [place for place, value in enumerate(curve) if value >= target - 1e-9]
        found.append(run.steps[1 + places[0]] if places else np.inf)
    return np.array(found), target


@pytest.mark.parametrize("arm", ["BN", "BN, rate ×5", "BN, rate ×15"])
def test_speed_says_how_many_times_fewer_steps(arm, runs, explorables):
    run, explorable = runs["speed"], explorables["speed"]
    (mine, target), (baseline, _) = first_steps(run, arm), first_steps(run, "no BN")
    ratio = np.median(baseline) / np.median(mine)
    for step in (100, 300, 800):
        text, now = explorable.text(arm=arm, step=step), run.steps.tolist().index(step)
        accuracy = run.snapshots["accuracy"][now, run.settings["arms"].index(arm)].astype(float)
        assert f"test accuracy {percent(accuracy.mean(), 1)} ± " in text
        assert f"{(mine <= step).sum()} of 10 seeds have reached {percent(target, 1)}" in text
        said = f"takes {number(ratio, 1)} times fewer steps in all."
        drawn = [t for t in explorable.figure(arm=arm, step=step).data if t.xaxis == "x2"]
        known = step >= np.median(baseline)  # nobody knows it before the baseline is through
        assert text.endswith(said) == known
        assert any(np.allclose(t.x, ratio) for t in drawn if len(t.x) == 1) == known


def test_speed_marks_the_papers_figures_and_those_that_are_not_in_its_text(explorables):
    figure = explorables["speed"].figure(step=800)
    published = [t for t in figure.data if t.marker.symbol == "diamond-open"]
    assert [t.text[0] for t in published] == ["2.3 †", "14.0", "11.5 †"]
    assert figure.layout.annotations[1].text == "● here<br>◇ published"
    assert "never" in [t.text[0] for t in figure.data if t.text]


def test_speed_draws_curves_up_to_the_step_and_a_diverged_arm_as_diverged(runs, explorables):
    run, explorable = runs["speed"], explorables["speed"]
    mean = explorable.figure(arm="BN", step=200).data[5]
    assert np.isfinite(mean.y).sum() == 21
    k = run.settings["arms"].index("BN")
    assert np.allclose(mean.y[:21], run.snapshots["accuracy"][:21, k].mean(axis=1))
    broken = explorable.figure(arm="no BN, rate ×15", step=800)
    assert any("diverged" in note.text for note in broken.layout.annotations)
    assert broken.data[7].marker.symbol == "x"
    curve = np.array(broken.data[5].y, dtype=float)
    assert np.isfinite(curve).sum() < 5  # it ends where the first seed's loss does
    assert "diverged: their loss is not finite" in explorable.text(arm="no BN, rate ×15", step=800)
    assert "diverged" not in explorable.text(arm="BN, rate ×30", step=800)


@pytest.mark.parametrize("network", list(NETWORKS))
@pytest.mark.parametrize("weights", STARTS)
def test_rates_compares_each_arm_at_its_own_best(network, weights, runs, explorables):
    _, _, rates, looked = NETWORKS[network]
    for k, when in enumerate(("early", "at the end")):
        found = runs["rates"].snapshots[network][k, list(STARTS).index(weights)].astype(float)
        best = [max(zip(arm.mean(axis=1), rates, strict=True)) for arm in found]
        values = {"network": network, "weights": weights, "when": when}
        text = explorables["rates"].text(**values)
        assert text.startswith(f"After {looked[k]} steps, ")
        for name, (accuracy, _) in zip(("no BN", "BN"), best, strict=True):
            assert f"{name} {percent(accuracy, 1)} (rate " in text
        assert (
            f"BN is ahead by {number(100 * (best[1][0] - best[0][0]), 1)} points (5 seeds)" in text
        )
        data = explorables["rates"].figure(**values).data
        assert np.allclose(data[1].y, found[0].mean(axis=1))
        assert np.allclose(data[4].y, found[1].mean(axis=1))
        assert data[1].line.dash != data[4].line.dash


@pytest.mark.parametrize(("images", "group"), [(500, 50), (500, 10), (100, 50), (1000, 5)])
def test_regularisation_shows_the_paired_differences(images, group, runs, explorables):
    run, explorable = runs["regularisation"], explorables["regularisation"]
    n, arms = run.settings["sizes"].index(images), run.settings["arms"]
    plain, mine = (
        run.snapshots["test"][n, arms.index(arm)].astype(float) for arm in ("no BN", group)
    )
    gaps = sorted(100 * (b - a) for a, b in zip(plain, mine, strict=True))
    error = np.sqrt(np.var(gaps, ddof=1) / len(gaps))
    figure, text = (
        explorable.figure(images=images, group=group),
        explorable.text(images=images, group=group),
    )
    assert np.allclose(figure.data[0].y, gaps)
    assert f" is {number(np.mean(gaps))} ± {number(error)} points" in text
    assert f"{sum(gap > 0 for gap in gaps)} of 40 seeds gain" in text
    whiskers = [t for t in figure.data if t.xaxis == "x2" and t.mode == "lines"]
    place = (5, 10, 25, 50).index(group)
    assert np.allclose(whiskers[place].y, [np.mean(gaps) - error, np.mean(gaps) + error])
    assert len(whiskers) == 5  # the fifth is LayerNorm's
