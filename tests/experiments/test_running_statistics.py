"""Running statistics and Algorithm 2 against plain training, numpy sums and torch's update_bn."""

import copy

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import update_bn

from bn_teach.experiments import running_statistics as statistics
from bn_teach.experiments import train_vs_inference as experiments
from bn_teach.train import accuracy, batches, cross_entropy, evaluating


@pytest.fixture(scope="module")
def net():
    return experiments.digits_net(progress=False)


@pytest.fixture(scope="module")
def averages():
    return statistics.moving_averages(seeds=range(2), progress=False)


@pytest.fixture(scope="module")
def small():
    return statistics.moving_averages(batch_size=8, progress=False)


@pytest.fixture(scope="module")
def populations():
    return statistics.algorithm_2(sizes=(2, 4, 64), numbers=(1, 4, 64), progress=False)


def test_momentum_a_tenth_gives_the_buffers_of_a_plain_training(net, averages):
    last = averages.running["0.1"]
    assert np.allclose(last["mean"][-1], net.model.norm2.running_mean, atol=1e-3)
    assert np.allclose(last["variance"][-1], net.model.norm2.running_var, rtol=1e-2, atol=1e-3)
    assert averages.accuracy["0.1"][-1, 0] == pytest.approx(
        accuracy(net.model, net.x_test, net.y_test), abs=0.005
    )


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_each_estimate_is_the_weighted_sum_of_start_and_batches(name, averages):
    batch = averages.batch[name].astype(float)
    start = {"mean": 0.0, "variance": 1.0}[name]
    for step in (0, 10, 150, 300):
        k = averages.steps.tolist().index(step)
        for momentum in (0.01, 0.1, 0.9):
            weights = momentum * (1 - momentum) ** np.arange(step)[::-1]
            expected = (1 - momentum) ** step * start + weights @ batch[:step]
            assert np.allclose(averages.running[str(momentum)][name][k], expected, atol=1e-4)
        if step:
            cumulative = averages.running["cumulative"][name][k]
            assert np.allclose(cumulative, batch[:step].mean(axis=0), atol=1e-4)


def test_the_truth_is_that_of_all_training_images(net, averages):
    x, weights = net.x.numpy().astype(float), net.model.state_dict()
    z = x @ weights["linear1.weight"].numpy().T
    x_hat = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5)
    y = np.maximum(x_hat * weights["norm1.weight"].numpy() + weights["norm1.bias"].numpy(), 0)
    z = y @ weights["linear2.weight"].numpy().T
    assert np.allclose(averages.truth["mean"][-1], z.mean(axis=0), atol=1e-3)
    assert np.allclose(averages.truth["variance"][-1], z.var(axis=0, ddof=1), rtol=1e-2)


def test_a_small_momentum_is_late_and_a_large_one_costs_at_small_batches(averages, small):
    early = averages.steps.tolist().index(50)
    assert (averages.accuracy["0.01"][early] < averages.accuracy["0.1"][early] - 0.02).all()
    assert (abs(averages.accuracy["0.1"][early] - averages.accuracy["truth"][early]) < 0.02).all()
    last = {name: shares[-1].mean() for name, shares in small.accuracy.items()}
    assert last["0.9"] < last["0.1"] - 0.015
    assert abs(last["0.1"] - last["truth"]) < 0.02
    for name in statistics.MOMENTA:  # at batches of 64 all are near in the end
        gap = averages.accuracy[name][-1] - averages.accuracy["truth"][-1]
        assert (abs(gap) < 0.02).all()


def test_algorithm_2_is_torchs_update_bn(monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 10)  # so few that stack and single still agree
    m, numbers = 4, (1, 4, 64)
    found = statistics.algorithm_2((m,), numbers, seeds=[0], progress=False)[m]
    net = experiments.fit(experiments.make_net(0), m, 0, False, "")
    for k, number in enumerate(numbers):
        model = copy.deepcopy(net.model)
        for name in ("norm1", "norm2"):  # update_bn knows torch's own layers only
            layer = torch.nn.BatchNorm1d(100)
            layer.load_state_dict(net.model.get_submodule(name).state_dict())
            setattr(model, name, layer)
        order = batches(len(net.x), m, max(numbers), seed=0)[:number]
        update_bn([net.x[rows] for rows in order], model)
        with evaluating(model):
            loss = float(cross_entropy(model(net.x_test), net.y_test))
        assert found.loss[True][k, 0] == pytest.approx(loss, rel=1e-3)
        share = accuracy(model, net.x_test, net.y_test)
        assert found.accuracy[True][k, 0] == pytest.approx(share, abs=0.005)


def test_the_factor_helps_one_small_batch_and_gains_nothing_with_many(populations):
    for m in (2, 4):
        assert (populations[m].loss[False] > 1.1 * populations[m].loss[True])[0].all()
        shares = [populations[m].accuracy[factor][0].mean() for factor in (True, False)]
        assert abs(shares[0] - shares[1]) < 0.02
    ratio = {m: (p.loss[False] / p.loss[True])[-1] for m, p in populations.items()}
    assert (ratio[2] < 1).all()
    assert (ratio[4] < 1).sum() >= 4
    assert (abs(ratio[64] - 1) < 0.03).all()
    for found in populations.values():
        assert (found.accuracy[False] >= found.accuracy[True])[-1].sum() >= 3


def test_without_the_factor_variances_are_smaller_by_it(net):
    model = copy.deepcopy(net.model)
    for m in (2, 8):
        unbiased = statistics.batch_statistics(model, net.x[:m])[1]
        z = (net.x[:m] @ net.model.linear1.weight.T).detach()
        assert torch.allclose(unbiased * (m - 1) / m, z.var(0, correction=0), atol=1e-4)


def test_looking_at_statistics_leaves_no_trace(net):
    before, momentum = copy.deepcopy(net.model.state_dict()), net.model.norm1.momentum
    found = statistics.batch_statistics(net.model, net.x[:64])
    with statistics.using(net.model, found):
        assert torch.equal(net.model.norm2.running_var, found[-1])
    assert all(torch.equal(a, before[name]) for name, a in net.model.state_dict().items())
    assert net.model.norm1.momentum == momentum
    assert not net.model.training


def test_more_batches_get_better_and_then_agree_with_the_moving_average(populations):
    for m in (4, 64):
        found = populations[m]
        first, *_, last = found.accuracy[True].mean(axis=1)
        assert first < last
        assert abs(last - found.running_accuracy.mean()) < 0.03


def test_the_same_call_gives_the_same_numbers(monkeypatch):
    monkeypatch.setattr(statistics, "STEPS", 20)
    one, two = (statistics.moving_averages(8, seeds=[4], progress=False) for _ in range(2))
    assert np.array_equal(one.truth["mean"], two.truth["mean"])
    assert np.array_equal(one.accuracy["0.3"], two.accuracy["0.3"])
