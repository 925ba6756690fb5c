import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";

import {
  gunzip,
  isDark,
  joinPlanes,
  plant,
  positionOf,
  readTable,
  stateNumber,
  treeOf,
  valuesAt,
} from "../../bn_teach/explorable/explorable.js";

const slider = { name: "a", kind: "slider", stops: [0.1, 0.2, 0.3], texts: [], start: 0 };
const toggle = { name: "b", kind: "toggle", stops: [false, true], texts: [], start: 0 };
const choice = { name: "c", kind: "choice", stops: ["x", "y"], texts: [], start: 0 };

/** A table as table.py packs it, from a header and the bytes behind it. */
function table(header, ...bytes) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(new Uint32Array([text.length]).buffer);
  return new Uint8Array([...length, ...text, ...bytes.flat()]).buffer;
}

function planes(numbers) {
  const bytes = new Uint8Array(numbers.buffer);
  const width = numbers.BYTES_PER_ELEMENT;
  return Array.from({ length: width }, (_, byte) =>
    Array.from(numbers, (_, i) => bytes[i * width + byte]),
  ).flat();
}

test("bytes stored plane by plane become numbers again", () => {
  const numbers = new Float32Array([1.5, -2, 1e-8]);
  const joined = joinPlanes(new Uint8Array(planes(numbers)), 4);
  assert.deepEqual(new Float32Array(joined), numbers);
});

test("gunzip unpacks", async () => {
  const unpacked = await gunzip(gzipSync("γ and β"));
  assert.equal(new TextDecoder().decode(unpacked), "γ and β");
});

test("a state is put together from its leaves", () => {
  const header = {
    states: null,
    rows: 3,
    leaves: [
      { path: ["data", 0, "y"], count: 2, indexed: true, shapes: [[2]], type: "f4" },
      { path: ["text"], count: 2, indexed: true, values: ["one", "two"] },
      { path: ["layout", "height"], count: 1, shapes: [[]], type: "f8" },
    ],
  };
  const packed = table(
    header,
    planes(new Uint16Array([0, 1, 0])),
    planes(new Float32Array([1, 2, 3, 4])),
    planes(new Uint16Array([0, 65535, 1])),
    planes(new Float64Array([400])),
  );
  const read = readTable(packed);
  assert.deepEqual(treeOf(read, 0), { data: [{ y: [1, 2] }], text: "one", layout: { height: 400 } });
  assert.deepEqual(treeOf(read, 1), { data: [{ y: [3, 4] }], layout: { height: 400 } });
  assert.deepEqual(valuesAt(read, "text"), ["one", "two"]);
  assert.deepEqual(valuesAt(read, "nothing"), []);
});

test("equal numbers are the same array, so plotly need not look at them again", () => {
  const leaf = { path: ["y"], count: 1, shapes: [[2]], type: "f4" };
  const packed = table({ states: null, rows: 2, leaves: [leaf] }, planes(new Float32Array([1, 2])));
  const read = readTable(packed);
  assert.equal(treeOf(read, 0).y, treeOf(read, 1).y);
});

test("a table of some states has no others", () => {
  const leaf = { path: ["a"], count: 1, values: ["x"] };
  const read = readTable(table({ states: [7], rows: 1, leaves: [leaf] }));
  assert.deepEqual(treeOf(read, 7), { a: "x" });
  assert.equal(treeOf(read, 0), null);
});

test("states are numbered with the last control running fastest", () => {
  const controls = [slider, toggle, choice];
  assert.equal(stateNumber(controls, [0, 0, 0]), 0);
  assert.equal(stateNumber(controls, [0, 0, 1]), 1);
  assert.equal(stateNumber(controls, [0, 1, 0]), 2);
  assert.equal(stateNumber(controls, [2, 1, 1]), 11);
});

test("a value is found among the stops by its worth", () => {
  assert.equal(positionOf(slider, 0.1 + 0.2), 2);
  assert.equal(positionOf(slider, 0.25), -1);
  assert.equal(positionOf(toggle, true), 1);
  assert.equal(positionOf(choice, "y"), 1);
});

test("branches are made on the way to a leaf", () => {
  const root = {};
  plant(root, ["data", 1, "marker", "color"], "red");
  plant(root, ["data", 0, "y"], [1]);
  assert.deepEqual(root, { data: [{ y: [1] }, { marker: { color: "red" } }] });
});

test("dark and light grounds are told apart, glass is neither", () => {
  assert.equal(isDark("rgb(255, 255, 255)"), false);
  assert.equal(isDark("rgb(17, 17, 17)"), true);
  assert.equal(isDark("rgba(0, 0, 0, 0)"), null);
  assert.equal(isDark("transparent"), null);
});
