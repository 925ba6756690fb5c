// @ts-check
/**
 * The front end of an explorable, one file for JupyterLab, exported slides and static pages.
 *
 * It owns no numbers: Python sampled them (table.py, widget.py). Here a control picks a state out
 * of the table and plotly.js draws it, for the very next frame, with or without a kernel.
 *
 * @typedef {any} Json
 * @typedef {{path: (string|number)[], count: number, indexed?: boolean, shapes?: number[][],
 *   type?: "f4"|"f8", values?: Json[]}} LeafEntry
 * @typedef {{path: (string|number)[], index: Uint16Array|null, values: Json[]}} Leaf
 * @typedef {{states: number[]|null, leaves: Leaf[]}} Table states: null means all
 * @typedef {{name: string, kind: "slider"|"choice"|"toggle", label: string, stops: Json[],
 *   texts: string[], start: number, play: boolean}} Control
 * @typedef {{get: (name: string) => any, set: (name: string, value: any) => void,
 *   save_changes: () => void, send?: (content: any) => void,
 *   on: (name: string, handler: Function) => void,
 *   off: (name: string, handler: Function) => void}} Model
 */

const ABSENT = 0xffff;
const SETTLE = 250; // ms without a move, after which Python and screen readers are told
const PLAY_PACE = 90; // ms a stop, at the fastest
const ASK_AGAIN = 200; // ms until plotly.js is asked for again
export const CONFIG = { displayModeBar: false, responsive: false };

// ---------------------------------------------------------------------------------------------
// Pure parts: no page, no model. Tested by `node --test`.

/** Bytes of a gzip stream, unpacked. @param {BufferSource} packed @returns {Promise<ArrayBuffer>} */
export async function gunzip(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/**
 * Undo table.py's byte planes: all first bytes, all second bytes, ... become numbers again.
 * @param {Uint8Array} planes @param {number} width bytes in a number
 */
export function joinPlanes(planes, width) {
  const count = planes.length / width;
  const bytes = new Uint8Array(planes.length);
  for (let byte = 0; byte < width; byte++) {
    for (let i = 0; i < count; i++) bytes[i * width + byte] = planes[byte * count + i];
  }
  return bytes.buffer;
}

/** Read a table as `Table.pack` in table.py wrote it. @param {ArrayBuffer} buffer @returns {Table} */
export function readTable(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  /** @type {{states: number[]|null, rows: number, leaves: LeafEntry[]}} */
  const { states, rows, leaves: entries } = JSON.parse(text);
  let at = 4 + length;
  const take = (/** @type {number} */ count, /** @type {number} */ width) => {
    const planes = new Uint8Array(buffer, at, count * width);
    at += count * width;
    return joinPlanes(planes, width);
  };
  const leaves = entries.map((entry) => {
    const index = entry.indexed ? new Uint16Array(take(rows, 2)) : null;
    const values = entry.shapes ? readNumbers(entry, take) : (entry.values ?? []);
    return { path: entry.path, index, values };
  });
  return { states, leaves };
}

/**
 * The values of a leaf: numbers (shape []), arrays, or arrays of arrays.
 * @param {LeafEntry} entry @param {(count: number, width: number) => ArrayBuffer} take
 */
function readNumbers(entry, take) {
  const shapes = /** @type {number[][]} */ (entry.shapes);
  const shapeOf = (/** @type {number} */ i) => shapes[shapes.length > 1 ? i : 0];
  const size = (/** @type {number[]} */ shape) => shape.reduce((a, b) => a * b, 1);
  let total = 0;
  for (let i = 0; i < entry.count; i++) total += size(shapeOf(i));
  const numbers =
    entry.type === "f4" ? new Float32Array(take(total, 4)) : new Float64Array(take(total, 8));
  const values = [];
  for (let i = 0, start = 0; i < entry.count; i++) {
    const shape = shapeOf(i);
    values.push(nested(numbers.subarray(start, start + size(shape)), shape));
    start += size(shape);
  }
  return values;
}

/** @param {Float32Array|Float64Array} flat @param {number[]} shape @returns {Json} */
function nested(flat, shape) {
  if (shape.length === 0) return flat[0];
  if (shape.length === 1) return Array.from(flat);
  const step = flat.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) =>
    nested(flat.subarray(i * step, (i + 1) * step), shape.slice(1)),
  );
}

