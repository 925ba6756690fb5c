"""What notebook 02 says about standardising and whitening, measured again.

Tolerances are wide where training or a clock has a say: another CPU gives other digits.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bn_teach import stored, whitening
from bn_teach.datasets import load_digits
from bn_teach.experiments import whitening as experiment


@pytest.fixture(scope="module")
def clouds():
    return experiment.clouds()


@pytest.fixture(scope="module")
def batches():
    return experiment.small_batches()


@pytest.fixture(scope="module")
def maps():
    return experiment.feature_maps(progress=False)


@pytest.fixture(scope="module")
def race():
    return experiment.outside_the_gradient()


def test_samples_have_mean_0_spread_1_and_their_own_shapes():
    samples = experiment.samples()
    for values in samples.values():
        assert values.shape == (400,)
        assert np.allclose([values.mean(), values.std()], [0, 1])
    skewness = {name: (values**3).mean() for name, values in samples.items()}
    assert abs(skewness["bell"]) < 0.3
    assert skewness["skewed"] > 1
    assert 0.65 < np.mean(np.abs(samples["bell"]) < 1) < 0.71
    assert np.mean(np.abs(samples["skewed"]) < 1) > 0.72
    pixel = load_digits().train_images[:400, 3, 4]
    assert np.corrcoef(samples["a pixel"], pixel)[0, 1] == pytest.approx(1)
    assert (experiment.samples(seed=1)["bell"] != samples["bell"]).any()


def test_clouds_have_exactly_the_correlations_they_promise(clouds):
    assert clouds.raw.shape == (39, 150, 2)
    assert clouds.correlations[0] == -0.95 and clouds.correlations[-1] == 0.95
    for rho, points in zip(clouds.correlations, clouds.raw, strict=True):
        assert np.corrcoef(points.T)[0, 1] == pytest.approx(rho)
        assert points.std(axis=0) == pytest.approx(experiment.SPREADS)
        assert np.abs(points.mean(axis=0)).max() < 1e-12


def test_standardising_keeps_the_correlation_and_whitening_removes_it(clouds):
    for r, rho in enumerate(clouds.correlations):
        for name, after in clouds.after.items():
            left = rho if name == "standardised" else 0
            truth = [[1, left], [left, 1]]
            assert np.allclose(np.cov(after[r].T, bias=True), truth), name


def test_zca_moves_the_points_least_of_the_whitenings(clouds):
    moved = {name: np.square(y - clouds.raw).sum((1, 2)) for name, y in clouds.after.items()}
    for other in ("PCA", "Cholesky"):
        assert (moved["ZCA"] <= moved[other] + 1e-9).all()
        assert moved["ZCA"][-4] < 0.8 * moved[other][-4]  # correlation 0.8


def test_the_clouds_move_without_jumps(clouds):
    for after in clouds.after.values():
        assert np.abs(np.diff(after, axis=0)).max() < 0.8


def test_marked_points_lie_near_the_axes(clouds):
    middle = clouds.after["ZCA"][19][clouds.marked]  # correlation 0
    directions = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    axes = [(1, 0), (0, 1), (-1, 0), (0, -1)]
    assert (np.sum(directions * axes, axis=1) > 0.96).all()  # within 16 degrees


def test_a_batch_has_one_direction_less_than_images_at_most(batches):
    k = len(batches.all_data)
    assert k == 47
    for size, rank in zip(batches.sizes, batches.rank, strict=True):
        assert (rank <= min(size - 1, k)).all()
    assert batches.rank[0].tolist() == [15] * 5
    assert batches.rank[1].tolist() == [31] * 5
    assert (batches.rank[3:] == k).all()


def test_whitening_from_too_few_images_blows_test_images_up(batches):
    zca, standardised = (batches.rms[name][:, 0] for name in ("ZCA", "standardised"))
    sizes = batches.sizes.tolist()
    assert (zca[sizes.index(16)] > 40).all()
    assert (zca[sizes.index(32)] > 20).all()
    assert (standardised[sizes.index(32)] < 8).all()
    for size in (64, 128):
        at = sizes.index(size)
        assert (zca[at] > 1.1 * standardised[at]).all()
    for rms in (zca, standardised):
        assert np.abs(rms[sizes.index(1024)] - 1).max() < 0.05


def test_a_larger_eps_tames_whitening_but_is_no_longer_white(batches):
    zca = batches.rms["ZCA"].mean(axis=2)
    assert (np.diff(zca[0]) < 0).all()
    assert zca[0, 2] < 1.5
    assert zca[-1, 2] < 0.7


def test_small_batches_again_by_singular_values(batches):
    x, test = (part.numpy() for part in experiment.varying_pixels())
    batch = x[np.random.default_rng(3).permutation(len(x))[:32]]
    mean = batch.mean(axis=0)
    _, values, axes = np.linalg.svd((batch - mean) / np.sqrt(32))
    variances = np.zeros(47)
    variances[:32] = values**2
    after = (test - mean) @ axes.T / np.sqrt(variances + 1e-5)  # a rotation keeps the rms
    assert batches.rms["ZCA"][1, 0, 3] == pytest.approx(np.sqrt(np.mean(after**2)), rel=1e-6)
    after = (test - mean) / np.sqrt(batch.var(axis=0) + 1e-5)
    assert batches.rms["standardised"][1, 0, 3] == pytest.approx(np.sqrt(np.mean(after**2)))


def test_only_nearly_constant_pixels_hurt_standardising():
    x, test = (part.numpy() for part in experiment.varying_pixels())
    for seed in range(5):
        batch = x[np.random.default_rng(seed).permutation(len(x))[:16]]
        varied = batch.std(axis=0) > 0.05
        after = (test - batch.mean(axis=0)) / np.sqrt(batch.var(axis=0) + 1e-5)
        assert np.sqrt(np.mean(after[:, varied] ** 2)) < 1.4
        assert varied.sum() >= 43


def test_standardising_takes_most_of_the_imbalance_of_the_pixels_away():
    x, _ = experiment.varying_pixels(above=0.01)
    condition = {
        name: np.linalg.cond(np.cov(y.numpy().T))
        for name, y in {"raw": x, "standardised": whitening.standardize(x)}.items()
    }
    assert condition["raw"] > 10 * condition["standardised"] > 500


def test_cost_is_timed_for_each_method_and_number_of_features(capsys):
    run = experiment.whitening_cost(features=(8, 64), repeats=1)
    assert "timing: 100%" in capsys.readouterr().out
    assert run.steps.tolist() == [8, 64]
    for name in experiment.COST_METHODS:
        assert run.snapshots[name].shape == (2,)
        assert (run.snapshots[name] > 0.01).all()
    assert "one thread" in run.settings["machine"]


def test_stored_cost_is_a_few_times_at_small_k_and_over_ten_at_1024():
    run = stored.load("whitening-cost")
    assert run.steps.tolist() == [8, 16, 32, 64, 128, 256, 512, 1024]
    assert run.settings.keys() == {"machine", "torch", "repeats"}
    ratio = run.snapshots["ZCA"] / run.snapshots["standardised"]
    assert 1 < ratio[0] < 3
    assert 2 < ratio[3] < 6
    assert 10 < ratio[-1] < 30
    assert (np.diff(ratio) > 0).all()
    assert experiment.STORED["whitening-cost"] is experiment.whitening_cost


def test_whitening_costs_more_here_too():
    run = experiment.whitening_cost(features=(128,), repeats=2, progress=False)
    assert run.snapshots["ZCA"] > 1.5 * run.snapshots["standardised"]


def test_feature_maps_are_of_test_images_of_different_digits(maps):
    assert maps.shape == (100, 4, 8, 8)
    assert maps.dtype == np.float32
    assert load_digits().test_labels[2:5].tolist() == [6, 2, 5]
    assert (experiment.feature_maps(progress=False) == maps).all()
    # They are a convolution of the images: every 3 x 3 patch gives its value by four fixed sums.
    images = torch.tensor(load_digits().test_images[:100])[:, None]
    patches = F.unfold(images, 3, padding=1).transpose(1, 2).reshape(-1, 9)
    values = torch.tensor(maps).flatten(2).transpose(1, 2).reshape(-1, 4)
    weights = torch.linalg.lstsq(patches, values, driver="gelsd").solution
    assert (patches @ weights - values).abs().max() < 1e-4


NORMALISE = {
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "instance norm": F.instance_norm,
    "group norm": lambda x: F.group_norm(x, 2),
}


@pytest.mark.parametrize("norm", experiment.NORMS)
@pytest.mark.parametrize(("sample", "channel"), [(0, 0), (2, 1), (1, 3)])
def test_cells_share_a_mean_where_torchs_norm_has_a_gradient(norm, sample, channel):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 5, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(NORMALISE[norm](x)[sample, channel, 2, 2], x)
    mask = experiment.shares_mean(norm, (3, 4, 5, 5), sample, channel)
    assert (gradient.abs().numpy() > 1e-12).tolist() == mask.tolist()


def test_a_bias_outside_the_gradient_runs_away_and_the_loss_stays(race):
    for bias, loss in zip(race.bias["outside"], race.loss["outside"], strict=True):
        assert (np.diff(bias) > 0).all()
        assert np.diff(bias).std() < 1e-9  # each step as long as the one before: no end
        assert np.ptp(loss) < 1e-9
    # The gradient is -2 * mean of the target: the share of odd digits.
    odd = np.mean(load_digits().train_labels[:100] % 2)
    assert np.allclose(race.bias["outside"][:, -1], 200 * race.rates * 2 * odd)


def test_a_bias_inside_the_gradient_rests(race):
    assert np.abs(race.bias["inside"]).max() < 1e-9
    assert np.allclose(race.loss["inside"], race.loss["outside"])
    assert race.bias["inside"].shape == race.loss["inside"].shape == (3, 201)


def test_threads_are_as_before():
    before = torch.get_num_threads()
    experiment.outside_the_gradient(rates=(0.1,), steps=2)
    assert torch.get_num_threads() == before
