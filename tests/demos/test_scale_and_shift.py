"""The explorables of notebook 04 against independent calculations: torch, numpy, autograd."""

import numpy as np
import pytest
import torch

from bn_teach.demos import scale_and_shift as demos
from bn_teach.experiments import scale_and_shift as experiments
from bn_teach.look import number, percent
from tests.demos import form


@pytest.fixture(scope="module")
def net():
    return experiments.digits_net(progress=False)


@pytest.fixture(scope="module")
def arms():
    return experiments.xor_arms(progress=False)


@pytest.fixture(scope="module")
def run():
    return experiments.identity(progress=False)


@pytest.fixture(scope="module")
def explorables(net, arms, run):
    return {
        "gamma_and_beta": demos.gamma_and_beta(net),
        "learnt": demos.learnt(net),
        "identity": demos.identity(run),
        "four_numbers": demos.four_numbers(),
        "gradient": demos.gradient(net),
        "xor": demos.xor(arms),
    }


NAMES = ("gamma_and_beta", "learnt", "identity", "four_numbers", "gradient", "xor")


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize(("gamma", "beta"), [(1, 0), (0.3, -1), (4, 0), (2.5, 1.75)])
def test_gamma_and_beta_shows_the_sigmoid_of_the_layers_own_values(gamma, beta, net, explorables):
    layer = net.layers[-1]
    channel = int(np.argmax(layer.gamma[-1]))
    x = torch.tensor(layer.inputs[-1]).double()
    x_hat = torch.nn.functional.batch_norm(x, None, None, training=True, eps=layer.eps)[:, channel]
    z = gamma * x_hat + beta
    out = torch.sigmoid(z)
    saturated = ((out < 0.05) | (out > 0.95)).double().mean()
    r = torch.corrcoef(torch.stack([z, out]))[0, 1]

    explorable = explorables["gamma_and_beta"]
    text = explorable.text(gamma=gamma, beta=beta)
    assert f"{percent(float(saturated))} of this channel's 256 values saturate" in text
    assert text.endswith(f"R² = {number(float(r**2), 3)}.")

    sigmoid, line, below, beside = explorable.figure(gamma=gamma, beta=beta).data
    assert np.allclose(sigmoid.y, torch.sigmoid(torch.tensor(sigmoid.x)))
    assert sum(beside.x) == pytest.approx(1)
    assert sum(below.y) == pytest.approx(float((z.abs() <= 10).double().mean()))
    half = torch.tensor(beside.y) > 0.5
    assert np.array(beside.x)[half].sum() == pytest.approx(float((out > 0.5).double().mean()))
    slope, offset = np.polyfit(z.numpy(), out.numpy(), 1)
    assert np.allclose(line.y, slope * np.array(line.x) + offset, atol=1e-5)


def test_gamma_and_beta_shades_where_the_sigmoid_is_below_5_or_above_95_percent(explorables):
    zones = explorables["gamma_and_beta"].figure().layout.shapes
    (left, right), (bottom, top) = zones[:2], zones[2:]
    assert 1 / (1 + np.exp(-left.x1)) == pytest.approx(0.05)
    assert 1 / (1 + np.exp(-right.x0)) == pytest.approx(0.95)
    assert (bottom.y1, top.y0) == pytest.approx((0.05, 0.95))


@pytest.mark.parametrize("step", [0, 60, 600])
def test_learnt_shows_each_channel_at_its_gamma_and_beta(step, net, explorables):
    k = net.run.steps.tolist().index(step)
    data = explorables["learnt"].figure(step=step).data
    for layer, trail, dots in zip(net.layers, data[0:4:2], data[1:4:2], strict=True):
        assert np.allclose(dots.x, layer.gamma[k])
        assert np.allclose(dots.y, layer.beta[k])
        # One path for each channel: k + 1 points, from (1, 0) to where the channel is.
        x, y = np.reshape(trail.x, (50, -1)), np.reshape(trail.y, (50, -1))
        assert (np.isfinite(y).sum(axis=1) == k + 1).all()
        assert (x[:, 0] == 1).all() and (y[:, 0] == 0).all()
        assert np.allclose(x[:, k], layer.gamma[k]) and np.allclose(y[:, k], layer.beta[k])
    assert data[1].marker.symbol != data[3].marker.symbol
    loss = np.array(data[4].y)
    assert np.allclose(loss[:step], net.run.curves["loss"][:step])
    assert np.isnan(loss[step:]).all()


