"""Judges a function by its gradients too, with respect to every tensor that it is given."""

import copy

import torch

from .attempt import Endless, Raised, Returned, attempt
from .formula import Formula, no_result
from .layer import slopes
from .results import same


class Followed(Formula):
    """A Formula that passes only if the gradient of every tensor among the arguments is right.

    ``own`` may say "gradient-lost" in words that fit the exercise. In training even mean and
    variance carry a gradient, so it is not enough to look at the first argument.
    """

    def __call__(self, student):
        verdict = super().__call__(student)
        return (verdict.passed and self._lost(student)) or verdict

    def _lost(self, student):
        arguments = self.trials()[-1]
        found = attempt(_gradients, student, arguments)
        if isinstance(found, Endless):
            return no_result(found)
        if isinstance(found, Raised):
            return self._named("gradient-lost")
        names = [
            name
            for name, value in zip(self.arguments, arguments, strict=True)
            if isinstance(value, torch.Tensor)
        ]
        pairs = zip(names, found.value, _gradients(self.right, arguments), strict=True)
        lost = [f"`{name}`" for name, one, other in pairs if not same(Returned(one), other)]
        return self._named("gradient-lost", f": that of {', '.join(lost)}") if lost else None


def _gradients(function, arguments):
    """Of a weighted sum of what a function returns, with respect to each tensor it is given."""
    given = copy.deepcopy(arguments)
    leaves = [value.requires_grad_() for value in given if isinstance(value, torch.Tensor)]
    y = function(*(value * 1 if isinstance(value, torch.Tensor) else value for value in given))
    return slopes(y, leaves)
