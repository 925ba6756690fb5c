"""The readable Batch Normalization is torch.nn's, to 1e-10 in float64, in every setting."""

import copy
import inspect
import math
import pickle

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bn_teach import batchnorm
from bn_teach.batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    batch_moments,
    normalize,
    scale_and_shift,
    update_running,
)

LAYERS = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}
SHAPES = [(6, 3), (4, 3, 5), (4, 3, 5, 2), (2, 3, 4, 3, 2)]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Tensors this small only wait for a second thread; on a busy machine, for long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def close(ours, theirs, tolerance=1e-10):
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def random_data(shape, seed=0, dtype=torch.float64):
    """Every channel with a mean and a spread of its own."""
    generator = torch.Generator().manual_seed(seed)
    offset, spread, x = (
        torch.randn(size, generator=generator, dtype=torch.float64)
        for size in (shape[1:2], shape[1:2], shape)
    )
    along = [1, -1] + [1] * (len(shape) - 2)
    return (x * (0.5 + spread.abs()).reshape(along) + 3 * offset.reshape(along)).to(dtype)


def randomise(layer, seed=0):
    """Gamma, beta and the running statistics other than 1 and 0, where mistakes would hide."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in layer.state_dict().items():
        if value.is_floating_point():
            new = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            value.copy_(new.abs() + 0.5 if name == "running_var" else new)
    return layer


def both(shape, seed=0, dtype=torch.float64, **settings):
    """Our layer and torch's in the same random state. Loading is strict: the keys agree."""
    name = LAYERS[len(shape)]
    theirs = randomise(getattr(torch.nn, name)(shape[1], dtype=dtype, **settings), seed)
    ours = getattr(batchnorm, name)(shape[1], dtype=dtype, **settings)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def one_pass(layer, x, d_y):
    """Output and every gradient of one forward and backward pass."""
    layer.zero_grad()
    leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(leaf)
    y.backward(d_y)
    return {"y": y, "x": leaf.grad, **{name: p.grad for name, p in layer.named_parameters()}}


def same_step(ours, theirs, x, seed=0, tolerance=1e-10):
    """Output, gradients and buffers after one pass through both."""
    d_y = random_data(x.shape, seed + 1, x.dtype)
    found, expected = ({**one_pass(m, x, d_y), **dict(m.named_buffers())} for m in (ours, theirs))
    close(found, expected, tolerance)


sizes = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(tuple)
sizes = sizes.filter(lambda shape: math.prod(shape) > shape[1])  # more than 1 value per channel


@settings(max_examples=50, deadline=None)
@given(
    shape=sizes,
    seed=st.integers(0, 1000),
    eps=st.sampled_from([1e-5, 1e-3, 0.5]),
    momentum=st.sampled_from([None, 0, 0.1, 0.7, 1]),
    affine=st.booleans(),
    bias=st.booleans(),
    track=st.booleans(),
)
@example((2, 3), 0, 1e-5, 0.1, True, True, True)
@example((1, 3, 2), 1, 1e-5, None, True, False, True)
@example((4, 3, 2, 2), 2, 0.5, 0, True, True, True)
@example((3, 2, 2, 1, 2), 3, 1e-3, 1, False, True, True)
@example((3, 2), 4, 1e-5, 0.1, True, True, False)
def test_training_then_evaluating_is_as_in_torch(shape, seed, eps, momentum, affine, bias, track):
    ours, theirs = both(
        shape, seed, eps=eps, momentum=momentum, affine=affine, bias=bias, track_running_stats=track
    )
    for step in range(3):
        same_step(ours, theirs, random_data(shape, seed + step), step)
    ours.eval(), theirs.eval()
    same_step(ours, theirs, random_data(shape, seed + 3), 3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [True, False])
