import math

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bn_teach.explorable.table import Table, flatten
from tests.explorable.node import read_in_node
from tests.plain import plain

names = st.text("abcxyz_", min_size=1, max_size=5)
numbers = st.floats(-1e6, 1e6, width=32) | st.integers(-1000, 1000)
leaves = (
    st.booleans()
    | st.none()
    | st.text(max_size=8)
    | numbers
    | st.lists(st.text(max_size=4), max_size=3)
    | st.lists(numbers, min_size=1, max_size=6).map(np.array)
)
trees = st.dictionaries(
    names,
    st.recursive(
        leaves,
        lambda inner: (
            st.dictionaries(names, inner, max_size=3)
            | st.lists(st.dictionaries(names, inner, max_size=2), max_size=3)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def table_of(states):
    table = Table(len(states))
    for number, tree in enumerate(states):
        table.add(number, tree)
    return table


def assert_close(ours, expected, spread):
    """Equal in structure; numbers within 1/16384 of the spread that the leaf has."""
    if isinstance(expected, dict):
        assert isinstance(ours, dict)
        assert set(ours) == set(expected)
        for key in expected:
            assert_close(ours[key], expected[key], spread)
    elif isinstance(expected, list):
        assert len(ours) == len(expected)
        for one, other in zip(ours, expected, strict=True):
            assert_close(one, other, spread)
    elif isinstance(expected, (int, float)) and not isinstance(expected, bool):
        assert ours == pytest.approx(expected, abs=spread / 16384, rel=1e-7)
    else:
        assert ours == expected
        assert type(ours) is type(expected)


@given(st.lists(trees, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_tree_comes_back_as_it_was(states):
    table = table_of(states)
    for number, tree in enumerate(states):
        assert plain(table.tree(number)) == plain(tree)


def test_the_browser_reads_what_python_packed(tmp_path):
    """Many tables of many kinds in one run of node: each state equals the original."""
    rng = np.random.default_rng(0)
    kinds = {
        "varying": lambda i: {"data": [{"y": rng.normal(size=7) * 10.0**i, "name": f"t{i}"}]},
        "constant": lambda i: {"data": [{"x": np.linspace(0, 0.7, 7)}], "layout": {"height": 400}},
        "ragged": lambda i: {"data": [{"y": rng.normal(size=i)}]},
        "matrix": lambda i: {"data": [{"z": rng.normal(size=(3, 4))}]},
        "more traces": lambda i: {"data": [{"y": [1, i], "mode": "lines"}] * i},
        "gaps": lambda i: {"data": [{"y": [1.0, None, math.inf, float(i)]}]},
        "mixed": lambda i: {"a": None if i % 2 else [i], "b": True, "c": ["x", 1], "d": {}},
        "offset": lambda i: {"data": [{"y": 1e9 + rng.normal(size=5)}]},
        "small": lambda i: {"layout": {"range": [-1e-9 * i, 1e-9]}},
        "text only sometimes": lambda i: {"data": [], **({"text": "γ"} if i % 2 else {})},
    }
    for kind, make in kinds.items():
        states = [make(i) for i in range(5)]
        packed = tmp_path / "table"
        packed.write_bytes(table_of(states).pack())
        for ours, original in zip(read_in_node(packed, 5), states, strict=True):
            expected = plain(original)
            arrays = [leaf for _, leaf in flatten(original) if isinstance(leaf, np.ndarray)]
            spread = max([0, *(np.nanmax(np.abs(array), initial=0) for array in arrays)])
            if kind == "offset":  # a spread small against the numbers must survive whole
                assert ours == expected
            assert_close(ours, expected, spread)


def test_a_leaf_is_stored_once_for_each_of_its_values():
    """y depends on one of two sliders only: 20 arrays are kept, not 20 x 30."""
    rows = np.random.default_rng(0).normal(size=(20, 500))
    table = Table(600)
    for i in range(20):
        for j in range(30):
            table.add(30 * i + j, {"data": [{"y": rows[i], "name": str(j)}]})
    assert len(table.pack()) < 1.2 * rows.size * 4


def test_an_author_may_reuse_the_dict_and_the_array():
    figure = {"data": [{"y": np.zeros(3)}]}
    table = Table(2)
    for state in range(2):
        figure["data"][0]["y"][:] = state
        table.add(state, figure)
    assert table.tree(0)["data"][0]["y"].tolist() == [0, 0, 0]
    assert table.tree(1)["data"][0]["y"].tolist() == [1, 1, 1]


def test_a_part_of_the_states_can_be_packed_alone(tmp_path):
    table = table_of([{"a": i} for i in range(9)])
    (tmp_path / "table").write_bytes(table.pack([4, 2]))
    assert read_in_node(tmp_path / "table", 5) == [None, None, {"a": 2}, None, {"a": 4}]


def test_packing_is_reproducible():
    states = [{"data": [{"y": np.arange(i + 1.0)}]} for i in range(4)]
    assert table_of(states).pack() == table_of(states).pack()


def test_the_figure_of_plotly_express_size_is_read_through_its_base64():
    figure = go.Figure(go.Heatmap(z=np.arange(6).reshape(2, 3)), layout_title_text="t")
    leaves = dict(flatten(figure.to_plotly_json()))
    assert leaves["data", 0, "z"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert leaves["layout", "title", "text"] == "t"


def test_what_is_no_figure_data_is_named():
    with pytest.raises(TypeError, match=r"a figure holds .* of type set; expected numbers"):
        list(flatten({"data": [{"y": {1, 2}}]}))
