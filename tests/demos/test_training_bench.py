"""The training bench: its buttons, its picture and its table, without a browser."""

import asyncio
import re

import numpy as np
import pytest

from bn_teach.demos import training_bench as demos
from bn_teach.experiments import training_bench as experiments
from bn_teach.explorable import Explorable
from bn_teach.train import Run


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 40)


@pytest.fixture
def bench():
    bench = demos.training_bench()
    choose(bench, depth=2, width=16)
    yield bench
    bench.close()


def choose(bench, **values):
    for name, value in values.items():
        bench.controls[name].value = value


def idle(bench):
    """What can be pressed when nothing is trained, and nothing of the progress is left."""
    off = [b.disabled for b in (bench.run_button, bench.cancel_button, bench.clear_button)]
    return off == [False, True, False] and (bench._bar.value, bench._count.value) == (0, "")


def in_a_loop(scene):
    """Run a scene of clicks as a kernel would: with an event loop that goes on between them."""
    asyncio.run(asyncio.wait_for(scene(), timeout=60))


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_it_begins_with_the_stored_runs_and_the_start_settings(bench):
    assert bench.runs == {}
    assert demos.training_bench().settings == experiments.Settings()
    names = [trace.name for trace in bench.explorable.figure().data if trace.name]
    assert names == ["stored A", "stored B", "stored C"]
    assert "stored B" in repr(bench)
    assert idle(bench)


def test_the_first_picture_is_an_explorable_of_the_stored_runs(bench):
    first = bench.explorable  # what slides and pages show of the bench
    assert isinstance(first, Explorable)
    stored = experiments.stored_examples()["stored B"]
    best = 100 * stored.snapshots["test_accuracy"][-1]
    assert first.text() == f"Best test accuracy of these 3: stored B, {best:.1f}\u202f%."
    assert len(first._stills) == 2


def test_every_choice_reaches_the_settings_and_none_is_refused_alone(bench):
    for name, (_, options) in demos.CHOICES.items():
        for option in options:
            choose(bench, **{name: option})
            wanted = None if option in ("none", "usual") else option
            assert getattr(bench.settings, name) == wanted
    choose(bench, norm="batch", batch_size=32, width=64, depth=6, lr=0.1, gain="usual", seed=1)
    for name, (_, options) in demos.CHOICES.items():
        for option in options:
            before = bench.controls[name].value
            choose(bench, **{name: option})
            assert (bench.settings.refusal() is None) == ((name, option) != ("batch_size", 1))
            choose(bench, **{name: before})


def test_without_an_event_loop_a_run_is_over_when_the_click_returns(bench):
    bench.run_button.click()
    assert list(bench.runs) == ["run 1"]
    assert bench.runs["run 1"].settings["end"] == "finished"
    assert re.fullmatch(
        r"Run 1 \(batch norm, relu, 2 layers of 16, learning rate 0\.1, batch size 32\) "
        r"finished with a test accuracy of \d+\.\d\u202f%\.",
        bench.status.text,
    )
    assert idle(bench)


def test_in_slices_and_at_once_a_run_gives_the_same_numbers(bench, monkeypatch):
    bench.run_button.click()
    monkeypatch.setattr(demos, "SLICE", 0)

    async def scene():
        bench.run_button.click()
        await bench._task

    in_a_loop(scene)
    first, second = bench.runs.values()
    assert np.array_equal(first.curves["loss"], second.curves["loss"])
    test_accuracy = [run.snapshots["test_accuracy"] for run in (first, second)]
    assert np.array_equal(*test_accuracy)


def test_nonsense_is_refused_with_its_sentence_and_nothing_is_trained(bench):
    choose(bench, norm="group", width=50)
    bench.run_button.click()
    assert bench.status.text == f"Not run. {bench.settings.refusal()}"
    assert "50 cannot be divided by 4" in bench.status.text
    assert bench.runs == {} and idle(bench)
    choose(bench, width=16)
    bench.run_button.click()
    assert list(bench.runs) == ["run 1"]


