"""Judges a layer for (N, C): ten checks, and which known mistake is in it: notebook 07.

``hunt`` shows what each check says of a layer, ``judge`` gives one Verdict, and ``yours_or_ours``
chooses the layers that the notebook goes on with. The checks of numbers are in ``layer``; here are
those of parameters, buffers and refusals.
"""

import time
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch

from ..batchnorm import BatchNorm1d, BatchNorm2d
from ..experiments.from_scratch_layers import Table
from . import attempt, layer
from .formula import is_stub, no_result
from .mistakes import MISTAKES
from .results import shown
from .verdict import not_yet, right, wrong

N, C = 6, 4
STARTS = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
PARAMETERS, BUFFERS = ("weight", "bias"), ("running_mean", "running_var")
MORE = " There may be more than this."
OWN = layer.OWN | {  # in the form of mistakes.MISTAKES
    "names-missing": (
        "the layer lacks a parameter or a buffer",
        "torch's layer has `weight`, `bias`, `running_mean` and `running_var`: by these names a "
        "saved state is read again.",
    ),
    "parameters-not-registered": (
        "γ or β is a plain tensor, which no optimiser finds",
        "Look at `list(layer.parameters())`. What makes a tensor a parameter?",
    ),
    "statistics-are-parameters": (
        "the running statistics are parameters",
        "An optimiser would change them. torch.nn.Module knows a second kind of tensor, which is "
        "saved and moved, but not trained.",
    ),
    "wrong-start": (
        "a new layer does not start as torch's does",
        "Before any training it should change nothing in evaluation, but for ε. Which γ, β, mean "
        "and variance do that?",
    ),
    "one-not-refused": (
        "in training a batch of one is not refused",
        "Which variance does a single value have, and what is then left of x in y? Raise an error "
        "that says so.",
    ),
    "one-refused-in-eval": (
        "in evaluation a batch of one is refused",
        "One image may arrive alone. Which statistics does it need then, and are they there?",
    ),
    "channels-not-refused": (
        "a wrong number of channels is not refused",
        "Broadcasting makes one channel into four without a word. What could you compare?",
    ),
    "another-error": (
        "it is refused, but not with a ValueError",
        "torch's own layers raise ValueError or RuntimeError, and a caller may be ready for these "
        "alone: `raise ValueError(...)`.",
    ),
}


class Finding(NamedTuple):
    """What a check found: ``verdict`` passed, or says what is wrong."""

    check: str
    verdict: object

    HEADING = ("check", "result")

    def cells(self):
        verdict = self.verdict
        return self.check, "passes" if verdict.passed else f"**fails**: {verdict.message}"


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


def hunt(make, images):
    """Put a layer for (N, C), made by ``make(num_features, eps=, momentum=)``, through the checks.

    ``images`` makes the layer for (N, C, H, W). Returns a ``Table`` of ten ``Finding``.
    """
    on_flat = [Finding(name, _row(name, make)) for name in CHECKS]
    return Table([*on_flat, Finding("images (N, C, H, W)", _on_images(images))])


def judge(make):
    """The Verdict on a student's layer for (N, C): the first problem that its checks find.

    Whatever the class does, no error comes out, and it ends: if something is wrong and time is
    over, the rest is not looked at.
    """
    if problem := _unusable(make):
        return _with_more(problem) if problem.misconception else problem
    verdict = _merged(_told(name, _row(name, make)) for name in CHECKS)
    return right("your layer passes all nine checks for (N, C).") if verdict.passed else verdict


def yours_or_ours(flat, images):
    """The student's ``Layers`` for (N, C) and for images where they pass, else the package's."""
    passes = judge(flat).passed
    both = passes and _on_images(images).passed
    return Layers(
        flat=flat if passes else BatchNorm1d,
        images=images if both else BatchNorm2d,
        flat_owner="your" if passes else "the package's",
        images_owner="your" if both else "the package's",
    )


def _row(name, make):
    """What one check of the nine says, or why it cannot be made."""
    return _unusable(make) or _merged(check(make) for check in CHECKS[name])


def _on_images(make):
    return _unusable(make) or _numbers(layer.on_images, layer.IMAGES)(make)


def _merged(verdicts):
    """Of several verdicts the first that did not pass, which says whether there are others."""
    start, first = time.monotonic(), None
    for verdict in verdicts:
        if first is None and not verdict.passed:
            first = verdict
        elif not verdict.passed and verdict.misconception != first.misconception:
            return _with_more(first)
        if first and time.monotonic() - start > attempt.LIMIT:
            break
    return first or PASSES


