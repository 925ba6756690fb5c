"""Layers that stand in for the student's, in the exercise that hands them images."""

import torch

from .attempt import attempt
from .gradients import Followed


class AnyWidth(torch.nn.Module):
    """A layer for (n, C), of any C, with gamma 1.5 and beta -0.5."""

    def forward(self, x):
        if x.dim() != 2:
            raise ValueError(f"this layer takes (n, C), and got {tuple(x.shape)}")
        return 1.5 * torch.nn.functional.batch_norm(x, None, None, training=True) - 0.5

    def __repr__(self):
        return "1.5 · x̂ − 0.5"


class Strict(torch.nn.BatchNorm1d):
    """A layer for (n, C) and nothing else, as the student's should be. It counts its calls."""

    def forward(self, x):
        if x.dim() != 2:
            raise ValueError(f"this layer takes (n, {self.num_features}), got {tuple(x.shape)}")
        return super().forward(x)


class OneCall(Followed):
    """A Followed that passes only if the last trial's layer, a ``Strict``, is called once.

    ``own`` has to say "called-twice".
    """

    def __call__(self, student):
        verdict = super().__call__(student)
        if verdict.passed:
            layer, x = self.trials()[-1]
            attempt(student, layer, x)
            calls = int(layer.num_batches_tracked)
            if calls > 1:
                return self._named("called-twice", f": {calls} times")
        return verdict
