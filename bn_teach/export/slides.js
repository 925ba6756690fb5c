// @ts-check
// The deck: reveal.js, and what it does not do by itself.
import { PAGE } from "../explorable/explorable.js";
import { bringToLife } from "./live.js";

const WIDTH = 1280;
const HEIGHT = 720;
const LARGEST = 1.2; // of the text's size, where there is room
const SMALLEST = 0.5; // a slide that needs less has too much on it
const ON_PAPER = /[?&]print-pdf/.test(location.search); // reveal.js's own word for it

const Reveal = PAGE.Reveal;

/** Make the content of a slide as large as fits on it. @param {Element} content */
function fit(content) {
  const style = /** @type {HTMLElement} */ (content).style;
  const height = ON_PAPER ? 0.95 * HEIGHT : HEIGHT; // printed letters may be a little wider
  for (let zoom = LARGEST; zoom >= SMALLEST; zoom -= 0.025) {
    style.setProperty("zoom", String(zoom));
    // Only stills have a width of their own, and only on paper.
    const isTooWide = ON_PAPER && content.scrollWidth > content.clientWidth;
    if (content.scrollHeight * zoom <= height && !isTooWide) return;
  }
  content.classList.add("too-long"); // paper cannot be scrolled: it shows the beginning
}

function fitCurrent() {
  const slide = Reveal.getCurrentSlide();
  for (const content of slide?.querySelectorAll(".content") ?? []) fit(content);
}

function toggleCode() {
  document.body.classList.toggle("show-code");
  fitCurrent();
}

// --- the speaker's window: this page writes into it, so nothing has to be loaded or answered ---

/** @type {Window|null} */
let speaker = null;
const began = Date.now();

function openNotes() {
  speaker = window.open("", "bn-notes", "width=760,height=640");
  tellSpeaker();
}

function tellSpeaker() {
  if (!speaker || speaker.closed) return;
  const page = speaker.document;
  const minutes = Math.floor((Date.now() - began) / 60_000);
  const place = `Slide ${Reveal.getSlidePastCount() + 1} of ${Reveal.getTotalSlides()}`;
  const add = (/** @type {string} */ tag, /** @type {string} */ text) => {
    const element = page.createElement(tag);
    element.textContent = text;
    page.body.append(element);
  };
  page.title = "Speaker notes";
  page.body.style.cssText = "font: 1.3rem/1.5 system-ui, sans-serif; margin: 1.5rem";
  page.body.replaceChildren();
  add("p", `${place}, ${minutes} min since the start`);
  const slide = Reveal.getCurrentSlide();
  const section = sectionOf(slide);
  add("h2", section.querySelector("h1, h2")?.textContent ?? "");
  for (const source of new Set([slide, section])) {
    for (const notes of source.querySelectorAll("aside.notes")) {
      page.body.append(page.importNode(notes, true));
    }
  }
}

/** The slide that opens the section of a slide: the nearest one with a heading. @param {Element} slide */
function sectionOf(slide) {
  const slides = Reveal.getSlides();
  const upTo = slides.slice(0, slides.indexOf(slide) + 1).reverse();
  return upTo.find((/** @type {Element} */ other) => other.querySelector("h1, h2")) ?? slide;
}

Reveal.initialize({
  width: WIDTH,
  height: HEIGHT,
  margin: 0.03,
  center: false,
  hash: true,
  navigationMode: "linear", // the arrow keys go through all slides, one after the other
  slideNumber: "c/t",
  transition: "none",
  pdfSeparateFragments: false,
  pdfMaxPagesPerSlide: 1, // reveal.js counts pages before the slides are made to fit
  keyboard: { 67: toggleCode, 83: openNotes }, // c and s
}).then(async () => {
  for (const event of ["slidechanged", "resize"]) Reveal.on(event, fitCurrent);
  Reveal.on("slidechanged", tellSpeaker);
  const sizes = new ResizeObserver(fitCurrent);
  sizes.observe(document.querySelector(".slides") ?? document.body);
  for (const grows of document.querySelectorAll(".bn-ask")) sizes.observe(grows);
  setInterval(tellSpeaker, 20_000);
  await bringToLife(ON_PAPER);
  if (ON_PAPER) document.querySelectorAll(".content").forEach(fit);
  else fitCurrent();
});
