"""The paper's six equations against autograd, in float64 to 1e-10."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bn_teach.backward import backward_without_statistics, batch_norm_backward
from bn_teach.batchnorm import batch_moments, normalize, scale_and_shift, sum_over_batch

SHAPES = [(2, 3), (8, 3), (4, 3, 5), (4, 3, 5, 2), (2, 3, 2, 3, 2)]


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def random_case(shape, seed=0):
    """d_y, x, gamma and beta, none of them with a special value."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (shape, shape, shape[1:2], shape[1:2])
    d_y, x, gamma, beta = (
        torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes
    )
    return d_y, 3 * x + 2, gamma, beta


def by_autograd(d_y, x, gamma, beta, eps, detached=False):
    """The six gradients of our own forward pass, intermediates included."""
    x, gamma, beta = (tensor.clone().requires_grad_() for tensor in (x, gamma, beta))
    mean, var = batch_moments(x)
    if detached:
        mean, var = mean.detach().requires_grad_(), var.detach().requires_grad_()
    x_hat = normalize(x, mean, var, eps)
    y = scale_and_shift(x_hat, gamma, beta)
    return torch.autograd.grad(y, (x_hat, var, mean, x, gamma, beta), d_y)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(lambda rest: (2, *rest)),
    seed=st.integers(0, 1000),
    eps=st.sampled_from([1e-5, 1e-3, 0.5]),
)
def test_all_six_are_those_of_autograd(shape, seed, eps):
    d_y, x, gamma, beta = random_case(shape, seed)
    ours = batch_norm_backward(d_y, x, gamma, eps)
    assert ours._fields == ("d_x_hat", "d_var", "d_mean", "d_x", "d_gamma", "d_beta")
    for gradient, expected in zip(ours, by_autograd(d_y, x, gamma, beta, eps), strict=True):
        close(gradient, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_is_that_of_torch(shape):
    d_y, x, gamma, beta = (tensor.requires_grad_() for tensor in random_case(shape))
    y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)
    d_x, d_gamma, d_beta = torch.autograd.grad(y, (x, gamma, beta), d_y)
    ours = batch_norm_backward(d_y, x, gamma, 1e-3)
    close(ours.d_x, d_x)
    close(ours.d_gamma, d_gamma)
    close(ours.d_beta, d_beta)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_the_two_sums_that_normalization_makes_vanish(shape, eps):
    d_y, x, gamma, _ = random_case(shape)
    ours = batch_norm_backward(d_y, x, gamma, eps)
    mean, var = batch_moments(x)
    x_hat = normalize(x, mean, var, eps)
    close(sum_over_batch(ours.d_x), torch.zeros_like(mean))
    # Of the second sum, eps / (var + eps) is left: nothing if eps were 0.
    without_var = sum_over_batch(ours.d_x_hat * x_hat) / torch.sqrt(var + eps)
    close(sum_over_batch(ours.d_x * x_hat), without_var * eps / (var + eps))


@pytest.mark.parametrize("shape", SHAPES)
def test_without_statistics_is_autograd_with_detached_ones_and_not_the_truth(shape):
    d_y, x, gamma, beta = random_case(shape)
    wrong = backward_without_statistics(d_y, x, gamma, 1e-5)
    truth = batch_norm_backward(d_y, x, gamma, 1e-5)
    _, _, _, d_x, d_gamma, d_beta = by_autograd(d_y, x, gamma, beta, 1e-5, detached=True)
    close(wrong.d_x, d_x)
    close(wrong.d_gamma, d_gamma)
    close(wrong.d_beta, d_beta)
    close(wrong.d_x_hat, truth.d_x_hat)
    assert wrong.d_var.tolist() == wrong.d_mean.tolist() == [0, 0, 0]
    assert (wrong.d_x - truth.d_x).norm() > 0.01 * truth.d_x.norm()
    assert (sum_over_batch(wrong.d_x).abs() > 1e-3).all()


@pytest.mark.parametrize("backward", [batch_norm_backward, backward_without_statistics])
def test_a_d_y_of_another_shape_is_refused(backward):
    d_y, x, gamma, _ = random_case((4, 3))
    with pytest.raises(ValueError, match=r"shape of x, \(4, 3\), got \(3,\): pass one derivative"):
        backward(d_y[0], x, gamma, 1e-5)
