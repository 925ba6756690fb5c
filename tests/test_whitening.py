"""Standardising and whitening against numpy, theory and numerical gradients."""

import numpy as np
import pytest
import torch

from bn_teach import whitening
from bn_teach.batchnorm import batch_moments

WHITENERS = (whitening.pca_whiten, whitening.zca_whiten, whitening.cholesky_whiten)
ALL = (whitening.standardize, *WHITENERS)


def name_of(function):
    return function.__name__


@pytest.fixture
def x():
    """60 correlated samples of 4 features with different means and spreads."""
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    return torch.randn(60, 4, generator=generator, dtype=torch.float64) @ mix + torch.arange(4.0)


def cov_of(y):
    return np.cov(y.detach().numpy().T, bias=True)


def test_standardize_gives_mean_0_variance_1_and_keeps_every_correlation(x):
    y = whitening.standardize(x)
    assert np.allclose(y.mean(0), 0)
    assert np.allclose(y.var(0, correction=0), 1)
    assert np.allclose(np.corrcoef(y.T), np.corrcoef(x.T))
    assert np.abs(np.corrcoef(x.T)[0, 1:]).max() > 0.3  # there is something to keep


def test_standardize_is_batch_norm_without_gamma_and_beta(x):
    truth = torch.nn.functional.batch_norm(x, None, None, training=True, eps=0.1)
    assert torch.allclose(whitening.standardize(x, eps=0.1), truth)


@pytest.mark.parametrize("whiten", WHITENERS, ids=name_of)
def test_whitening_gives_mean_0_and_the_identity_as_covariance(whiten, x):
    y = whiten(x)
    assert np.allclose(y.mean(0), 0)
    assert np.allclose(cov_of(y), np.eye(4))


@pytest.mark.parametrize("whiten", WHITENERS, ids=name_of)
def test_eps_is_added_to_the_diagonal(whiten, x):
    values = np.sort(np.linalg.eigvalsh(cov_of(x)))
    found = np.sort(np.linalg.eigvalsh(cov_of(whiten(x, eps=0.5))))
    assert np.allclose(found, np.sort(values / (values + 0.5)))


def test_covariance_is_numpys_and_has_the_variances_on_its_diagonal(x):
    cov = whitening.covariance(x)
    assert np.allclose(cov, cov_of(x))
    assert torch.allclose(cov.diagonal(), batch_moments(x)[1])


def test_whitenings_differ_by_a_rotation_only(x):
    pca, zca, cholesky = (whiten(x) for whiten in WHITENERS)
    for other in (pca, cholesky):
        rotation = torch.linalg.lstsq(zca, other).solution
        assert torch.allclose(zca @ rotation, other)
        assert torch.allclose(rotation @ rotation.T, torch.eye(4).double())


def test_pca_goes_along_the_axes_longest_first(x):
    _, _, directions = np.linalg.svd(x.numpy() - x.numpy().mean(0), full_matrices=False)
    w = whitening.pca_matrix(whitening.covariance(x)).numpy()
    cosines = (w / np.linalg.norm(w, axis=1, keepdims=True) * directions).sum(axis=1)
    assert np.allclose(np.abs(cosines), 1)
    assert all(row[np.abs(row).argmax()] > 0 for row in w)


def test_zca_is_the_symmetric_root_and_moves_the_points_least(x):
    cov = whitening.covariance(x)
    w = whitening.zca_matrix(cov)
    assert torch.allclose(w, w.T)
    assert torch.allclose(w @ w @ cov, torch.eye(4).double())
    centred, y = x - x.mean(0), whitening.zca_whiten(x)
    moved = (y - centred).square().sum()
    rotations, _ = torch.linalg.qr(torch.randn(200, 4, 4, dtype=torch.float64))
    assert ((y @ rotations - centred).square().sum((1, 2)) > moved).all()


def test_cholesky_uses_the_features_before_only(x):
    w = whitening.cholesky_matrix(whitening.covariance(x))
    assert torch.equal(w, w.tril())
    changed = x.clone()
    changed[:, 3] = torch.randn(60, dtype=torch.float64)
    assert torch.allclose(
        whitening.cholesky_whiten(changed)[:, :3], whitening.cholesky_whiten(x)[:, :3]
    )


@pytest.mark.parametrize("function", ALL, ids=name_of)
def test_gradients_go_through_mean_and_covariance(function, x):
    few = x[:7, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(function, few)
    (gradient,) = torch.autograd.grad(function(few)[0, 0], few)
    assert gradient.sum(0).abs().max() < 1e-10  # a shift of all samples changes nothing


@pytest.mark.parametrize("function", ALL, ids=name_of)
def test_float32_stays_float32_and_x_is_not_changed(function, x):
    small = x.float()
    kept = small.clone()
    assert function(small).dtype == torch.float32
    assert torch.equal(small, kept)


@pytest.mark.parametrize("whiten", WHITENERS, ids=name_of)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_with_too_few_samples_is_refused_with_its_rank(whiten, dtype):
    batch = torch.randn(5, 8, dtype=dtype, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ValueError, match=r"\(8, 8\) is singular: rank 4, expected 8.*positive eps"):
        whiten(batch)
    assert whiten(batch, eps=0.1).isfinite().all()


@pytest.mark.parametrize("whiten", WHITENERS, ids=name_of)
def test_a_feature_that_others_determine_is_refused(whiten, x):
    with pytest.raises(ValueError, match="rank 4, expected 5.*features that others determine"):
        whiten(torch.cat([x, x[:, :1] - 2 * x[:, 1:2]], dim=1))


def test_rank_is_numpys(x):
    wide = torch.cat([x, x @ torch.ones(4, 3).double()], dim=1)
    assert whitening.rank(whitening.covariance(wide)) == 4
    assert whitening.rank(whitening.covariance(x)) == np.linalg.matrix_rank(cov_of(x)) == 4


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_standardize_refuses_a_constant_feature(value, x):
    x = x.float()
    x[:, 2] = value
    with pytest.raises(ValueError, match=r"feature 2 .* is constant \(1 such in all\)"):
        whitening.standardize(x)
    assert whitening.standardize(x, eps=1e-5)[:, 2].abs().max() < 30 * value * 1e-5 + 1e-9


@pytest.mark.parametrize("function", [*ALL, whitening.covariance], ids=name_of)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (torch.ones(3), r"expected \(N, C\).*got x of shape \(3,\)"),
        (torch.ones(2, 3, 4, 4), r"got x of shape \(2, 3, 4, 4\).*x.flatten\(1\)"),
        (torch.ones(1, 3), "two samples or more"),
        (torch.ones(3, 0), "one feature or more"),
        (torch.ones(4, 3, dtype=torch.int64), r"floating-point.*x.float\(\)"),
        (torch.full((4, 3), torch.nan), "finite numbers"),
    ],
    ids=["1-D", "images", "one", "none", "integers", "nan"],
)
def test_wrong_x_is_refused(function, wrong, words):
    with pytest.raises(ValueError, match=words):
        function(wrong)


@pytest.mark.parametrize("function", ALL, ids=name_of)
def test_negative_eps_is_refused(function, x):
    with pytest.raises(ValueError, match="expected an eps of 0 or more, got -1"):
        function(x, eps=-1)
