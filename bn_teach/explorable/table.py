"""The table of states: everything an explorable can show, small enough to send.

A state is a tree of dicts and lists, as plotly has it: {"figure": {"data": [...], ...}}. Its
leaves are number arrays or JSON values. For each leaf (known by its path in the tree) the table
keeps the *different* values it takes, and for each state which of them it is. A leaf that
depends on one of three sliders is thereby stored along that slider only, and a constant leaf
once, without anybody declaring it.

Packed (`Table.pack`), all integers little-endian, the whole gzipped:

    4 bytes   length of the header, in bytes
    header    JSON: {"states": [...] or null (= all), "rows": how many,
              "leaves": [{"path", ...}, ...]}
    then for each leaf of the header, in order:
      if "indexed"  one uint16 for each state: which value it is; 65535 = the leaf is not there
      if "shapes"   the numbers of all values, float32 ("f4") or float64 ("f8")

Every run of numbers is stored by byte planes (all first bytes, then all second bytes, ...):
neighbouring states have similar numbers, so equal bytes come to lie together and compress.
The reader is `readTable` in explorable.js.
"""

import base64
import copy
import gzip
import json
import math

import numpy as np

ABSENT = 0xFFFF


class Table:
    """States of one explorable, by their number in the grid."""

    def __init__(self, size):
        self.size = size
        self._leaves = {}  # path -> _Leaf
        self._known = np.zeros(size, bool)

    def __contains__(self, state):
        return bool(self._known[state])

    def complete(self):
        return bool(self._known.all())

    def add(self, state, tree):
        """Keep a state. The tree is copied: its author may reuse and change it."""
        for path, value in flatten(tree):
            leaf = self._leaves.get(path)
            if leaf is None:
                leaf = self._leaves[path] = _Leaf(self.size)
            leaf.put(state, value)
        self._known[state] = True

    def tree(self, state):
        """The state as a tree again, arrays in full precision."""
        root = {}
        for path, leaf in self._leaves.items():
            if leaf.index[state] != ABSENT:
                _plant(root, path, leaf.values[leaf.index[state]])
        return root

    def pack(self, states=None):
        """The table, or only the given states of it, as bytes."""
        rows = np.arange(self.size) if states is None else np.asarray(states)
        leaves, chunks = [], []
        for path, leaf in self._leaves.items():
            described = leaf.pack(path, rows, chunks)
            if described:
                leaves.append(described)
        header = json.dumps(
            {
                "states": None if states is None else [int(state) for state in states],
                "rows": len(rows),
                "leaves": leaves,
            },
            separators=(",", ":"),
            allow_nan=False,
        ).encode()
        body = b"".join([len(header).to_bytes(4, "little"), header, *chunks])
        return gzip.compress(body, compresslevel=6, mtime=0)


class _Leaf:
    """The different values of one leaf, and which of them each state has."""

    def __init__(self, size):
        self.index = np.full(size, ABSENT, np.uint16)
        self.values = []
        self._position = {}

    def put(self, state, value):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            key = value
        elif isinstance(value, np.ndarray):
            key = (value.shape, value.tobytes())
        else:
            key = json.dumps(value)
        position = self._position.get(key)
        if position is None:
            position = self._position[key] = len(self.values)
            self.values.append(copy.deepcopy(value))
        self.index[state] = position

    def pack(self, path, rows, chunks):
        """The leaf's entry in the header; its numbers are appended to chunks."""
        # Number the values in the order of the rows, not of sampling: neighbours compress better.
        order = list(dict.fromkeys(i for i in self.index[rows].tolist() if i != ABSENT))
        if not order:
            return None
        values = [self.values[i] for i in order]
        indexed = len(order) > 1 or ABSENT in self.index[rows]
        entry = {"path": path, "count": len(values)}
        if indexed:
            entry["indexed"] = True
            renumber = np.full(ABSENT + 1, ABSENT, np.uint16)
            renumber[order] = np.arange(len(order))
            chunks.append(_planes(renumber[self.index[rows]]))
        if all(_is_numeric(value) for value in values):
            shapes = [np.shape(value) for value in values]
            numbers = np.concatenate([np.ravel(value) for value in values])
            numbers = _shorten(numbers) if len(values) > 1 else numbers.astype("<f8")
            entry["shapes"] = [shapes[0]] if len(set(shapes)) == 1 else shapes
            entry["type"] = numbers.dtype.str[1:]
            chunks.append(_planes(numbers))
        else:
            entry["values"] = [_plain(value) for value in values]
        return entry


