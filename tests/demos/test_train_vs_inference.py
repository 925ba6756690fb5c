"""The explorables of notebook 05 against independent calculations: numpy, torch, the images."""

import numpy as np
import pytest

from bn_teach.demos import train_vs_inference as demos
from bn_teach.experiments import running_statistics, train_vs_inference
from bn_teach.look import number, percent
from tests.demos import form


@pytest.fixture(scope="module")
def net():
    return train_vs_inference.digits_net(progress=False)


@pytest.fixture(scope="module")
def company(net):
    return train_vs_inference.neighbours(net, 3)


@pytest.fixture(scope="module")
def averages():
    sizes = {"seeds": range(3), "progress": False}
    return {m: running_statistics.moving_averages(m, **sizes) for m in (64, 8)}


@pytest.fixture(scope="module")
def own():
    return train_vs_inference.batch_sizes(seeds=range(3), progress=False)


@pytest.fixture(scope="module")
def populations():
    return running_statistics.algorithm_2((2, 8), (1, 2, 4, 8), seeds=range(3), progress=False)


@pytest.fixture(scope="module")
def switched(net):
    return train_vs_inference.two_switches(net)


@pytest.fixture(scope="module")
def explorables(company, averages, own, populations, switched):
    return {
        "neighbours": demos.neighbours(company),
        "moving_average": demos.moving_average(averages),
        "batch_size": demos.batch_size(own),
        "algorithm_2": demos.algorithm_2(populations),
        "two_switches": demos.two_switches(switched),
    }


NAMES = ("neighbours", "moving_average", "batch_size", "algorithm_2", "two_switches")


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_keeps_its_form(name, explorables):
    form.check(explorables[name])


