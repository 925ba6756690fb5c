"""What notebook 04 says about gamma and beta, measured again.

Tolerances are wide where training has a say: another CPU sums in another order.
"""

import numpy as np
import pytest
import torch

from bn_teach.datasets import load_digits, xor_blobs
from bn_teach.experiments import scale_and_shift as experiment
from bn_teach.models import mlp
from bn_teach.train import accuracy, as_tensors, evaluating, train


@pytest.fixture(scope="module")
def digits():
    return experiment.digits_net(progress=False)


@pytest.fixture(scope="module")
def xor():
    return experiment.xor_arms(progress=False)


def same(a, b):
    return all(
        left.keys() == right.keys() and all(np.array_equal(left[k], right[k]) for k in left)
        for left, right in [(a.curves, b.curves), (a.snapshots, b.snapshots)]
    )


def test_digits_net_has_the_shapes_it_promises(digits):
    assert digits.run.curves["loss"].shape == (600,)
    assert digits.run.steps.tolist() == list(range(0, 601, 15))
    assert digits.run.snapshots["test_accuracy"].shape == (41,)
    assert digits.images.shape == (256, 8, 8)
    assert len(digits.layers) == 2
    for layer in digits.layers:
        assert layer.inputs.shape == layer.normalized.shape == layer.outputs.shape == (41, 256, 50)
        assert layer.inputs.dtype == np.float32
        for each in (layer.mean, layer.var, layer.gamma, layer.beta, layer.saturated):
            assert each.shape == (41, 50)


def test_digits_net_learns(digits):
    accuracy, loss = digits.run.snapshots["test_accuracy"], digits.run.curves["loss"]
    assert accuracy[0] < 0.3
    assert 0.94 < accuracy[-1] < 0.99
    assert loss[:5].mean() > 1.5
    assert loss[-20:].mean() < 0.1
    assert not digits.run.diverged


def test_gamma_and_beta_start_at_1_and_0_and_each_channel_finds_its_own(digits):
    for layer in digits.layers:
        assert (layer.gamma[0] == 1).all()
        assert (layer.beta[0] == 0).all()
        assert layer.gamma[-1].std() > 0.15
        assert layer.beta[-1].std() > 0.1
    # The second layer leaves the sigmoid's linear part, of its own accord.
    assert digits.layers[1].gamma[-1].mean() > 1.5
    assert digits.layers[1].saturated[0].mean() < 0.01
    assert digits.layers[1].saturated[-1].mean() > 0.08


def test_recorded_inputs_are_those_of_the_network(digits):
    """Before the first step the network is known: compute its two layers by hand."""
    test = load_digits().test_images[:256]
    assert (digits.images == test).all()
    assert (digits.labels == load_digits().test_labels[:256]).all()
    net = mlp([64, 50, 50, 10], norm="batch", activation="sigmoid", seed=0)
    z = test.reshape(256, 64).astype(np.float64)
    for weight, layer in zip([net.linear1.weight, net.linear2.weight], digits.layers, strict=True):
        z = z @ weight.detach().numpy().T
        assert np.abs(layer.inputs[0] - z).max() < 1e-4
        z = (z - z.mean(0)) / np.sqrt(((z - z.mean(0)) ** 2).sum(0) / 256 + 1e-5)
        assert np.abs(layer.normalized[0] - z).max() < 1e-3
        z = 1 / (1 + np.exp(-z))


def test_recording_leaves_the_training_alone(digits):
    """After 15 steps the running statistics are young: one batch more would show."""
    data = load_digits()
    net = mlp([64, 50, 50, 10], norm="batch", activation="sigmoid", seed=0)
    x, y = as_tensors(data.train_images, data.train_labels, flat=True)
    train(net, x, y, steps=15, lr=1.0, batch_size=64, progress=False)
    x, y = as_tensors(data.test_images, data.test_labels, flat=True)
    assert accuracy(net, x, y) == pytest.approx(digits.run.snapshots["test_accuracy"][1], abs=0.001)
    assert np.abs(net.norm1.gamma.detach().numpy() - digits.layers[0].gamma[1]).max() < 1e-4


def test_norm_path_is_algorithm_1():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (2, 40, 3))
    gamma, beta = rng.normal(1, 2, (2, 3)), rng.normal(0, 1, (2, 3))
    path = experiment.NormPath(x, gamma, beta, eps=0.1)
    for k in range(2):
        layer = torch.nn.BatchNorm1d(3, eps=0.1).double()
        layer.load_state_dict(
            {"weight": torch.tensor(gamma[k]), "bias": torch.tensor(beta[k])}, strict=False
        )
        y = layer(torch.tensor(x[k]))
        assert np.abs(path.outputs[k] - y.detach().numpy()).max() < 1e-10
        slope = 4 * torch.sigmoid(y) * (1 - torch.sigmoid(y))  # 1 at its maximum
        saturated = (slope < 0.19).double().mean(0).numpy()
        assert np.abs(path.saturated[k] - saturated).max() < 1e-10
    assert 0 < path.saturated.mean() < 1
    assert np.abs(path.var - x.var(axis=1, ddof=0)).max() < 1e-12


def test_same_seed_same_digits_net(digits):
    assert same(experiment.digits_net(seed=0, progress=False).run, digits.run)