/** The state as a tree of its own, or null if the table lacks it. @param {Table} table @param {number} state */
export function treeOf(table, state) {
  const row = table.states ? table.states.indexOf(state) : state;
  if (row < 0) return null;
  /** @type {Json} */
  const root = {};
  for (const { path, index, values } of table.leaves) {
    const which = index ? index[row] : 0;
    if (which !== ABSENT) plant(root, path, values[which]);
  }
  return root;
}

/** Set a value at a path, making the objects and arrays on the way.
 * @param {Json} root @param {(string|number)[]} path @param {Json} value */
export function plant(root, path, value) {
  let branch = root;
  for (let i = 0; i + 1 < path.length; i++) {
    branch = branch[path[i]] ??= typeof path[i + 1] === "number" ? [] : {};
  }
  branch[path[path.length - 1]] = value;
}

/** All values that the leaf at `path` takes. @param {Table} table @param {string} path dotted */
export function valuesAt(table, path) {
  return table.leaves.find((leaf) => leaf.path.join(".") === path)?.values ?? [];
}

/** The number of a state; the last control runs fastest, as in widget.py.
 * @param {Control[]} controls @param {number[]} positions */
export function stateNumber(controls, positions) {
  return controls.reduce((state, control, i) => state * control.stops.length + positions[i], 0);
}

/** The stop that a value is; -1 if none. @param {Control} control @param {Json} value */
export function positionOf(control, value) {
  if (typeof value !== "number") return control.stops.indexOf(value);
  return control.stops.findIndex((stop) => Math.abs(stop - value) <= 1e-9 * Math.abs(value) + 1e-12);
}

/** Whether a CSS colour ("rgb(…)" or "rgba(…)") is dark; null if one sees through it. @param {string} colour */
export function isDark(colour) {
  const [r, g, b, alpha = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  if (b === undefined || alpha < 0.5) return null;
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

// ---------------------------------------------------------------------------------------------
// What the views of one model share, and what all explorables of a page share.

/** The states that have come from Python so far. */
class States {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Table[]} */
    this.tables = [];
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.onTable = () => this.read("_table");
    this.onAnswer = () => this.read("_answer");
    model.on("change:_table", this.onTable);
    model.on("change:_answer", this.onAnswer);
    this.onTable();
    this.onAnswer();
  }

  /** @param {"_table"|"_answer"} trait */
  async read(trait) {
    const packed = this.model.get(trait);
    if (!packed?.byteLength) return;
    const table = readTable(await gunzip(packed));
    // A complete table makes all others superfluous, also those that are unpacked after it.
    if (table.states === null) this.tables = [table];
    else if (this.tables[0]?.states !== null) this.tables.push(table);
    for (const listener of this.listeners) listener();
  }

  /** @param {number} state */
  has(state) {
    return this.tables.some(({ states }) => states === null || states.includes(state));
  }

  /** @param {number} state @returns {Json|null} */
  tree(state) {
    for (const table of this.tables) {
      const tree = treeOf(table, state);
      if (tree) return tree;
    }
    return null;
  }

  /** What the tallest picture and the longest sentence need, so that nothing jumps. */
  extremes() {
    const texts = this.tables.flatMap((table) => valuesAt(table, "text"));
    const heights = this.tables.flatMap((table) => valuesAt(table, "figure.layout.height"));
    return {
      text: texts.reduce((a, b) => (b.length > a.length ? b : a), ""),
      height: Math.max(0, ...heights),
    };
  }

  close() {
    this.model.off("change:_table", this.onTable);
    this.model.off("change:_answer", this.onAnswer);
  }
}

/** @type {WeakMap<Model, States>} */
const STATES = new WeakMap();

/** @param {Model} model */
function statesOf(model) {
  let states = STATES.get(model);
  if (!states) STATES.set(model, (states = new States(model)));
  return states;
}

// Every explorable has its own copy of this module, so what a page shares hangs on the page.
export const PAGE = /** @type {any} */ (globalThis);
export const PLOTLY = Symbol.for("bn-teach.plotly");

