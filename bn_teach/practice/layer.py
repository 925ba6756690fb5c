"""What a Batch Normalization layer for (N, C) computes, with any known mistake in it: notebook 07.

For each part of a layer, its output in training, gradient, running statistics and output in
evaluation, there is a function that makes the student's layer and runs it, and a ``made_`` function
that gives the same numbers with mistakes built in. torch's layer, run in the same way, is right.
The Formulas at the end hold the two side by side; ``layer_checks`` judges a layer by them.

Shapes: x (N, C), weight and bias (C,); ``settings`` are the layer's eps and momentum, where they
are not the default.
"""

from functools import partial

import torch

from . import formulas
from .formula import Formula, drawn
from .mistakes import MISTAKES

OWN = {  # mistakes that only a layer can have, in the form of mistakes.MISTAKES
    "one-pass-variance": (  # not where it fails: the notebook asks that later
        "right for small numbers, but not beside a large mean in float32",
        MISTAKES["one-pass-variance"][1],
    ),
    "eps-default": (
        "the default eps is 1e-3, not that of torch",
        "Print `torch.nn.BatchNorm1d(1)`. What does its constructor take if it is told nothing?",
    ),
    "running-in-training": (
        "the output in training takes the running statistics",
        "Algorithm 1 normalises a batch by its own mean and variance. What are the running ones "
        "for?",
    ),
    "parameters-lost": (
        "the output is right, but γ and β get no gradient",
        "How would they learn? Is there a `.data`, a `detach` or a `no_grad` around them?",
    ),
    "adds-only": (
        "the new value is added, but the old one is not made smaller",
        "If every batch had mean 5, where should the running mean end? Where does yours?",
    ),
    "no-average": (
        "the running statistics are those of the last batch alone",
        "What is left in them of the batches before? Where does momentum come in?",
    ),
    "buffers-still": (
        "the running statistics stay as they were at the start",
        "Print `running_mean` before and after a batch in training. Where is the new value kept?",
    ),
    "unbiased-twice": (
        "the running variance is made unbiased twice",
        "By what does your variance divide already, before n / (n − 1) comes?",
    ),
}
BY_STATISTICS = ("wrong-axis", "wrong-axis/stops", "wrong-axis/kept", "whole-batch")
BY_OUTPUT = (
    "n-minus-1",
    "divides-by-variance",
    "eps-outside-root",
    "eps-missing",
    "eps-fixed",
    "eps-default",
    "mean-not-subtracted",
    "gamma-beta-swapped",
    "scalar-gamma",
    "gamma-beta-shape",
    "affine-missing",
    "affine-missing/gamma",
    "affine-missing/beta",
)
BY_MOVING = ("momentum-reversed", "momentum-fixed", "adds-only", "no-average", "buffers-still")
BY_VARIANCE = ("biased-buffer", "unbiased-twice")
TODO = "let `forward` return y, in place of the dots."


class _Defaults(dict):
    """No settings, as a message shows them."""

    def __repr__(self):
        return "the defaults"


DEFAULTS = _Defaults()


def filled(make, weight, bias, settings):
    """A new layer with this gamma and beta."""
    layer = make(len(weight), **settings)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def trained(layer, batches):
    """The layer, after these batches in training."""
    for x in batches:
        layer(x.clone().requires_grad_() * 1)  # as inside a network, where gradients pass through
    return layer


def in_training(make, x, weight, bias, settings):
    return filled(make, weight, bias, settings)(x)


def gradient(make, x, weight, bias, settings):
    layer, leaf = filled(make, weight, bias, settings), x.requires_grad_()
    return slopes(layer(leaf * 1), (leaf, layer.weight, layer.bias))


def running_mean(make, batches, settings):
    return trained(make(batches[0].shape[1], **settings), batches).running_mean


def running_var(make, batches, settings):
    return trained(make(batches[0].shape[1], **settings), batches).running_var


def in_evaluation(make, batches, x, weight, bias, settings):
    return trained(filled(make, weight, bias, settings), batches).eval()(x)


def on_images(make, x, weight, bias, settings):
    """Output and gradient: a layer that cuts the graph is of no use in a network."""
    leaf = x.requires_grad_()
    y = filled(make, weight, bias, settings)(leaf * 1)
    return y, *slopes(y, (leaf,))


