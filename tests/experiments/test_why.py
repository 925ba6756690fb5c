"""What notebook 08 says about the explanations: the stored runs, and parts made anew."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from bn_teach import stored
from bn_teach.datasets import load_digits
from bn_teach.experiments import why as experiments
from bn_teach.models import mlp
from bn_teach.train import as_tensors, batches, train


@pytest.fixture(scope="module")
def noisy():
    return stored.load("effects-noisy")


@pytest.fixture(scope="module")
def landscape():
    return stored.load("effects-landscape")


def test_noise_shifts_and_stretches_each_unit_anew_in_each_step():
    noise, x = experiments.Noise(), torch.randn(500, 400)
    x = (x - x.mean(0)) / x.std(0)
    first, second = noise(x), noise(x)
    for y in (first, second):
        shift, slope = y.mean(0), (x * y).sum(0) / x.square().sum(0)
        assert shift.abs().max() < 0.55
        assert shift.std() == pytest.approx(0.5 / 3**0.5, abs=0.04)  # uniform from -0.5 to 0.5
        assert slope.mean() == pytest.approx(1.125, abs=0.02)
        assert 0.98 < slope.min() and slope.max() < 1.27
    assert (first.mean(0) - second.mean(0)).abs().mean() > 0.2
    assert torch.equal(noise.eval()(x), x)


def test_noise_stands_between_norm_and_activation():
    net = experiments.with_noise(mlp([4, 3, 3, 2], norm="batch", activation="tanh"), "tanh")
    names = [name for name, _ in net.named_children()]
    layer = ["linear1", "norm1", "noise1", "tanh1", "linear2", "norm2", "noise2", "tanh2"]
    assert names == [*layer, "output"]


def test_with_noise_bn_shifts_more_than_the_plain_network_and_is_as_fast_as_without(noisy):
    arms, accuracy = noisy.settings["arms"], noisy.snapshots["accuracy"]
    shift = dict(zip(arms, noisy.snapshots["shift"].mean(axis=(0, 2)), strict=True))
    assert shift["BN"] < 0.02 < shift["no BN"] < shift["BN + noise"] < shift["no BN + noise"]
    reached = accuracy >= 0.95
    steps = np.where(reached.any(axis=0), noisy.steps[reached.argmax(axis=0)], 999)
    median = dict(zip(arms, np.median(steps, axis=1), strict=True))
    assert median["BN + noise"] < 1.5 * median["BN"]
    assert median["no BN"] > 1.8 * median["BN + noise"]
    end = dict(zip(arms, accuracy[-1].mean(axis=1), strict=True))
    assert end["no BN + noise"] > 0.85  # slower, but it learns: not what the paper reports
    assert median["no BN + noise"] > median["no BN"]


def test_the_noisy_arms_can_be_run_again(noisy):
    again = experiments.noisy(seeds=[0, 1], arms=["BN", "BN + noise"], steps=40, progress=False)
    before = noisy.snapshots["accuracy"][:8, 1:3, :2]
    assert np.abs(again.snapshots["accuracy"] - before).max() < 0.1
    assert again.snapshots["shift"][:, 0].max() < 0.03
    assert 0.2 < again.snapshots["shift"][:, 1].mean() < 0.4


def walk_alone(net, x, y, lr):
    """The same walk with one network, all of its weights one vector: loss, change, cosine, beta."""
    loss_of = nn.CrossEntropyLoss()

    def at(w):
        other = copy.deepcopy(net)
        vector_to_parameters(w, other.parameters())
        loss = loss_of(other(x), y)
        loss.backward()
        return loss.item(), torch.cat([p.grad.flatten() for p in other.parameters()])

    w = parameters_to_vector(net.parameters()).detach()
    loss, g = at(w)
    change, cosine, beta = [], [], []
    for t in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        there, new = at(w - t * lr * g)
        change.append(there - loss)
        cosine.append(float(g @ new / g.norm() / new.norm()))
        beta.append(float((new - g).norm() / (t * lr * g.norm())))
    return loss, change, cosine, max(beta)


def ics_alone(net, x, y, lr):
    """Gradient of each layer's weights after the layers below made their step: one by one."""
    weights = [f"linear{i}.weight" for i in range(2, 6)] + ["output.weight"]
    loss_of, found = nn.CrossEntropyLoss(), []
    before = copy.deepcopy(net)
    loss_of(before(x), y).backward()
    for name in weights:
        after = copy.deepcopy(net)
        with torch.no_grad():
            for (other, p), q in zip(after.named_parameters(), before.parameters(), strict=True):
                if other == name:
                    break
                p -= lr * q.grad
        loss_of(after(x), y).backward()
        old, new = before.get_parameter(name).grad, after.get_parameter(name).grad
        found.append(float((new - old).norm() / old.norm()))
    return np.mean(found)