/** plotly.js, loaded once for the page. @param {Model} model @returns {Promise<any>} */
export function plotlyFor(model) {
  PAGE[PLOTLY] ??= loadPlotly(model).catch((error) => {
    delete PAGE[PLOTLY]; // the next view asks again, through a kernel that may still live
    throw error;
  });
  return PAGE[PLOTLY];
}

/** @param {Model} model */
async function loadPlotly(model) {
  const name = `/bn-teach/plotly-${model.get("_plotly")}.js.gz`;
  const cache = await PAGE.caches?.open("bn-teach").catch(() => null); // https and localhost only
  const kept = await cache?.match(name);
  const packed = kept ? await kept.arrayBuffer() : await askForPlotly(model);
  if (cache && !kept) {
    for (const old of await cache.keys()) await cache.delete(old);
    await cache.put(name, new Response(packed)).catch(() => {}); // a full disk must not matter
  }
  const source = new TextDecoder().decode(await gunzip(packed));
  const module = { exports: /** @type {any} */ ({}) };
  new Function("module", "exports", "define", source)(module, module.exports, undefined);
  return module.exports;
}

/**
 * Ask the kernel for plotly.js until it comes. JupyterLab's first message of a page waits behind
 * all cells that are queued; later ones go round them. The kernel answers each request once.
 * @param {Model} model @returns {Promise<BufferSource>}
 */
function askForPlotly(model) {
  const request = { want: "plotly.js", request: Math.random() };
  return new Promise((resolve, reject) => {
    let asked = 0;
    const ask = () => {
      asked += 1;
      if (asked <= 75) return model.send?.(request);
      stop();
      reject(new Error("the kernel did not send plotly.js"));
    };
    const heard = (/** @type {any} */ content, /** @type {any[]} */ buffers) => {
      if (content.request !== request.request) return;
      stop();
      resolve(buffers[0]);
    };
    const timer = setInterval(ask, ASK_AGAIN);
    const stop = () => {
      clearInterval(timer);
      model.off("msg:custom", heard);
    };
    model.on("msg:custom", heard);
    ask();
  });
}

// ---------------------------------------------------------------------------------------------
// The view.

/** @param {string} tag @param {Record<string, string>} attributes @param {...(Node|string)} children */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

class View {
  /** @param {Model} model @param {HTMLElement} host */
  constructor(model, host) {
    this.model = model;
    /** @type {Control[]} */
    this.controls = model.get("_controls");
    this.words = model.get("_words");
    this.states = statesOf(model);
    this.plotly = null;
    this.frame = 0;
    this.settled = 0;
    this.gone = new AbortController(); // takes every listener off again
    /** @type {Control|null} */
    this.playing = null;
    this.timer = 0;
    this.drawn = false;

    this.rows = this.controls.map((control) => this.buildControl(control));
    this.plot = make("div", { class: "plot", role: "img" });
    this.notice = make("p", { class: "notice" }, this.words.loading);
    this.picture = make("div", { class: "picture" }, this.plot, this.notice);
    this.longest = make("span", { class: "longest", "aria-hidden": "true" });
    this.sentence = make("span");
    this.live = make("span", { class: "unseen", "aria-live": "polite" });
    this.root = make(
      "div",
      {
        class: "bn-explorable",
        role: "group",
        "aria-label": model.get("_title"),
        // JupyterLab's one-letter commands and a deck's arrows must not act on a slider's keys.
        "data-lm-suppress-shortcuts": "true",
      },
      make("div", { class: "handles" }, ...this.rows.map((row) => row.element)),
      this.picture,
      make("p", { class: "caption" }, this.longest, this.sentence),
      this.live,
    );
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    host.append(this.root);

    this.stale = false; // whether a move has come after the drawing of this frame
    this.follow = () => {
      this.showPositions();
      this.drawNow();
    };
    this.arrived = () => {
      this.reserve();
      this.schedule();
    };
    // Asked here and not in every frame: each of these questions costs a layout of the page.
    this.width = 0;
    this.theme = "light";
    this.surroundings = () => {
      this.width = this.picture.clientWidth;
      this.theme = this.onDark() ? "dark" : "light";
      this.schedule();
    };
    model.on("change:values", this.follow);
    this.states.listeners.add(this.arrived);
    this.resizes = new ResizeObserver(this.surroundings); // hears also of being shown at last
    this.resizes.observe(this.picture);
    this.themes = new MutationObserver(this.surroundings);
    for (const element of [document.documentElement, document.body]) {
      this.themes.observe(element, { attributes: true });
    }
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", this.surroundings, { signal: this.gone.signal });
    this.arrived();
    this.follow();
    this.load();
  }