def slopes(y, leaves):
    """The gradients of a weighted sum of y, 0 where autograd finds no way back."""
    if not y.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    d_y = drawn(9, *y.shape).to(y)
    return torch.autograd.grad(y, leaves, d_y, allow_unused=True, materialize_grads=True)


def made_training(made, x, weight, bias, settings):
    mean, var = _moments(made, x)
    if "running-in-training" in made:
        mean, var = torch.zeros_like(weight), torch.ones_like(weight)
    if "running-in-training/moved" in made:
        mean, var = _collected(made, [x], settings)
    return _transformed(made, x, mean, var, weight, bias, settings)


def made_gradient(made, x, weight, bias, settings):
    leaves = x, weight, bias = [value.clone().requires_grad_() for value in (x, weight, bias)]
    if made & {"gradient-lost", "gradient-lost/all"}:
        x = x.detach()
    if made & {"parameters-lost", "gradient-lost/all"}:
        weight, bias = weight.detach(), bias.detach()
    return slopes(made_training(made, x * 1, weight, bias, settings), leaves)


def made_running(place, made, batches, settings):
    statistic = _collected(made, batches, settings)[place]
    return statistic[0] if len(statistic) == 1 else statistic


def made_evaluation(made, batches, x, weight, bias, settings):
    mean, var = _collected(made, batches, settings)
    if "eval-uses-batch" in made:
        mean, var = _moments(made, x)
    if "buffers-move-in-eval" in made:
        mean, var = _collected(made, [*batches, x], settings)
    return _transformed(made, x, mean, var, weight, bias, settings)


def made_images(made, x, weight, bias, settings):
    leaf = x.clone().requires_grad_()
    x = leaf.detach() if "gradient-lost" in made else leaf
    mean, var = formulas.moments(made, x, (0, 2, 3))
    x_hat = formulas.normalize(made, x, mean, var, settings.get("eps", 1e-5))
    if "only-n" in made:  # as code for (N, C) does: gamma meets the last axis
        y = weight * x_hat + bias
    else:
        y = formulas.scale_and_shift(made, x_hat, weight, bias)
    return y, *slopes(y, (leaf,))


def moved(made, old, new, momentum):
    """One step of a running statistic."""
    if "momentum-fixed" in made:
        momentum = 0.1
    if "momentum-reversed" in made:
        momentum = 1 - momentum
    if "adds-only" in made:
        return old + momentum * new
    if "no-average" in made:
        return new
    if "buffers-still" in made:
        return old
    return (1 - momentum) * old + momentum * new


def _moments(made, x):
    """Mean and variance of a batch (N, C), as (1, C), or as a mistake has them."""
    if "wrong-axis/kept" in made:
        return formulas.moments(made | {"wrong-axis"}, x, (1,))
    if "wrong-axis/stops" in made:
        if len(x) != x.shape[1]:
            raise ValueError("N numbers do not go into a buffer of C, in place")
        made = made | {"wrong-axis"}
    mean, var = formulas.moments(made, x, () if "whole-batch" in made else (0,))
    if "statistics-detached/var" in made:
        var = var.detach()
    return (mean.T, var.T) if "wrong-axis" in made else (mean, var)  # (1, N) meets the channels


def _collected(made, batches, settings):
    """The running statistics after these batches."""
    momentum = settings.get("momentum", 0.1)
    running_mean, running_var = torch.zeros(1, batches[0].shape[1]), torch.ones(1, 1)
    running_var = running_var.expand_as(running_mean)
    for x in batches:
        # Who takes torch's `var` as it comes, n − 1 and all, has the right one for the buffer.
        mean, var = _moments(made - {"n-minus-1"}, x)
        powers = 0 if "biased-buffer" in made else 2 if "unbiased-twice" in made else 1
        running_mean = moved(made, running_mean, mean, momentum)
        running_var = moved(made, running_var, var * (len(x) / (len(x) - 1)) ** powers, momentum)
    return running_mean, running_var


def _transformed(made, x, mean, var, weight, bias, settings):
    eps = settings.get("eps", 1e-3 if "eps-default" in made else 1e-5)
    x_hat = formulas.normalize(made, x, mean, var, eps)
    return formulas.scale_and_shift(made, x_hat, weight, bias)


def _batch(seed, *shape, spread=1.0):
    """float32, as a new layer is. The centre is near enough that one pass costs nothing yet."""
    return drawn(seed, *shape, spread=spread, centre=0.5 * spread).float()


def _gamma_beta(seed, features):
    return drawn(seed, features, centre=2).float(), drawn(seed + 1, features).float()


