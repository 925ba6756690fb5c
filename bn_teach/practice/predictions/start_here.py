"""The prediction of notebook 00."""

from ... import look
from ..prediction import predict


def depth(runs):
    """``runs``: experiments.start_here.deep_nets()."""
    activations = runs["off"].snapshots["activations"][-1]  # layers, images, units
    spread = activations.std(axis=1).mean(axis=1)
    first, last = spread[0], spread[-1]
    if max(first, last) < 1.2 * min(first, last):
        truth = "about the same"
    else:
        truth = "layer 1" if first > last else f"layer {len(spread)}"
    return predict(
        "depth-and-spread",
        f"Without Batch Normalization, show the trained network {activations.shape[1]} images that "
        "it has never seen. In which layer does the output of a unit differ more from image to "
        "image?",
        {
            "layer 1": "Each layer hands on only a part of the differences that it gets, so the "
            "first one has the most of them.",
            "about the same": "That would need every layer to hand on exactly what it gets. Small "
            "weights and a flat sigmoid make the differences smaller.",
            f"layer {len(spread)}": "One might think that differences add up on the way. With "
            "these small weights each layer makes them smaller.",
        },
        truth=truth,
        found=f"Measured: a spread of {look.number(first, 4)} in layer 1, of "
        f"{look.number(last, 7)} in layer {len(spread)}.",
    )
