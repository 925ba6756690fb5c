"""The predictions of notebook 07: each truth against an independent calculation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bn_teach.batchnorm import BatchNorm1d, BatchNorm2d
from bn_teach.experiments import from_scratch as experiments
from bn_teach.experiments.from_scratch_layers import Comparison, FirstTry, compare
from bn_teach.look import percent
from bn_teach.practice.layer_checks import hunt
from bn_teach.practice.predictions import from_scratch as predictions
from tests.practice.asked import explained

SECOND, THIRD = "10\u202f000", "100\u202f000"  # means, as choices


@pytest.fixture(scope="module")
def costs():
    return experiments.bug_costs()


@pytest.fixture(scope="module")
def passes():
    return experiments.one_pass()


@pytest.fixture(scope="module")
def roots():
    return experiments.eps_and_root()


def test_seven_checks_of_the_first_try_fail():
    prediction = predictions.failing(hunt(FirstTry, FirstTry))
    x = torch.randn(6, 4)
    layer, torchs = FirstTry(4), torch.nn.BatchNorm1d(4)
    assert torch.allclose(layer(x), torchs(x), atol=1e-6)  # training, and with it its gradient
    assert torch.allclose(layer.running_mean, torchs.running_mean)
    assert not torch.allclose(layer.running_var, torchs.running_var)
    assert not torch.allclose(layer.eval()(x), torchs.eval()(x))
    assert "running_mean" not in layer.state_dict()
    assert layer.double().running_mean.dtype == torch.float32
    assert FirstTry(4)(x[:1]).shape == (1, 4)
    assert FirstTry(4)(x[:, :1]).shape == (6, 4)
    images = torch.randn(6, 4, 4, 4)
    assert not torch.allclose(FirstTry(4)(images), torch.nn.BatchNorm2d(4)(images), atol=0.1)
    assert prediction._truth == 7  # the six that are "not" above, or have no error, and moving
    assert "running variance, output in evaluation, statistics saved" in prediction._found
    assert explained(prediction)


def test_of_a_layer_that_is_right_no_check_fails():
    assert predictions.failing(hunt(BatchNorm1d, BatchNorm2d))._truth == 0


def test_statistics_that_are_not_saved_are_no_better_with_larger_batches(costs):
    prediction = predictions.lasting(costs)
    right, wrong = (pair["statistics not saved"] for pair in (costs.right, costs.wrong))
    size = np.sqrt(np.mean((wrong - right) ** 2, axis=1) / np.mean(right**2, axis=1))
    assert size[-1] > 0.5 * size[0]  # of one unit
    assert prediction._truth == "statistics not saved"
    error = costs.error["statistics not saved"]
    assert (
        f"{percent(error[0])} at n = 2 and by {percent(error[-1])} at n = 128" in prediction._found
    )
    assert [choice for choice, _ in prediction._choices] == list(costs.error)
    others = [e[-1] / e[0] for bug, e in costs.error.items() if bug != "statistics not saved"]
    assert max(others) < 0.2  # as the question says
    assert explained(prediction)


def test_the_bug_that_lasts_is_that_of_the_numbers(costs):
    error = costs.error | {"momentum reversed": np.linspace(1, 3, 7)}
    assert predictions.lasting(replace(costs, error=error))._truth == "momentum reversed"


def test_only_rounding_is_between_the_packages_layer_and_torchs():
    prediction = predictions.difference(compare(BatchNorm1d, BatchNorm2d))
    x = torch.randn(16, 4, dtype=torch.float64)
    apart = (BatchNorm1d(4).double()(x) - torch.nn.BatchNorm1d(4).double()(x)).abs().max()
    assert apart < 1e-13
    assert prediction._truth == "below 10⁻¹⁰, but not 0"
    assert explained(prediction)


@pytest.mark.parametrize(
    ("flat", "images", "truth"),
    [(0, 0, "exactly 0"), (0, 1e-15, "below 10⁻¹⁰, but not 0"), (1e-6, 0, "10⁻¹⁰ or more")],
)
def test_the_difference_is_the_largest(flat, images, truth):
    rows = [Comparison("one", 0, 0), Comparison("other", flat, images)]
    assert predictions.difference(rows)._truth == truth


def test_one_pass_is_of_no_use_at_ten_thousand(passes):
    prediction = predictions.useless(passes)
    z = np.random.default_rng(0).standard_normal((256, 32))
    errors = []
    for mean in (1e3, 1e4, 1e5):
        x = (z + mean).astype(np.float32)
        once = (x * x).mean(0, dtype=np.float32) - x.mean(0, dtype=np.float32) ** 2
        true = x.astype(float).var(0)
        errors.append(np.mean(np.abs(once - true) / true))
    assert errors[0] < 1 < errors[1] < errors[2]
    assert prediction._truth == SECOND
    assert "0.0625 apart" in dict(prediction._choices)["1\u202f000"]
    assert "8 apart" in dict(prediction._choices)[SECOND]
    assert "1024 apart" in dict(prediction._choices)[THIRD]
    assert explained(prediction)


def test_where_one_pass_fails_is_that_of_the_numbers(passes):
    far = passes.var | {"one pass": np.where(passes.means[:, None] > 5e4, 99, passes.true_var)}
    assert predictions.useless(replace(passes, var=far))._truth == THIRD
    near = passes.var | {"one pass": passes.true_var * 9}
    assert predictions.useless(replace(passes, var=near))._truth == "1\u202f000"


def test_a_dead_channel_gives_nan_with_eps_outside_the_root(roots):
    prediction = predictions.dead(roots)
    x = torch.full((8,), 3.0, requires_grad=True)
    for form, truth in (("outside", "nan"), ("inside", f"{7 / 8 / 1e-5**0.5:.3g}")):
        var = x.var(correction=0)
        std = torch.sqrt(var) + 1e-5 if form == "outside" else torch.sqrt(var + 1e-5)
        (gradient,) = torch.autograd.grad(((x - x.mean()) / std)[0], x)
        assert f"{gradient.abs().max().item():.3g}" == truth
        assert truth.replace("nan", "NaN with") in prediction._found
    assert prediction._truth == "NaN"
    assert explained(prediction)


@pytest.mark.parametrize(("gradient", "truth"), [(0.0, "0"), (1e5, "a number near 1/ε")])
def test_the_dead_channels_gradient_is_the_measured_one(gradient, truth, roots):
    doctored = roots.gradient | {"outside": np.full_like(roots.gradient["outside"], gradient)}
    assert predictions.dead(replace(roots, gradient=doctored))._truth == truth


@pytest.mark.parametrize(("layers", "truth", "within"), [(1.5, 3, 1.5), (0.5, 1, 1), (20, 40, 20)])
def test_how_many_times_slower_is_the_ratio_of_the_first_shape(layers, truth, within):
    rows = [
        experiments.Speed((256, 100), 0.5, layers),
        experiments.Speed((64, 24, 8, 8), 1.0, 2.0),
    ]
    prediction = predictions.slower(rows)
    assert prediction._truth == pytest.approx(truth)
    assert prediction._number["within"] == pytest.approx(within)
    assert f"{truth:.1f} for 256 × 100 and 2.0 for 64 × 24 × 8 × 8" in prediction._found
    assert "256 × 100" in prediction._question
    assert explained(prediction)
