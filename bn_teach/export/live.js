// @ts-check
/**
 * What an exported file has in place of a kernel.
 *
 * The exporter puts explorable.js, this file and slides.js or page.js into one module, without the
 * imports: those are for the editor and the type checker.
 *
 * @typedef {import("../explorable/explorable.js").Table} Table
 * @typedef {import("../explorable/explorable.js").Control} Control
 */
import {
  CONFIG,
  gunzip,
  make,
  PAGE,
  PLOTLY,
  readTable,
  render,
  stateNumber,
  treeOf,
} from "../explorable/explorable.js";
import { renderPrediction } from "../practice/prediction.js";

const STILL_WIDTH = 900; // px; on paper they are made smaller as a whole, words too

/** The bytes of a base64 string. @param {string} text */
const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const textOf = (/** @type {string} */ id) => document.getElementById(id)?.textContent ?? "";

/** A model whose every state is in the page: nobody is asked, nothing is saved. */
class PageModel {
  /** @param {string} id */
  constructor(id) {
    this.state = JSON.parse(textOf(id));
    if (this.state._table) this.state._table = bytesOf(this.state._table);
    /** @type {Table|null} */
    this.table = null;
    /** @type {Map<string, Set<Function>>} */
    this.handlers = new Map();
  }

  /** @param {string} name */
  get(name) {
    return this.state[name];
  }

  /** @param {string} name @param {any} value */
  set(name, value) {
    this.state[name] = value;
    for (const handler of this.handlers.get(`change:${name}`) ?? []) handler();
  }

  /** @param {string} event @param {Function} handler */
  on(event, handler) {
    if (!this.handlers.has(event)) this.handlers.set(event, new Set());
    this.handlers.get(event)?.add(handler);
  }

  /** @param {string} event @param {Function} handler */
  off(event, handler) {
    this.handlers.get(event)?.delete(handler);
  }

  save_changes() {}
}

/** plotly.js: in the page itself, or beside it on a site. */
async function plotlyOfPage() {
  if (PAGE.Plotly) return PAGE.Plotly;
  const source = await gunzip(bytesOf(textOf("bn-plotly")));
  const script = document.createElement("script");
  script.src = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return PAGE.Plotly;
}

/**
 * The stills of an explorable, for paper: each picture with its controls' values and its sentence.
 * @param {PageModel} model @param {any} plotly @returns {HTMLElement}
 */
function stillsOf(model, plotly) {
  const table = /** @type {Table} */ (model.table);
  const controls = /** @type {Control[]} */ (model.get("_controls"));
  const start = stateNumber(controls, controls.map((control) => control.start));
  const states = model.get("_stills").length ? model.get("_stills") : [start];
  const stills = states.map((/** @type {number} */ state) => {
    const { figure, text, error } = treeOf(table, state);
    const said = make("p", { class: "values" }, spoken(controls, state));
    const plot = make("div", { class: "plot" });
    const look = { template: model.get("_themes").light, width: STILL_WIDTH };
    if (figure) plotly.newPlot(plot, figure.data, { ...look, ...figure.layout }, { staticPlot: true });
    return make("figure", {}, said, plot, make("figcaption", {}, text ?? error));
  });
  return make("div", { class: "bn-stills" }, ...stills);
}

/** What the controls say in a state. @param {Control[]} controls @param {number} state */
function spoken(controls, state) {
  const said = [];
  for (const control of [...controls].reverse()) {
    said.unshift(`${control.label} ${control.texts[state % control.stops.length]}`);
    state = Math.floor(state / control.stops.length);
  }
  return said.join(", ");
}

/** Draw a plain plotly figure as wide as its place, once that is shown and whenever it changes.
 * @param {HTMLElement} place @param {any} plotly */
function drawFigure(place, plotly) {
  const { data, layout } = JSON.parse(textOf(place.dataset.figure ?? ""));
  new ResizeObserver(() => {
    const width = place.clientWidth;
    if (width) plotly.react(place, data, { ...layout, width }, CONFIG);
  }).observe(place);
}

/**
 * Bring every picture of the page to life; views of one model move together. On paper stand the
 * stills of explorables instead.
 * @param {boolean} onPaper whether the page is laid out for printing from the beginning
 */
export async function bringToLife(onPaper) {
  const all = (/** @type {string} */ selector) =>
    /** @type {HTMLElement[]} */ ([...document.querySelectorAll(selector)]);
  const [places, figures] = [all(".bn-live"), all(".bn-figure")];
  if (places.length + figures.length) PAGE[PLOTLY] = plotlyOfPage();
  const ids = new Set(places.map(({ dataset }) => dataset.model ?? ""));
  const models = new Map([...ids].map((id) => [id, new PageModel(id)]));
  const modelOf = (/** @type {HTMLElement} */ place) =>
    /** @type {PageModel} */ (models.get(place.dataset.model ?? ""));
  if (!onPaper) for (const place of places) render({ model: modelOf(place), el: place });
  for (const place of all(".bn-ask")) {
    renderPrediction({ model: new PageModel(place.dataset.model ?? ""), el: place });
  }

  const plotly = await PAGE[PLOTLY];
  for (const figure of figures) drawFigure(figure, plotly);
  for (const model of models.values()) model.table = readTable(await gunzip(model.get("_table")));
  const addStills = () => {
    for (const place of places) {
      if (!place.querySelector(".bn-stills")) place.append(stillsOf(modelOf(place), plotly));
    }
  };
  if (onPaper) addStills();
  else addEventListener("beforeprint", addStills);
  document.documentElement.dataset.ready = "yes"; // for those who print or test from outside
}