def test_xor_needs_beta(xor):
    assert list(xor.accuracy) == ["no BN", "neither", "gamma only", "beta only", "gamma and beta"]
    final = {arm: accuracy[-1] for arm, accuracy in xor.accuracy.items()}
    for arm in ("no BN", "beta only", "gamma and beta"):
        assert final[arm].shape == (5,)
        assert final[arm].mean() > 0.97, arm
        assert final[arm].min() > 0.9, arm
    for arm in ("neither", "gamma only"):
        assert 0.35 < final[arm].mean() < 0.65, arm
        assert final[arm].max() < 0.78, arm  # 75 % is the limit, but for the sample's asymmetry


def test_xor_without_beta_never_leaves_its_symmetry(xor):
    """P(label 1) is a constant + an odd function of the point in the log-odds."""
    for arm, surface in xor.surface.items():
        p = surface[-1].astype(np.float64).clip(1e-7, 1 - 1e-7)
        odds = np.log(p / (1 - p))
        even = (odds + odds[:, ::-1, ::-1]) / 2
        spread_of_even_part = even.std(axis=(1, 2))  # one for each seed
        if arm in ("neither", "gamma only"):
            assert (spread_of_even_part < 0.3).all(), arm
        else:
            assert (spread_of_even_part > 1).all(), arm


def test_xor_surface_is_that_of_the_points(xor):
    """Looking the points up on the grid gives the accuracy."""
    inside = (np.abs(xor.points) < 2).all(axis=1)
    column, row = np.abs(xor.points[inside][:, None] - xor.axis[:, None]).argmin(axis=1).T
    for seed in range(5):
        guess = xor.surface["gamma and beta"][-1, seed][row, column] > 0.5
        found = (guess == xor.labels[inside]).mean()
        assert found == pytest.approx(xor.accuracy["gamma and beta"][-1, seed], abs=0.02)


@pytest.mark.parametrize(("arm", "norm"), [("no BN", None), ("gamma and beta", "batch")])
def test_xor_arms_are_the_networks_they_are_called(xor, arm, norm):
    x, y = (torch.tensor(array) for array in xor_blobs(1000, seed=0))
    for seed in (0, 4):
        net = mlp([2, 8, 2], norm=norm, activation="sigmoid", seed=seed)
        settings = {"steps": 20, "lr": 0.1, "momentum": 0.9, "batch_size": 100, "seed": seed}
        run = train(net, x, y, progress=False, **settings)
        assert np.abs(xor.loss[arm][:20, seed] - run.curves["loss"]).max() < 1e-4
        with evaluating(net):
            share = net(torch.tensor(experiment.grid_points(xor.axis))).softmax(1)[:, 1]
        assert np.abs(xor.surface[arm][1, seed].ravel() - share.numpy()).max() < 1e-3


def test_grid_points_go_row_by_row():
    points = experiment.grid_points(np.array([0.0, 1.0, 5.0])).tolist()
    assert points[:3] == [[0, 0], [1, 0], [5, 0]]
    assert points[3:6] == [[0, 1], [1, 1], [5, 1]]
    assert len(points) == 9


def test_xor_has_the_shapes_it_promises(xor):
    assert xor.steps.tolist() == list(range(0, 401, 20))
    for arm in xor.accuracy:
        assert xor.loss[arm].shape == (400, 5)
        assert xor.accuracy[arm].shape == (21, 5)
        assert xor.surface[arm].shape == (21, 5, 41, 41)
        assert np.isfinite(xor.loss[arm]).all()
    assert xor.axis.shape == (41,)
    assert xor.points.shape == (1000, 2)


def test_same_seed_same_xor(xor):
    again = experiment.xor_arms(seed=0, progress=False)
    for arm in xor.loss:
        assert (again.loss[arm] == xor.loss[arm]).all()
        assert (again.surface[arm] == xor.surface[arm]).all()


def test_by_arm_gives_each_its_own():
    array = np.arange(24).reshape(2, 6, 2)  # 3 arms x 2 seeds
    parts = experiment.by_arm(array, ["a", "b", "c"])
    assert (parts["b"] == array[:, [2, 3]]).all()


def test_identity_finds_mean_and_spread():
    run = experiment.identity(progress=False)
    mean, std = np.array(run.settings["mean"]), np.array(run.settings["std"])
    assert std == pytest.approx([0.5, 2, 7], rel=0.05)
    gamma, beta = run.snapshots["gamma"], run.snapshots["beta"]
    assert gamma.shape == beta.shape == (41, 3)
    assert (gamma[0] == 1).all() and (beta[0] == 0).all()
    assert gamma[-1] == pytest.approx(std, rel=0.04)
    assert np.abs(beta[-1] - mean).max() < 0.05 * std.max()
    # On all data as one batch, gamma x_hat + beta differs from x by just these differences.
    expected = ((gamma - std) ** 2 + (beta - mean) ** 2).mean(axis=1)
    assert run.snapshots["error"] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert same(experiment.identity(progress=False), run)
    assert not same(experiment.identity(seed=1, progress=False), run)


@pytest.mark.parametrize("seed", [0, 1])
def test_bias_before_batchnorm_has_no_gradient(seed):
    got = experiment.cnn_bias_gradient(seed)
    assert got.pairs == (12, 24)
    for norms in (got.weight, got.weight_without, got.bias_without):
        assert norms.shape == (2,)
        assert (norms > 0.01).all()
    assert (got.bias < 1e-4 * got.weight).all()
    assert (got.bias_without > 0.05 * got.weight_without).all()


def test_progress_is_shown_on_demand(capsys):
    experiment.identity()
    assert "identity: 100%" in capsys.readouterr().out
    experiment.identity(progress=False)
    assert capsys.readouterr().out == ""


def test_threads_are_as_before():
    before = torch.get_num_threads()
    experiment.cnn_bias_gradient()
    assert torch.get_num_threads() == before
