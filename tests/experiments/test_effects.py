"""What notebook 08 says that Batch Normalization buys: the stored runs, and parts made anew."""

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.datasets import read
from bn_teach.experiments import effects as experiments
from bn_teach.models import mlp
from bn_teach.train import Run, train


@pytest.fixture(scope="module")
def race():
    return stored.load("effects-speed")


@pytest.fixture(scope="module")
def sweep():
    return stored.load("effects-rates")


@pytest.fixture(scope="module")
def few():
    return stored.load("effects-regularisation")


def taken(race):
    """Median steps of each arm to the baseline's best."""
    steps = experiments.steps_to(race, experiments.target_of(race))
    return dict(zip(race.settings["arms"], np.median(steps, axis=1), strict=True))


def gap(sweep, network, when, start):
    """How much the best rate with BN leaves the best without behind."""
    found = sweep.snapshots[network][when, experiments.STARTS.index(start)].mean(axis=-1)
    return found[1].max() - found[0].max()


def test_steps_to_is_the_first_step_of_the_smoothed_curve_or_never():
    curve = np.array([0, 0.3, 0.6, 0.9, 0.9, 0.9, 0.3])
    accuracy = np.stack([curve, curve / 2], axis=1)[:, None]  # (7 steps, 1 arm, 2 seeds)
    run = Run({"arms": ["no BN"]}, steps=np.arange(0, 70, 10), snapshots={"accuracy": accuracy})
    assert experiments.steps_to(run, 0.59).tolist() == [[20, np.inf]]
    assert experiments.target_of(run) == pytest.approx(0.9 * 3 / 4)


def test_batch_normalization_takes_about_a_third_of_the_steps_and_not_a_fourteenth(race):
    steps = taken(race)
    assert 2 < steps["no BN"] / steps["BN"] < 4
    assert 2.2 < steps["no BN"] / steps["BN, rate ×5"] < 5
    assert steps["BN, rate ×15"] < steps["no BN"]


def test_high_rates_break_the_baseline_and_thirty_times_breaks_both(race):
    steps = taken(race)
    for arm in ("no BN, rate ×5", "no BN, rate ×15", "BN, rate ×30"):
        assert steps[arm] == np.inf
    finite = dict(zip(race.settings["arms"], race.snapshots["finite"][-1], strict=True))
    assert finite.pop("no BN, rate ×15").mean() < 0.5  # the others' units are dead
    assert all(seeds.all() for seeds in finite.values())
    place = race.settings["arms"].index("no BN, rate ×15")
    assert race.snapshots["accuracy"][-1, place].max() < 0.15


def test_a_well_started_sigmoid_network_learns_without_and_further_with(race):
    end = dict(zip(race.settings["arms"], race.snapshots["accuracy"][-1].mean(1), strict=True))
    assert 0.4 < end["sigmoid, rate ×5"] < end["BN, sigmoid, rate ×5"] < end["BN"]


def test_the_race_can_be_run_again(race):
    again = experiments.speed(seeds=[0], arms=["BN, rate ×5"], steps=100, progress=False)
    before = race.snapshots["accuracy"][:11, race.settings["arms"].index("BN, rate ×5"), 0]
    assert again.steps.tolist() == race.steps[:11].tolist()
    assert np.abs(again.snapshots["accuracy"][:, 0, 0] - before).max() < 0.08
    broken = experiments.speed(seeds=[0], arms=["no BN, rate ×15"], steps=20, progress=False)
    assert not broken.snapshots["finite"][-1].any()


def test_the_base_rate_is_the_baselines_best(sweep):
    rates = experiments.NETWORKS["6 layers of 64, ReLU"][2]
    plain = sweep.snapshots["6 layers of 64, ReLU"][-1, experiments.STARTS.index(1), 0].mean(-1)
    assert rates[plain.argmax()] == experiments.BASE_RATE