@pytest.mark.parametrize("arm", [0, 1])
def test_a_walk_is_that_of_each_network_alone(arm):
    network = "tanh, digits"
    run = experiments.landscape(seeds=[4, 5], networks=[network], steps=1)
    found = {
        name: run.snapshots[f"{network}/{name}"][0, arm, 1] for name in ("loss", "beta", "ics")
    }
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    batch = batches(len(x), 64, 1, 5)[0]
    net = mlp([64, *[50] * 5, 10], norm="batch" if arm else None, activation="tanh", seed=5)
    loss, change, cosine, beta = walk_alone(net, x[batch], y[batch], 0.1)
    assert found["loss"] == pytest.approx(loss, rel=1e-4)
    assert found["beta"] == pytest.approx(beta, rel=1e-2)
    assert found["ics"] == pytest.approx(ics_alone(net, x[batch], y[batch], 0.1), rel=1e-2)
    assert np.allclose(run.snapshots[f"{network}/change"][0, arm, 1], change, atol=1e-4)
    assert np.allclose(run.snapshots[f"{network}/cosine"][0, arm, 1], cosine, atol=1e-3)


def test_walking_leaves_the_training_as_it_is():
    network = "tanh, digits"
    run = experiments.landscape(seeds=[0], networks=[network], steps=21)
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    net = mlp([64, *[50] * 5, 10], norm="batch", activation="tanh", seed=0)
    alone = train(net, x, y, steps=21, lr=0.1, batch_size=64, seed=0, progress=False)
    walked = run.snapshots[f"{network}/loss"][:, 1, 0]
    assert np.allclose(walked, alone.curves["loss"][[0, 10, 20]], rtol=1e-3)


@pytest.mark.parametrize("network", list(experiments.LANDSCAPES))
def test_with_bn_the_loss_hardly_rises_and_the_gradient_keeps_its_direction(network, landscape):
    change, cosine, ics = (
        landscape.snapshots[f"{network}/{name}"][20:] for name in ("change", "cosine", "ics")
    )
    rise = change.max(axis=-1).mean(axis=(0, 2))
    assert rise[0] > 0.05 and rise[1] < 0.005
    lowest = cosine.min(axis=-1).mean(axis=(0, 2))
    assert lowest[1] > lowest[0] + 0.2
    assert ics[:, 1].mean() < ics[:, 0].mean()  # not what the paper reports


def test_without_bn_about_half_of_the_walks_rise_early_and_most_later(landscape):
    for network in experiments.LANDSCAPES:
        rises = landscape.snapshots[f"{network}/change"].max(axis=-1) > 0  # (K, 2, S)
        assert 0.3 < rises[:10, 0].mean() < 0.7 < rises[10:, 0].mean()
        assert rises[:, 1].mean() < 0.05
        first = landscape.snapshots[f"{network}/cosine"][0, :, :, -1].mean(axis=-1)
        assert first[1] < first[0]  # in the first step BN is not better


def test_effective_beta_smoothness_depends_on_the_network(landscape):
    tanh, relu = (landscape.snapshots[f"{name}/beta"] for name in experiments.LANDSCAPES)
    assert (tanh[:10, 1].mean(axis=0) < tanh[:10, 0].mean(axis=0)).all()  # for each seed
    assert tanh[20:, 1].mean() < tanh[20:, 0].mean()
    assert (relu[:10, 1].mean(axis=0) > relu[:10, 0].mean(axis=0)).all()
    assert relu[20:, 1].mean() / relu[20:, 0].mean() == pytest.approx(1, abs=0.3)


def test_scaling_the_weights_leaves_the_loss_and_divides_the_gradient():
    found = experiments.scaled()
    bn, plain = found["BN"], found["no BN"]
    one = experiments.FACTORS == 1
    assert np.allclose(bn.loss, bn.loss[one], rtol=1e-4)
    assert np.allclose(bn.gradient * experiments.FACTORS, bn.gradient[one], rtol=1e-2)
    assert np.abs(bn.along).max() < 1e-3
    assert np.ptp(plain.loss) > 0.5
    assert np.abs(plain.along).max() > 0.1


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_step_turns_the_weights_by_the_arc_tangent_of_step_over_length(scale):
    torch.manual_seed(1)
    w, lr = scale * torch.randn(8, 4).double(), 0.7
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(64, n, generator=generator).double() for n in (8, 4))
    norm = nn.BatchNorm1d(4, eps=1e-9, dtype=torch.float64)
    moved = w.clone().requires_grad_()
    nn.MSELoss()(norm(x @ moved), y).backward()
    angle = torch.atan(lr * moved.grad.norm() / w.norm())  # the gradient is orthogonal to w
    assert experiments.turned_by(w, lr) == pytest.approx(float(angle) * 180 / np.pi, rel=1e-6)
    assert experiments.turned_by(w / scale, lr / scale**2) == pytest.approx(
        experiments.turned_by(w, lr), rel=1e-6
    )
