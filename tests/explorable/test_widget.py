import asyncio
import functools
import gzip
import sys

import ipywidgets
import numpy as np
import plotly.graph_objects as go
import pytest

from bn_teach import choice, explore, slider, toggle
from bn_teach.explorable.grid import MOST_STATES
from bn_teach.explorable.widget import StateError, packed_plotly_js
from tests.explorable.node import read_in_node


def parabola(a, on=False):
    x = np.linspace(-1, 1, 5)
    figure = {"data": [{"type": "scatter", "x": x, "y": a * x**2}], "layout": {"height": 300}}
    return figure, f"height {a}, {'on' if on else 'off'}"


def make(function=parabola, **options):
    return explore(function, a=slider(-2, 2, step=0.5, start=1, label="height a"), **options)


def states_in(e, tmp_path):
    (tmp_path / "table").write_bytes(e._table)
    return read_in_node(tmp_path / "table", e._grid.size)


def test_the_start_state_is_there_at_once_and_all_after_baking(tmp_path):
    e = make(on=toggle())
    assert sum(state is not None for state in states_in(e, tmp_path)) == 1
    e.bake()
    states = states_in(e, tmp_path)
    assert len(states) == 18
    assert states[-1]["text"] == "height 2.0, on"
    assert states[0]["figure"]["data"][0]["y"] == [-2, -0.5, 0, -0.5, -2]


def test_sampling_lets_other_work_go_on_and_begins_with_the_nearest():
    """Between two slices the event loop must come to its other tasks, as to the next cell."""
    seen = []

    def slow(a):
        seen.append(a)
        until = asyncio.get_running_loop().time() + 0.01
        while asyncio.get_running_loop().time() < until:
            pass
        return parabola(a)

    async def cell():
        e = make(slow)
        turns = 0
        while not e._sampled.complete():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(cell()) > 2
    assert seen[:3] in ([1, 0.5, 1.5], [1, 1.5, 0.5])
    assert sorted(seen) == [i / 2 for i in range(-4, 5)]


def test_a_state_asked_for_before_its_turn_is_sent_alone(tmp_path):
    e = make()
    e.values = {"a": -2}
    (tmp_path / "table").write_bytes(e._answer)
    states = read_in_node(tmp_path / "table", 9)
    assert [state is not None for state in states] == [True] + 8 * [False]
    assert states[0]["text"] == "height -2.0, off"


def test_once_complete_nothing_more_is_sent_when_a_slider_moves():
    e = make()
    e.bake()
    table, answer = e._table, e._answer
    e.values = {"a": -2}
    assert (e._table, e._answer) == (table, answer)


def test_values_are_read_set_observed_and_linked():
    e, other = make(), make()
    heard = []
    e.observe(lambda change: heard.append(change.new), names="values")
    ipywidgets.dlink((e, "values"), (other, "values"))
    e.values = {"a": 1.5}
    assert heard == [{"a": 1.5}]
    assert other.values == {"a": 1.5}
    assert e.text() == "height 1.5, off"


def test_some_values_can_be_set_and_the_others_stay():
    e = make(on=toggle())
    e.values = {"on": True}
    assert e.values == {"a": 1.0, "on": True}


def test_figure_and_text_need_no_browser():
    e = make()
    figure = e.figure(a=-2)
    assert isinstance(figure, go.Figure)
    assert figure.data[0].y.tolist() == [-2, -0.5, 0, -0.5, -2]
    assert figure.layout.height == 300
    assert e.text(a=0.5) == "height 0.5, off"
    assert e.values == {"a": 1.0}


def test_it_composes_with_other_widgets_and_has_a_text_form():
    e = make()
    assert ipywidgets.HBox([e]).children == (e,)
    assert repr(e) == "parabola (a=1.0): height 1.0, off"


def test_figures_and_dicts_of_figures_are_the_same_to_it(tmp_path):
    def as_figure(a):
        figure, text = parabola(a)
        return go.Figure(figure), text

    e, f = make(), make(as_figure)
    e.bake()
    f.bake()
    assert states_in(e, tmp_path) == states_in(f, tmp_path)


def test_a_callable_without_a_name_will_do():
    assert make(functools.partial(parabola, on=True)).text() == "height 1.0, on"
    assert make(functools.partial(parabola, on=True))._title == "partial"


def test_stills_are_states():
    e = make(on=toggle(), stills=[{"a": -2}, {"on": True}])
    assert e._stills == [0, e._grid.state({"a": 1, "on": True})]
    with pytest.raises(ValueError, match="a=9 is outside the range -2.0 to 2.0"):
        make(stills=[{"a": 9}])


def test_a_function_with_text_only_sometimes_is_described_by_its_controls_else():
    def sometimes(a):
        figure, text = parabola(a)
        return (figure, text) if a > 0 else figure

    e = make(sometimes)
    assert e.text(a=1) == "height 1.0, off"
    assert e.text(a=-1) == "height a −1.0"


def test_a_function_may_return_none_for_the_text():
    assert make(lambda a: (parabola(a)[0], None)).text() == "height a 1.0"


def test_a_function_whose_number_of_traces_changes(tmp_path):
    def traces(a):
        return {"data": [{"y": [i]} for i in range(int(2 * a) + 4)]}

    e = make(traces)
    e.bake()
    counts = [len(state["figure"]["data"]) for state in states_in(e, tmp_path)]
    assert counts == list(range(9))


