"""The training bench of notebook 08: one network with settings that the student chose.

Shapes: T training steps, K recorded steps.
"""

import dataclasses
import math
from functools import cache

import numpy as np

from .. import stored
from ..datasets import load_jittered_digits
from ..models import ACTIVATIONS, NORMS, mlp
from ..train import Run, accuracy, as_tensors, batches, descend, one_thread

STEPS = 300
EVERY = 10  # steps between two measurements of the test accuracy
PIXELS, IMAGES, CLASSES = 256, 4000, 10  # of load_jittered_digits, images to train on
GROUPS = 4  # of Group Normalization, see bn_teach.models.NORMS
DEEPEST, WIDEST = 12, 256  # a deeper or wider network would take too long for a lesson


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run is made with. The same settings give the same numbers.

    Attributes
    ----------
    norm : None, "batch", "layer" or "group"
    activation : "sigmoid", "tanh" or "relu"
    depth, width : int
        Hidden layers, and units in each.
    gain : float or None
        Hidden weights start as N(0, gain^2 / fan_in); None: ``bn_teach.models.GAINS``.
    lr : float
    batch_size : int
    seed : int
        Of the weights and of the order of the images.
    """

    norm: str | None = "batch"
    activation: str = "relu"
    depth: int = 6
    width: int = 64
    gain: float | None = None
    lr: float = 0.1
    batch_size: int = 32
    seed: int = 1

    def refusal(self):
        """Why these settings make no sense, as a sentence; None if they do."""
        if self.norm is not None and self.norm not in NORMS:
            return f"There is no norm {self.norm!r}: choose None or one of {', '.join(NORMS)}."
        if self.activation not in ACTIVATIONS:
            names = ", ".join(ACTIVATIONS)
            return f"There is no activation {self.activation!r}: choose one of {names}."
        for name, most, unit in (
            ("depth", DEEPEST, "hidden layers"),
            ("width", WIDEST, "units in a layer"),
            ("batch_size", IMAGES, "images, as there are no more to train on"),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= most:
                return f"A {name.replace('_', ' ')} of {value} does not work: 1 to {most:,} {unit}."
        for name, value in {"learning rate": self.lr, "gain": self.gain}.items():
            if value is not None and not 0 < value < math.inf:
                return f"A {name} of {value} does not work: it must be a number above 0."
        if self.norm == "batch" and self.batch_size == 1:
            return (
                "Batch Normalization cannot train on batches of one image: the mean of a single "
                "value is that value, so every unit would be normalised to 0, whatever the image. "
                "Choose at least 2."
            )
        if self.norm == "group" and self.width % GROUPS:
            return (
                f"Group Normalization divides the units of a layer into {GROUPS} equal groups, "
                f"and {self.width} cannot be divided by {GROUPS}. Choose another width."
            )
        units = {"layer": self.width, "group": self.width // GROUPS}.get(self.norm)
        if units == 1:
            return (
                f"With a width of {self.width} this norm takes the mean of a single unit, "
                "so every unit would be normalised to 0, whatever the image. Choose a larger width."
            )
        return None


class Trial:
    """One training that may end after any step: iterate to train, then ask for its ``run``.

    The steps are those of ``bn_teach.train.train`` with the same settings: plain stochastic
    gradient descent on the jittered digits. Iterating gives (step, loss) after each of ``STEPS``
    steps; it ends early, after the first loss that is NaN or infinite.

    Raises
    ------
    ValueError
        With the sentence of ``Settings.refusal``.
    """

    def __init__(self, settings):
        if refusal := settings.refusal():
            raise ValueError(refusal)
        self.settings = s = settings
        x, y, *self._test = _data()
        sizes = [PIXELS, *[s.width] * s.depth, CLASSES]
        self._net = mlp(sizes, norm=s.norm, activation=s.activation, gain=s.gain, seed=s.seed)
        order = batches(len(x), s.batch_size, STEPS, s.seed)
        self._updates = descend(self._net, x, y, order, lr=s.lr)
        self._losses, self._accuracy = [], {}  # the second: step to test accuracy

    def __iter__(self):
        while self.end == "stopped":
            with one_thread():  # not around the loop: others may compute between two steps
                if len(self._losses) % EVERY == 0:
                    self._measure()
                self._losses.append(next(self._updates).item())
            yield len(self._losses), self._losses[-1]

    @property
    def end(self):
        """How it ended: "finished", "diverged", or "stopped", as it may be between two steps."""
        if self._losses and not math.isfinite(self._losses[-1]):
            return "diverged"
        return "finished" if len(self._losses) == STEPS else "stopped"

    def run(self):
        """What was trained so far, as a ``Run``.

        ``settings``: those of ``Settings``, and "end"; ``curves["loss"]`` (T,); ``steps`` (K,)
        and ``snapshots["test_accuracy"]`` (K,). The last of these is after all T steps, but for
        a run that diverged: there it is the last one before.
        """
        if self.end != "diverged":
            with one_thread():
                self._measure()
        return Run(
            settings=dataclasses.asdict(self.settings) | {"end": self.end},
            curves={"loss": np.array(self._losses, dtype=np.float32)},
            steps=np.array(list(self._accuracy), dtype=np.int64),
            snapshots={"test_accuracy": np.array(list(self._accuracy.values()))},
        )

    def _measure(self):
        self._accuracy[len(self._losses)] = accuracy(self._net, *self._test)


def accuracy_curve(run):
    """Steps and test accuracies of a run (K,). One that diverged keeps its last up to its end."""
    steps, values = run.steps, run.snapshots["test_accuracy"]
    if run.settings["end"] == "diverged":
        return np.append(steps, len(run.curves["loss"])), np.append(values, values[-1])
    return steps, values


def loss_curve(run, limits=(0, math.inf)):
    """Steps, every ``EVERY`` and the last, and the mean loss of the ``EVERY`` up to each.

    The means are kept within the limits; NaN counts as infinite.
    """
    loss = np.nan_to_num(run.curves["loss"].astype(float), nan=math.inf, posinf=math.inf)
    ends = np.append(np.arange(EVERY, len(loss), EVERY), len(loss))
    means = [loss[max(end - EVERY, 0) : end].mean() for end in ends]
    return ends, np.clip(means, *limits)


def how_it_ended(run):
    """The settings of a run and how it ended, in words that follow its name."""
    s, step = run.settings, len(run.curves["loss"])
    settings = (
        f"({s['norm'] or 'no'} norm, {s['activation']}, {s['depth']} layers of {s['width']}, "
        f"learning rate {s['lr']:g}, batch size {s['batch_size']})"
    )
    return {
        "finished": f"{settings} finished",
        "stopped": f"{settings} was stopped at step {step}",
        "diverged": f"{settings} diverged at step {step}: its loss was no finite number any more",
    }[s["end"]]


def examples():
    """The runs of ``EXAMPLES`` as one ``Run``, to be stored: see ``stored_examples``."""
    runs = {}
    for name, settings in EXAMPLES.items():
        trial = Trial(settings)
        for _ in trial:
            pass
        runs[name] = trial.run()
    return Run(
        settings={name: run.settings for name, run in runs.items()},
        curves={f"{name}/loss": run.curves["loss"] for name, run in runs.items()},
        snapshots={
            f"{name}/{key}": array
            for name, run in runs.items()
            for key, array in [("steps", run.steps), *run.snapshots.items()]
        },
    )


def stored_examples():
    """The stored runs as a dict, "stored A" and so on to ``Run``, each like ``Trial.run``."""
    together = stored.load("training-bench")
    return {
        f"stored {name}": Run(
            settings=settings,
            curves={"loss": together.curves[f"{name}/loss"]},
            steps=together.snapshots[f"{name}/steps"],
            snapshots={"test_accuracy": together.snapshots[f"{name}/test_accuracy"]},
        )
        for name, settings in together.settings.items()
    }


@cache
def _data():
    digits = load_jittered_digits()
    return (
        *as_tensors(digits.train_images, digits.train_labels, flat=True),
        *as_tensors(digits.test_images, digits.test_labels, flat=True),
    )


# What the picture of the bench begins with: two runs to compare with, and one that diverges.
EXAMPLES = {
    "A": Settings(norm=None),
    "B": Settings(norm="batch"),
    "C": Settings(norm=None, lr=3.0),
}
STORED = {"training-bench": examples}
