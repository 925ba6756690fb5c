"""What notebook 01 says about moving inputs, measured again and set against theory."""

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.datasets import load_digits
from bn_teach.experiments import covariate_shift as experiments


@pytest.fixture(scope="module")
def drift():
    return experiments.input_drift(progress=False)


@pytest.fixture(scope="module")
def nets():
    return experiments.random_nets()


@pytest.fixture(scope="module")
def moving():
    return experiments.moving_inputs(seeds=range(2), progress=False)


def test_drifts_are_what_their_names_say():
    images = load_digits().test_images[:20]
    for kind in experiments.DRIFTS:
        assert np.array_equal(experiments.drifted(images, kind, 0), images)
        assert experiments.drifted(images, kind, 0.3).dtype == np.float32
    # Two pixels, and a fraction of one as a mixture of its neighbours.
    moved = experiments.drifted(images, "moved right", 1)
    assert np.array_equal(moved[:, :, 2:], images[:, :, :-2]) and (moved[:, :, :2] == 0).all()
    quarter = experiments.drifted(images, "moved right", 0.125)
    expected = 0.75 * images[:, 3, 5] + 0.25 * images[:, 3, 4]
    assert np.allclose(quarter[:, 3, 5], expected)
    grey = experiments.drifted(np.array([[[0.0, 1.0]]]), "paper turns grey", 1)
    assert np.allclose(grey, [0.6, 1])
    assert np.allclose(experiments.drifted(images, "ink fades", 1), 0.1 * images)
    with pytest.raises(ValueError, match="'upside down': expected one of"):
        experiments.drifted(images, "upside down", 0.5)


@pytest.mark.parametrize("seed", [0, 1])
def test_one_pixel_costs_most_and_the_others_little(seed, drift):
    found = experiments.input_drift(seed=seed, progress=False) if seed else drift
    half = {kind: found.accuracy[kind][5] for kind in experiments.DRIFTS}
    assert half["moved right"] < 0.5  # "fewer than half of them right"
    assert half["paper turns grey"] > 0.85 and half["ink fades"] > 0.9
    assert all(found.accuracy[kind][0] > 0.94 for kind in experiments.DRIFTS)


def test_moved_images_are_as_dark_as_before(drift):
    ink = drift.ink["moved right"]
    assert abs(ink[5] / ink[0] - 1) < 0.02
    assert drift.ink["paper turns grey"][5] > 1.5 * ink[0] > 2.5 * drift.ink["ink fades"][5]


def test_the_shown_images_have_the_labels_of_before(drift):
    assert drift.labels.tolist() == list(range(8))
    for kind in experiments.DRIFTS:
        assert drift.images[kind].shape == (11, 8, 8, 8)
        assert drift.answers[kind].shape == (11, 8)
        assert np.array_equal(drift.images[kind][0], drift.images["moved right"][0])


def test_relu_spread_follows_the_theory_over_many_orders(nets):
    theory, spread = nets.theory("relu"), nets.spread["relu"]
    assert theory.shape == spread.shape == (11, 12)
    assert theory.max() / theory.min() > 1e8
    # Twelve layers of 300 random units wander, each by several per cent.
    assert np.abs(np.log(spread / theory)).max() < np.log(1.5)
    gain = nets.gains.tolist().index(2)
    assert theory[gain, 11] / theory[gain, 0] == pytest.approx(2 ** (11 / 2))


def test_tanh_spread_stays_below_its_bound_and_dies_with_small_gains(nets):
    spread = nets.spread["tanh"]
    assert (spread < 1.05 * nets.theory("tanh")).all()
    assert (spread < 1.05 * nets.gains[:, None]).all()
    assert spread[0, -1] < 1e-3 * spread[0, 0]
    assert spread[-1, -1] > 1


def test_spread_of_the_first_layer_is_that_of_a_torch_layer(nets):
    images = torch.tensor(load_digits().test_images[:256]).flatten(1)
    layer = torch.nn.Linear(64, 4000, bias=False)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        layer.weight.normal_(0, 1 / 8, generator=generator)
        spread = float(layer(images).std())
    gain = nets.gains.tolist().index(1)
    assert nets.spread["relu"][gain, 0] == pytest.approx(spread, rel=0.1)
    assert nets.input_rms == pytest.approx(float((images**2).mean()) ** 0.5)


def test_histograms_count_what_lies_inside_the_bins(nets):
    for name in ("relu", "tanh"):
        shares, spread = nets.histogram[name].sum(axis=-1), nets.spread[name]
        assert (shares[spread < 0.5] > 0.999).all()
    assert nets.histogram["relu"][-1, -1].sum() < 0.1


@pytest.mark.parametrize("std", [0.1, 0.4])
@pytest.mark.parametrize("norm", [None, "batch"])
def test_fig1_net_has_the_papers_shape_and_every_weight_the_same_spread(norm, std):
    net = experiments.fig1_net(norm, std, seed=0)
    linear = [module for module in net if isinstance(module, torch.nn.Linear)]
    assert [tuple(m.weight.shape) for m in linear] == [(100, 64), (100, 100), (100, 100), (10, 100)]
    for module in linear:
        assert float(module.weight.detach().std()) == pytest.approx(std, rel=0.06)
        assert module.bias is None or (module.bias == 0).all()
    assert sum(type(module).__name__ == "Sigmoid" for module in net) == 3