def test_gradcheck(shape, training):
    layer = both(shape)[0].train(training)
    x = random_data(shape).requires_grad_()
    state = copy.deepcopy(layer.state_dict())

    def forward(x, gamma, beta):
        layer.load_state_dict(state)
        return torch.func.functional_call(layer, {"weight": gamma, "bias": beta}, x)

    gamma, beta = (p.detach().clone().requires_grad_() for p in layer.parameters())
    assert torch.autograd.gradcheck(forward, (x, gamma, beta))


def test_the_second_derivative_is_right_too():
    layer = both((4, 2))[0]
    assert torch.autograd.gradgradcheck(layer, random_data((4, 2)).requires_grad_())


def test_the_four_functions_by_hand():
    """x = 1, 2, 3, 6 has mean 3 and differences -2, -1, 0, 3: squares add up to 14."""
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]], dtype=torch.float64)
    mean, var = batch_moments(x)
    assert (mean.tolist(), var.tolist()) == ([3.0], [14 / 4])
    x_hat = normalize(x, mean, var, eps=0.5)
    close(x_hat, torch.tensor([[-1.0], [-0.5], [0.0], [1.5]], dtype=torch.float64))
    gamma, beta = torch.tensor([[4.0], [7.0]], dtype=torch.float64)
    assert scale_and_shift(x_hat, gamma, beta).flatten().tolist() == [3.0, 5.0, 7.0, 13.0]
    assert scale_and_shift(x_hat, None, beta).flatten().tolist() == [6.0, 6.5, 7.0, 8.5]
    assert scale_and_shift(x_hat, gamma, None).flatten().tolist() == [-4.0, -2.0, 0.0, 6.0]
    old_mean, old_var = torch.tensor([[10.0], [20.0]], dtype=torch.float64)
    new_mean, new_var = update_running(old_mean, old_var, mean, var, m=4, momentum=0.25)
    close(new_mean, 0.75 * old_mean + 0.25 * 3)
    close(new_var, 0.75 * old_var + 0.25 * 14 / 3)  # divided by n - 1
    assert (old_mean.item(), old_var.item()) == (10, 20)


@pytest.mark.parametrize("shape", SHAPES)
def test_normalize_gives_mean_0_and_variance_just_below_1(shape):
    x = random_data(shape)
    mean, var = batch_moments(x)
    new_mean, new_var = batch_moments(normalize(x, mean, var, eps=0.1))
    close(new_mean, torch.zeros_like(mean))
    close(new_var, var / (var + 0.1))


def test_one_value_has_no_unbiased_variance():
    one = torch.ones(1)
    with pytest.raises(ZeroDivisionError):
        update_running(one, one, one, one, m=1, momentum=0.1)


@pytest.mark.parametrize("x", [torch.randn(5), torch.randn(5, 0)])
def test_moments_need_a_channel(x):
    with pytest.raises(IndexError):
        batch_moments(x)


