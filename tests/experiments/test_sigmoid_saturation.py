"""What notebook 03 says about saturation, gradients and straightness, measured again.

Tolerances are wide where training has a say: another CPU sums in another order.
"""

import math

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.datasets import load_digits, load_jittered_digits
from bn_teach.experiments import sigmoid_saturation as experiment
from bn_teach.models import mlp, stack
from bn_teach.train import accuracy, as_tensors, train


@pytest.fixture(scope="module")
def probes():
    return experiment.probe()


@pytest.fixture(scope="module")
def runs():
    return experiment.four_networks(progress=False)


@pytest.fixture(scope="module")
def found():
    return experiment.straightness(seeds=(0, 1), layers=8)


@pytest.fixture(scope="module")
def run():
    return stored.load("fixed-scale")


def of(found, *, depth=8, gain=1):
    i, j = experiment.DEPTHS.index(depth), experiment.GAINS.index(gain)
    norms, flat = found.gradient[i, j, :, :depth], found.saturated[i, j, :, :depth]
    return norms, flat.mean()


@pytest.mark.parametrize("activation", experiment.ACTIVATIONS)
def test_saturated_is_a_derivative_below_19_percent_of_its_maximum(activation):
    z = torch.linspace(-4, 4, 1001, dtype=torch.float64, requires_grad=True)
    {"ReLU": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation](
        z
    ).sum().backward()
    slope = z.grad / z.grad.max()
    flat = experiment.saturated(z.detach().numpy(), activation)
    assert (flat == (slope < 0.19).numpy()).all()
    assert 0.2 < flat.mean() < 0.7


@pytest.mark.parametrize(
    ("activation", "bn", "depth", "gain"),
    [("sigmoid", "off", 2, 4), ("tanh", "on", 4, 0.5), ("ReLU", "on", 2, 1)],
)
def test_probe_is_one_backward_pass_of_a_plain_network(activation, bn, depth, gain, probes):
    """Layer by layer, without the course's stack, recording or Batch Normalization."""
    digits = load_digits()
    x = torch.tensor(digits.train_images[:256]).flatten(1)
    norm = "batch" if bn == "on" else None
    net = mlp([64, *[100] * depth, 10], norm=norm, activation=activation.lower(), gain=gain, seed=1)
    maps = [getattr(net, f"linear{n}") for n in range(1, depth + 1)]
    flat = []
    for linear in maps:
        x = linear(x)
        if norm:
            x = torch.nn.functional.batch_norm(x, None, None, training=True)
        x = getattr(torch, activation.lower())(x)
        limit = {"sigmoid": (x - 0.5).abs() > 0.45, "tanh": x.abs() > 0.9, "ReLU": x <= 0}
        flat.append(limit[activation].float().mean().item())
    y = torch.tensor(digits.train_labels[:256])
    torch.nn.functional.cross_entropy(net.output(x), y).backward()

    i, j = experiment.DEPTHS.index(depth), experiment.GAINS.index(gain)
    for array, expected in (
        (probes[activation, bn].gradient, [linear.weight.grad.norm().item() for linear in maps]),
        (probes[activation, bn].saturated, flat),
    ):
        assert array.shape == (4, 5, 3, 8)
        assert array[i, j, 1, :depth] == pytest.approx(expected, rel=1e-3, abs=1e-4)
        assert np.isnan(array[i, j, 1, depth:]).all()


def test_sigmoid_gradients_vanish_with_nothing_saturated(probes):
    norms, flat = of(probes["sigmoid", "off"])
    assert flat < 0.001
    assert (norms[:, 0] / norms[:, -1] < 1e-4).all()
    factors = norms[:, 1:-1] / norms[:, 2:]
    assert ((factors > 0.18) & (factors < 0.3)).all()  # about a quarter for each layer


def test_larger_weights_bring_the_gradient_back_and_saturation_with_it(probes):
    ratios, shares = [], []
    for gain in experiment.GAINS:
        norms, flat = of(probes["sigmoid", "off"], gain=gain)
        ratios.append((norms[:, 0] / norms[:, -1]).mean())
        shares.append(flat)
    assert (np.diff(ratios) > 0).all()
    assert shares[2] < 0.02 < 0.1 < shares[3] < 0.3 < 0.4 < shares[4] < 0.7
    norms, flat = of(probes["tanh", "off"], gain=8)
    assert 40 < (norms[:, 0] / norms[:, -1]).mean() < 200
    assert flat > 0.8