  // --- building ---

  /** @param {Control} control */
  buildControl(control) {
    const built =
      control.kind === "slider"
        ? this.buildSlider(control)
        : control.kind === "choice"
          ? this.buildChoice(control)
          : this.buildToggle(control);
    built.element.title = this.words.reset;
    const signal = this.gone.signal;
    const reset = () => this.move(control, control.start);
    built.element.addEventListener("dblclick", reset, { signal });
    built.element.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Delete" || event.key === "Backspace") reset();
      },
      { signal },
    );
    return built;
  }

  /** @param {Control} control */
  buildSlider(control) {
    const input = /** @type {HTMLInputElement} */ (
      make("input", {
        type: "range",
        min: "0",
        max: String(control.stops.length - 1),
        step: "1",
        "aria-label": control.label,
      })
    );
    const output = make("output", { "aria-hidden": "true" });
    // The output is as wide as its longest text: a number that grows must not move the slider.
    output.style.minWidth = `${Math.max(...control.texts.map((text) => text.length))}ch`;
    const moved = () => {
      this.stop();
      this.move(control, Number(input.value));
    };
    input.addEventListener("input", moved, { signal: this.gone.signal });
    const name = make("span", { class: "name" }, control.label);
    const element = make("div", { class: "control" }, make("label", {}, name, output, input));
    const play = control.play ? this.buildPlay(control) : null;
    if (play) element.append(play);
    return {
      element,
      show: (/** @type {number} */ position) => {
        input.value = String(position);
        input.setAttribute("aria-valuetext", control.texts[position]);
        output.textContent = control.texts[position];
        input.style.setProperty("--filled", `${(100 * position) / (control.stops.length - 1)}%`);
      },
      playing: (/** @type {boolean} */ on) => {
        if (!play) return;
        play.textContent = on ? "❚❚" : "▶";
        play.setAttribute("aria-label", `${on ? this.words.pause : this.words.play} ${control.label}`);
      },
    };
  }

  /** @param {Control} control */
  buildPlay(control) {
    const button = make("button", { type: "button", class: "play" }, "▶");
    button.setAttribute("aria-label", `${this.words.play} ${control.label}`);
    const toggled = () => (this.playing === control ? this.stop() : this.play(control));
    button.addEventListener("click", toggled, { signal: this.gone.signal });
    return button;
  }

  /** @param {Control} control */
  buildChoice(control) {
    const group = `bn-${Math.random().toString(36).slice(2)}`; // radios of one name exclude each other
    const inputs = control.texts.map((text, i) => {
      const input = /** @type {HTMLInputElement} */ (
        make("input", { type: "radio", name: group, value: String(i) })
      );
      input.addEventListener("change", () => this.move(control, i), { signal: this.gone.signal });
      return { input, label: make("label", {}, input, make("span", {}, text)) };
    });
    const legend = make("legend", { class: "name" }, control.label);
    const stops = make("div", { class: "stops" }, ...inputs.map(({ label }) => label));
    return {
      element: make("fieldset", { class: "control" }, legend, stops),
      show: (/** @type {number} */ position) => {
        inputs.forEach(({ input }, i) => (input.checked = i === position));
      },
      playing: () => {},
    };
  }

  /** @param {Control} control */
  buildToggle(control) {
    const input = /** @type {HTMLInputElement} */ (
      make("input", { type: "checkbox", role: "switch", "aria-label": control.label })
    );
    input.addEventListener("change", () => this.move(control, input.checked ? 1 : 0), {
      signal: this.gone.signal,
    });
    const output = make("output", { "aria-hidden": "true" });
    const name = make("span", { class: "name" }, control.label);
    return {
      element: make("div", { class: "control" }, make("label", {}, input, name, output)),
      show: (/** @type {number} */ position) => {
        input.checked = position === 1;
        output.textContent = control.texts[position];
      },
      playing: () => {},
    };
  }

  // --- moving ---

  positions() {
    const values = this.model.get("values");
    return this.controls.map((control) => Math.max(0, positionOf(control, values[control.name])));
  }

  showPositions() {
    this.positions().forEach((position, i) => this.rows[i].show(position));
  }

  /** @param {Control} control @param {number} position */
  move(control, position) {
    const values = { ...this.model.get("values"), [control.name]: control.stops[position] };
    this.model.set("values", values); // every view of this model follows, this one too
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.settle(), SETTLE);
    if (!this.known()) this.model.save_changes(); // asks for the state
  }

  known() {
    return this.states.has(stateNumber(this.controls, this.positions()));
  }

  settle() {
    this.model.save_changes();
    this.live.textContent = this.sentence.textContent;
  }

  /** @param {Control} control */
  play(control) {
    this.stop();
    this.playing = control;
    const i = this.controls.indexOf(control);
    this.rows[i].playing(true);
    if (this.positions()[i] === control.stops.length - 1) this.move(control, 0);
    this.timer = setInterval(() => {
      if (!this.drawn) return; // a picture still on its way is waited for
      const position = this.positions()[i] + 1;
      if (position < control.stops.length) this.move(control, position);
      if (position >= control.stops.length - 1) this.stop();
    }, PLAY_PACE);
  }

  stop() {
    clearInterval(this.timer);
    if (this.playing) this.rows[this.controls.indexOf(this.playing)].playing(false);
    this.playing = null;
  }

  // --- drawing ---

  async load() {
    while (!this.plotly && !this.gone.signal.aborted) {
      this.plotly = await plotlyFor(this.model).catch(() => null);
    }
    this.schedule();
  }

  /** In the next frame: for what comes from the page. However often it is called, once. */
  schedule() {
    this.stale = true;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.stale) this.draw();
    });
  }

  /** For a move: at once, so that the very next frame shows it. Of all moves that come before
   * that frame, it shows the first; the one after it shows the last. */
  drawNow() {
    const free = !this.frame;
    if (free) this.draw();
    this.schedule();
    if (free) this.stale = false;
  }

  draw() {
    this.stale = false;
    const state = stateNumber(this.controls, this.positions());
    const tree = this.states.tree(state);
    this.drawn = false;
    if (!this.plotly || !this.width || this.gone.signal.aborted) return;
    if (!tree) return this.say(this.words.computing);
    if (tree.error) return this.say(`${this.words.failed} ${tree.error}`);
    this.say("");
    const { data, layout } = tree.figure;
    const look = {
      template: this.model.get("_themes")[this.theme],
      width: this.width,
      dragmode: false, // a finger that scrolls the page must not zoom
      uirevision: "explorable", // what was hidden by way of the legend stays hidden
    };
    this.plotly.react(this.plot, data, { ...look, ...layout }, CONFIG);
    this.plot.setAttribute("aria-label", tree.text);
    this.sentence.textContent = tree.text;
    this.root.dataset.state = String(state);
    this.drawn = true;
  }

  /** A word in place of a picture; the last picture stays, pale, so that nothing jumps.
   * @param {string} word */
  say(word) {
    this.notice.textContent = word;
    this.root.classList.toggle("waiting", word !== "");
  }

  reserve() {
    const { text, height } = this.states.extremes();
    this.longest.textContent = text;
    this.picture.style.minHeight = `${height}px`;
  }

  onDark() {
    for (let at = /** @type {Element|null} */ (this.root); at; at = at.parentElement) {
      const dark = isDark(getComputedStyle(at).backgroundColor);
      if (dark !== null) return dark;
    }
    return false;
  }

  close() {
    this.stop();
    this.gone.abort();
    clearTimeout(this.settled);
    cancelAnimationFrame(this.frame);
    this.model.off("change:values", this.follow);
    this.states.listeners.delete(this.arrived);
    this.resizes.disconnect();
    this.themes.disconnect();
    this.plotly?.purge(this.plot);
    this.root.remove();
  }
}

/** @param {{model: Model}} context */
function initialize({ model }) {
  const states = statesOf(model);
  return () => states.close();
}

/** @param {{model: Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const view = new View(model, el);
  return () => view.close();
}

export default { initialize, render };