@pytest.mark.parametrize("dims", LAYERS)
def test_each_loads_the_state_of_the_other(dims):
    shape = (4, 3, 2, 2, 2)[:dims]
    ours, theirs = both(shape)
    same_step(ours, theirs, random_data(shape))
    fresh = getattr(torch.nn, LAYERS[dims])(3, dtype=torch.float64)
    fresh.load_state_dict(ours.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(fresh.state_dict())
    close(dict(fresh.state_dict()), dict(theirs.state_dict()))
    assert ours.num_batches_tracked == 1
    assert ours.state_dict()._metadata[""]["version"] == 2


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"])
def test_constructor_and_repr_are_those_of_torch(name):
    ours, theirs = getattr(batchnorm, name), getattr(torch.nn, name)
    assert [(p.name, p.kind, p.default) for p in inspect.signature(ours).parameters.values()] == [
        (p.name, p.kind, p.default) for p in inspect.signature(theirs).parameters.values()
    ]
    for arguments, keywords in [
        ((3,), {}),
        ((4, 1e-3, None, True, False), {"bias": False}),
        ((5,), {"affine": False, "momentum": 0.2}),
    ]:
        assert repr(ours(*arguments, **keywords)) == repr(theirs(*arguments, **keywords))
    assert list(ours(3).state_dict()) == list(theirs(3).state_dict())
    for key, value in theirs(3).state_dict().items():
        close(ours(3).state_dict()[key], value)


def test_gamma_and_beta_are_the_papers_names():
    layer = BatchNorm2d(3)
    assert layer.gamma is layer.weight
    assert layer.beta is layer.bias
    assert BatchNorm1d(3, bias=False).beta is None
    assert BatchNorm1d(3, affine=False).gamma is None


def test_buffers_are_not_parameters_and_move_with_the_layer():
    layer = BatchNorm1d(3)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    layer.to(torch.float64)
    assert layer.running_mean.dtype == layer.running_var.dtype == torch.float64
    assert layer.num_batches_tracked.dtype == torch.int64
    assert layer(random_data((4, 3))).dtype == torch.float64
    assert {t.device.type for t in BatchNorm1d(3, device="meta").state_dict().values()} == {"meta"}


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_goes_its_own_way(twin):
    layer, _ = both((6, 3))
    layer(random_data((6, 3)))  # after this, a buffer that holds a graph cannot be copied
    other = twin(layer)
    close(other(random_data((6, 3), 1)), layer(random_data((6, 3), 1)))
    other(random_data((6, 3), 2))
    assert (layer.num_batches_tracked, other.num_batches_tracked) == (2, 3)
    assert not torch.equal(layer.running_mean, other.running_mean)
    assert not torch.equal(layer.running_var, other.running_var)


def test_reset_is_that_of_torch():
    ours, theirs = both((6, 3))
    for layer in (ours, theirs):
        layer(random_data((6, 3)))
        layer.reset_running_stats()
    close(dict(ours.state_dict()), dict(theirs.state_dict()))
    ours.reset_parameters(), theirs.reset_parameters()
    close(dict(ours.state_dict()), dict(theirs.state_dict()))
    assert ours.gamma.tolist() == [1, 1, 1]


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_the_mode_alone_decides(training, gradients):
    """Training moves the running statistics under no_grad too; evaluation never does."""
    ours, theirs = both((6, 3))
    before = ours.running_mean.clone()
    x = random_data((6, 3), 5)
    with torch.set_grad_enabled(gradients):
        close(ours.train(training)(x), theirs.train(training)(x))
    close(dict(ours.named_buffers()), dict(theirs.named_buffers()))
    assert torch.equal(ours.running_mean, before) != training


def test_buffers_are_updated_in_place_and_without_graph():
    layer, _ = both((6, 3))
    buffers = list(layer.buffers())
    before = [buffer.clone() for buffer in buffers]
    layer(random_data((6, 3)).requires_grad_())
    for old, buffer, new in zip(before, buffers, layer.buffers(), strict=True):
        assert buffer is new
        assert not torch.equal(old, new)
        assert new.grad_fn is None and not new.requires_grad


def test_no_momentum_averages_over_all_batches():
    layer = BatchNorm1d(3, momentum=None, dtype=torch.float64)
    batches = [random_data((6, 3), seed) for seed in range(4)]
    for x in batches:
        layer(x)
    close(layer.running_mean.clone(), torch.stack([x.mean(0) for x in batches]).mean(0))
    unbiased = torch.stack([x.var(0, correction=1) for x in batches])
    close(layer.running_var.clone(), unbiased.mean(0))


def test_tracking_can_be_switched_off_and_statistics_dropped():
    ours, theirs = both((6, 3))
    for layer in (ours, theirs):
        layer.track_running_stats = False
    same_step(ours, theirs, random_data((6, 3)))
    same_step(ours.eval(), theirs.eval(), random_data((6, 3)))  # the old ones are still used
    for layer in (ours, theirs):
        layer.running_mean = layer.running_var = None
    same_step(ours, theirs, random_data((6, 3)))


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_two_and_a_constant_channel(training):
    ours, theirs = both((2, 3))
    ours.train(training), theirs.train(training)
    x = random_data((2, 3))
    x[:, 1] = 4.0
    same_step(ours, theirs, x)


@pytest.mark.parametrize("training", [True, False])
def test_a_permuted_input(training):
    ours, theirs = both((4, 3, 5, 2))
    ours.train(training), theirs.train(training)
    x = random_data((4, 5, 2, 3)).permute(0, 3, 1, 2)
    assert not x.is_contiguous()
    same_step(ours, theirs, x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4), (4, 3, 0), (0, 3, 2, 2), (2, 3, 0, 2, 2)])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_an_empty_batch(shape, training, momentum):
    ours, theirs = both(shape, momentum=momentum)
    ours.train(training), theirs.train(training)
    same_step(ours, theirs, random_data(shape))
    assert ours.num_batches_tracked == training