@pytest.mark.parametrize(("size", "batch"), [(2, 1), (8, 5), (64, 20)])
def test_neighbours_shows_the_batch_and_the_probabilities_of_the_mode(
    size, batch, company, explorables
):
    explorable = explorables["neighbours"]
    for mode, row in (("model.train()", company.training), ("model.eval()", company.evaluation)):
        values = {"mode": mode, "size": size, "batch": batch}
        sheet, bars, winner = explorable.figure(**values).data
        p = row[size][batch - 1]
        assert np.allclose(bars.x, p) and sum(bars.x) == pytest.approx(1, abs=1e-4)
        best = sorted(range(10), key=lambda digit: p[digit])[-1]
        assert winner.text == (f"<b>{best}</b>",)
        wrong = sum(max(range(10), key=lambda d: q[d]) != 2 for q in row[size])
        text = explorable.text(**values)
        assert f"the framed 2 is read as {best}. " in text
        assert text.endswith(f"; wrong answers: {wrong}.")
        low, high = min(q[2] for q in row[size]), max(q[2] for q in row[size])
        assert f"runs from {percent(low)} to {percent(high)}" in text
    pixels, images = np.array(sheet.z), company.images[size][batch - 1]
    columns = len(pixels) // 9
    for i, image in enumerate(images):
        y, x = 9 * (i // columns), 9 * (i % columns)
        assert np.allclose(pixels[y : y + 8, x : x + 8], 16 * image)
    assert np.nansum(pixels) == pytest.approx(16 * images.sum(), rel=1e-5)  # and nothing else


def test_neighbours_stand_still_in_evaluation_mode_and_move_in_training_mode(explorables):
    def pictures(mode):
        bars = [
            explorables["neighbours"].figure(mode=mode, size=8, batch=batch).data[1].x
            for batch in range(1, 21)
        ]
        return np.ptp(np.array(bars), axis=0).max()

    assert pictures("model.eval()") < 1e-5
    assert pictures("model.train()") > 0.5


@pytest.mark.parametrize(("momentum", "size"), [("0.01", 64), ("0.9", 8), ("cumulative", 8)])
@pytest.mark.parametrize("step", [0, 50, 300])
def test_moving_average_follows_the_batches_as_numpy_does(
    momentum, size, step, averages, explorables
):
    found, explorable = averages[size], explorables["moving_average"]
    values = {"momentum": momentum, "size": size, "step": step}
    data = explorable.figure(**values).data
    k = found.steps.tolist().index(step)
    channel = int(np.argmax(np.abs(averages[64].truth["mean"][-1])))
    for place, (name, start) in enumerate({"mean": 0.0, "variance": 1.0}.items()):
        dots, truth, running, head_of_truth, head = data[5 * place : 5 * place + 5]
        estimate = start
        for i, value in enumerate(found.batch[name][:step, channel], start=1):
            weight = 1 / i if momentum == "cumulative" else float(momentum)
            estimate += weight * (value - estimate)
        assert head.y[0] == pytest.approx(estimate, abs=1e-4)
        assert head_of_truth.y[0] == pytest.approx(found.truth[name][k, channel])
        assert np.isfinite(np.array(dots.y, float)).sum() == step
        assert np.isfinite(np.array(truth.y, float)).sum() == k + 1
        assert np.isfinite(np.array(running.y, float)).sum() == k + 1
        said = f"running {name} {'is ' if name == 'mean' else ''}{number(estimate)} (truth "
        assert said in explorable.text(**values)
    shown = dict(zip(["truth", *found.running], data[10:17], strict=True))
    for name, trace in shown.items():
        assert np.allclose(trace.x, np.maximum(1 - found.accuracy[name][k], 0.002))
    assert shown["truth"].marker.symbol == "diamond"
    error = percent(np.mean([1 - share for share in found.accuracy[momentum][k]]), 1)
    assert f"Test error with such statistics is {error}, " in explorable.text(**values)


@pytest.mark.parametrize("order", ["mixed", "sorted by class"])
@pytest.mark.parametrize("size", [2, 16, 256])
def test_batch_size_shows_curve_up_to_the_size_and_crosses_the_wrong(order, size, own, explorables):
    sheet, running, curve, crosses = explorables["batch_size"].figure(order=order, size=size).data
    i = own.sizes.index(size)
    assert np.isfinite(np.array(curve.y, float)).tolist() == [
        1 < other <= size for other in own.sizes
    ]
    assert curve.y[i] == pytest.approx(np.mean(own.accuracy[order][i]))
    assert set(running.y) == {own.running.mean()}
    assert running.line.dash != curve.line.dash
    # Where the crosses are, by place in the unit square, must be the images that went wrong.
    columns = int(np.ceil(size**0.5))
    places = {
        (int(x * columns), int((1 - y) * columns))
        for x, y in zip(crosses.x, crosses.y, strict=True)
        if np.isfinite(x)
    }
    right = own.right[order][i]
    wrong = {(place % columns, place // columns) for place in range(size) if not right[place]}
    assert places == wrong
    assert np.nansum(np.array(sheet.z)) == pytest.approx(16 * own.images[order][:size].sum(), 1e-4)
    mean, sd = np.mean(own.accuracy[order][i]), np.std(own.accuracy[order][i], ddof=1)
    assert f"accuracy {percent(mean, 1)} ± {percent(sd, 1)} " in explorables["batch_size"].text(
        order=order, size=size
    )


def test_batch_size_1_is_a_marked_gap(explorables):
    data = explorables["batch_size"].figure(size=1).data
    assert not np.isfinite(np.array(data[2].y, float)).any()
    assert data[3].text == ("ValueError",) and data[3].x == (1,)
    assert "expected more than 1 value per channel" in explorables["batch_size"].text(size=1)


@pytest.mark.parametrize("size", [2, 8])
@pytest.mark.parametrize("batches", [1, 8])
def test_algorithm_2_shows_accuracy_and_the_ratio_of_losses(
    size, batches, populations, explorables
):
    found, explorable = populations[size], explorables["algorithm_2"]
    k = found.numbers.index(batches)
    data = explorable.figure(size=size, batches=batches).data
    average, with_factor, without, _, *ratios = data
    assert set(average.y) == {found.running_accuracy.mean()}
    for trace, factor in ((with_factor, True), (without, False)):
        assert np.isfinite(np.array(trace.y, float)).sum() == k + 1
        assert trace.y[k] == pytest.approx(found.accuracy[factor][k].mean())
    assert with_factor.marker.symbol != without.marker.symbol
    for m, trace in zip(populations, ratios, strict=True):
        losses = populations[m].loss
        assert np.allclose(np.array(trace.y) * losses[True][k], losses[False][k], rtol=1e-5)
    better = sum(a < b for a, b in zip(found.loss[False][k], found.loss[True][k], strict=True))
    text = explorable.text(size=size, batches=batches)
    assert text.endswith(f"The loss is lower without it in {better} of 3.")
    share = percent(found.accuracy[True][k].mean(), 1)
    assert f"accuracy {share} with the factor" in text


@pytest.mark.parametrize("mode", ["model.train()", "model.eval()"])
@pytest.mark.parametrize("gradients", ["with gradients", "torch.no_grad()"])
def test_two_switches_moves_the_dots_in_training_mode_alone(
    mode, gradients, net, switched, explorables
):
    explorable = explorables["two_switches"]
    for times in (0, 7, 20):
        values = {"mode": mode, "gradients": gradients, "times": times}
        figure = explorable.figure(**values)
        rings, bars, dots = figure.data
        way = 1 - 0.9**times if mode == "model.train()" else 0  # momentum 0.1
        start, goal = np.array(rings.y), np.array(bars.y)
        assert np.allclose(dots.y, start + way * (goal - start), atol=1e-4)
        facts = " ".join(note.text for note in figure.layout.annotations)
        assert ("<b>the batch's</b>" in facts) == (mode == "model.train()")
        assert ("<b>yes</b>" in facts) == (gradients == "with gradients")
        furthest = (
            way
            * np.abs(switched[True, True].batch_mean - net.model.norm1.running_mean.numpy()).max()
        )
        assert f"moved by up to {number(furthest)}, " in explorable.text(**values)
    assert np.isin(start, net.model.norm1.running_mean.numpy()).all()