def test_batch_normalization_evens_the_gradients_out_except_with_relu(probes):
    for gain in experiment.GAINS:
        norms, flat = of(probes["sigmoid", "on"], gain=gain)
        assert flat < 0.01
        assert norms[:, 0] / norms[:, -1] == pytest.approx(1, abs=0.2)
        norms, flat = of(probes["ReLU", "on"], gain=gain)
        assert (norms[:, 0] / norms[:, -1] > 1.8).all()
        assert norms[:, 0] / norms[:, -1] == pytest.approx(2.4, abs=0.6)
        assert flat == pytest.approx(0.5, abs=0.03)
    norms, _ = of(probes["ReLU", "off"])
    assert norms[:, 0] / norms[:, -1] == pytest.approx(1.1, abs=0.4)


def test_saturation_alone_does_not_say_who_learns(runs):
    assert list(runs) == list(experiment.FOUR)
    flat = {name: run.snapshots["saturated"].mean(axis=1) for name, run in runs.items()}
    right = {name: run.snapshots["accuracy"] for name, run in runs.items()}
    for name in runs:
        assert right[name].shape == (21, 3)
        assert (runs[name].steps == np.arange(0, 201, 10)).all()
    assert flat["sigmoid, gain 1"].max() == 0
    assert flat["tanh, gain 1"].max() < 0.05
    assert 0.2 < flat["tanh, gain 2"][0] < flat["tanh, gain 2"][-1] < 0.4
    assert flat["tanh, gain 8"].min() > 0.8
    assert right["sigmoid, gain 1"][-1].max() < 0.2
    assert right["tanh, gain 1"][-1].min() > 0.93
    assert right["tanh, gain 2"][-1].min() > 0.93
    assert right["tanh, gain 8"][-1].max() < 0.6


def test_a_stack_of_standardised_sigmoids_is_nearly_linear_and_a_stretched_one_is_not(found):
    r2 = {spread: found.r2[experiment.SPREADS.index(spread)] for spread in (0.25, 1, 4)}
    assert found.r2.shape == (16, 2, 8)
    assert (r2[0.25] > 0.99).all()
    assert r2[1][:, 0] == pytest.approx(0.985, abs=0.01)
    assert r2[1][:, 7] == pytest.approx(0.86, abs=0.05)
    assert r2[4][:, 0] == pytest.approx(0.84, abs=0.05)
    assert r2[4][:, 7] == pytest.approx(0.17, abs=0.1)
    # More layers, more spread: less of it is linear.
    assert (np.diff(found.r2, axis=2) < 0.001).all()
    assert (np.diff(found.r2.mean(axis=1)[:, -1]) < 0).all()


def test_straightness_is_that_of_layers_computed_by_hand(found):
    digits = load_digits()
    fit, test = (a.reshape(-1, 64) for a in (digits.train_images, digits.test_images))
    weights = mlp([64, *[100] * 8, 10], norm="batch", activation="sigmoid", seed=1)
    h = np.concatenate([fit, test]).astype(float)
    for n in (1, 2):
        z = h @ getattr(weights, f"linear{n}").weight.detach().numpy().T.astype(float)
        z = 2 * (z - z.mean(0)) / z.std(0)
        h = np.exp(-np.logaddexp(0, -z))
        design = np.c_[fit, np.ones(len(fit))].astype(float)
        solution = np.linalg.lstsq(design, h[: len(fit)], rcond=1e-6)[0]
        rest = h[len(fit) :] - np.c_[test, np.ones(len(test))] @ solution
        r2 = 1 - rest.var(axis=0).sum() / h[len(fit) :].var(axis=0).sum()
        assert found.r2[experiment.SPREADS.index(2), 1, n - 1] == pytest.approx(r2, abs=2e-3)


def test_straightness_shows_one_unit_in_units_of_its_spread(found):
    assert found.output.shape == found.line.shape == (16, 8, 500)
    assert np.abs(found.output.mean(axis=2)).max() < 1e-4
    assert found.output.std(axis=2) == pytest.approx(1, abs=1e-4)
    unit = 1 - np.square(found.output - found.line).mean(axis=2)
    # One unit's share scatters about that of all.
    assert np.abs(unit - found.r2[:, 0])[:4].max() < 0.15


def test_scaled_mlp_fixes_gamma_or_learns_it():
    fixed = experiment.scaled_mlp([4, 3, 3, 2], 0.5, seed=0)
    for norm in (fixed.norm1, fixed.norm2):
        assert (norm.gamma == 0.5).all() and (norm.beta == 0).all()
        assert not norm.gamma.requires_grad and not norm.beta.requires_grad
    learnt = experiment.scaled_mlp([4, 3, 2], "learnt", seed=0)
    assert learnt.norm1.gamma.requires_grad and (learnt.norm1.gamma == 1).all()
    beta = experiment.scaled_mlp([4, 3, 2], "beta", seed=0).norm1
    assert beta.beta.requires_grad and not beta.gamma.requires_grad and (beta.gamma == 1).all()