def test_a_function_that_fails_at_some_states_says_so_there_and_works_elsewhere(tmp_path):
    def picky(a):
        if a == -2:
            raise ZeroDivisionError("no such curve")
        return {"data": [{"y": [1 / a if a else None]}]}

    e = make(picky)
    e.bake()
    first, *others = states_in(e, tmp_path)
    assert first["error"].startswith("picky(a=-2.0), line ")
    assert first["error"].endswith("ZeroDivisionError: no such curve")
    assert all("error" not in state for state in others)
    with pytest.raises(StateError, match=r"picky\(a=-2.0\), line \d+: ZeroDivisionError"):
        e.figure(a=-2)


def test_a_function_that_fails_at_the_start_fails_at_once():
    def broken(a):
        raise KeyError("gamma")

    with pytest.raises(StateError, match=r"broken\(a=1.0\), line \d+: KeyError: 'gamma'"):
        make(broken)


def test_what_the_function_prints_later_belongs_to_no_cell(capsys):
    def chatty(a):
        print("computing", a)
        print("careful", file=sys.stderr)
        return parabola(a)

    async def cell():
        e = make(chatty)
        while not e._sampled.complete():
            await asyncio.sleep(0.001)

    asyncio.run(cell())
    printed = capsys.readouterr()
    assert printed.out == "computing 1.0\n"
    assert printed.err == "careful\n"


def test_infinities_and_nans_are_gaps(tmp_path):
    e = make(lambda a: {"data": [{"y": np.array([1, np.inf, np.nan, a])}]})
    e.bake()
    assert states_in(e, tmp_path)[0]["figure"]["data"][0]["y"] == [1, None, None, -2]


def test_width_and_template_are_the_pages_business():
    e = make(lambda a: {"data": [], "layout": {"width": 99, "template": "ggplot2", "title": "t"}})
    assert e._tree({})["figure"]["layout"] == {"height": 400, "title": "t"}


def test_plotly_js_is_sent_once_for_a_request():
    e = make()
    sent = []
    e.send = lambda content, buffers=None: sent.append((content, buffers))
    for _ in range(3):
        e._handle_custom_msg({"want": "plotly.js", "request": 0.5}, [])
    e._handle_custom_msg({"want": "something else"}, [])
    assert [content for content, _ in sent] == [{"request": 0.5}]
    assert gzip.decompress(sent[0][1][0]).startswith(b"/**\n* plotly.js v")
    assert len(packed_plotly_js()) < 1_600_000


def test_a_move_is_not_echoed_to_the_hand_that_made_it(monkeypatch):
    e = make()
    e.bake()
    sent = []
    monkeypatch.setattr(e, "_send", lambda message, buffers=None: sent.append(message))
    (name,) = e.values
    e.set_state({"values": {name: e._controls[0]["stops"][-1]}})  # as from the browser
    assert e.values[name] == e._controls[0]["stops"][-1]
    assert sent == []
    e.values = {name: e._controls[0]["stops"][0]}  # as in a cell
    assert [message["method"] for message in sent] == ["update"]


def test_closing_stops_the_sampling():
    async def cell():
        e = make()
        e.close()
        await asyncio.sleep(0.05)
        return e

    assert not asyncio.run(cell())._sampled.complete()


def two(a, b):
    return parabola(a)


A = {"a": slider(0, 1)}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: explore("curve", **A), TypeError, "got 'curve'; expected a function"),
        (lambda: explore(parabola), TypeError, "no controls; add at least one"),
        (lambda: explore(parabola, a=3), TypeError, "a is 3; expected slider"),
        (lambda: explore(parabola, **A, title=slider(0, 1)), TypeError, "title is .*; expected a"),
        (
            lambda: explore(parabola, **A, c=toggle()),
            TypeError,
            r"parabola\(\) has no parameter 'c' for this control; its parameters are a, on",
        ),
        (
            lambda: explore(two, **A),
            TypeError,
            r"two\(\) has a parameter 'b' without a control; add b=slider",
        ),
        (
            lambda: make(lambda a: [1, 2]),
            TypeError,
            r"returned \[1, 2\]; expected a plotly figure .* or a pair",
        ),
        (
            lambda: make(lambda a: (parabola(a)[0], 7)),
            TypeError,
            "returned 7 beside the figure; expected a sentence",
        ),
        (
            lambda: make(lambda a: {"data": [{"y": {1, 2}}]}),
            TypeError,
            "a figure holds .* of type set",
        ),
        (
            lambda: explore(two, a=slider(0, 99), b=slider(0, 99)),
            ValueError,
            r"100 \(a\) x 100 \(b\) = 10,000 states are more than 5,000; give a fewer stops",
        ),
        (
            lambda: explore(lambda a: {"data": [{"y": np.zeros(10**6)}]}, a=slider(0, 99)),
            ValueError,
            r"100 \(a\) = 100 states, each with about 1,000,\d+ numbers, .* draw fewer points",
        ),
        (
            lambda: setattr(make(), "values", {"b": 1}),
            ValueError,
            "there is no control 'b'; there are a",
        ),
        (
            lambda: make().figure(a=0.75),
            ValueError,
            "a=0.75 lies between two stops; the nearest are 0.5 and 1.0",
        ),
        (lambda: make(on=choice(["x", "y"])).text(on="z"), ValueError, "on='z' is not one of 'x'"),
    ],
)
def test_mistakes_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_largest_grid_that_is_allowed_is_sampled():
    e = explore(lambda a: {"data": [{"y": [a]}]}, a=slider(1, MOST_STATES))
    assert len(e.bake()) < 60_000
