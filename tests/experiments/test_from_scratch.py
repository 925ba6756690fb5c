"""What notebook 07 says about bugs, digits that vanish and layers beside torch's: again."""

import copy
import itertools
import types

import numpy as np
import pytest
import torch

from bn_teach.batchnorm import BatchNorm1d, BatchNorm2d
from bn_teach.experiments import from_scratch as experiments
from bn_teach.experiments.from_scratch_layers import FirstTry, compare

TORCHS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)


@pytest.fixture(scope="module")
def costs():
    return experiments.bug_costs()


@pytest.fixture(scope="module")
def passes():
    return experiments.one_pass()


@pytest.fixture(scope="module")
def roots():
    return experiments.eps_and_root()


@pytest.fixture(scope="module")
def runs():
    return experiments.side_by_side(BatchNorm2d, steps=20, progress=False)


def test_compare_finds_rounding_only_in_a_right_layer_and_more_in_a_wrong_one():
    rows = compare(BatchNorm1d, BatchNorm2d)
    assert all(max(row.flat, row.images) < 1e-11 for row in rows)
    assert [row.flat for row in compare(*TORCHS)] == [0] * len(rows)

    class Momentum(BatchNorm1d):
        def __init__(self, num_features):
            super().__init__(num_features, momentum=0.2)

    wrong = {row.what: row.flat for row in compare(Momentum, BatchNorm2d)}
    assert wrong["output in training"] < 1e-11
    assert wrong["running mean, 5 batches"] > 0.1
    assert wrong["output in evaluation"] > 0.1
    lines = rows._repr_markdown_().splitlines()
    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in lines} == {4}
    assert rows[0]._replace(images=0).cells()[2] == "0"


def test_the_first_try_loses_its_statistics_when_it_is_saved():
    saved, fresh = FirstTry(3), FirstTry(3)
    saved(torch.randn(50, 3) + 9)
    fresh.load_state_dict(saved.state_dict())
    assert (fresh.running_mean == 0).all() and (saved.running_mean > 0.5).all()
    assert (copy.deepcopy(saved).running_mean == saved.running_mean).all()


def test_n_minus_1_and_the_biased_buffer_cost_what_theory_says(costs):
    n = costs.sizes
    shrunk = 1 - np.sqrt((n - 1) / n)
    assert np.allclose(costs.error["n − 1 in training"], shrunk, rtol=0.01)
    # Running variances are averages about n / (n - 1) apart, but for the mean that is subtracted.
    grown = np.sqrt(n / (n - 1)) - 1
    assert np.allclose(costs.error["biased running variance"], grown, rtol=0.01)


def test_only_a_lost_statistic_is_not_mended_by_a_larger_batch(costs):
    for bug, error in costs.error.items():
        if bug == "statistics not saved":
            assert error[-1] > 0.8 * error[0] and error[-1] > 0.5
        else:
            assert error[-1] < 0.2 * error[0]
    pairs = costs.wrong["batch statistics in evaluation"][0]
    assert np.quantile(np.abs(np.abs(pairs) - 1), 0.9) < 0.05  # +1 and −1


def test_one_pass_is_as_wrong_as_the_numbers_are_apart(passes):
    error = passes.error
    far = passes.means > 30
    ratio = error["one pass"][far] / passes.spacing[far]
    assert ((ratio > 0.1) & (ratio < 4)).all()
    assert error["one pass"][0] < 1e-6
    assert error["one pass"][passes.means > 9e3].min() > 1
    assert error["two passes"].max() < 1e-3
    assert error["torch.nn"].max() < 0.05
    assert (error["torch.nn"][far] < error["one pass"][far] / 30).all()


def test_the_true_variance_is_that_of_numpy_in_longer_numbers(passes):
    z = np.random.default_rng(0).standard_normal((256, 32))
    for k in (0, 8, 20):
        x = (z + passes.means[k]).astype(np.float32).astype(np.longdouble)
        assert np.allclose(passes.true_var[k], x.var(axis=0).astype(float), rtol=1e-9)