def _trials(*sizes_and_settings):
    """Single batches; the last so narrow that the default eps shows."""
    narrow = (_batch(40, 7, 3, spread=0.005), *_gamma_beta(41, 3), DEFAULTS)
    return [
        (_batch(seed, *size), *_gamma_beta(seed + 20, size[1]), settings)
        for seed, (size, settings) in enumerate(sizes_and_settings)
    ] + [narrow]


def _series():
    """Batches for the running statistics, with settings."""
    for seed, size, settings in (
        (50, (3, 2), DEFAULTS),
        (60, (4, 4), {"momentum": 0.4}),
        (70, (7, 3), DEFAULTS),
    ):
        yield tuple(_batch(seed + place, *size) for place in range(3)), settings


def _evaluations():
    """The last so narrow that the default eps shows; momentum 1 takes its variance as it is."""
    narrow = tuple(_batch(seed, 7, 3, spread=0.005) for seed in (73, 74))
    series = zip(_series(), (1e-5, 0.3, 0.2), strict=True)
    for batches, settings in (
        *((batches, {**settings, "eps": eps}) for (batches, settings), eps in series),
        (narrow, {"momentum": 1.0}),
    ):
        x = batches[0].flip(0) + 0.5 * batches[-1]
        yield batches, x, *_gamma_beta(81, x.shape[1]), settings


TORCHS = torch.nn.BatchNorm1d
X_TO_Y = ("x", "weight", "bias", "settings")

TRAINING = Formula(
    right=partial(in_training, TORCHS),
    trials=lambda: _trials(((3, 2), DEFAULTS), ((4, 4), {"eps": 0.3}), ((5, 3), {"eps": 0.2})),
    made=made_training,
    mistakes=(
        *BY_STATISTICS,
        "running-in-training",
        "running-in-training/moved",
        *BY_OUTPUT,
    ),
    own=OWN,
    arguments=X_TO_Y,
    todo=TODO,
    praise="the output in training is that of torch.",
    kept=(0,),
    large=lambda: (drawn(5, 200, 8, centre=1e4).float(), *_gamma_beta(6, 8), DEFAULTS),
)
GRADIENT = Formula(
    right=partial(gradient, TORCHS),
    trials=lambda: _trials(((4, 4), {"eps": 0.3}), ((5, 3), {"eps": 0.2})),
    made=made_gradient,
    mistakes=(
        "statistics-detached",
        "statistics-detached/mean",
        "statistics-detached/var",
        "gradient-lost",
        "gradient-lost/all",
        "parameters-lost",
        *TRAINING.mistakes,
    ),
    own=OWN,
    arguments=X_TO_Y,
    todo=TODO,
    praise="the gradients are those of torch.",
    kept=(),
)
RUNNING_MEAN, RUNNING_VAR = (
    Formula(
        right=partial(run, TORCHS),
        trials=lambda: list(_series()),
        made=partial(made_running, place),
        mistakes=mistakes,
        own=OWN,
        arguments=("batches", "settings"),
        todo=TODO,
        praise="it is that of torch.",
        kept=(),
    )
    for place, run, mistakes in (
        (0, running_mean, BY_STATISTICS + BY_MOVING),
        (1, running_var, BY_STATISTICS + BY_MOVING + BY_VARIANCE),
    )
)
EVALUATION = Formula(
    right=partial(in_evaluation, TORCHS),
    trials=lambda: list(_evaluations()),
    made=made_evaluation,
    mistakes=(
        "eval-uses-batch",
        "buffers-move-in-eval",
        *BY_MOVING,
        *BY_VARIANCE,
        *BY_STATISTICS,
        *BY_OUTPUT[1:],  # n − 1 shows in training only
    ),
    own=OWN,
    arguments=("batches", *X_TO_Y),
    todo=TODO,
    praise="the output in evaluation is that of torch.",
    kept=(1,),
)
IMAGES = Formula(
    right=partial(on_images, torch.nn.BatchNorm2d),
    trials=lambda: [
        (_batch(90, *shape), *_gamma_beta(91, shape[1]), DEFAULTS)
        for shape in ((6, 4, 4, 4), (2, 3, 5, 2))
    ],
    made=made_images,
    mistakes=("only-n", "gradient-lost"),
    own=OWN,
    arguments=X_TO_Y,
    todo=TODO,
    praise="images are normalised as torch does.",
    kept=(0,),
)
