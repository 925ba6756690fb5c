"""The explorables of notebook 07 against independent calculations."""

import re

import numpy as np
import pytest
import torch

from bn_teach.batchnorm import BatchNorm2d
from bn_teach.datasets import load_digits
from bn_teach.demos import from_scratch as demos
from bn_teach.experiments import from_scratch as experiments
from bn_teach.look import number, percent
from tests.demos import form

NAMES = ("bugs", "one_pass", "eps", "side_by_side")


@pytest.fixture(scope="module")
def costs():
    return experiments.bug_costs()


@pytest.fixture(scope="module")
def passes():
    return experiments.one_pass()


@pytest.fixture(scope="module")
def runs():
    return experiments.side_by_side(BatchNorm2d, steps=20, progress=False)


@pytest.fixture(scope="module")
def explorables(costs, passes, runs):
    return {
        "bugs": demos.bugs(costs),
        "one_pass": demos.one_pass(passes),
        "eps": demos.eps(experiments.eps_and_root()),
        "side_by_side": demos.side_by_side(runs, "your"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize(("size", "said"), [(2, "29"), (8, "6.5"), (32, "1.6")])
def test_n_minus_1_shrinks_the_outputs_by_the_root_of_n_minus_1_over_n(size, said, explorables):
    explorable, bug = explorables["bugs"], "n − 1 in training"
    _, points, *_ = explorable.figure(bug=bug, size=size).data
    slope = np.polyfit(points.x, points.y, 1)[0]
    assert slope == pytest.approx(np.sqrt((size - 1) / size), abs=4e-3)
    text = explorable.text(bug=bug, size=size)
    assert f"off by {said}\u202f%" in text
    assert f"slope {number(slope)} and height" in text


def test_lost_statistics_give_the_line_of_the_running_ones(costs, explorables):
    text = explorables["bugs"].text(bug="statistics not saved", size=2)
    right, wrong = (pair["statistics not saved"][0] for pair in (costs.right, costs.wrong))
    slope = (wrong[1] - wrong[0]) / (right[1] - right[0])  # both are lines of the same input
    said = re.search(r"slope (\S+) and height (\S+) at", text)
    assert float(said[1]) == pytest.approx(slope, abs=0.006)
    assert float(said[2].replace("−", "-")) == pytest.approx(wrong[0] - slope * right[0], abs=0.006)


@pytest.mark.parametrize("size", [2, 16, 128])
@pytest.mark.parametrize("bug", ["momentum reversed", "statistics not saved"])
def test_bugs_in_evaluation_against_torchs_own_layers(bug, size, explorables):
    digits = load_digits()
    generator = torch.Generator().manual_seed(0)
    weight = torch.empty(50, 64).normal_(0, 2**0.5 / 8, generator=generator)
    seen, new = (
        (torch.tensor(images).flatten(1) @ weight.T).double()
        for images in (digits.train_images, digits.test_images[:128])
    )
    right, wrong = (
        torch.nn.BatchNorm1d(50).double(),
        torch.nn.BatchNorm1d(50, momentum=0.9).double(),
    )
    rng, order = np.random.default_rng(0), []
    while len(order) < 200:
        shuffled = rng.permutation(len(seen))
        order += [shuffled[i : i + size] for i in range(0, len(seen) - size + 1, size)]
    for index in order[:200]:
        right(seen[index]), wrong(seen[index])
    if bug == "statistics not saved":
        wrong.reset_running_stats()
    y, bad = (layer.eval()(new).detach().numpy() for layer in (right, wrong))
    figure = explorables["bugs"].figure(bug=bug, size=size)
    assert np.allclose(figure.data[1].x, y[:, 0], atol=1e-4)
    assert np.allclose(figure.data[1].y, np.clip(bad[:, 0], -4, 4), atol=1e-4)
    share = ((bad - y) ** 2).sum() ** 0.5 / (y**2).sum() ** 0.5
    assert figure.data[-1].y[0] == pytest.approx(share, rel=1e-3)
    digits_shown = 0 if share > 0.1 else 1
    assert percent(share, digits_shown) in explorables["bugs"].text(bug=bug, size=size)


def test_the_error_of_the_chosen_bug_is_the_only_line_beside_the_outputs(costs, explorables):
    data = explorables["bugs"].figure(bug="momentum reversed").data
    (line,) = [trace for trace in data if trace.xaxis == "x2" and trace.mode == "lines"]
    assert np.allclose(line.y, costs.error["momentum reversed"])


@pytest.mark.parametrize("k", [0, 10, 16, 20])
def test_one_pass_shows_what_numpy_gets_in_float32(k, passes, explorables):
    mean = 10 ** (k / 4)
    stop = min(explorables["one_pass"]._controls[0]["stops"], key=lambda s: abs(s - mean))
    x = (np.random.default_rng(0).standard_normal((256, 32)) + mean).astype(np.float32)[:, 0]
    exact = x.astype(float)
    figure, text = (
        get(mean=stop)
        for get in (
            explorables["one_pass"].figure,
            explorables["one_pass"].text,
        )
    )
    twice, once = figure.data[1:3]
    assert np.allclose(twice.x, (exact - exact.mean()) / np.sqrt(exact.var() + 1e-5), atol=1e-5)
    assert np.allclose(twice.y, twice.x, atol=0.02)
    assert f"right is {number(exact.var(), 3)}." in text
    assert once.marker.symbol != twice.marker.symbol
    shown = [t for t in figure.data if t.xaxis == "x2" and t.mode == "lines"]
    assert [np.isfinite(line.y).sum() for line in shown] == [k + 1] * 3
    said = text.split("channel a variance of ")[1].split(",")[0]
    value = float(said.replace("−", "-"))
    # One rounding of E[x²] more or less, by another order of the sum, is 1 spacing.
    naive = float(np.mean(x * x, dtype=np.float32) - np.mean(x, dtype=np.float32) ** 2)
    assert abs(value - naive) <= 8 * passes.spacing[k] + 0.001
    no_root = "no root" in figure.layout.annotations[0].text
    assert no_root == (value < -1e-5) == np.isnan(np.array(once.y, dtype=float)).any()


@pytest.mark.parametrize(("variance", "eps"), [(1, 1e-5), (1e-5, 1e-5), (1e-12, 1e-8), (100, 0.1)])
def test_eps_shows_both_formulas(variance, eps, explorables):
    figure = explorables["eps"].figure(variance=variance, eps=eps)
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    inside, outside = 1 / np.sqrt(variance + eps), 1 / (np.sqrt(variance) + eps)
    sigma = np.sqrt(variance)
    truth = [inside, inside * sigma, outside, outside * sigma]
    assert [dot.y[0] for dot in dots] == pytest.approx(truth, rel=1e-4)
    assert [dot.x[0] for dot in dots] == pytest.approx([variance] * 4)
    assert dots[0].marker.symbol != dots[2].marker.symbol
    text = explorables["eps"].text(variance=variance, eps=eps)
    said = [float(words) for words in re.findall(r"spread (?:of the output )?(\d[\d.]*),", text)]
    for place, value in zip(("inside", "outside"), (inside, outside), strict=True):
        assert float(f"{value * sigma:.3g}") in said, place


@pytest.mark.parametrize("variance", [1e-12, 1])
def test_eps_of_a_dead_channel(variance, explorables):
    text = explorables["eps"].text(variance=variance, dead=True)
    assert text.startswith("The channel is dead")
    assert "Inside the root: factor 316, spread of the output 0, gradient" in text
    assert "up to 277. Outside: factor 1.0·10⁵" in text
    assert text.endswith("gradient NaN.")


@pytest.mark.parametrize("arm", ["float32", "float64", "n − 1"])
@pytest.mark.parametrize("step", [5, 20])
def test_side_by_side_shows_both_losses_and_their_largest_difference(arm, step, runs, explorables):
    mine, torchs = (run.curves["loss"].astype(float) for run in runs[arm])
    figure = explorables["side_by_side"].figure(arm=arm, step=step)
    thick, thin, *rest = figure.data
    assert np.allclose(thick.y[:step], torchs[:step], atol=1e-6)
    assert np.allclose(thin.y[:step], mine[:step], atol=1e-6)
    assert np.isnan(thick.y[step:]).all() and np.isnan(thin.y[step:]).all()
    assert thick.line.dash != thin.line.dash
    lines = [trace for trace in rest if trace.mode == "lines"]
    chosen = max(lines, key=lambda line: line.line.width)
    apart = max(abs(a - b) for a, b in zip(mine[:step], torchs[:step], strict=True))
    assert chosen.y[step - 1] == pytest.approx(apart, rel=1e-3)
    assert len({line.line.dash for line in lines}) == 3
    text = explorables["side_by_side"].text(arm=arm, step=step)
    assert f"over {step} steps" in text
    assert percent(runs[arm][0].settings["test_accuracy"], 1) in text


def test_side_by_side_says_whose_layer_it_is(explorables):
    assert explorables["side_by_side"].text().startswith("Your layer, float32: ")
    key = explorables["side_by_side"].figure().layout.annotations[0].text
    assert "yours" in key and "torch.nn" in key
    bug = explorables["side_by_side"].text(arm="n − 1")
    assert bug.startswith("With n − 1, float64: ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1"),
        (0.25, "0.25"),
        (316.2, "316"),
        (8.1, "8.1"),
        (100, "100"),
        (749.9, "750"),
        (999.99, "1000"),
        (8191, "8191"),
        (0.00195, "0.00195"),
        (0.0082, "0.0082"),
        (99999.5, "1.0·10⁵"),
        (2.4e-7, "2.4·10⁻⁷"),
        (1e5, "1.0·10⁵"),
        (np.nan, "NaN"),
    ],
)
def test_numbers_of_any_size_are_short(value, text):
    assert demos._short(value) == text
