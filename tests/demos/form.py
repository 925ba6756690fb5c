"""The form that every picture of the course keeps, whatever it shows."""

import re

import numpy as np

MOST_STATES = 16  # looked at, spread over all of them; the stills besides
MOST_BYTES = 300_000


def check(explorable):
    """Fail where a picture jumps, gets out of hand, or cannot be read in dark mode or aloud."""
    shapes, sentences = set(), set()
    for values in states(explorable):
        figure = explorable.figure(**values)  # plotly refuses what it does not know
        layout = figure.to_dict()["layout"]
        axes = {name: axis.get("range") for name, axis in layout.items() if "axis" in name}
        assert all(ends is None or np.isfinite(ends).all() for ends in axes.values())
        shapes.add((layout["height"], str(axes)))
        figure.layout.template = None
        words = re.sub(r'"bdata":"[^"]*"', "", figure.to_json())  # numbers can spell anything
        assert not re.search(r"#000|#fff|black|white", words, re.IGNORECASE)
        assert figure.layout.title.text is None  # the explorable has one
        sentences.add(explorable.text(**values))
    assert len(shapes) == 1, "height and axes stay while a slider moves"
    assert 400 <= shapes.pop()[0] <= 620
    assert all(20 < len(sentence) < 280 and sentence.endswith(".") for sentence in sentences)
    assert len(sentences) > 1
    assert 2 <= len(explorable._stills) <= 4
    assert len(explorable.bake()) < MOST_BYTES


def states(explorable, most=MOST_STATES):
    """A sample of all states, and every still, as dicts of values."""
    size = explorable._grid.size
    sample = np.linspace(0, size - 1, min(size, most)).astype(int).tolist()
    for state in {*sample, *explorable._stills}:
        yield explorable._grid.values(state)
