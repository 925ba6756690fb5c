"""The explorables of notebook 02 against independent calculations: torch, numpy, theory."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bn_teach.demos import whitening as demos
from bn_teach.experiments import whitening as experiments
from bn_teach.look import number, percent
from bn_teach.train import Run
from tests.demos import form


@pytest.fixture(scope="module")
def samples():
    return experiments.samples()


@pytest.fixture(scope="module")
def clouds():
    return experiments.clouds()


@pytest.fixture(scope="module")
def batches():
    return experiments.small_batches()


@pytest.fixture(scope="module")
def maps():
    return experiments.feature_maps(progress=False)[2:5]


@pytest.fixture(scope="module")
def race():
    return experiments.outside_the_gradient()


def timed(features, factor):
    """Times as a clock might have given them: each method and each k with its own."""
    snapshots = {
        name: factor * (i + 1) * np.array(features, dtype=float) ** (1 + i / 2) / 100
        for i, name in enumerate(experiments.COST_METHODS)
    }
    return Run({"machine": "an abacus"}, steps=np.array(features), snapshots=snapshots)


STORED, HERE = timed([8, 16, 32, 64, 128, 256], 1.0), timed([8, 16, 32], 1.5)


@pytest.fixture(scope="module")
def explorables(samples, clouds, batches, maps, race):
    return {
        "standardise": demos.standardise(samples),
        "whiten": demos.whiten(clouds),
        "too_few": demos.too_few(batches),
        "cost": demos.cost(STORED, HERE),
        "whose_mean": demos.whose_mean(maps),
        "runaway": demos.runaway(race),
    }


NAMES = ("standardise", "whiten", "too_few", "cost", "whose_mean", "runaway")


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize(
    ("mean", "spread", "sample"), [(0, 1, "skewed"), (-4, 0.5, "a pixel"), (3.5, 2, "bell")]
)
def test_standardise_shows_torchs_batch_norm_of_the_input(
    mean, spread, sample, samples, explorables
):
    x = torch.tensor(mean + spread * samples[sample])
    x_hat = F.batch_norm(x[:, None], None, None, training=True, eps=1e-15)[:, 0]
    inside = float((x_hat.abs() < 1).double().mean())
    explorable = explorables["standardise"]
    assert explorable.text(mean=mean, spread=spread, sample=sample).startswith(
        f"The input has mean {number(mean)} and spread {number(spread)}, the output 0.00 and "
        f"1.00. {percent(inside)} of"
    )
    figure = explorable.figure(mean=mean, spread=spread, sample=sample)
    for bars, values in zip(figure.data[:2], (x, x_hat), strict=True):
        assert sum(bars.y) == pytest.approx(1, abs=0.003)  # the longest tail leaves the picture
        assert np.average(bars.x, weights=bars.y) == pytest.approx(float(values.mean()), abs=0.15)
        assert max(bars.y) < figure.layout.yaxis.range[1]
    for note in figure.layout.annotations[1:]:
        assert note.text.endswith(f"in the band {percent(inside)}")
    edges = [(band.x0, band.x1) for band in figure.layout.shapes]
    assert np.allclose(edges, [(mean - spread, mean + spread), (-1, 1)])


def test_standardise_gives_the_same_output_wherever_the_input_goes(explorables):
    explorable = explorables["standardise"]
    for sample in ("bell", "skewed"):
        outputs = [
            explorable.figure(mean=mean, spread=spread, sample=sample).data[1].y
            for mean in (-4, 0.5, 4)
            for spread in (0.5, 2)
        ]
        assert np.ptp(outputs, axis=0).max() < 1e-9


def test_standardise_compares_with_the_bell_of_the_same_area(explorables):
    bell = explorables["standardise"].figure().data[2]
    assert np.trapezoid(bell.y, bell.x) == pytest.approx(0.5, rel=1e-3)  # the width of a bar


@pytest.mark.parametrize("correlation", [-0.95, 0, 0.8])
@pytest.mark.parametrize("method", ["standardised", "PCA", "ZCA", "Cholesky"])
def test_whiten_shows_the_cloud_before_and_after(correlation, method, explorables):
    explorable = explorables["whiten"]
    figure = explorable.figure(correlation=correlation, method=method)
    raw_dots, raw_ring, dots, ring, *marks = figure.data
    raw, after = (np.stack([each.x, each.y]) for each in (raw_dots, dots))
    left = correlation if method == "standardised" else 0
    assert np.corrcoef(raw)[0, 1] == pytest.approx(correlation)
    assert np.cov(after, bias=True) == pytest.approx(np.array([[1, left], [left, 1]]))
    # One linear map takes every point to its place.
    w, *_ = np.linalg.lstsq(raw.T, after.T)
    assert np.allclose(raw.T @ w, after.T)
    if method == "ZCA":
        assert np.allclose(w, w.T)
    if method == "Cholesky":
        assert abs(w[1, 0]) < 1e-9  # feature 1 comes from feature 1 alone
    for outline, points in ((raw_ring, raw), (ring, after)):
        on = np.stack([outline.x, outline.y])
        squared = np.einsum("in,ij,jn->n", on, np.linalg.inv(np.cov(points, bias=True)), on)
        assert np.allclose(squared, 4)  # twice the standard deviation in every direction
    assert raw_ring.line.dash != ring.line.dash or method == "standardised"

    moved = np.sqrt(np.mean(np.sum((after - raw) ** 2, axis=0)))
    text = explorable.text(correlation=correlation, method=method)
    assert f"was {number(correlation)} and is {number(left)};" in text
    assert f"The points moved by {number(moved)} " in text
    said = figure.layout.annotations[0].text
    assert said == f"correlation <b>{number(correlation)} → {number(left)}</b>"

    for way, start, end in zip(marks[0::3], marks[1::3], marks[2::3], strict=True):
        place = np.abs(raw.T - [start.x[0], start.y[0]]).sum(axis=1).argmin()
        assert np.allclose(raw[:, place], [start.x[0], start.y[0]])
        assert np.allclose(after[:, place], [end.x[0], end.y[0]])
        assert np.allclose([way.x, way.y], np.stack([raw[:, place], after[:, place]], axis=1))
    assert len({mark.marker.symbol for mark in marks[2::3]}) == 4


@pytest.mark.parametrize(("size", "eps"), [(1024, "0.00001"), (32, "0.00001"), (16, "0.1")])
def test_too_few_shows_rank_spectrum_and_size(size, eps, batches, explorables):
    explorable = explorables["too_few"]
    x, _ = experiments.varying_pixels()
    first = x.numpy()[np.random.default_rng(0).permutation(len(x))[:size]]
    rank = np.linalg.matrix_rank(first - first.mean(axis=0))
    figure = explorable.figure(size=size, eps=eps)
    truth, batch, _, curve, dots, zca_curve, zca_dots = figure.data
    shown = np.array(batch.y)
    values = np.linalg.svd(first - first.mean(axis=0), compute_uv=False) ** 2 / size
    assert np.isfinite(shown).sum() == rank
    assert np.allclose(shown[:rank], values[:rank])
    assert sum(truth.y) == pytest.approx(float(x.var(0, correction=0).sum()))
    assert figure.layout.annotations[0].text == f"rank <b>{rank}</b> of 47"

    m, e = batches.sizes.tolist().index(size), ["0.00001", "0.001", "0.1"].index(eps)
    for name, line, points in (
        ("standardised", curve, dots),
        ("ZCA", zca_curve, zca_dots),
    ):
        assert np.allclose(points.y, batches.rms[name][m, e])
        assert set(points.x) == {size}
        assert line.y[m] == pytest.approx(np.mean(points.y))
        assert np.isnan(line.y[:m]).all() and np.isfinite(line.y[m:]).all()
    rms = [number(batches.rms[name][m, e].mean(), 1) for name in ("ZCA", "standardised")]
    assert f"rms of {rms[0]} after ZCA and of {rms[1]} after standardising" in explorable.text(
        size=size, eps=eps
    )


@pytest.mark.parametrize("k", [8, 64, 256])
def test_cost_shows_times_up_to_k_and_says_the_ratio(k, explorables):
    explorable = explorables["cost"]
    _, *traces = explorable.figure(k=k).data
    for name, curve, rings in zip(
        experiments.COST_METHODS, traces[0::2], traces[1::2], strict=True
    ):
        for trace, run in ((curve, STORED), (rings, HERE)):
            reached = run.steps <= k
            assert np.allclose(np.array(trace.y)[reached], run.snapshots[name][reached])
            assert np.isnan(np.array(trace.y)[~reached]).all()
        assert curve.name == name
        assert rings.marker.symbol == f"{curve.marker.symbol}-open"
    assert len({curve.line.dash for curve in traces[0::2]}) == 3
    # (3 k^2 / 100) / (k / 100)
    assert f"ms, {number(3 * k, 1)} times as long" in explorable.text(k=k)
    assert "(an abacus)" in explorable.text(k=k)
    assert f"<b>{number(3 * k, 1)} ×</b>" in explorable.figure(k=k).layout.annotations[0].text


SHAPES = {
    "batch norm": ((0, 2, 3), "(4,)"),
    "layer norm": ((1, 2, 3), "(3,)"),
    "instance norm": ((2, 3), "(3, 4)"),
}


@pytest.mark.parametrize("norm", SHAPES)
@pytest.mark.parametrize(("sample", "channel"), [(1, 4), (3, 2)])
def test_whose_mean_lights_the_values_of_the_mean(norm, sample, channel, maps, explorables):
    dims, shape = SHAPES[norm]
    x = torch.tensor(maps).double()
    mu = x.mean(dims, keepdim=True)
    assert tuple(x.mean(dims).shape) == eval(shape)
    mean = float(mu.expand(x.shape)[sample - 1, channel - 1, 0, 0])
    explorable = explorables["whose_mean"]
    values = {"norm": norm, "sample": sample, "channel": channel}
    assert f"μ has shape {shape}." in explorable.text(**values)
    assert f"its mean, {number(mean)}, with the {x.numel() // mu.numel()} " in explorable.text(
        **values
    )
    pale, lit, _ = explorable.figure(**values).data
    shown = np.array(lit.z, dtype=float)
    assert np.isfinite(shown).sum() == x.numel() // mu.numel()
    assert np.nanmean(shown) == pytest.approx(mean)
    assert np.isfinite(np.array(pale.z, dtype=float)).sum() == x.numel()


def test_whose_mean_puts_each_map_in_its_own_tile(maps, explorables):
    figure = explorables["whose_mean"].figure(norm="group norm", sample=3, channel=2)
    pale = np.array(figure.data[0].z, dtype=float)
    for i in range(3):
        for j in range(4):
            assert np.allclose(pale[9 * i : 9 * i + 8, 9 * j : 9 * j + 8], maps[i, j])
    frames = sorted((frame.x0, frame.x1, frame.y0, frame.y1) for frame in figure.layout.shapes)
    assert frames == [(-0.5, 7.5, 17.5, 25.5), (8.5, 16.5, 17.5, 25.5)]  # channels 1 and 2
    cell = figure.data[2]
    assert (cell.x[0], cell.y[0]) == (9 + 4, 18 + 4)
    assert "μ has shape (3, 2)." in explorables["whose_mean"].text(norm="group norm")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # sample 1 on top


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (50, 0.02), (200, 0.1)])
def test_runaway_shows_a_bias_that_grows_in_a_straight_line(step, rate, race, explorables):
    explorable = explorables["runaway"]
    at = race.rates.tolist().index(rate)
    end = race.bias["outside"][at, 1] * step  # each step is as long as the first
    assert explorable.text(step=step, rate=rate).startswith(
        f"After {step} steps b is {number(end)} with the mean outside the gradient and 0.00 "
    )
    data = explorable.figure(step=step, rate=rate).data
    inside, outside = data[0], data[4]
    for line, slope in ((inside, 0), (outside, race.bias["outside"][at, 1])):
        y = np.array(line.y)
        assert np.allclose(y[: step + 1], slope * np.arange(step + 1))
        assert np.isnan(y[step + 1 :]).all()
    assert inside.line.dash != outside.line.dash
    assert np.allclose(np.array(data[2].y)[: step + 1], race.loss["outside"][0, 0])
    assert np.allclose(np.array(data[6].y)[: step + 1], race.loss["outside"][0, 0])
    assert data[5].y[0] == pytest.approx(end)
