"""The explorables of notebook 01 against independent calculations: torch, numpy, theory."""

import re

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.datasets import load_digits
from bn_teach.demos import covariate_shift as demos
from bn_teach.experiments import covariate_shift as experiments
from bn_teach.look import number, percent
from tests.demos import form

NAMES = ("input_drift", "random_nets", "moving_inputs", "remedies")


@pytest.fixture(scope="module")
def drift():
    return experiments.input_drift(progress=False)


@pytest.fixture(scope="module")
def nets():
    return experiments.random_nets()


@pytest.fixture(scope="module")
def moving():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "FIG1_STEPS", 400)
        return experiments.moving_inputs(seeds=range(2), progress=False)


@pytest.fixture(scope="module")
def run():
    return stored.load("trainability-map")


@pytest.fixture(scope="module")
def explorables(drift, nets, moving, run):
    return {
        "input_drift": demos.input_drift(drift),
        "random_nets": demos.random_nets(nets),
        "moving_inputs": demos.moving_inputs(moving),
        "remedies": demos.remedies(run),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize(("kind", "amount"), [("moved right", 0.5), ("ink fades", 1)])
def test_drift_shows_the_images_their_labels_and_the_answers(kind, amount, drift, explorables):
    explorable = explorables["input_drift"]
    heat, below, guess, path, here = explorable.figure(kind=kind, amount=amount).data
    tiles, digits = np.array(heat.z), load_digits()
    for digit in range(8):
        original = digits.test_images[digits.test_labels == digit][0].astype(float)
        if kind == "moved right":  # by one pixel
            expected = np.hstack([np.zeros((8, 1)), original[:, :-1]])
        else:
            expected = original * 0.1
        left = 10 * digit
        assert np.abs(tiles[:, left : left + 8] - expected).max() < 0.003
        # What it is taken for stands below the image.
        assert (below.x[digit], below.y[digit]) == (left + 3.5, 8)
        answer = drift.answers[kind][round(10 * amount), digit]
        said = below.text[digit]
        assert f"{answer}\u2009" in said
        assert ("✓" in said) == (answer == digit) == ("<b>" not in said)
    assert set(guess.y) == {0.1}
    assert len(path.y) == round(10 * amount) + 1  # no further than the slider
    assert (here.x[0], here.y[0]) == (path.x[-1], path.y[-1])


def test_drift_says_the_accuracy_of_a_fixed_classifier(drift, explorables):
    text = explorables["input_drift"].text(kind="moved right", amount=0.5)
    assert text.startswith("Moved right by 1.0 pixels: ")
    assert f" {percent(drift.accuracy['moved right'][5], 1)} of 500 test images right" in text
    shifted = np.pad(load_digits().test_images, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
    assert f"all pixels is {number(shifted.mean(), 3)} " in text
    assert "Paper 60\u202f% grey" in explorables["input_drift"].text(kind=demos.DRIFTS[1], amount=1)


@pytest.mark.parametrize(("activation", "gain"), [("ReLU", 2), ("ReLU", 0.5), ("tanh", 2)])
def test_layers_grow_and_die_as_theory_says(activation, gain, nets, explorables):
    explorable = explorables["random_nets"]
    _, theory, dots = explorable.figure(activation=activation, gain=gain, depth=12).data
    pixels = load_digits().test_images[:256].astype(float)
    rms = np.sqrt(np.mean(pixels**2))
    if activation == "ReLU":
        expected = [rms * gain * (gain**2 / 2) ** (layer / 2) for layer in range(12)]
        assert np.abs(np.log(np.array(dots.y) / expected)).max() < np.log(1.5)
    else:
        expected = [min(rms * gain**layer, gain) for layer in range(1, 13)]
        assert (np.array(dots.y) < 1.05 * np.array(expected)).all()
    assert np.allclose(theory.y, expected)
    text = explorable.text(activation=activation, gain=gain, depth=12)
    first, last = re.findall(r"by ([\d.]+)(?:,| \()", text)
    assert float(first) == pytest.approx(dots.y[0], rel=0.01)
    assert float(last) == pytest.approx(dots.y[-1], rel=0.01)


def test_only_the_layers_down_to_the_chosen_one_are_shown(explorables):
    for depth in (1, 5, 12):
        shape, theory, dots = explorables["random_nets"].figure(depth=depth).data
        assert len(theory.x) == len(dots.x) == depth
        assert np.nanmax(shape.x) < depth + 0.5
        assert np.isnan(shape.x).sum() == depth


def test_the_shape_of_a_layer_is_its_histogram(nets, explorables):
    shape = explorables["random_nets"].figure(activation="tanh", gain=1, depth=3).data[0]
    gain = nets.gains.tolist().index(1)
    x, y = (np.reshape(part, (3, -1))[:, :-1] for part in (shape.x, shape.y))
    for layer in range(3):
        widths, heights = x[layer, :80] - (layer + 1), y[layer, :80]
        assert np.allclose(x[layer, 80:][::-1] - (layer + 1), -widths, atol=1e-9)
        spread = np.sqrt(np.average(heights**2, weights=widths))
        # The bins are 0.1 wide, which adds a little.
        assert spread == pytest.approx(nets.spread["tanh"][gain, layer], rel=0.06)


@pytest.mark.parametrize("bn", ["off", "on"])
@pytest.mark.parametrize(("weights", "unit", "step"), [("small", 1, 400), ("usual", 7, 120)])
def test_percentiles_of_a_unit_are_torchs(bn, weights, unit, step, moving, explorables):
    k = moving.steps.tolist().index(step)
    inputs = torch.tensor(moving.inputs[bn, weights][: k + 1, :, unit - 1]).double()
    low, middle, high = torch.quantile(inputs, torch.tensor([0.15, 0.5, 0.85]).double(), dim=1)
    figure = explorables["moving_inputs"].figure(bn=bn, weights=weights, unit=unit, step=step)
    bottom, top, line, ends, labels, off, on = figure.data
    for trace, expected in ((bottom, low), (line, middle), (top, high)):
        assert np.allclose(trace.x, moving.steps[: k + 1])
        assert np.allclose(trace.y, expected, atol=1e-5)
    assert np.allclose(ends.y, [bottom.y[-1], line.y[-1], top.y[-1]])
    assert labels.y[0] < labels.y[1] < labels.y[2]
    for trace, arm in ((off, "off"), (on, "on")):
        assert np.allclose(trace.y, moving.accuracy[arm, weights][: k + 1].mean(axis=1))
        assert trace.name == f"BN {arm}"
    assert off.line.dash != on.line.dash
    low, high = figure.layout.yaxis.range
    assert low < min(bottom.y) and max(top.y) < high


@pytest.mark.parametrize("bn", ["off", "on"])
def test_the_sentence_is_about_all_units_and_seeds(bn, moving, explorables):
    k = 6
    median, spread, arm = [], [], (bn, "small")
    for seed in range(2):
        for unit in range(100):
            path = moving.percentiles[arm][: k + 1, seed, :, unit].astype(float)
            median.append(max(path[:, 1]) - min(path[:, 1]))
            spread.append(path[-1, 2] - path[-1, 0])
    step = int(moving.steps[k])
    said = explorables["moving_inputs"].text(bn=bn, weights="small", unit=3, step=step)
    assert said == explorables["moving_inputs"].text(bn=bn, weights="small", unit=9, step=step)
    assert "all 100 units, 2 seeds" in said
    assert f"over a range of {number(np.mean(median))}, " in said
    assert f"(15th to 85th) is {number(np.mean(spread))}." in said
    assert f"Test accuracy {percent(moving.accuracy[arm][k].mean())}." in said


@pytest.mark.parametrize("bn", ["off", "on"])
@pytest.mark.parametrize(("name", "key"), [("sigmoid", "sigmoid"), ("ReLU", "relu")])
def test_the_map_shows_the_mean_of_five_seeds(bn, name, key, run, explorables):
    gain, rate = 2.0, experiments.RATES[3]
    explorable = explorables["remedies"]
    figure = explorable.figure(bn=bn, activation=name, gain=gain, rate=rate)
    heat, cells, frame, *seeds = figure.data
    paths = run.snapshots[f"{key}/{bn}"]
    assert figure.layout.yaxis.ticktext[int(frame.y[0])] == "2"
    assert frame.x[0] == 3
    assert figure.layout.xaxis.ticktext == ("0.01", "0.1", "1")
    assert list(figure.layout.xaxis.tickvals) == [0, 2, 4]
    assert len(seeds) == 5
    for seed, trace in enumerate(seeds):
        assert np.allclose(trace.y, paths[:, 3, 3, seed])
    good = 0
    for row, column, said in zip(cells.y.astype(int), cells.x.astype(int), cells.text, strict=True):
        end = np.mean(paths[-1, row, column])
        good += end >= 0.9
        assert int(re.sub("</?b>", "", said)) == pytest.approx(100 * end - 0.5, abs=0.51)
        assert ("<b>" in said) == (end >= 0.9)
        assert heat.z[row][column] == pytest.approx(end)
    text = explorable.text(bn=bn, activation=name, gain=gain, rate=rate)
    here = paths[-1, 3, 3].astype(float)
    assert f": {percent(here.mean(), 1)} ± {percent(here.std(ddof=1), 1)} after 300" in text
    assert " 300 steps (5 seeds). " in text
    assert f"{good} of 36 settings reach 90\u202f%" in text
