"""A first try at a Batch Normalization layer, and the checks that find its bugs: notebook 07.

``FirstTry`` looks right and trains well. ``hunt`` puts it, or a student's layer, through ten
checks and says what is wrong in words that name the likely mistake; ``compare`` then measures how
far a layer that passes is from torch's.

Shapes: N samples, C channels, H x W places; m values per channel, N or N*H*W.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from ..batchnorm import BatchNorm1d, BatchNorm2d, batch_moments, normalize, scale_and_shift

N, C, PLACES = 6, 4, (4, 4)  # of the checks: H = W = C, which broadcasting takes without a word
EPS, MOMENTUM = 1e-5, 0.1  # torch's defaults


class FirstTry(torch.nn.Module):
    """Batch Normalization of (N, C), as one writes it at first."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.running_mean = torch.zeros(num_features)
        self.running_var = torch.ones(num_features)

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean(0), x.var(0, correction=0)
            self.running_mean = self.moved(self.running_mean, mean.detach())
            self.running_var = self.moved(self.running_var, var.detach())
        return self.weight * (x - mean) / torch.sqrt(var + self.eps) + self.bias

    def moved(self, old, new):
        return (1 - self.momentum) * old + self.momentum * new


class Table(list):
    """Named tuples with a heading each; a notebook shows them as a table."""

    def _repr_markdown_(self):
        heading = self[0].HEADING
        lines = [heading, ["---"] * len(heading), *(row.cells() for row in self)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


class Finding(NamedTuple):
    """What a check found: ``problem`` says what is wrong, None that nothing is."""

    check: str
    problem: str | None

    HEADING = ("check", "result")

    def cells(self):
        return self.check, f"**fails**: {self.problem}" if self.problem else "passes"


class Comparison(NamedTuple):
    """Largest absolute differences from torch in float64, for (N, C) and for (N, C, H, W)."""

    what: str
    flat: float
    images: float

    HEADING = ("largest difference", "(N, C)", "(N, C, H, W)")

    def cells(self):
        return self.what, *(f"{value:.0e}" if value else "0" for value in self[1:])


class Layers(NamedTuple):
    """Layers to work with: ``flat(C)`` for (N, C), ``images(C)`` for images, and whose they are."""

    flat: type
    images: type
    flat_owner: str
    images_owner: str

    def _repr_markdown_(self):
        return (
            f"For (N, C): **{self.flat_owner}** layer. For (N, C, H, W): **{self.images_owner}** "
            "layer."
        )


def hunt(make, images=None):
    """Put a layer for (N, C), made by ``make(num_features, eps=, momentum=)``, through the checks.

    ``images`` makes the layer for (N, C, H, W), which adds one check. Returns a ``Table`` of
    ``Finding``; an exception in a check counts as a problem.
    """
    findings = Table(Finding(name, _problem(check, make)) for name, check in CHECKS.items())
    if images is not None:
        findings.append(Finding("images (N, C, H, W)", _problem(_images, images)))
    return findings


def first_problem(make):
    """The first problem that ``hunt`` finds in a layer for (N, C), after its check; or None."""
    return next((f"{check}: {problem}" for check, problem in hunt(make) if problem), None)


def is_unsolved(make):
    """Whether the layer still returns nothing: its ``forward`` is to be written."""
    try:
        return make(C)(torch.randn(N, C)) is None
    except Exception:  # something was written, and the checks will say what is wrong with it
        return False


def yours_or_ours(flat, images):
    """The student's ``Layers`` for (N, C) and for images where they pass, else the package's."""
    passes = first_problem(flat) is None
    both = passes and _problem(_images, images) is None
    return Layers(
        flat=flat if passes else BatchNorm1d,
        images=images if both else BatchNorm2d,
        flat_owner="your" if passes else "the package's",
        images_owner="your" if both else "the package's",
    )


def compare(flat, images, seed=0):
    """How far the two layers are from torch's in float64 after five batches.

    Returns a ``Table`` of ``Comparison``.
    """
    columns = [
        _differences(flat, torch.nn.BatchNorm1d, (16, C), seed),
        _differences(images, torch.nn.BatchNorm2d, (16, C, *PLACES), seed),
    ]
    rows = ((what, *(column[what] for column in columns)) for what in columns[0])
    return Table(Comparison(*row) for row in rows)


def verdict(found, truth, guesses):
    """None if ``found`` is the truth, else in words how far off it is, and which guess it is.

    Parameters
    ----------
    found, truth : Tensor, found also ndarray
        Equal if they differ by less than 1 % of the largest value: far above rounding, far below
        what each of the mistakes does.
    guesses : dict of words to Tensor
        What likely mistakes give, and what to tell those who made them.
    """
    if isinstance(found, np.ndarray):
        found = torch.from_numpy(found)
    if not isinstance(found, torch.Tensor):
        return f"expected a tensor, got {type(found).__name__}"
    if found.shape != truth.shape:
        return f"the shape is {tuple(found.shape)}, not {tuple(truth.shape)}"
    if _close(found, truth):
        return None
    off = f"off by up to {(found - truth).abs().max().item():.2g}"
    likely = [words for words, guess in guesses.items() if _close(found, guess)]
    return f"{off}: {likely[0]}" if likely else off


def _differences(make, torchs, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    layers = _with_parameters(make).double(), _with_parameters(torchs).double()

    def draw():
        return 3 * torch.randn(shape, generator=generator, dtype=torch.float64) + 2

    for x in [draw() for _ in range(4)]:
        for layer in layers:
            layer(x.clone())
    x, d_y, new = draw(), draw(), draw()
    seen = []
    for layer in layers:
        leaf = x.clone().requires_grad_()
        y = layer(leaf * 1)
        (y * d_y).sum().backward()
        reader = torchs(C).double()
        reader.load_state_dict(layer.state_dict())
        seen.append(
            {
                "output in training": y,
                "gradient of x": leaf.grad,
                "gradient of γ": layer.weight.grad,
                "gradient of β": layer.bias.grad,
                "running mean, 5 batches": layer.running_mean,
                "running variance, 5 batches": layer.running_var,
                "output in evaluation": layer.eval()(new.clone()),
                "the same, state_dict loaded in torch's": reader.eval()(new),
            }
        )
    mine, truth = seen
    return {what: (mine[what] - truth[what]).abs().max().item() for what in truth}


def _training_output(make):
    layer, x = _with_parameters(make), _batch()
    y = layer(x.clone())
    mean, var = batch_moments(x)
    guesses = {
        "divide the variance by n, not by n − 1": normalize(x, mean, var * N / (N - 1), EPS),
        "put eps inside the root, sqrt(var + eps)": normalize(x, mean, (var.sqrt() + EPS) ** 2, 0),
        "in training, take the statistics of the batch, not the running ones": normalize(
            x, torch.zeros(C), torch.ones(C), EPS
        ),
    }
    guesses = {words: _affine(layer, x_hat) for words, x_hat in guesses.items()}
    x_hat = normalize(x, mean, var, EPS)
    guesses["multiply by weight and add bias"] = x_hat
    if problem := verdict(y, _affine(layer, x_hat), guesses):
        return problem
    layer = _with_parameters(partial(make, eps=0.01))
    if not _close(layer(x.clone()), _affine(layer, normalize(x, mean, var, 0.01))):
        return "eps is an argument, 1e-5 only its default"
    return None


def _gradient(make):
    gradients = []
    for layer in (_with_parameters(make), _with_parameters(torch.nn.BatchNorm1d)):
        leaf = _batch().requires_grad_()
        (layer(leaf * 1) * _batch(seed=1)).sum().backward()
        gradients.append(leaf.grad)
    if not _close(*gradients):
        return "the gradient goes through mean and variance too: do not detach them in the output"
    return None


def _running_mean(make):
    layer = _trained(make)
    if layer.running_mean.requires_grad:
        return "running_mean holds the graph of every batch so far: use detach or torch.no_grad"
    means = [batch_moments(x)[0] for x in _three_batches()]
    truth, reversed_ = _moved(0, means, MOMENTUM), _moved(0, means, 1 - MOMENTUM)
    guesses = {
        "momentum multiplies the new value, 1 − momentum the old": reversed_,
        "it has to move in training": torch.zeros(C),
    }
    if problem := verdict(layer.running_mean, truth, guesses):
        return problem
    if not _close(_trained(partial(make, momentum=0.5)).running_mean, _moved(0, means, 0.5)):
        return "momentum is an argument, 0.1 only its default"
    return None


def _running_var(make):
    layer = _trained(make, spread=1)
    if layer.running_var.requires_grad:
        return "running_var holds the graph of every batch so far: use detach or torch.no_grad"
    biased = [batch_moments(x)[1] for x in _three_batches(spread=1)]
    unbiased = [var * N / (N - 1) for var in biased]
    return verdict(
        layer.running_var,
        _moved(1, unbiased, MOMENTUM),
        {
            "the buffer takes the unbiased variance, var · n / (n − 1)": _moved(
                1, biased, MOMENTUM
            ),
            "momentum multiplies the new value, 1 − momentum the old": _moved(
                1, unbiased, 1 - MOMENTUM
            ),
            "it has to start at 1": _moved(0, unbiased, MOMENTUM),
        },
    )


def _evaluation(make):
    layer, x = _trained(make).eval(), _batch(seed=5)
    mean, var = layer.running_mean.clone(), layer.running_var.clone()
    y = layer(x.clone())
    if not (torch.equal(mean, layer.running_mean) and torch.equal(var, layer.running_var)):
        return "the running statistics moved in evaluation: move them in training only"
    own = _affine(layer, normalize(x, *batch_moments(x), EPS))
    words = "in evaluation use the running statistics; self.training tells the mode"
    if problem := verdict(y, _affine(layer, normalize(x, mean, var, EPS)), {words: own}):
        return problem
    return verdict(layer(x[:1].clone()), y[:1], {})  # refused in training only


def _saved(make):
    names = set(make(C).state_dict())
    lost = [name for name in ("running_mean", "running_var") if name not in names]
    if lost:
        has = ", ".join(sorted(names)) or "nothing"
        return f"state_dict() holds {has}, but not {' and '.join(lost)}: use register_buffer"
    return None


def _moves(make):
    layer = make(C).to(torch.float64)
    for name in ("running_mean", "running_var"):
        dtype = getattr(layer, name).dtype
        if dtype != torch.float64:
            return f".to(float64) left {name} in {str(dtype)[6:]}: use register_buffer"
    if layer(_batch().double()).dtype != torch.float64:
        return "a float64 layer turns float64 into float32"
    return None


def _single_sample(make):
    layer = _with_parameters(make)
    return _refuses(layer, _batch()[:1], "a batch of one has no spread, the output is just β")


def _channels(make):
    return _refuses(_with_parameters(make), _batch()[:, :1], f"the layer has {C} channels")


def _images(make):
    x = _batch(shape=(N, C, *PLACES), spread=1)
    layer, truth = _with_parameters(make), _with_parameters(torch.nn.BatchNorm2d)
    y, right = layer(x.clone()), truth(x)
    places = (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + EPS)
    own = layer.weight * places + layer.bias  # weight (C,) meets W, which is as long here
    words = "each place is normalised by itself: the moments go over N, H and W"
    if problem := verdict(y, right, {words: own}):
        return problem
    if not _close(layer.running_var, truth.running_var):
        return "the running variance is not torch's: a channel has n = N · H · W values"
    return None


CHECKS = {
    "output in training": _training_output,
    "gradient": _gradient,
    "running mean": _running_mean,
    "running variance": _running_var,
    "output in evaluation": _evaluation,
    "statistics saved in state_dict()": _saved,
    "statistics moved by .to()": _moves,
    "a batch of one is refused": _single_sample,
    "a wrong number of channels is refused": _channels,
}


def _problem(check, make):
    try:
        return check(make)
    except Exception as error:  # of the student's code: to be told, not to end the hunt
        return f"it stopped with {type(error).__name__}: {error}"


def _refuses(layer, x, why):
    try:
        y = layer(x)
    except (ValueError, RuntimeError, AssertionError):  # said on purpose, not 1 / 0
        return None
    return f"takes {tuple(x.shape)}, returns {tuple(y.shape)}; raise an error: {why}"


def _close(a, b):
    return a.shape == b.shape and bool((a - b).abs().max() <= 0.01 * b.abs().max())


def _batch(seed=0, shape=(N, C), spread=0.01):
    """A batch around 2; at a spread of 0.01 its variance is near enough to eps for eps to show."""
    return spread * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + 2


def _three_batches(spread=0.01):
    return [_batch(seed, spread=spread) for seed in (2, 3, 4)]


def _with_parameters(make):
    """A new layer of C channels whose gamma and beta are not 1 and 0."""
    layer = make(C)
    names = {name for name, _ in layer.named_parameters()}
    if names != {"weight", "bias"}:
        raise TypeError(f"the parameters are {sorted(names)}, not weight and bias")
    if (layer.weight != 1).any() or (layer.bias != 0).any():
        raise ValueError("weight has to start at 1 and bias at 0")
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 2, C))
        layer.bias.copy_(torch.linspace(-1, 3, C))
    return layer


def _trained(make, spread=0.01):
    layer = _with_parameters(make)
    for x in _three_batches(spread):
        layer(x.requires_grad_() * 1)  # as inside a network, where gradients pass through
    return layer


def _affine(layer, x_hat):
    return scale_and_shift(x_hat, layer.weight, layer.bias)


def _moved(start, values, momentum):
    """An exponential moving average of (C,) values, as a running statistic is one."""
    average = torch.full((C,), float(start))
    for value in values:
        average = (1 - momentum) * average + momentum * value
    return average