@pytest.mark.parametrize("step", [0, 60, 600])
def test_learnt_says_range_saturation_and_accuracy(step, net, explorables):
    k = net.run.steps.tolist().index(step)
    z = np.concatenate([layer.outputs[k].ravel() for layer in net.layers])
    share = ((1 / (1 + np.exp(-z)) > 0.95) | (1 / (1 + np.exp(-z)) < 0.05)).mean()
    gammas = np.concatenate([layer.gamma[k] for layer in net.layers])
    betas = np.concatenate([layer.beta[k] for layer in net.layers])
    assert explorables["learnt"].text(step=step) == (
        f"After {step} steps γ runs from {number(min(gammas))} to {number(max(gammas))} and the "
        f"largest |β| is {number(max(abs(betas)))}; {percent(share, 1)} of the sigmoids' inputs "
        f"saturate, test accuracy is {percent(net.run.snapshots['test_accuracy'][k], 1)}."
    )


@pytest.mark.parametrize(("step", "factor"), [(0, 1), (200, 1), (200, 2), (100, 0.5)])
def test_identity_output_spread_is_that_of_a_real_layer(step, factor, run, explorables):
    k = run.steps.tolist().index(step)
    mean, std = np.array(run.settings["mean"]), np.array(run.settings["std"])
    noise = np.random.default_rng(1).normal(size=(5000, 3))
    noise = (noise - noise.mean(0)) / noise.std(0)
    layer = torch.nn.BatchNorm1d(3, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(run.snapshots["gamma"][k]))
        layer.bias.copy_(torch.tensor(run.snapshots["beta"][k]))
        output = layer(torch.tensor(mean + factor * std * noise)).numpy()

    explorable = explorables["identity"]
    data = explorable.figure(step=step, factor=factor).data
    assert np.allclose([data[5 * c + 3].x[0] for c in range(3)], factor * std)
    assert np.allclose([data[5 * c + 4].x[0] for c in range(3)], output.std(0), rtol=1e-6)
    assert explorable.text(step=step, factor=factor).endswith(
        f"input now spreads by {number(factor * std[2])}, its output by {number(output.std(0)[2])}."
    )


def test_identity_ends_inside_its_targets(run, explorables):
    data = explorables["identity"].figure(step=200).data
    for target, dot in zip(data[0::5], data[2::5], strict=True):
        assert dot.x[0] == pytest.approx(target.x[0], rel=0.05)
        assert dot.y[0] == pytest.approx(target.y[0], abs=0.15)


@pytest.mark.parametrize(
    ("fourth", "gamma", "beta"), [(4, 1, 0), (-4, 0.5, 2), (6, 2, -1), (1, 1.5, 1)]
)
def test_four_numbers_go_through_algorithm_1(fourth, gamma, beta, explorables):
    x = torch.tensor([[-1.0], [1.0], [2.0], [fourth]], dtype=torch.float64)
    options = {"weight": torch.tensor([gamma]).double(), "bias": torch.tensor([beta]).double()}
    x_hat = torch.nn.functional.batch_norm(x, None, None, training=True)
    y = torch.nn.functional.batch_norm(x, None, None, training=True, **options)
    columns = torch.cat([x, x - x.mean(), x_hat, y], dim=1)

    explorable = explorables["four_numbers"]
    bars, *lines, labels = explorable.figure(fourth=fourth, gamma=gamma, beta=beta).data
    assert np.allclose([line.y for line in lines], columns)
    assert np.allclose(bars.y, columns.mean(0))
    assert labels.text == tuple(f"{i + 1}: {number(float(v))}" for i, v in enumerate(y))
    heights = np.sort(labels.y)
    assert (np.diff(heights) > 0.7).all()  # nothing overlaps
    assert (np.diff(y.ravel().numpy()[np.argsort(labels.y)]) >= 0).all()
    text = explorable.text(fourth=fourth, gamma=gamma, beta=beta)
    assert f"Mean μ = {number(float(x.mean()))} " in text
    assert f"variance {number(float(x.var(correction=0)))} (divided by 4)" in text
    assert f"comes out as {number(float(y[0]))};" in text


