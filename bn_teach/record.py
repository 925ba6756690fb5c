"""Look inside a network while it works: what goes into and out of its modules, as numpy.

with record(net, "norm1", "norm2") as seen:
    F.cross_entropy(net(x), y).backward()
seen["norm1"].inputs             # (N, C) or (N, C, H, W), as the module got it
seen["norm1"].output_gradients   # dL/d(output), the same shape as the output
"""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np


@dataclass
class Recording:
    """What one module saw in its latest forward and backward pass; None where nothing passed.

    Attributes
    ----------
    inputs, outputs : ndarray or None
        Copies: what happens to the tensors afterwards does not change them.
    input_gradients, output_gradients : ndarray or None
        The gradients of what ``backward`` was called on. None without a backward pass, and
        where torch computes no gradient (the images themselves, for instance). The input's
        gradient counts every path from that tensor, not only the one through this module.
    """

    inputs: np.ndarray | None = None
    outputs: np.ndarray | None = None
    input_gradients: np.ndarray | None = None
    output_gradients: np.ndarray | None = None


@contextmanager
def record(model, *names):
    """Record the named modules of ``model``: yields a dict, name to ``Recording``.

    Forward and backward pass both have to happen inside the ``with``. When it is left, by an
    exception too, every hook comes off and ``model`` is as it was.

    Parameters
    ----------
    model : torch.nn.Module
    *names : str
        Names as in ``model.named_modules()``. Each module takes and returns one tensor.

    Raises
    ------
    KeyError
        If the model has no module of that name.
    """
    modules = dict(model.named_modules())
    unknown = [name for name in names if name not in modules]
    if unknown:
        has = ", ".join(name for name in modules if name)
        raise KeyError(f"the model has no module named {', '.join(unknown)}; it has {has}")

    seen = {name: Recording() for name in names}
    handles = []

    # The gradients come from hooks on the tensors, not on the module: torch's module hooks wrap
    # the output in a view, and a ReLU that works in place would then fail.
    def watch(tensor, recording, field):
        if tensor.requires_grad:
            handles.append(
                tensor.register_hook(lambda grad: setattr(recording, field, to_numpy(grad)))
            )

    def hook(recording):
        def forward(module, inputs, output):
            recording.inputs, recording.outputs = to_numpy(inputs[0]), to_numpy(output)
            watch(inputs[0], recording, "input_gradients")
            watch(output, recording, "output_gradients")

        return forward

    try:
        for name in names:
            handles.append(modules[name].register_forward_hook(hook(seen[name])))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def to_numpy(tensor):
    """A copy of a tensor as a numpy array, cut off from its history of operations."""
    return tensor.detach().cpu().numpy().copy()
