"""The explorables of notebook 06 against independent calculations: numpy, theory, torch."""

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.demos import small_batch_failure as demos
from bn_teach.experiments import small_batch_failure as experiments
from bn_teach.look import number, percent
from tests.demos import form

NAMES = (
    "estimates",
    "what_is_left",
    "groups",
    "learning_rates",
    "values_per_channel",
    "published",
    "causes",
    "remedies",
)


@pytest.fixture(scope="module")
def values():
    """Values of a unit, without the training: skewed, and with a mean that is not 0."""
    return np.random.default_rng(0).gamma(4.0, 2.0, size=1297)


@pytest.fixture(scope="module")
def samples(values):
    return experiments.resample(values)


@pytest.fixture(scope="module")
def runs():
    names = ("groups", "cnn", "rates", "remedies")
    return {name: stored.load(f"small-batch-{name}") for name in names}


@pytest.fixture(scope="module")
def explorables(values, samples, runs):
    return {
        "estimates": demos.estimates(samples),
        "what_is_left": demos.what_is_left(values),
        "groups": demos.groups(runs["groups"]),
        "learning_rates": demos.learning_rates(runs["rates"]),
        "values_per_channel": demos.values_per_channel(runs["groups"], runs["cnn"]),
        "published": demos.published(runs["groups"]),
        "causes": demos.causes(runs["remedies"]),
        "remedies": demos.remedies(runs["remedies"]),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize("name", NAMES)
def test_all_points_lie_inside_their_axes(name, explorables):
    """A point beyond the range would be drawn over something else, or not at all."""
    for state in form.states(explorables[name]):
        figure = explorables[name].figure(**state)
        for trace in figure.data:
            if trace.type == "scatter" and "markers" in trace.mode:
                for letter, points in (("x", trace.x), ("y", trace.y)):
                    axis = (getattr(trace, f"{letter}axis") or letter).replace(
                        letter, f"{letter}axis"
                    )
                    points = np.array(points, dtype=float)
                    if figure.layout[axis].type == "log":
                        points = np.log10(points)
                    low, high = figure.layout[axis].range
                    assert ((low <= points) & (points <= high)).all(), (name, state, axis)


@pytest.mark.parametrize("m", [2, 8, 256])
def test_estimates_spread_as_theory_says(m, values, samples, explorables):
    i = samples.sizes.index(m)
    theory = values.std() / np.sqrt(m) / values.std()
    means, variances, law, mean_dots, variance_dots = explorables["estimates"].figure(m=m).data
    assert sum(means.y) == pytest.approx(1)
    assert sum(variances.y) == pytest.approx(1)
    centre = np.average(means.x, weights=means.y)
    spread = np.sqrt(np.average((np.array(means.x) - centre) ** 2, weights=means.y))
    assert spread == pytest.approx(theory, abs=0.04)  # bins are 0.1 wide, the last ones open
    assert np.average(variances.x, weights=variances.y) == pytest.approx((m - 1) / m, abs=0.06)
    assert len(mean_dots.x) == len(variance_dots.x) == len(law.x) == i + 1
    assert np.allclose(np.array(law.y) ** 2 * law.x, 1)
    assert mean_dots.y == pytest.approx(law.y, rel=0.07)
    kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
    unbiased = np.sqrt((kurtosis - (m - 3) / (m - 1)) / m)
    assert variance_dots.y[-1] == pytest.approx(unbiased * (m - 1) / m, rel=0.12)
    text = explorables["estimates"].text(m=m)
    assert text.startswith(f"Batches of {m}: the mean scatters by")
    assert f"(dashed: 1/√m = {number(m**-0.5)})" in text
    average = torch.tensor(samples.variances[i]).mean() / torch.tensor(values).var(correction=0)
    assert text.endswith(f"variance is {number(float(average))} of the true one.")


@pytest.mark.parametrize("n", [2, 3, 7, 32])
def test_what_is_left_is_torchs_batch_norm_of_each_batch(n, values, explorables):
    line, dots, bars = explorables["what_is_left"].figure(n=n).data
    whole = len(values) // n * n
    order = np.random.default_rng(0).permutation(len(values))[:whole]
    batches = torch.tensor(values[order]).view(-1, n).T  # one column for each batch
    x_hat = torch.nn.functional.batch_norm(batches, None, None, training=True, eps=1e-5)
    out = x_hat.T.reshape(-1).numpy()
    assert dots.y == pytest.approx(out[:300], abs=1e-6)
    assert np.array(dots.x) * values.std() + values.mean() == pytest.approx(values[order][:300])
    assert sum(bars.x) == pytest.approx(1)
    assert list(line.x) == list(line.y)
    text = explorables["what_is_left"].text(n=n)
    r = np.corrcoef(values[order], out)[0, 1]
    assert text.endswith(f"correlate by {number(r)}.")
    assert f"the largest is {number(abs(out).max())}, and" in text
    assert abs(out).max() <= np.sqrt(n - 1)


def test_of_two_values_only_the_order_is_left(explorables):
    _, dots, bars = explorables["what_is_left"].figure(n=2).data
    first, second = np.array(dots.x).reshape(-1, 2).T
    out = np.array(dots.y).reshape(-1, 2)
    assert (np.sign(first - second) == np.sign(out[:, 0])).all()
    assert np.mean(abs(abs(out) - 1) < 0.01) > 0.95
    assert np.allclose(out.sum(axis=1), 0)
    assert sorted(bars.x)[-2] > 0.45


def named(traces, name):
    (trace,) = [trace for trace in traces if trace.name == name]
    return trace


@pytest.mark.parametrize("step", [0, 60, 300])
def test_groups_shows_every_seed_of_every_arm(step, runs, explorables):
    run = runs["groups"]
    k = run.steps.tolist().index(step)
    figure = explorables["groups"].figure(step=step)
    for part, name in (("test", "test images"), ("train", "training images")):
        trace = named(figure.data, name)
        x, y = np.reshape(trace.x, (8, 5)), np.reshape(trace.y, (8, 5))
        assert (np.round(x) == np.arange(8)[:, None]).all()
        assert len(set(trace.x)) == 40  # none hides another
        for row, arm in zip(y, run.settings["arms"], strict=True):
            expected = 100 * run.snapshots[f"{part}/{arm}"][k]
            zero = expected < 1e-4
            assert row[~zero] == pytest.approx(expected[~zero], rel=1e-5)
            assert (row[zero] == figure.layout.yaxis.tickvals[0]).all()
    assert figure.layout.yaxis.ticktext[0] == "0"
    assert figure.layout.xaxis.ticktext == ("2", "4", "8", "16", "32", "64", "LN", "none")
    eight = 100 * run.snapshots["test/8"][k].astype(float)
    text = f"{number(np.mean(eight), 1)} ± {number(np.std(eight, ddof=1), 1)}\u202f%"
    assert f"groups of 8 {text};" in explorables["groups"].text(step=step)


def test_no_error_that_was_measured_falls_below_the_axis(runs):
    every = [share.ravel() for run in runs.values() for share in run.snapshots.values()]
    every = np.concatenate(every)
    smallest = every[every > 1e-6].min()
    assert 100 * smallest > 2 * demos.NOUGHT


@pytest.mark.parametrize("rate", [0.01, 0.3, 3.0])
def test_learning_rates_go_as_far_as_the_control(rate, runs, explorables):
    run = runs["rates"]
    k = run.settings["lr"].index(rate) + 1
    data = explorables["learning_rates"].figure(rate=rate).data
    for m, trace in zip((2, 8, 64), data, strict=True):
        x = np.reshape(trace.x, (k, 5))
        assert (abs(np.log10(x) - np.log10(run.settings["lr"][:k])[:, None]) < 0.2).all()
        expected = 100 * run.snapshots[f"test/{m}"][0, :k]
        assert np.reshape(trace.y, (k, 5)) == pytest.approx(expected, rel=1e-5)
        assert trace.name == f"groups of {m}"
    means = [run.snapshots["test/2"][0, i].astype(float).mean() for i in range(k)]
    text = explorables["learning_rates"].text(rate=rate)
    assert text.endswith(f"Best so far for groups of 2: {percent(min(means), 1)}.")
    assert f"{percent(means[-1], 1)} in groups of 2" in text


@pytest.mark.parametrize(
    ("axis", "places"), [("images in a group", 1), ("fewest values per channel", 4)]
)
def test_values_per_channel_counts_images_or_values(axis, places, runs, explorables):
    figure = explorables["values_per_channel"].figure(axis=axis)
    line, dots, cnn_line, cnn_dots = figure.data
    assert figure.layout.xaxis.title.text == axis
    assert np.array_equal(line.x, [2, 4, 8, 16, 32, 64])
    assert np.array_equal(cnn_line.x, places * np.array([1, 2, 4, 8, 16, 32, 64]))
    for name, trace, around in (("groups", line, dots), ("cnn", cnn_line, cnn_dots)):
        sizes = [arm for arm in runs[name].settings["arms"] if isinstance(arm, int)]
        for i, m in enumerate(sizes):
            seeds = 100 * runs[name].snapshots[f"test/{m}"][-1].astype(float)
            assert trace.y[i] == pytest.approx(np.mean(seeds), rel=1e-5)
            assert np.reshape(around.y, (-1, 5))[i] == pytest.approx(seeds, rel=1e-5)
    assert line.line.dash != cnn_line.line.dash
    assert dots.marker.symbol != cnn_dots.marker.symbol


def test_published_figures_are_those_of_the_paper():
    """Cells in the paper's text, and what its abstract says: 10.6 points apart at 2."""
    bn, gn = experiments.PUBLISHED["BN"], experiments.PUBLISHED["GN"]
    assert experiments.VERIFIED == (2, 4)
    assert (bn[2], gn[2], bn[4], gn[4]) == (34.7, 24.1, 27.3, 24.2)
    assert bn[2] - gn[2] == pytest.approx(10.6)
    assert gn[32] - bn[32] == pytest.approx(0.5)


@pytest.mark.parametrize("m", [2, 8, 32])
def test_published_is_kept_apart_and_marked_where_it_is_not_verified(m, runs, explorables):
    figure = explorables["published"].figure(m=m)
    _, ours, _, bn, gn = figure.data
    reached = [size for size in (2, 4, 8, 16, 32) if size >= m]
    means = [100 * runs["groups"].snapshots[f"test/{size}"][-1].mean() for size in reached]
    assert ours.y == pytest.approx(means, rel=1e-5)
    for trace, name in ((bn, "BN"), (gn, "GN")):
        assert list(trace.y) == [experiments.PUBLISHED[name][size] for size in reached]
        assert trace.xaxis == "x2"
        hollow = ["open" in symbol for symbol in trace.marker.symbol]
        assert hollow == [size not in (2, 4) for size in reached]
    assert "published" in figure.layout.annotations[1].text
    text = explorables["published"].text(m=m)
    assert "Published by Wu and He (2018)" in text
    assert ("secondary sources" in text) == (m > 4)


@pytest.mark.parametrize("m", [2, 4, 8])
@pytest.mark.parametrize("name", ["causes", "remedies"])
def test_causes_and_remedies_show_every_seed(name, m, runs, explorables):
    run = runs["remedies"]
    rows = {
        "causes": ["running", "precise", "own"],
        "remedies": ["running", "precise", "frozen", "renorm", "group", "layer", "none"],
    }[name]
    figure = explorables[name].figure(m=m)
    heights = figure.layout.yaxis.tickvals
    assert list(heights) == sorted(heights, reverse=True)  # the first stands on top
    for part, called in (("test", "test images"), ("train", "training images")):
        trace = named(figure.data, called)
        x, y = np.reshape(trace.x, (-1, 5)), np.reshape(trace.y, (-1, 5))
        assert (np.round(y) == np.array(heights)[:, None]).all()
        for row, drawn in zip(rows, x, strict=True):
            key = row if row in ("group", "layer", "none") else f"{row}/{m}"
            expected = 100 * run.snapshots[f"{part}/{key}"][-1]
            assert drawn == pytest.approx(np.maximum(expected, demos.NOUGHT), rel=1e-5)
    running = 100 * run.snapshots[f"test/running/{m}"][0].astype(float)
    assert (
        explorables[name]
        .text(m=m)
        .startswith(
            f"Groups of {m}, test: running statistics {number(running.mean(), 1)} ± "
            f"{number(running.std(ddof=1), 1)}\u202f%; precise statistics "
        )
    )
