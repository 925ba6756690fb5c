"""What repairs or replaces Batch Normalization, against torch.nn and against its definitions."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from bn_teach.alternatives import (
    BatchRenorm1d,
    FrozenNorm,
    GhostBatchNorm1d,
    GhostBatchNorm2d,
    freeze_norms,
    group_norm,
    norms_of,
    precise_statistics,
)
from bn_teach.batchnorm import BatchNorm1d
from bn_teach.models import cnn, mlp, stack


def draw(*shape, seed=0):
    """Values whose channels differ in mean and spread."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    scale = torch.arange(1, shape[1] + 1).view(1, -1, *[1] * (len(shape) - 2))
    return (scale * x + scale**2).requires_grad_()


def with_parameters(layer, seed=0):
    """The layer in float64, with a gamma and a beta that are not 1 and 0."""
    generator = torch.Generator().manual_seed(seed)
    layer = layer.double()
    for parameter in layer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return layer


@pytest.mark.parametrize("m", [2, 3, 12])
@pytest.mark.parametrize(
    ("ghost", "reference", "shape"),
    [
        (GhostBatchNorm1d, nn.BatchNorm1d, (12, 5)),
        (GhostBatchNorm2d, nn.BatchNorm2d, (12, 5, 3, 4)),
    ],
)
def test_ghost_is_torchs_layer_in_each_group(ghost, reference, shape, m):
    layer = with_parameters(ghost(5, m))
    x = draw(*shape)
    y = layer(x)
    expected, means, variances = [], [], []
    for group in x.split(m):
        torchs = with_parameters(reference(5))
        expected.append(torchs(group))
        means.append(torchs.running_mean)
        variances.append(torchs.running_var)
    expected = torch.cat(expected)
    assert (y - expected).abs().max() < 1e-12
    weights = draw(*shape, seed=1).detach()
    ours, theirs = (torch.autograd.grad((out * weights).sum(), x)[0] for out in (y, expected))
    assert (ours - theirs).abs().max() < 1e-9
    assert (layer.running_mean - torch.stack(means).mean(0)).abs().max() < 1e-12
    assert (layer.running_var - torch.stack(variances).mean(0)).abs().max() < 1e-12
    assert layer.num_batches_tracked == 1


@pytest.mark.parametrize(("ghost", "shape"), [(GhostBatchNorm1d, (6, 5)), (BatchRenorm1d, (6, 5))])
def test_evaluation_is_that_of_batch_norm(ghost, shape):
    layer = with_parameters(ghost(5, 3))
    layer(draw(*shape))
    torchs = nn.BatchNorm1d(5).double()
    torchs.load_state_dict(layer.state_dict())
    x = draw(7, 5, seed=2)  # no multiple of 3: nobody minds
    assert (layer.eval()(x) - torchs.eval()(x)).abs().max() < 1e-12


def test_ghost_of_one_image_is_instance_normalisation():
    x = draw(4, 5, 3, 3)
    y = GhostBatchNorm2d(5, 1).double()(x)
    assert (y - nn.functional.instance_norm(x)).abs().max() < 1e-12


def test_ghost_refuses_what_has_no_statistics():
    for layer in (GhostBatchNorm1d, BatchRenorm1d):
        with pytest.raises(ValueError, match="group_size 1: expected at least 2, because a single"):
            layer(5, 1)
    with pytest.raises(ValueError, match="group_size 0: expected at least 1"):
        GhostBatchNorm2d(5, 0)
    with pytest.raises(ValueError, match="a batch of 7 cannot be cut into groups of 2"):
        GhostBatchNorm1d(5, 2)(torch.zeros(7, 5))
    with pytest.raises(ValueError, match="more than 1 value per channel and group"):
        GhostBatchNorm2d(5, 1)(torch.zeros(4, 5, 1, 1))
    with pytest.raises(ValueError, match="GhostBatchNorm1d expected 2 dimensions"):
        GhostBatchNorm1d(5, 2)(torch.zeros(4, 5, 3))
    assert "group_size=4" in repr(GhostBatchNorm1d(5, 4))