def test_learning_beta_alone_wins_back_a_part(run):
    """As in the notebook: one hidden layer, each arm at the rate that the stored run picked."""
    data = load_jittered_digits()
    x, y = as_tensors(data.train_images, data.train_labels, flat=True)
    right = {}
    for scale, lr in ((1, 1.0), ("beta", 3.0), ("learnt", 3.0)):
        nets = stack([experiment.scaled_mlp([256, 50, 10], scale, seed) for seed in (5, 6)])
        train(nets, x, y, steps=600, lr=lr, batch_size=64, seed=[5, 6], progress=False)
        test = as_tensors(data.test_images, data.test_labels, flat=True)
        right[scale] = accuracy(nets, *test).mean()
        if scale != "beta":
            loss = run.snapshots[f"jittered digits/1/{scale}/loss"][0].mean(axis=1)
            assert lr == experiment.RATES[loss.argmin()]
    assert right[1] + 0.04 < right["beta"] < right["learnt"] - 0.04


def test_geometric_mean_is_the_root_of_the_product():
    assert experiment.geometric_mean(np.array([[1.0, 2], [100, 8]])) == pytest.approx([10, 4])


def test_best_linear_map_finds_a_linear_map_and_no_more():
    rng = np.random.default_rng(0)
    x, new = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    x[:, 2] = new[:, 2] = 7  # a pixel that never changes
    w = rng.normal(size=(3, 2))
    guess = experiment.best_linear_map(x, new)
    assert guess(x @ w + 1) == pytest.approx(new @ w + 1)
    assert experiment.r_squared(guess(x @ w + 1), new @ w + 1) == pytest.approx(1)
    assert experiment.r_squared(guess(x[:, :1] ** 2), new[:, :1] ** 2) < 0.3
    truth = rng.normal(size=(9, 2))
    assert experiment.r_squared(truth.mean(axis=0), truth) == pytest.approx(0)


def test_stored_run_says_what_straightness_costs(run):
    assert run.settings["scales"] == list(experiment.SCALES)
    assert run.settings["steps"] == 2000
    assert run.snapshots["digits/3/learnt/accuracy"].shape == (1, 3, 5)
    mean = {
        key.removesuffix("/loss"): experiment.best_rate(run, key.removesuffix("/loss"))
        for key in run.snapshots
        if key.endswith("/loss")
    }
    accuracy = {key: values[0].mean() for key, values in mean.items()}
    r2 = {key: values[1].mean() for key, values in mean.items()}
    # Plain digits: about a point. Jittered: with gamma = 1 no better than a linear classifier.
    for key, value in accuracy.items():
        if key.startswith("digits/"):
            assert value == pytest.approx(accuracy["digits/linear"], abs=0.015), key
    linear = accuracy["jittered digits/linear"]
    assert accuracy["jittered digits/1/1"] == pytest.approx(linear, abs=0.03)
    assert accuracy["jittered digits/1/learnt"] > linear + 0.15
    assert linear + 0.03 < accuracy["jittered digits/3/1"] < linear + 0.12
    assert accuracy["jittered digits/3/learnt"] > linear + 0.18
    assert r2["jittered digits/1/1"] > 0.97 > 0.85 > r2["jittered digits/1/learnt"]
    assert r2["jittered digits/linear"] > 0.999


def test_best_rate_is_that_of_the_smallest_training_loss(run):
    key = "jittered digits/1/2"
    accuracy, r2 = experiment.best_rate(run, key)
    loss = run.snapshots[f"{key}/loss"][0]
    best = min(range(3), key=lambda k: math.fsum(loss[k]))
    assert (accuracy == run.snapshots[f"{key}/accuracy"][0][best]).all()
    assert (r2 == run.snapshots[f"{key}/r2"][0][best]).all()


def test_stored_run_can_be_made_again(run):
    """One arm of each kind, one seed: accuracies within what other CPUs' rounding may do."""
    again = experiment.fixed_scale(
        data=["digits"], hidden=[1], scales=[1], seeds=[0], progress=False
    )
    for arm in ("linear", "1/1"):
        for key, tolerance in (("accuracy", 0.02), ("r2", 0.02), ("loss", 0.03)):
            name = f"digits/{arm}/{key}"
            assert again.snapshots[name].shape == (1, 3, 1)
            gap = again.snapshots[name][..., 0] - run.snapshots[name][..., 0]
            assert np.abs(gap).max() < tolerance, name


def test_same_seed_same_numbers(probes):
    again = experiment.probe(seeds=(1,))
    for key, one in again.items():
        ratio = one.gradient[:, :, 0] / probes[key].gradient[:, :, 1]
        assert np.nanmax(np.abs(ratio - 1)) < 1e-3
    first, second = (
        experiment.four_networks(seeds=(4,), steps=10, progress=False) for _ in range(2)
    )
    for name in first:
        assert (first[name].curves["loss"] == second[name].curves["loss"]).all()