def test_pressing_run_twice_does_not_start_two(bench):
    async def scene():
        bench.run_button.click()
        assert bench.run_button.disabled and not bench.cancel_button.disabled
        first = bench._task
        bench.run_button.click()
        await asyncio.sleep(0.01)
        bench.run_button.click()
        assert bench._task is first
        await first

    in_a_loop(scene)
    assert list(bench.runs) == ["run 1"]
    assert idle(bench)


def test_cancel_keeps_what_was_trained_so_far(bench, monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 100_000)
    monkeypatch.setattr(demos, "REDRAW", 0)

    async def scene():
        bench.run_button.click()
        await until(lambda: bench._bar.value > 12)
        assert re.fullmatch(r"step \d+ of 100000, loss \d\.\d+", bench._count.value)
        bench.cancel_button.click()
        await bench._task

    in_a_loop(scene)
    run = bench.runs["run 1"]
    step = len(run.curves["loss"])
    assert run.settings["end"] == "stopped"
    assert run.steps[-1] == step > 12
    assert f"was stopped at step {step} with a test accuracy of" in bench.status.text
    assert f"<td>stopped at step {step}</td>" in bench._table.value
    assert idle(bench)
    *_, end = bench.explorable.figure().data
    assert (end.x, end.marker.symbol) == ((step,), "square")


def test_other_tasks_go_on_while_it_trains(bench, monkeypatch):
    """Between two slices the event loop serves who else is waiting, such as a Cancel button."""
    monkeypatch.setattr(experiments, "STEPS", 100_000)

    async def scene():
        bench.run_button.click()
        loop = asyncio.get_running_loop()
        waits = []
        for _ in range(5):
            begin = loop.time()
            await asyncio.sleep(0)
            waits.append(loop.time() - begin)
        bench.cancel_button.click()
        await bench._task
        assert max(waits[1:]) < 1  # seconds; a slice takes 0.05

    in_a_loop(scene)


def test_a_run_that_diverges_ends_early_and_says_so(bench, monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 300)
    choose(bench, norm="none", depth=8, lr=30)
    bench.run_button.click()
    step = len(bench.runs["run 1"].curves["loss"])
    assert step < 100
    assert f"diverged at step {step}: its loss was no finite number" in bench.status.text
    assert f"<td>diverged at step {step}</td><td>–</td><td>–</td>" in bench._table.value
    for show in demos.VIEWS:
        *_, end = bench.explorable.figure(show=show).data
        assert (end.x, end.marker.symbol) == ((step,), "x")
        assert f"diverged at step {step}" in bench.explorable.text(show=show)
    assert end.y == (30,)  # the upper end of the axis
    assert idle(bench)


def test_an_exception_is_a_sentence_and_run_works_again(bench, monkeypatch):
    def fails(settings):
        raise MemoryError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(experiments, "Trial", fails)
        bench.run_button.click()
    assert bench.status.text == "run 1 failed: MemoryError: out of memory"
    assert bench.runs == {} and idle(bench)
    bench.run_button.click()
    assert list(bench.runs) == ["run 1"]


@pytest.mark.parametrize("end", ["another bench", "close"])
def test_no_training_goes_on_behind_a_bench_that_is_gone(bench, end, monkeypatch):
    monkeypatch.setattr(experiments, "STEPS", 100_000)

    async def scene():
        bench.run_button.click()
        await asyncio.sleep(0.01)
        if end == "close":
            bench.close()
        else:
            demos.training_bench().close()
        await bench._task

    in_a_loop(scene)
    assert list(bench.runs) == ([] if end == "close" else ["run 1"])


def test_close_takes_all_widgets_with_it(bench):
    bench.run_button.click()
    parts = [*bench.children, *bench.controls.values(), bench.run_button, bench.explorable]
    bench.close()
    assert all(part.comm is None for part in [bench, *parts])


def a_run(step, end="finished", accuracy=0.5, loss=1.0):
    settings = experiments.Settings(seed=step % 5 + 1)
    return Run(
        settings={**settings.__dict__, "end": end},
        curves={"loss": np.full(step, loss, dtype=np.float32)},
        steps=np.array([0, step]),
        snapshots={"test_accuracy": np.array([0.1, accuracy])},
    )