def _with_more(verdict):
    more = "" if verdict.message.endswith(MORE) else MORE
    return replace(verdict, message=verdict.message + more)


def _told(name, verdict):
    """With the name of the check, where no mistake has a name."""
    known = verdict.passed or verdict.misconception or not verdict.begun
    return verdict if known else replace(verdict, message=f"{name}: {verdict.message}")


def _named(slug, said=""):
    name, hint = (MISTAKES | OWN)[slug]
    return wrong(f"{name}{said}. {hint}", slug)


def _as_function(run, make):
    """``run`` with its first argument given, as ``attempt`` wants it: an error has a place."""
    function = partial(run, make)
    function.forward = getattr(make, "forward", make)
    return function


def _tried(run, make):
    """A Verdict that ``run(make)`` comes to, or one on the error of the student's code in it."""
    outcome = attempt.attempt(_as_function(run, make))
    return no_result(outcome) or outcome.value


def _numbers(run, formula):
    return lambda make: formula(_as_function(run, make))


PASSES = right("nothing was found.")


# What a layer is made of. Without this the other checks cannot be made.


def _unusable(make):
    """What keeps the checks from running at all: a stub, or parameters that are not there."""
    if isinstance(make, torch.nn.Module):
        return wrong("give the class itself, `MyBatchNorm`, not a layer made of it.")
    outcome = attempt.attempt(make, C)
    if isinstance(outcome, attempt.Raised) and outcome.unwritten:
        return not_yet(layer.TODO)
    if problem := no_result(outcome):
        return problem
    if is_stub(make):
        return not_yet(layer.TODO)
    if not isinstance(outcome.value, torch.nn.Module):
        kind = type(outcome.value).__name__
        return wrong(f"called with {C}, it gives `{kind}`; expected a torch.nn.Module.")
    if steps := _unwritten_steps(make):
        return wrong(
            f"`forward` calls {' and '.join(steps)}, of which nothing is written yet. "
            "`batchnorm` has a function for each step."
        )
    return _tried(_constitution, make)


def _unwritten_steps(make):
    """The functions of the other exercises that ``forward`` uses while they are still dots."""
    forward = getattr(make, "forward", None)
    names = getattr(getattr(forward, "__code__", None), "co_names", ())
    return [f"`{name}`" for name in names if is_stub(forward.__globals__.get(name))]


def _constitution(make):
    made = make(C)
    tensors = {name: getattr(made, name, None) for name in STARTS}
    missing = [name for name, value in tensors.items() if not isinstance(value, torch.Tensor)]
    if missing:
        if not list(made.parameters()) and missing == list(PARAMETERS) and _only_normalises(made):
            return _named("affine-missing")
        return _named("names-missing", f": there is no {' and no '.join(missing)}")
    parameters = dict(made.named_parameters())
    if plain := [name for name in PARAMETERS if name not in parameters]:
        return _named("parameters-not-registered", f": {' and '.join(plain)}")
    if any(name in parameters for name in BUFFERS):
        return _named("statistics-are-parameters")
    if set(parameters) != set(PARAMETERS):
        return wrong(
            f"the parameters are {', '.join(sorted(parameters))}; torch's are weight, bias."
        )
    for name, value in tensors.items():
        if value.shape != (C,):
            said = f": `{name}` has shape {tuple(value.shape)}, with {C} channels"
            if name == "weight" and value.numel() == 1:
                return _named("scalar-gamma", said)
            if name in PARAMETERS and value.numel() == C:
                return _named("gamma-beta-shape", said)
            return wrong(f"{said[2:]}; expected ({C},).")
    if (made.weight == 0).all() and (made.bias == 1).all():
        return _named("gamma-beta-swapped")
    for name, value in tensors.items():
        if (value != STARTS[name]).any():
            return _named("wrong-start", f": `{name}` is {shown(value)}")
    return None


def _only_normalises(made):
    x = layer.drawn(0, N, C).float()
    return torch.allclose(made(x), torch.nn.functional.batch_norm(x, None, None, training=True))


# Running statistics: moved where, kept where.


def _series():
    return [layer.drawn(seed, N, C).float() for seed in range(3)]


def _kept_elsewhere(run, formula):
    """The numbers of a running statistic; if it stands still, whether they are kept elsewhere."""

    def check(make):
        verdict = _numbers(run, formula)(make)
        if verdict.misconception == "buffers-still" and _in_evaluation(make).passed:
            return _named("buffers-reassigned", ": those of `state_dict()` stay at their start")
        return verdict

    return check


def _holds_no_graph(make):
    made = layer.trained(make(C), _series())
    for name in BUFFERS:
        if getattr(made, name).requires_grad:
            return _named("buffers-not-detached", f": `{name}`")
    return PASSES


