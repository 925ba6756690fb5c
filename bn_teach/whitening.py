"""Whitening: what Batch Normalization starts from, and what it gives up.

Standardising gives each feature mean 0 and variance 1, one by one. Whitening also takes the
correlation between the features away. Ioffe and Szegedy (2015), arXiv 1502.03167, begin with
whitening (section 2) and then keep only the first half (section 3); "the paper" below.

Shapes
    N   samples in the mini-batch
    C   features
    x is (N, C); cov, the covariance, and W, a whitening matrix, are (C, C).

Every whitening is one linear map: y = W (x - mean) for each sample, with W cov W^T = I. There are
as many as there are rotations: if W whitens, so does R W for every rotation R. Three of them:

    PCA       W = L^(-1/2) V^T      along the axes of the cloud, the longest first
    ZCA       W = V L^(-1/2) V^T    moves the points least
    Cholesky  W = T^(-1)            feature i only from the features 1 to i

with cov = V L V^T (eigenvectors in the columns of V, eigenvalues in L) and cov = T T^T, T lower
triangular. Nothing here is detached: autograd differentiates through mean and covariance too.
"""

import torch

from .batchnorm import batch_moments, normalize


def standardize(x, eps=0.0):
    """Give each feature mean 0 and variance 1; correlations stay as they are.

    y = (x - mean) / sqrt(var + eps), with var divided by N (the paper's section 3, without its
    gamma and beta). With eps the variance is var / (var + eps).

    Parameters
    ----------
    x : Tensor (N, C)
    eps : float
        Added to each variance, inside the root, in the unit of var.

    Returns
    -------
    y : Tensor (N, C), without unit

    Raises
    ------
    ValueError
        If x is not a finite floating-point matrix of two samples or more, eps is negative, or eps
        is 0 and a feature is constant.
    """
    _check(x, eps)
    mean, var = batch_moments(x)
    if eps == 0:
        _refuse_constant(x)
    return normalize(x, mean, var, eps)


def pca_whiten(x, eps=0.0):
    """Whiten along the axes of the cloud: feature 1 of y is its longest direction.

    Parameters, result and errors as for ``zca_whiten``.
    """
    return _whiten(x, pca_matrix, eps)


def zca_whiten(x, eps=0.0):
    """Whiten and turn back: of all whitenings the one that moves the points least.

    y = W (x - mean) with W = (cov + eps I)^(-1/2), the symmetric root.

    Parameters
    ----------
    x : Tensor (N, C)
    eps : float
        Added to the diagonal of the covariance, in the unit of a variance. 0 is exact; with more
        the result is whitened only nearly.

    Returns
    -------
    y : Tensor (N, C), without unit; its covariance is the identity if eps is 0

    Raises
    ------
    ValueError
        If x is not a finite floating-point matrix of two samples or more, eps is negative, or the
        covariance (with eps) is singular.
    """
    return _whiten(x, zca_matrix, eps)


def cholesky_whiten(x, eps=0.0):
    """Whiten feature by feature: each loses what those before it already say.

    Parameters, result and errors as for ``zca_whiten``.
    """
    return _whiten(x, cholesky_matrix, eps)


def covariance(x):
    """cov = 1/N * sum over samples of (x - mean) (x - mean)^T: (N, C) to (C, C).

    Divided by N, like the variance of ``batch_moments``, which is its diagonal.

    Raises
    ------
    ValueError
        If x is not a finite floating-point matrix of two samples or more.
    """
    _check(x)
    centred = x - x.mean(0)
    return centred.T @ centred / len(x)


def pca_matrix(cov):
    """W = L^(-1/2) V^T, largest eigenvalue first: (C, C) to (C, C).

    An eigenvector is one up to its sign: here its entry of largest size is positive. Where two
    eigenvalues are equal, the directions are arbitrary and have no gradient.

    Raises
    ------
    ValueError
        If cov is singular.
    """
    values, vectors = _eigen(cov)
    values, vectors = values.flip(0), vectors.flip(1)
    largest = vectors.detach().abs().argmax(0, keepdim=True)
    signs = vectors.detach().gather(0, largest).sign()
    return (vectors * signs / values.sqrt()).T


def zca_matrix(cov):
    """W = V L^(-1/2) V^T = cov^(-1/2), the symmetric root: (C, C) to (C, C).

    Raises
    ------
    ValueError
        If cov is singular.
    """
    values, vectors = _eigen(cov)
    return vectors / values.sqrt() @ vectors.T


def cholesky_matrix(cov):
    """W = T^(-1) with cov = T T^T, T and W lower triangular: (C, C) to (C, C).

    Raises
    ------
    ValueError
        If cov is singular.
    """
    lower, _ = torch.linalg.cholesky_ex(cov)
    # The square of a diagonal entry is what is left of that feature's variance after the
    # features before it are known: 0, but for rounding, if they determine it.
    left = lower.detach().diagonal().square() / cov.detach().diagonal()
    if not (left > _rounding(cov)).all():
        _refuse_singular(cov)
    return torch.linalg.solve_triangular(lower, torch.eye(len(cov)).to(cov), upper=False)


def rank(cov):
    """How many directions of the cloud have a spread that is more than rounding: an int.

    It is at most C, and for the covariance of N samples at most N - 1.
    """
    values = torch.linalg.eigvalsh(cov.detach())
    return int((values > values[-1] * _rounding(cov)).sum())


def _refuse_constant(x):
    constant = (x == x[0]).all(0).nonzero()[:, 0].tolist()  # var may be off 0 by rounding
    if constant:
        raise ValueError(
            f"feature {constant[0]} of x {tuple(x.shape)} is constant ({len(constant)} such in "
            "all), expected a spread: it would be divided by 0. Leave it out, or give a positive "
            "eps."
        )


def _whiten(x, matrix, eps):
    _check(x, eps)
    cov = covariance(x) + eps * torch.eye(x.shape[1]).to(x)
    return (x - x.mean(0)) @ matrix(cov).T


def _eigen(cov):
    """Eigenvalues, ascending, and eigenvectors, in columns, of a covariance of full rank."""
    values, vectors = torch.linalg.eigh(cov)
    if not values[0] > values[-1] * _rounding(cov):
        _refuse_singular(cov)
    return values, vectors


def _rounding(cov):
    """What an eigenvalue 0 may come out as, as a share of the largest one."""
    return len(cov) * torch.finfo(cov.dtype).eps


def _refuse_singular(cov):
    raise ValueError(
        f"the covariance {tuple(cov.shape)} is singular: rank {rank(cov)}, expected {len(cov)}. "
        "Whitening would divide by 0 in the directions without spread. N samples have rank N - 1 "
        "at most: take more samples, leave out features that others determine, or give a "
        "positive eps."
    )


def _check(x, eps=0.0):
    got = f"got x of shape {tuple(x.shape)} and {x.dtype}"
    if x.dim() != 2 or len(x) < 2 or x.shape[1] < 1:
        raise ValueError(
            f"expected (N, C), two samples or more of one feature or more, {got}. Make each "
            "image one row with x.flatten(1)."
        )
    if not x.is_floating_point():
        raise ValueError(f"expected floating-point numbers, {got}. Convert it: x.float().")
    if not x.isfinite().all():
        raise ValueError(f"expected finite numbers, {got} with NaN or infinity in it.")
    if eps < 0:
        raise ValueError(f"expected an eps of 0 or more, got {eps}.")