def test_the_picture_has_the_last_six_runs_each_in_its_own_look():
    runs = {f"stored {k}": a_run(300) for k in "ABC"}
    for count in range(1, 9):
        runs[f"run {count}"] = a_run(300, accuracy=0.1 * count)
        explorable = demos.explorable_of(runs, "runs")
        traces = [trace for trace in explorable.figure().data if trace.name]
        assert [trace.name.strip("</b>") for trace in traces] == list(runs)[-6:]
        assert len({(trace.line.color, trace.line.dash) for trace in traces}) == len(traces)
        assert [trace.line.width > 3 for trace in traces] == [False] * (len(traces) - 1) + [True]
        assert traces[-1].name == f"<b>run {count}</b>"
    colours = [trace.line.color for trace in traces]
    assert len(set(colours)) == 4  # those that show on white and on black; dashes tell the rest


def test_a_run_keeps_its_look_when_others_join():
    runs = {"stored A": a_run(300), "run 1": a_run(300)}
    looks = []
    for count in (2, 3):
        runs[f"run {count}"] = a_run(300)
        (trace,) = (t for t in demos.explorable_of(runs, "runs").figure().data if t.name == "run 1")
        looks.append((trace.line.color, trace.line.dash))
    assert looks[0] == looks[1]


def test_the_axes_stay_as_runs_join(bench):
    def axes(explorable):
        layouts = [explorable.figure(show=show).layout for show in demos.VIEWS]
        return [(each.xaxis.range, each.yaxis.range, each.height) for each in layouts]

    before = axes(bench.explorable)
    choose(bench, lr=30)
    bench.run_button.click()
    assert axes(bench.explorable) == before


def test_the_sentence_names_the_newest_and_the_best():
    runs = {"run 1": a_run(300, accuracy=0.75, loss=0.5), "run 2": a_run(300, accuracy=0.6)}
    runs["run 3"] = a_run(7, "diverged", accuracy=0.9, loss=0.01)
    explorable = demos.explorable_of(runs, "runs")
    assert "Run 3 (batch norm" in explorable.text()
    assert "diverged at step 7" in explorable.text()
    assert explorable.text().endswith("Best test accuracy of these 3: run 1, 75.0\u202f%.")
    assert explorable.text(show="training loss").endswith("loss of these 3: run 1, 0.50.")
    del runs["run 1"], runs["run 2"]
    assert "Best" not in demos.explorable_of(runs, "runs").text()


def test_the_view_stays_when_a_run_joins(bench):
    bench.explorable.values = {"show": "training loss"}
    bench.run_button.click()
    assert bench.explorable.values == {"show": "training loss"}


def test_the_table_has_all_runs_the_newest_first(bench):
    choose(bench, norm="none", gain=2, activation="tanh", seed=3)
    bench.run_button.click()
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', bench._table.value)
    assert [name for name, _ in rows] == ["run 1", "stored C", "stored B", "stored A"]
    right = 100 * bench.runs["run 1"].snapshots["test_accuracy"][-1]
    loss = bench.runs["run 1"].curves["loss"][-10:].mean()
    cells = re.findall("<td>(.*?)</td>", rows[0][1])
    assert cells == [
        *("none", "tanh", "2", "16", "2", "0.1", "32", "3", "finished at step 40"),
        *(f"{right:.1f}\u202f%", f"{loss:.2f}"),
    ]
    assert len(re.findall('<th scope="col">', bench._table.value)) == 1 + len(cells)


def test_clear_forgets_all_but_the_stored_runs(bench):
    bench.run_button.click()
    bench.clear_button.click()
    assert bench.runs == {}
    assert "run 1" not in bench._table.value and "stored A" in bench._table.value
    assert [t.name for t in bench.explorable.figure().data if t.name][-1] == "stored C"
    bench.run_button.click()
    assert list(bench.runs) == ["run 1"]


def test_old_pictures_are_closed(bench):
    old = bench.explorable
    bench.run_button.click()
    assert old.comm is None and bench.explorable.comm is not None
    assert bench._picture.children == (bench.explorable,)