def test_batch_renorm_follows_its_definition():
    """Twelve samples in groups of 3, limits that hold for some channels and not for others."""
    layer = with_parameters(BatchRenorm1d(5, 3, r_max=1.5, d_max=0.3))
    layer(draw(12, 5))  # the first batch is plain: then the limits are relaxed
    mu, sigma = layer.running_mean.clone(), (layer.running_var + layer.eps).sqrt()
    x = draw(12, 5, seed=3)
    y = layer(x)
    rows, limited = [], 0
    for group in x.split(3):
        sigma_b = (((group - group.mean(0)) ** 2).sum(0) / 3 + layer.eps).sqrt()
        free_r, free_d = sigma_b / sigma, (group.mean(0) - mu) / sigma
        r = free_r.detach().clip(1 / 1.5, 1.5)
        d = free_d.detach().clip(-0.3, 0.3)
        limited += int((r != free_r).sum() + (d != free_d).sum())
        rows.append(((group - group.mean(0)) / sigma_b * r + d) * layer.gamma + layer.beta)
    assert 0 < limited < 40
    expected = torch.cat(rows)
    assert (y - expected).abs().max() < 1e-12
    weights = draw(12, 5, seed=4).detach()
    ours, theirs = (torch.autograd.grad((out * weights).sum(), x)[0] for out in (y, expected))
    assert (ours - theirs).abs().max() < 1e-12


def test_batch_renorm_without_limits_trains_as_it_evaluates():
    layer = with_parameters(BatchRenorm1d(5, 4, r_max=1e9, d_max=1e9))
    for seed in range(3):
        layer(draw(12, 5, seed=seed))
    x = draw(12, 5, seed=5)
    frozen = copy.deepcopy(layer).eval()(x)
    assert (layer(x) - frozen).abs().max() < 1e-9


def test_batch_renorm_with_r_1_and_d_0_is_batch_norm():
    renorm, ghost = BatchRenorm1d(5, 4, r_max=1.0, d_max=0.0), GhostBatchNorm1d(5, 4)
    renorm, ghost = with_parameters(renorm), with_parameters(ghost)
    for seed in range(3):
        x = draw(12, 5, seed=seed)
        assert (renorm(x) - ghost(x)).abs().max() < 1e-12
    assert (renorm.running_mean == ghost.running_mean).all()


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_batch_renorm_averages_the_standard_deviation(momentum):
    """Algorithm 1 of Ioffe 2017, group by group in numpy; evaluation divides by that average."""
    layer = BatchRenorm1d(5, 2, momentum=momentum).double()
    mu, sigma = np.zeros(5), np.sqrt(np.ones(5) + layer.eps)
    for batch in range(3):
        x = draw(12, 5, seed=batch).detach()
        layer(x)
        pairs = x.numpy().reshape(6, 2, 5)
        share = momentum or 1 / (batch + 1)
        mu += share * (pairs.mean(1).mean(0) - mu)
        sigma += share * (np.sqrt(pairs.var(1) + layer.eps).mean(0) - sigma)
    x = draw(7, 5, seed=9).detach()
    y = layer.eval()(x).detach().numpy()
    assert np.abs(y - (x.numpy() - mu) / sigma).max() < 1e-12