@pytest.mark.parametrize("shape", SHAPES)
def test_float32(shape):
    ours, theirs = both(shape, dtype=torch.float32)
    for seed in range(3):
        same_step(ours, theirs, random_data(shape, seed, torch.float32), tolerance=1e-4)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("parameters", ["as the input", torch.float32])
def test_half_precision_is_as_accurate_as_torch(dtype, parameters, training):
    """Judged by float64. With all in half precision torch rounds more, above all d_gamma."""
    layer_dtype = dtype if parameters == "as the input" else parameters
    shape = (16, 3, 8, 8)
    ours, theirs = (layer.train(training) for layer in both(shape, dtype=layer_dtype))
    truth = copy.deepcopy(theirs).double()
    x, d_y = random_data(shape, 1, dtype), random_data(shape, 2, dtype)
    found, by_torch = one_pass(ours, x, d_y), one_pass(theirs, x, d_y)
    for name, expected in one_pass(truth, x.double(), d_y.double()).items():
        assert found[name].dtype == by_torch[name].dtype
        size = expected.abs().max()
        error = (found[name] - expected).abs().max() / size
        error_of_torch = (by_torch[name] - expected).abs().max() / size
        assert error <= 1.01 * error_of_torch + 1e-6, name
    one_rounding = torch.finfo(layer_dtype).eps
    close(dict(ours.named_buffers()), dict(theirs.named_buffers()), one_rounding)


@pytest.mark.parametrize("shape", [(256, 5), (16, 5, 16, 1)])
def test_a_large_offset_costs_a_few_roundings_and_no_more(shape):
    """At 1e4, float32 numbers lie 1e-3 apart; E[x^2] - mean^2 is wrong there by more than 1."""
    generator = torch.Generator().manual_seed(0)
    x = 1e4 + torch.randn(shape, generator=generator)
    ours, theirs = both(shape, dtype=torch.float32)
    truth = copy.deepcopy(theirs).double()
    close(ours(x).double(), truth(x.double()), 4e-3)
    close(ours.running_var.double(), truth.running_var, 1e-5)


def test_an_old_state_without_a_count_of_batches():
    ours, theirs = both((6, 3))
    old = randomise(torch.nn.BatchNorm1d(3, dtype=torch.float64), seed=7).state_dict()
    del old["num_batches_tracked"]
    for version in (None, 1):
        old._metadata[""]["version"] = version
        for layer in (ours, theirs):
            layer(random_data((6, 3)))
            layer.load_state_dict(old, strict=True)
        close(dict(ours.state_dict()), dict(theirs.state_dict()))
    assert ours.num_batches_tracked == 2
    old._metadata[""]["version"] = 2
    with pytest.raises(RuntimeError, match="num_batches_tracked"):
        ours.load_state_dict(old, strict=True)