def test_with_small_weights_the_inputs_move_and_batch_normalization_holds_them(moving):
    off, on = ("off", "small"), ("on", "small")
    assert (moving.moved(off)[-1] > 2).all() and (moving.moved(on)[-1] < 0.6).all()
    change = {
        arm: moving.spread(arm)[3:].max(0) / moving.spread(arm)[3:].min(0) for arm in (off, on)
    }
    assert (change[off] > 30).all() and (change[on] < 1.6).all()
    assert (moving.accuracy[off][3] < 0.2).all()  # at step 120
    assert (moving.accuracy[on][3] > 0.9).all()


def test_with_usual_weights_they_move_no_less_and_yet_the_network_learns(moving):
    off, on = ("off", "usual"), ("on", "usual")
    assert (moving.moved(off)[-1] > 2).all() and (moving.moved(on)[-1] < 0.6).all()
    assert (moving.moved(off)[-1] > moving.moved(("off", "small"))[-1]).all()
    assert (moving.moved(off)[1] > 0.65 * moving.moved(off)[-1]).all()  # most in the first 40 steps
    late = moving.spread(off)[3:]
    assert (late.max(axis=0) < 2 * late.min(axis=0)).all()
    assert (moving.accuracy[off][-1] > 0.94).all()
    gap = moving.accuracy[on][-1].mean() - moving.accuracy[off][-1].mean()
    assert abs(gap) < 0.025


def test_percentiles_are_those_of_the_recorded_inputs(moving):
    for arm, inputs in moving.inputs.items():
        assert inputs.shape == (21, 500, 100)
        assert moving.percentiles[arm].shape == (21, 2, 3, 100)
        ordered = np.sort(inputs, axis=1)
        middle = (ordered[:, 249] + ordered[:, 250]) / 2
        assert np.allclose(moving.percentiles[arm][:, 0, 1], middle, atol=1e-5)
        for i, share in ((0, 0.15), (2, 0.85)):
            below = inputs <= moving.percentiles[arm][:, 0, i, None]
            assert np.abs(below.mean(axis=1) - share).max() < 0.005


def test_moved_is_the_range_so_far(moving):
    arm = ("off", "small")
    median = moving.percentiles[arm][:, :, 1]
    for k in (0, 7, 20):
        expected = (median[: k + 1].max(axis=0) - median[: k + 1].min(axis=0)).mean(axis=-1)
        assert np.allclose(moving.moved(arm)[k], expected)
    assert (moving.moved(arm)[0] == 0).all()


def test_moving_inputs_repeat_themselves(monkeypatch):
    monkeypatch.setattr(experiments, "FIG1_STEPS", 40)
    first, again = (experiments.moving_inputs(range(1), progress=False) for _ in "ab")
    other = experiments.moving_inputs(range(1, 2), progress=False)
    for arm, percentiles in first.percentiles.items():
        assert np.array_equal(percentiles, again.percentiles[arm])
        assert not np.array_equal(percentiles, other.percentiles[arm])


@pytest.fixture(scope="module")
def run():
    return stored.load("trainability-map")


def test_the_stored_map_has_every_arm_and_setting(run):
    assert list(run.snapshots) == [
        f"{name}/{bn}" for name in ("sigmoid", "tanh", "relu") for bn in ("off", "on")
    ]
    assert all(paths.shape == (21, 6, 6, 5) for paths in run.snapshots.values())
    assert np.allclose(run.settings["gains"], experiments.GAINS)
    assert np.allclose(run.settings["lr"], experiments.RATES)
    assert run.steps.tolist() == list(range(0, 301, 15))


def test_each_older_remedy_helps_and_batch_normalization_widens_the_window(run):
    good = {name: (paths[-1] >= 0.9).sum(axis=(0, 1)) for name, paths in run.snapshots.items()}
    assert (good["sigmoid/off"] <= 3).all()
    for name in ("tanh", "relu"):
        assert (good[f"{name}/off"] > good["sigmoid/off"]).all()
        assert run.snapshots[f"{name}/off"][-1].mean(axis=-1).max() > 0.93  # in its window
        # The price of a small learning rate: at the best gain, fewer are right after 300 steps.
        ends = run.snapshots[f"{name}/off"][-1].mean(axis=-1)
        best = ends[ends.max(axis=1).argmax()]
        assert best[0] < best.max() - 0.03
    for name in ("sigmoid", "tanh", "relu"):
        assert (good[f"{name}/on"] >= 22).all() and (good[f"{name}/off"] <= 10).all()


def test_a_part_of_the_stored_map_comes_out_again(run, monkeypatch):
    monkeypatch.setattr(experiments, "GAINS", (1.0, 2.0))
    monkeypatch.setattr(experiments, "RATES", (experiments.RATES[2], experiments.RATES[5]))
    part = experiments.trainability(["tanh"], seeds=range(1), progress=False)
    for bn in ("off", "on"):
        now = part.snapshots[f"tanh/{bn}"][..., 0]
        before = run.snapshots[f"tanh/{bn}"][:, 2:4, [2, 5], 0]
        assert np.array_equal(now[0], before[0])
        # Rounding differs from machine to machine, and training makes the most of it.
        assert np.abs(now[-1] - before[-1]).max() < 0.06
