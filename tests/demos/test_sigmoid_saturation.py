"""The explorables of notebook 03 against independent calculations: theory, torch, numpy."""

import math
import re

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.demos import sigmoid_saturation as demos
from bn_teach.experiments import sigmoid_saturation as experiments
from bn_teach.look import number, percent
from tests.demos import form

NAMES = ("curve", "depth", "four", "straight", "price")


@pytest.fixture(scope="module")
def probes():
    return experiments.probe()


@pytest.fixture(scope="module")
def runs():
    return experiments.four_networks(steps=40, progress=False)


@pytest.fixture(scope="module")
def found():
    return experiments.straightness(seeds=(0, 1), layers=4)


@pytest.fixture(scope="module")
def run():
    return stored.load("fixed-scale")


@pytest.fixture(scope="module")
def explorables(probes, runs, found, run):
    return {
        "curve": demos.curve(),
        "depth": demos.depth(probes),
        "four": demos.four(runs),
        "straight": demos.straight(found),
        "price": demos.price(run),
    }


@pytest.fixture(scope="module")
def whole_stack():
    """As the notebook shows it: its stills go down to layer 8."""
    return demos.straight(experiments.straightness(seeds=(0,), layers=8))


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


def normal_below(z):
    """The normal distribution's share below z."""
    return (1 + math.erf(z / math.sqrt(2))) / 2