def test_good_first_weights_leave_little_of_the_gap_in_the_shallow_network_only(sweep):
    shallow, deep = experiments.NETWORKS
    assert 0.015 < gap(sweep, shallow, -1, 0.25) < 0.06
    assert -0.005 < gap(sweep, shallow, -1, 1) < 0.01
    assert gap(sweep, shallow, 0, 1) > 0.05  # after 100 steps
    assert gap(sweep, deep, -1, 1) > 0.1


@pytest.mark.parametrize("network", list(experiments.NETWORKS))
def test_batch_normalization_bears_a_wider_range_of_rates(network, sweep):
    found = sweep.snapshots[network][-1, experiments.STARTS.index(1)].mean(axis=-1)
    good = (found > found.max(axis=1, keepdims=True) - 0.05).sum(axis=1)
    assert good[1] > good[0]


def test_the_sweep_can_be_run_again(sweep, monkeypatch):
    shallow, _ = experiments.NETWORKS
    setting = (*experiments.NETWORKS[shallow][:2], (0.3, 1.0), (20, 100))
    monkeypatch.setitem(experiments.NETWORKS, shallow, setting)
    again = experiments.rates(seeds=[0], networks=[shallow], starts=(1.0,), progress=False)
    now = again.snapshots[shallow][-1, 0, :, :, 0]  # at step 100: without and with, two rates
    before = sweep.snapshots[shallow][0, experiments.STARTS.index(1), :, 2:4, 0]
    assert np.abs(now - before).max() < 0.05


def paired(few, n, arm, other):
    """Mean and standard error of the difference of two arms, seed by seed, in points."""
    arms = few.settings["arms"]
    test = 100 * few.snapshots["test"][few.settings["sizes"].index(n)].astype(float)
    gaps = test[arms.index(arm)] - test[arms.index(other)]
    return gaps.mean(), gaps.std(ddof=1) / np.sqrt(len(gaps))


def test_on_new_images_about_one_point_and_a_loss_where_there_are_few(few):
    for n in (500, 1000):
        mean, error = paired(few, n, 50, "no BN")
        assert 0.3 < mean < 1.5 and mean > 4 * error
    mean, error = paired(few, 200, 50, "no BN")
    assert abs(mean) < 3 * error
    mean, error = paired(few, 100, 50, "no BN")
    assert mean < -4 * error


def test_the_gain_follows_the_noise_down_to_groups_of_ten(few):
    for n in (100, 200, 500):
        for more, less in ((10, 25), (25, 50), (10, 5)):
            mean, error = paired(few, n, more, less)
            assert mean > 2 * error, (n, more, less)
    for n in (500, 1000):
        mean, error = paired(few, n, 50, "LayerNorm")
        assert mean > 2 * error


def test_few_images_are_learnt_by_heart(few):
    assert few.snapshots["train"][:3].min() > 0.99


def test_regularisation_tests_on_the_images_it_did_not_train_on(few):
    """One seed, trained alone, on its own images, against the stack's."""
    seed, arrays = 3, read("digits")
    x = torch.tensor(arrays["images"]).flatten(1) / 16
    y = torch.tensor(arrays["labels"]).long()
    mine = np.random.default_rng(seed).permutation(1797)[:100]
    net = mlp([64, 100, 100, 10], norm="batch", seed=seed)
    train(net, x[mine], y[mine], steps=400, lr=0.3, batch_size=50, seed=seed, progress=False)
    net.eval()
    others = np.setdiff1d(np.arange(1797), mine)
    with torch.no_grad():
        right = (net(x[others]).argmax(1) == y[others]).double().mean()
    place = few.settings["sizes"].index(100), few.settings["arms"].index(50), seed
    assert few.snapshots["test"][place] == pytest.approx(float(right), abs=0.01)
    again = experiments.regularisation(seeds=[seed], sizes=[100], arms=[50], progress=False)
    assert again.snapshots["test"][0, 0, 0] == pytest.approx(float(right), abs=0.005)
