"""The explorables of notebook 08, second half, against what the runs hold."""

import numpy as np
import pytest

from bn_teach import stored
from bn_teach.demos import why as demos
from bn_teach.experiments import why as experiments
from bn_teach.look import number, percent
from tests.demos import form

NAMES = ("noisy", "landscape", "scaled")


@pytest.fixture(scope="module")
def found():
    return {
        "noisy": stored.load("effects-noisy"),
        "landscape": stored.load("effects-landscape"),
        "scaled": experiments.scaled(),
    }


@pytest.fixture(scope="module")
def explorables(found):
    return {name: getattr(demos, name)(found[name]) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize("arm", list(experiments.NOISY_ARMS))
def test_noisy_shows_the_unit_and_says_shift_and_speed(arm, found, explorables):
    run, explorable = found["noisy"], explorables["noisy"]
    i = run.settings["arms"].index(arm)
    for unit in (1, 10):
        path, _, *curves = explorable.figure(arm=arm, unit=unit).data
        assert np.allclose(path.y, run.snapshots["mean"][:, i, unit - 1])
        assert [curve.name for curve in curves] == run.settings["arms"]
        assert len({curve.line.dash for curve in curves}) == 4
        assert np.argmax([curve.line.width for curve in curves]) == i
    text, accuracy = explorable.text(arm=arm), run.snapshots["accuracy"][:, i].astype(float)
    assert f"moves by {number(np.mean(run.snapshots['shift'][:, i]))} standard" in text
    assert f"At the end {percent(np.mean(accuracy[-1]), 1)} of the test" in text
    firsts = []
    for seed in accuracy.T:
        firsts.append(
            next((s for s, a in zip(run.steps, seed, strict=True) if round(500 * a) >= 475), np.inf)
        )
    if sum(np.isfinite(firsts)) > 5:
        assert f"the median seed takes {number(np.median(firsts), 0)} steps" in text
    else:
        assert f"{sum(np.isfinite(firsts))} of 10 seeds reach 95" in text


@pytest.mark.parametrize("network", list(experiments.LANDSCAPES))
@pytest.mark.parametrize("step", [0, 150, 290])
def test_landscape_shows_loss_ratio_and_cosine_of_each_seed(network, step, found, explorables):
    run, k = found["landscape"], step // 10
    figure = explorables["landscape"].figure(network=network, step=step)
    text = explorables["landscape"].text(network=network, step=step)
    for i, arm in enumerate(("no BN", "BN")):
        loss, change, cosine = (
            run.snapshots[f"{network}/{name}"][k, i].astype(float)
            for name in ("loss", "change", "cosine")
        )
        seeds, middle, lines, median = figure.data[2 + 4 * i : 6 + 4 * i]
        there = (loss[:, None] + change) / loss[:, None]  # loss there, over loss here
        assert np.allclose(np.reshape(seeds.y, (5, 7))[:, :6], there, rtol=1e-4)
        assert np.allclose(middle.y, np.sort(there, axis=0)[2])  # the median of five
        assert np.allclose(np.reshape(lines.y, (5, 7))[:, :6], cosine)
        assert np.allclose(median.y, np.sort(cosine, axis=0)[2])
        rises = sum((seed > 0).any() for seed in change)
        assert f"{arm}: the loss rises somewhere along the way for {rises} of 5 seeds" in text
    assert figure.data[3].line.dash != figure.data[7].line.dash


@pytest.mark.parametrize("a", [0.0625, 1.0, 8.0])
def test_scaled_marks_the_factor_and_the_gradient_is_one_over_a(a, found, explorables):
    k = list(experiments.FACTORS).index(a)
    data = explorables["scaled"].figure(a=a).data
    text = explorables["scaled"].text(a=a)
    for i, arm in enumerate(("no BN", "BN")):
        loss, loss_point, gradient, gradient_point = data[4 * i : 4 * i + 4]
        assert np.allclose(loss.y, found["scaled"][arm].loss)
        assert loss_point.x[0] == gradient_point.x[0] == a
        assert loss_point.y[0] == found["scaled"][arm].loss[k]
        assert gradient_point.y[0] == gradient.y[k]
    assert data[6].y[k] == pytest.approx(1 / a, rel=0.01)
    assert "the cosine between it and W 0.000." in text