REFUSED = [  # layer, its settings, x, training, the words of our error
    (1, {}, torch.randn(3), True, r"BatchNorm1d expected 2 or 3 dimensions, got .*\(3,\)"),
    (1, {}, torch.randn(4, 3, 2, 2), False, r"2 or 3 dimensions, .*\(4, 3, 2, 2\).* BatchNorm2d"),
    (2, {}, torch.randn(4, 3, 2), True, r"BatchNorm2d expected 4 dimensions, .*\(4, 3, 2\)"),
    (3, {}, torch.randn(4, 3), True, r"BatchNorm3d expected 5 dimensions, .*\(4, 3\).* Reshape"),
    (1, {}, torch.randn(4, 5), True, r"expected 3 channels .*\(4, 5\).* num_features=5"),
    (1, {"track_running_stats": False}, torch.randn(4, 5), True, r"expected 3 channels"),
    (1, {"affine": False}, torch.randn(4, 5), True, r"expected 3 channels"),
    (1, {}, torch.randn(1, 3), True, r"more than 1 value per channel, .*\(1, 3\).* drop_last"),
    (1, {}, torch.randn(1, 3, 1), True, r"more than 1 value per channel.* beta.* eval\(\)"),
    (1, {"track_running_stats": False}, torch.randn(1, 3), False, r"more than 1 value"),
    (1, {"eps": 0.0}, torch.randn(4, 3), True, r"expected a positive eps, got 0\.0"),
    (1, {"eps": -1.0}, torch.randn(4, 3), False, r"expected a positive eps, got -1\.0"),
    (1, {}, torch.ones(4, 3, dtype=torch.int64), True, r"floating-point .*int64.* x\.float\(\)"),
    (1, {}, torch.randn(4, 3).double(), True, r"layer, torch.float32, .*float64.* Convert one"),
    (1, {"dtype": torch.float64}, torch.randn(4, 3), False, r"torch.float64, got .*float32"),
    (1, {"dtype": torch.bfloat16}, torch.randn(4, 3), True, r"torch.bfloat16, got .*float32"),
    (1, {"dtype": torch.float64}, torch.randn(4, 3).bfloat16(), True, r"float64, got .*bfloat16"),
    (1, {"affine": False}, torch.randn(4, 3).double(), True, r"torch.float32, got .*float64"),
]


@pytest.mark.parametrize(("dims", "options", "x", "training", "words"), REFUSED)
def test_what_torch_refuses_is_refused_in_clearer_words(dims, options, x, training, words):
    name = f"BatchNorm{dims}d"
    theirs = getattr(torch.nn, name)(3, **options).train(training)
    ours = getattr(batchnorm, name)(3, **options).train(training)
    before = copy.deepcopy(ours.state_dict())
    with pytest.raises((ValueError, RuntimeError)) as refusal:
        theirs(x)
    kind = ValueError if refusal.type is ValueError else RuntimeError
    with pytest.raises(kind, match=words):
        ours(x)
    close(dict(ours.state_dict()), dict(before))


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (BatchNorm1d(3).eval(), torch.randn(1, 3)),
        (BatchNorm1d(3, eps=0.0).eval(), torch.randn(4, 3)),
        (BatchNorm1d(3), torch.randn(1, 3, 2)),
        (BatchNorm2d(3), torch.randn(1, 3, 1, 2)),
        (BatchNorm3d(3), torch.randn(1, 3, 2, 1, 1)),
        (BatchNorm1d(3, affine=False, track_running_stats=False), torch.randn(4, 5)),
        (BatchNorm1d(3, affine=False, track_running_stats=False), torch.randn(4, 3).double()),
    ],
)
def test_what_torch_accepts_is_accepted(layer, x):
    theirs = getattr(torch.nn, type(layer).__name__)(
        3, layer.eps, 0.1, layer.affine, layer.track_running_stats
    ).train(layer.training)
    torch.testing.assert_close(layer(x), theirs(x), rtol=1e-4, atol=1e-5)