@pytest.mark.parametrize(
    ("mean", "spread"), [(0, 1), (4, 1), (0, 4), (-2.5, 2), (6, 0.25), (0, 0.25)]
)
def test_curve_is_the_theory_of_normal_inputs(mean, spread, explorables):
    limit = math.log(0.95 / 0.05)
    flat = 1 - normal_below((limit - mean) / spread) + normal_below((-limit - mean) / spread)
    # The mean derivative: an integral over the density, by torch's own derivative.
    z = torch.linspace(mean - 8 * spread, mean + 8 * spread, 4001, dtype=torch.float64)
    density = torch.exp(-(((z - mean) / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))
    z.requires_grad_()
    torch.sigmoid(z).sum().backward()
    slope = torch.trapezoid(density * z.grad, z.detach()).item()

    explorable = explorables["curve"]
    text = explorable.text(mean=mean, spread=spread)
    said = [float(n.replace("−", "-")) for n in re.findall(r"[−\d]+\.?\d*", text)]
    # "Inputs with mean .. and spread ..: .. % saturate. The mean derivative is .., .. % of ..."
    assert said[:2] == [mean, spread]
    assert said[2] == pytest.approx(100 * flat, abs=0.6)
    assert said[3] == pytest.approx(slope, abs=0.001)
    assert said[4] == pytest.approx(100 * slope / 0.25, abs=0.6)

    sigmoid, derivative, below, beside = explorable.figure(mean=mean, spread=spread).data
    at = torch.tensor(sigmoid.x, dtype=torch.float64, requires_grad=True)
    out = torch.sigmoid(at)
    out.sum().backward()
    assert np.allclose(sigmoid.y, out.detach())
    assert np.allclose(derivative.y, at.grad)
    assert max(derivative.y) == 0.25
    assert sum(beside.x) == pytest.approx(1)
    inside = normal_below((10 - mean) / spread) - normal_below((-10 - mean) / spread)
    assert sum(below.y) == pytest.approx(inside, abs=0.002)
    left = np.array(below.x) < 0
    assert np.array(below.y)[left].sum() == pytest.approx(
        normal_below(-mean / spread) - normal_below((-10 - mean) / spread), abs=0.002
    )


def test_curve_shades_where_the_sigmoid_is_below_5_or_above_95_percent(explorables):
    zones = explorables["curve"].figure().layout.shapes
    (left, right), (bottom, top) = zones[:2], zones[2:]
    assert 1 / (1 + np.exp(-left.x1)) == pytest.approx(0.05)
    assert 1 / (1 + np.exp(-right.x0)) == pytest.approx(0.95)
    assert (bottom.y1, top.y0) == pytest.approx((0.05, 0.95))


@pytest.mark.parametrize(
    ("activation", "depth", "gain", "bn"),
    [("sigmoid", 8, 1, False), ("ReLU", 8, 1, True), ("tanh", 4, 8, True), ("sigmoid", 2, 4, True)],
)
def test_depth_shows_gradients_and_saturation_of_the_layers(
    activation, depth, gain, bn, probes, explorables
):
    values = {"activation": activation, "depth": depth, "gain": gain, "bn": bn}
    figure = explorables["depth"].figure(**values)
    arms = ("off", "on") if bn else ("off",)
    assert len(figure.data) == 2 * len(arms)
    low, high = figure.layout.yaxis.range
    for arm, line, bars in zip(arms, figure.data[::2], figure.data[1::2], strict=True):
        found = probes[activation, arm]
        i, j = experiments.DEPTHS.index(depth), experiments.GAINS.index(gain)
        seeds = found.gradient[i, j, :, :depth]
        assert np.allclose(line.y[:depth], seeds.prod(axis=0) ** (1 / 3))
        assert np.isnan(np.array(line.y[depth:], float)).all()
        assert np.allclose(bars.y[:depth], found.saturated[i, j, :, :depth].mean(axis=0))
        assert (low < np.log10(line.y[:depth])).all() and (np.log10(line.y[:depth]) < high).all()
    assert len({line.line.dash for line in figure.data[::2]}) == len(arms)
    assert len({bars.marker.pattern.shape for bars in figure.data[1::2]}) == len(arms)


def test_depth_says_the_ratio_and_the_share(probes, explorables):
    explorable = explorables["depth"]
    text = explorable.text(activation="ReLU", depth=8, gain=1, bn=True)
    ratios = [float(n) for n in re.findall(r"as (\d\.\d) : 1", text)]
    for arm, ratio in zip(("off", "on"), ratios, strict=True):
        norms = probes["ReLU", arm].gradient[-1, experiments.GAINS.index(1)]
        expected = np.exp(np.log(norms[:, 0] / norms[:, -1]).mean())
        assert ratio == pytest.approx(expected, abs=0.06)
    assert explorable.text(activation="sigmoid", depth=8, gain=1, bn=False).endswith(
        f"saturated: {percent(0)}."
    )


@pytest.mark.parametrize(
    ("activation", "words"), [("ReLU", "z ≤ 0"), ("tanh", "saturated"), ("sigmoid", "saturated")]
)
def test_depth_says_what_counts_as_saturated(activation, words, explorables):
    values = {"activation": activation, "depth": 4, "gain": 2, "bn": True}
    assert explorables["depth"].text(**values).count(words) == 2
    note = explorables["depth"].figure(**values).layout.annotations[1]
    assert note.text.startswith(f"{words}<br>")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1 / 28_771, "1 : 29\u202f000"),
        (0.5, "1 : 2.0"),
        (2.36, "2.4 : 1"),
        (95.7, "96 : 1"),
        (4e-7, "1 : 2\u202f500\u202f000"),
    ],
)
def test_a_proportion_has_two_digits_that_count(ratio, words):
    assert demos._proportion(ratio) == words


@pytest.mark.parametrize("step", [0, 20, 40])
def test_four_shows_saturation_and_accuracy_of_each_network(step, runs, explorables):
    data = explorables["four"].figure(step=step).data
    k = step // 10
    for (name, run), trail, seeds, mean in zip(
        runs.items(), data[::3], data[1::3], data[2::3], strict=True
    ):
        flat, right = run.snapshots["saturated"], run.snapshots["accuracy"]
        assert len(trail.x) == len(trail.y) == k + 1
        assert np.allclose(seeds.x, flat[k]) and np.allclose(seeds.y, right[k])
        assert mean.x[0] == pytest.approx(flat[k].sum() / 3)
        assert mean.y[0] == trail.y[-1] == pytest.approx(right[k].sum() / 3)
        assert mean.name == name and mean.showlegend
        share, score = percent(flat[k].sum() / 3), percent(float(right[k].sum()) / 3)
        assert f"{name}: {share} and {score}" in explorables["four"].text(step=step)
    assert len({trace.marker.symbol for trace in data[2::3]}) == 4
    assert len({trace.line.dash for trace in data[::3]}) == 4