def test_four_numbers_move_the_output_of_one_that_stands_still(explorables):
    explorable = explorables["four_numbers"]
    first = {explorable.text(fourth=fourth).split("comes out as ")[1] for fourth in (-4, 0, 4, 6)}
    assert len(first) == 4


@pytest.mark.parametrize("through", [True, False])
@pytest.mark.parametrize("sample", [1, 3, 8])
def test_gradient_is_autograds(sample, through, net, explorables):
    layer = net.layers[-1]
    channel = int(np.argmax(layer.gamma[-1]))
    x = torch.tensor(layer.inputs[-1][:8, channel]).double().requires_grad_()
    mean, var = x.mean(), x.var(correction=0)
    if not through:
        mean, var = mean.detach(), var.detach()
    x_hat = (x - mean) / (var + layer.eps).sqrt()
    (float(layer.gamma[-1][channel]) * x_hat[sample - 1]).backward()

    explorable = explorables["gradient"]
    (bars,) = explorable.figure(sample=sample, through=through).data
    assert np.allclose(bars.y, x.grad)
    assert [shape != "" for shape in bars.marker.pattern.shape].index(True) == sample - 1
    total, product = float(x.grad.sum()), float(x.grad @ x_hat.detach())
    assert explorable.text(sample=sample, through=through).endswith(
        f"sum of dx is {number(total, 4)}, sum of dx·x̂ is {number(product, 4)}."
    )
    assert (abs(total) < 1e-12) == through
    assert (abs(product) < 0.01) == through


@pytest.mark.parametrize("arm", ["no BN", "neither", "gamma only", "beta only", "gamma and beta"])
def test_xor_shows_the_surface_and_the_five_seeds(arm, arms, explorables):
    explorable = explorables["xor"]
    for step in (0, 200, 400):
        k = arms.steps.tolist().index(step)
        seeds = arms.accuracy[arm][k].astype(float)
        data = explorable.figure(arm=arm, step=step).data
        surface = arms.surface[arm][k][0]
        assert np.abs(np.array(data[0].z) - surface).max() <= 0.5 / 256
        assert np.array_equal(data[0].z, data[1].z)
        place = list(arms.accuracy).index(arm)
        for dots, shown in zip(data[4:9], arms.accuracy.values(), strict=True):
            assert np.allclose(dots.x, shown[k])
        assert len({trace.marker.size for trace in data[4:9]}) == 2
        assert data[9].text[place].replace("<br>", " ") == f"<b>{arm}</b>"
        assert explorable.text(arm=arm, step=step).startswith(
            f"{arm}, {step} steps: accuracy over 5 seeds {percent(np.mean(seeds), 1)} ± "
            f"{percent(np.std(seeds, ddof=1), 1)} "
        )


def test_xor_marks_each_point_by_its_label(arms, explorables):
    data = explorables["xor"].figure().data
    assert sum(len(trace.x) for trace in data[2:4]) == 120
    for label, trace in enumerate(data[2:4]):
        drawn = np.stack([trace.x, trace.y], axis=1)
        where = (drawn[:, None] == arms.points).all(axis=2).argmax(axis=1)
        assert (arms.labels[where] == label).all()
    assert data[2].marker.symbol != data[3].marker.symbol
