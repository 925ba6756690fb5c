"""The explorable of notebook 00 against the activations that it shows."""

import numpy as np
import pytest

from bn_teach.demos import start_here as demos
from bn_teach.experiments import start_here as experiments
from bn_teach.look import percent


@pytest.fixture(scope="module")
def runs():
    return experiments.deep_nets(progress=False)


@pytest.fixture(scope="module")
def explorable(runs):
    return demos.depth(runs)


def test_every_state_is_a_figure_with_fixed_axes(explorable):
    seen = set()
    for bn in ("off", "on"):
        for layer in range(1, 7):
            layout = explorable.figure(bn=bn, layer=layer).layout
            axes = (layout.xaxis, layout.yaxis, layout.xaxis2, layout.yaxis2)
            seen.add((layout.height, tuple(axis.range for axis in axes)))
    assert len(seen) == 1
    assert len(explorable.bake()) < 20_000
    assert len(explorable._stills) == 3


@pytest.mark.parametrize("bn", ["off", "on"])
@pytest.mark.parametrize("layer", [1, 6])
def test_bars_hold_nine_tenths_of_the_images(bn, layer, runs, explorable):
    values = runs[bn].snapshots["activations"][-1][layer - 1]  # (images, units)
    bars, dots, *_ = explorable.figure(bn=bn, layer=layer).data
    order = np.argsort(np.median(values, axis=0))
    low, high = np.array(bars.base), np.array(bars.base) + np.array(bars.y)
    inside = (values[:, order] >= low) & (values[:, order] <= high)
    assert np.abs(inside.mean(axis=0) - 0.9).max() < 0.011
    assert np.allclose(dots.y, np.sort(np.median(values, axis=0)))
    assert (np.array(dots.y) >= low - 1e-9).all() and (np.array(dots.y) <= high + 1e-9).all()


@pytest.mark.parametrize("bn", ["off", "on"])
def test_spread_is_over_images_not_over_units(bn, runs, explorable):
    for layer in range(1, 7):
        values = runs[bn].snapshots["activations"][-1][layer - 1].astype(float)
        spread = np.mean([np.std(values[:, unit]) for unit in range(values.shape[1])])
        data = explorable.figure(bn=bn, layer=layer).data
        curve = data[2 if bn == "off" else 3]  # down to the layer that is shown, no further
        assert curve.y[layer - 1] == pytest.approx(spread, rel=1e-4)
        assert np.isfinite(curve.y).sum() == layer
        text = explorable.text(bn=bn, layer=layer)
        said = float(text.split("spreads by ")[1].split(" ")[0])
        assert said == pytest.approx(spread, rel=0.06)
        assert f"gets {percent(runs[bn].snapshots['test_accuracy'][-1], 1)} of the 500" in text


def test_off_and_on_differ_by_more_than_colour(explorable):
    off, on = explorable.figure(bn="off").data, explorable.figure(bn="on").data
    assert off[1].marker.symbol != on[1].marker.symbol
    assert off[2].line.dash != off[3].line.dash