@pytest.mark.parametrize(("spread", "layers"), [(1, 1), (1, 4), (4, 2), (0.25, 3)])
def test_straight_shows_the_test_images_and_r2(spread, layers, found, explorables):
    i = experiments.SPREADS.index(spread)
    images, diagonal, path, here = explorables["straight"].figure(spread=spread, layers=layers).data
    assert np.allclose(images.x, found.line[i, layers - 1], atol=1e-4)
    assert np.allclose(images.y, found.output[i, layers - 1], atol=1e-4)
    assert list(diagonal.x) == list(diagonal.y)
    r2 = (found.r2[i, 0] + found.r2[i, 1]) / 2
    assert np.allclose(path.y[:layers], r2[:layers])
    assert np.isnan(np.array(path.y[layers:], float)).all()
    assert (here.x[0], here.y[0]) == (layers, pytest.approx(r2[layers - 1]))
    text = explorables["straight"].text(spread=spread, layers=layers)
    assert f"(R² = {number(r2[layers - 1], 3)}, mean of 2 seeds)" in text


def test_straight_hides_next_to_no_image(whole_stack):
    for values in form.states(whole_stack):
        figure = whole_stack.figure(**values)
        low, high = figure.layout.xaxis.range
        assert figure.layout.yaxis.range == (low, high)
        for axis in (figure.data[0].x, figure.data[0].y):
            assert ((np.array(axis) < low) | (np.array(axis) > high)).sum() <= 3


@pytest.mark.parametrize("data", ["digits", "jittered digits"])
@pytest.mark.parametrize(("hidden", "scale"), [(1, 0.25), (1, 1), (3, 4), (3, "learnt")])
def test_price_shows_each_arm_at_its_best_learning_rate(data, hidden, scale, run, explorables):
    shown = experiments.SCALES[: experiments.SCALES.index(scale) + 1]
    points = []
    for each in shown:
        arm = {
            key: run.snapshots[f"{data}/{hidden}/{each}/{key}"][-1].astype(float)
            for key in ("loss", "accuracy", "r2")
        }
        k = min(range(3), key=lambda k: arm["loss"][k].sum())
        points.append([arm["r2"][k].sum() / 5, arm["accuracy"][k].sum() / 5])
    explorable = explorables["price"]
    figure = explorable.figure(data=data, hidden=hidden, scale=scale)
    level, *panels = figure.data
    for (line, seeds, means), column, axis in zip(
        (panels[:3], panels[3:]), (1, 0), ("yaxis", "yaxis2"), strict=True
    ):
        assert np.allclose(means.y, np.array(points)[:, column])
        assert list(means.x) == list(range(len(shown)))
        assert np.allclose(np.reshape(seeds.y, (-1, 5)).mean(axis=1), means.y)
        assert list(line.y) == list(means.y)[: sum(each != "learnt" for each in shown)]
        low, high = figure.layout[axis].range
        assert low < min(seeds.y) and max(seeds.y) < high
    assert figure.layout.xaxis.ticktext == ("¼", "½", "1", "2", "4", "<br>learnt")
    spread = np.std(panels[1].y[-5:], ddof=1)
    text = explorable.text(data=data, hidden=hidden, scale=scale)
    assert f"accuracy {percent(points[-1][1], 1)} ± {number(100 * spread, 1)} over 5 seeds" in text
    assert f"image gets {percent(points[-1][0], 1)} of the variance" in text
    assert f"a linear classifier gets {percent(level.y[0], 1)} ±" in text
    loss = run.snapshots[f"{data}/linear/loss"][-1].mean(axis=1)
    best = run.snapshots[f"{data}/linear/accuracy"][-1, int(np.argmin(loss))]
    assert level.y[0] == pytest.approx(best.mean())