def flatten(tree, path=()):
    """The leaves of a tree as (path, value): numbers, arrays of float64, or other JSON values."""
    if isinstance(tree, dict) and "bdata" in tree:
        yield path, _floats(_decode(tree))
    elif isinstance(tree, dict) and tree:
        for key, branch in tree.items():
            yield from flatten(branch, (*path, str(key)))
    elif isinstance(tree, (list, tuple)) and tree and all(isinstance(b, dict) for b in tree):
        for i, branch in enumerate(tree):
            yield from flatten(branch, (*path, i))
    else:
        yield path, _leaf_value(tree)


def _leaf_value(value):
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim:
        return _floats(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return _leaf_value(value.tolist())
    if isinstance(value, (list, tuple)):
        if value and all(_number_or_gap(item) for item in value):
            return _floats([math.nan if item is None else item for item in value])
        return [_plain(_leaf_value(item)) for item in value]
    if isinstance(value, dict):  # empty, or inside a mixed list
        return {str(key): _plain(_leaf_value(item)) for key, item in value.items()}
    raise TypeError(
        f"a figure holds {value!r} of type {type(value).__name__}; expected numbers, strings, "
        "booleans, None, lists, dicts or numpy arrays of these"
    )


def _is_numeric(value):
    return isinstance(value, (int, float, np.ndarray)) and not isinstance(value, bool)


def _number_or_gap(value):
    return (
        value is None
        or isinstance(value, (np.integer, np.floating))
        or (isinstance(value, (int, float)) and not isinstance(value, bool))
    )


def _floats(value):
    """float64 with infinities as NaN: plotly draws NaN as a gap, infinity as nothing at all."""
    array = np.array(value, np.float64)
    array[np.isinf(array)] = np.nan
    return array


def _plain(value):
    """A leaf inside a JSON value: arrays as lists, NaN as None, whole numbers as integers."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value


def _decode(spec):
    """A typed array as `go.Figure` writes it: {"dtype": "f8", "bdata": base64, "shape": "2, 3"}."""
    array = np.frombuffer(base64.b64decode(spec["bdata"]), np.dtype(spec["dtype"]))
    if "shape" in spec:
        array = array.reshape([int(n) for n in spec["shape"].split(",")])
    return array


def _shorten(numbers):
    """Keep what a picture can show: an error below 1/16384 of the numbers' spread.

    float32 has 23 bits after the point. The bits below that error are cleared, which makes them
    compress to nothing. Numbers with a spread small against their size (1e6 to 1e6 + 1e-3) stay
    float64 as they are.
    """
    finite = numbers[np.isfinite(numbers)]
    largest = np.abs(finite).max(initial=0)
    spread = np.ptp(finite) if finite.size else 0
    if spread == 0 and np.array_equal(finite, finite.astype(np.float32)):
        return numbers.astype("<f4")
    if spread == 0 or largest > 1e37:
        return numbers.astype("<f8")
    bits = 13 + max(0, math.ceil(math.log2(largest / spread)))
    if bits > 23:
        return numbers.astype("<f8")
    raw = numbers.astype("<f4").view(np.uint32)
    drop = 23 - bits
    half = np.uint32((1 << drop) >> 1)
    kept = (raw + half) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    kept = np.where(np.isfinite(numbers), kept, raw)
    return kept.astype("<u4").view("<f4")


def _planes(array):
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    return array.view(np.uint8).reshape(-1, array.itemsize).T.tobytes()


def _plant(root, path, value):
    """Set `value` at `path`, making the dicts and lists on the way. Lists hold only dicts."""
    branch = root
    for key, following in zip(path, path[1:], strict=False):
        branch = _reach(branch, key, [] if isinstance(following, int) else {})
    _reach(branch, path[-1], None)
    branch[path[-1]] = value


def _reach(branch, key, empty):
    """branch[key], made if it is not there yet."""
    if isinstance(branch, dict):
        return branch.setdefault(key, empty)
    while len(branch) <= key:
        branch.append({})
    return branch[key]