def _stays_in_evaluation(make):
    made = layer.trained(make(C), _series()).eval()
    before = [getattr(made, name).clone() for name in BUFFERS]
    made(layer.drawn(3, N, C).float())
    after = [getattr(made, name) for name in BUFFERS]
    if all(map(torch.equal, before, after)):
        return PASSES
    return _named("buffers-move-in-eval")


def _saved(make):
    made = make(C)
    new, names = set(made.state_dict()), dict(made.named_buffers())
    layer.trained(made, _series())
    for name in BUFFERS:
        if name not in new and name in names:
            return wrong(f"`{name}` is a buffer, but `state_dict()` leaves it out.")
        if name not in new:
            return _named("buffers-not-registered", f": `{name}` is not in `state_dict()`")
        if name not in made.state_dict():
            return _named("buffers-reassigned", f": after training `{name}` is registered no more")
    return PASSES


def _moves(make):
    """After ``.to(float64)`` a layer computes in float64, and its buffers still collect."""
    made = make(C).to(torch.float64)
    for name in BUFFERS:
        if getattr(made, name).dtype != torch.float64:
            said = f": `.to(float64)` leaves `{name}` in {str(getattr(made, name).dtype)[6:]}"
            return _named("buffers-not-registered", said)
    batches = [x.double() for x in _series()]
    layer.trained(made, batches)
    y = made(batches[0])
    found = {"the output": y} | {name: getattr(made, name) for name in BUFFERS}
    for name, value in found.items():
        if value.dtype != torch.float64:
            said = f": in a float64 layer {name} is {str(value.dtype)[6:]}"
            return _named("dtype-changed", said)
    truth = layer.trained(layer.TORCHS(C).double(), batches)(batches[0])
    if y.shape == truth.shape and 1e-10 < (y - truth).abs().max() < 1e-5:
        return _named("dtype-changed", ": in a float64 layer the output has digits of float32 only")
    usual = layer.trained(make(C), _series())
    for name in BUFFERS:
        if _at_start(made, name) and not _at_start(usual, name):
            return _named("buffers-reassigned", f": after `.to()` `{name}` moves no more")
    return PASSES


def _at_start(made, name):
    return bool((getattr(made, name) == STARTS[name]).all())


# What a layer has to refuse.


def _answer(made, x):
    """The shape of the output, None if the layer refuses x as torch's do, or another error."""
    try:
        return tuple(made(x).shape)
    except (ValueError, RuntimeError):
        return None
    except Exception as error:
        return error


def _not_refused(slug, answer, before, after=""):
    """1 / 0 is no refusal: it only happens."""
    if isinstance(answer, Exception) and not isinstance(answer, ArithmeticError):
        return _named("another-error", f": with {type(answer).__name__}")
    what = f"a {type(answer).__name__}" if isinstance(answer, Exception) else answer
    return _named(slug, f": {before}{what}{after}")


def _one_sample(make):
    x = layer.drawn(4, 1, C).float()
    if answer := _answer(make(C), x):
        return _not_refused("one-not-refused", answer, "it gives ")
    evaluated = layer.trained(make(C), _series()).eval()
    takes_six, takes_one = (isinstance(_answer(evaluated, b), tuple) for b in (_series()[0], x))
    if takes_six and not takes_one:
        return _named("one-refused-in-eval")
    return PASSES


def _channels(make):
    for mode in (True, False):
        x = layer.drawn(5, N, 1).float()
        if answer := _answer(make(C).train(mode), x):
            before = f"{tuple(x.shape)} goes into a layer of {C} channels, "
            return _not_refused("channels-not-refused", answer, before, " comes out")
    return PASSES


_in_evaluation = _numbers(layer.in_evaluation, layer.EVALUATION)
_running_mean = _kept_elsewhere(layer.running_mean, layer.RUNNING_MEAN)
_running_var = _kept_elsewhere(layer.running_var, layer.RUNNING_VAR)

CHECKS = {
    "output in training": (_numbers(layer.in_training, layer.TRAINING),),
    "gradient": (_numbers(layer.gradient, layer.GRADIENT),),
    "running mean": (_running_mean, partial(_tried, _holds_no_graph)),
    "running variance": (_running_var,),
    "output in evaluation": (_in_evaluation, partial(_tried, _stays_in_evaluation)),
    "statistics saved in state_dict()": (partial(_tried, _saved),),
    "statistics moved by .to()": (partial(_tried, _moves),),
    "a batch of one is refused": (partial(_tried, _one_sample),),
    "a wrong number of channels is refused": (partial(_tried, _channels),),
}