def test_batch_renorm_relaxes_its_limits_evenly():
    layer = BatchRenorm1d(1, 2, r_max=3.0, d_max=5.0, relax=(2, 6))
    mean, var = torch.tensor([1000.0]), torch.tensor([1e6])
    found = []
    for batches in (0, 2, 3, 4, 6, 100):
        layer.num_batches_tracked.fill_(batches)
        found.append([float(limit) for limit in layer._corrections(mean, var)])
    assert found == [[1, 0], [1, 0], [1.5, 1.25], [2, 2.5], [3, 5], [3, 5]]
    low = layer._corrections(-mean, torch.tensor([0.0]))
    assert [float(limit) for limit in low] == [pytest.approx(1 / 3), -5]


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 5), (4, 6, 3, 5)])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_group_norm_is_torchs(shape, groups):
    x = draw(*shape)
    gamma, beta = torch.randn(2, 6, dtype=torch.float64)
    ours = group_norm(x, groups, gamma, beta)
    theirs = nn.functional.group_norm(x, groups, gamma, beta)
    assert (ours - theirs).abs().max() < 1e-12
    weights = draw(*shape, seed=1).detach()
    ours, theirs = (torch.autograd.grad((out * weights).sum(), x)[0] for out in (ours, theirs))
    assert (ours - theirs).abs().max() < 1e-12


def test_group_norm_has_layer_and_instance_normalisation_at_its_ends():
    x = draw(4, 6, 3, 5)
    assert (group_norm(x, 1) - nn.functional.layer_norm(x, (6, 3, 5))).abs().max() < 1e-12
    assert (group_norm(x, 6) - nn.functional.instance_norm(x)).abs().max() < 1e-12
    with pytest.raises(ValueError, match="6 channels cannot be cut into 4 groups"):
        group_norm(x, 4)


def test_precise_statistics_are_those_of_all_samples_layer_by_layer():
    net = mlp([4, 6, 5, 3], norm="batch", group_size=2).double()
    x = torch.randn(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for _ in range(3):
            net(x)
        precise_statistics(net, x)
        z = net.linear1(x)
        assert (net.norm1.running_mean - z.mean(0)).abs().max() < 1e-12
        assert (net.norm1.running_var - z.var(0, correction=1)).abs().max() < 1e-12
        norm = net.norm1
        hidden = (z - z.mean(0)) / (z.var(0) + norm.eps).sqrt() * norm.gamma + norm.beta
        z = net.linear2(hidden.relu())
        assert (net.norm2.running_mean - z.mean(0)).abs().max() < 1e-12
        assert (net.norm2.running_var - z.var(0, correction=1)).abs().max() < 1e-12
    assert net.training and net.norm1.training
    assert not net.norm1._forward_pre_hooks


def test_precise_statistics_reach_stacks_and_images():
    nets = [mlp([4, 6, 3], norm="batch", seed=seed) for seed in range(3)]
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(2))
    together = stack(nets)
    precise_statistics(together, x)
    for seed, net in enumerate(nets):
        precise_statistics(net, x)
        part = together.norm1.norm.running_var[6 * seed : 6 * seed + 6]
        assert (part - net.norm1.running_var).abs().max() < 1e-5
    net = cnn((4,), norm="batch").eval()
    images = torch.randn(5, 1, 8, 8)
    precise_statistics(net, images)
    assert (net.norm1.running_mean - net.conv1(images).mean((0, 2, 3))).abs().max() < 1e-6
    assert not net.training


@pytest.mark.parametrize("stacked", [False, True])
def test_frozen_norms_keep_their_statistics_and_go_on_learning(stacked):
    net = mlp([4, 6, 3], norm="batch", group_size=2)
    net = stack([net]) if stacked else net
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(3))
    net(x)
    freeze_norms(net)
    (norm,) = norms_of(net)
    before = norm.running_mean.clone()
    expected = net.eval()(x)
    net.train()
    assert net.training and not norm.training
    out = net(x[:5])  # no multiple of 2: no groups any more
    assert (out - expected[..., :5, :]).abs().max() < 1e-5
    assert torch.equal(norm.running_mean, before)
    out.square().sum().backward()
    assert norm.gamma.grad.abs().max() > 0
    assert sum(isinstance(module, FrozenNorm) for module in net.modules()) == 1


def test_norms_of_finds_batch_norms_only():
    assert norms_of(mlp([4, 6, 3], norm="layer")) == []
    assert [type(norm) for norm in norms_of(mlp([4, 6, 3], norm="batch"))] == [BatchNorm1d]
