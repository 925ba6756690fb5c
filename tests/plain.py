"""Pictures as JSON has them, to compare what Python meant with what a browser shows."""

import numpy as np


def plain(tree):
    """A tree with arrays as lists, and None for what is not finite."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple, np.ndarray)):
        return [plain(value) for value in tree]
    if isinstance(tree, (float, np.floating)):
        return float(tree) if np.isfinite(tree) else None
    return tree.item() if isinstance(tree, np.generic) else tree