def test_eps_follows_its_two_formulas_and_only_the_inner_one_survives_a_dead_channel(roots):
    var, eps = roots.variances[:, None], roots.epsilons
    factor = {"inside": (var + eps) ** -0.5, "outside": 1 / (var**0.5 + eps)}
    for form, truth in factor.items():
        assert np.allclose(roots.factor[form], truth, rtol=1e-6)
        assert np.allclose(roots.spread[form], np.sqrt(var) * truth, rtol=1e-3, atol=1e-12)
        # Eight samples ±σ and the loss is the first output: its gradient for the first input.
        share = var / (var + eps) if form == "inside" else np.sqrt(var) * truth
        slope = truth * (1 - 1 / 8 - share / 8)
        assert np.allclose(roots.gradient[form][1:], slope[1:], rtol=1e-3)
    assert roots.variances[0] == 0
    assert np.isnan(roots.gradient["outside"][0]).all()
    assert np.allclose(roots.gradient["inside"][0], 7 / 8 / np.sqrt(eps))


def test_a_right_layer_trains_like_torchs_but_for_rounding_and_a_bug_does_not(runs):
    apart = {arm: np.abs(a.curves["loss"] - b.curves["loss"]).max() for arm, (a, b) in runs.items()}
    assert apart["float64"] < 1e-12 < 1e-9 < apart["float32"] < 1e-4
    assert 1e-5 < apart["n − 1"] < 0.1
    for pair in runs.values():
        assert all(run.curves["loss"].shape == (20,) and not run.diverged for run in pair)
        assert pair[0].curves["loss"][-1] < pair[0].curves["loss"][0]
    assert [runs["float64"][1]] == [runs["n − 1"][1]]


def test_the_network_has_the_layers_that_were_asked_for():
    made = []

    def make(features):
        made.append(features)
        return torch.nn.BatchNorm2d(features)

    pair = experiments.side_by_side(make, steps=3, progress=False)["float64"]
    assert made == [12, 24] * 2
    assert np.array_equal(pair[0].curves["loss"], pair[1].curves["loss"])


def test_the_layer_with_n_minus_1_is_torchs_but_for_the_scale_in_training():
    x = torch.randn(5, 3, 2, 2, dtype=torch.float64) * 4
    wrong, right = experiments.NMinus1(3).double(), torch.nn.BatchNorm2d(3).double()
    ratio = (wrong(x) / right(x)).detach()
    assert torch.allclose(ratio, torch.full_like(ratio, (19 / 20) ** 0.5), rtol=1e-6)
    assert torch.equal(wrong.running_var, right.running_var)
    assert torch.equal(wrong.eval()(x), right.eval()(x))


def test_speed_measures_both_layers_and_stays_below_a_generous_bound():
    rows = experiments.speed(BatchNorm1d, BatchNorm2d, rounds=3)
    assert [row.shape for row in rows] == [(256, 100), (64, 24, 8, 8)]
    assert all(0 < row.torchs and row.layers < 30 * row.torchs for row in rows)
    assert rows[0].cells()[0] == "256 × 100"


def test_speed_is_in_milliseconds_of_one_pass(monkeypatch):
    ticks = itertools.count()  # a clock that says one second more each time it is read
    clock = types.SimpleNamespace(perf_counter=lambda: float(next(ticks)))
    monkeypatch.setattr(experiments, "time", clock)
    times = experiments._milliseconds([torch.nn.BatchNorm1d(3)] * 2, (4, 3), rounds=2, repeats=5)
    assert times == pytest.approx([200, 200])


def test_the_same_seed_gives_the_same_numbers(costs, passes):
    again = experiments.bug_costs()
    other = experiments.bug_costs(seed=1)
    for bug, error in costs.error.items():
        assert np.array_equal(error, again.error[bug])
    assert not np.array_equal(costs.error["momentum reversed"], other.error["momentum reversed"])
    assert np.array_equal(passes.true_var, experiments.one_pass().true_var)
