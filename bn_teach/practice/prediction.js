// @ts-check
/**
 * The front end of a prediction, one file for JupyterLab, exported slides and static pages.
 *
 * Question, answers and truth came with the model: no kernel is asked. A guess that was committed
 * to is told to the kernel, if there is one, which keeps it.
 *
 * @typedef {import("../explorable/explorable.js").Model} PredictionModel
 * @typedef {{within: number, unit: string, low: string, high: string, right: string}} NumberAnswer
 */

/** @param {string} tag @param {Record<string, string>} attributes @param {...(Node|string)} children */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

class PredictionView {
  /** @param {PredictionModel} model @param {HTMLElement} host */
  constructor(model, host) {
    this.model = model;
    this.words = model.get("_words");
    /** @type {[string, string][]} */
    this.choices = model.get("_choices");
    /** @type {NumberAnswer|null} */
    this.number = this.choices.length ? null : model.get("_number");
    this.open = false; // whether the answer is shown without a guess: for a teacher

    this.inputs = this.number ? [this.buildNumber(this.number)] : this.buildChoices();
    this.commit = this.button(this.words.commit, () => this.commitTo());
    this.reveal = this.button(this.words.reveal, () => this.showAll());
    this.again = this.button(this.words.again, () => this.startAgain());
    this.complaint = element("span", { class: "complaint", role: "alert" });
    this.answer = element("div", { class: "answer", "aria-live": "polite" });
    const legend = element("legend", { class: "unseen" }, this.words.guess);
    const answers = element("fieldset", {}, legend, ...this.inputs.map(({ label }) => label));
    this.root = element(
      "div",
      {
        class: "bn-prediction",
        role: "group",
        "aria-label": model.get("_question"),
        // JupyterLab's one-letter commands and a deck's arrows must not act on these keys.
        "data-lm-suppress-shortcuts": "true",
      },
      element("p", { class: "question" }, element("strong", {}, this.words.predict), " ", model.get("_question")),
      answers,
      element("p", { class: "buttons" }, this.commit, this.reveal, this.again, this.complaint),
      this.answer,
    );
    this.root.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault(); // or the button that gets the focus would be pressed by the same key
      this.commitTo();
    });
    host.append(this.root);
    this.follow = () => this.show();
    for (const name of ["guess", "_note"]) model.on(`change:${name}`, this.follow);
    this.show();
  }

  buildChoices() {
    const group = `bn-${Math.random().toString(36).slice(2)}`; // radios of one name exclude each other
    return this.choices.map(([choice]) => {
      const input = /** @type {HTMLInputElement} */ (
        element("input", { type: "radio", name: group, value: choice })
      );
      const mark = element("span", { class: "mark" });
      return { input, mark, label: element("label", {}, input, element("span", {}, choice), mark) };
    });
  }

  /** @param {NumberAnswer} number */
  buildNumber({ unit }) {
    const input = /** @type {HTMLInputElement} */ (
      element("input", { type: "number", step: "any", "aria-label": `${this.words.guess} ${unit}`.trim() })
    );
    const mark = element("span", { class: "mark" });
    return { input, mark, label: element("label", {}, input, element("span", {}, unit), mark) };
  }

  /** @param {string} text @param {() => void} act */
  button(text, act) {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return made;
  }

  /** The guess in the form as it stands; null if there is none. */
  guessed() {
    if (!this.number) return this.inputs.find(({ input }) => input.checked)?.input.value ?? null;
    const { valueAsNumber } = this.inputs[0].input;
    return Number.isFinite(valueAsNumber) ? valueAsNumber : null;
  }

  commitTo() {
    const guess = this.guessed();
    this.complaint.textContent = guess === null ? this.words.choose : "";
    if (guess === null || this.isShown()) return;
    this.model.set("guess", guess);
    this.model.save_changes();
    this.again.focus(); // the button that was pressed is gone
  }

  showAll() {
    this.open = true;
    this.show();
    this.again.focus();
  }

  startAgain() {
    this.open = false;
    for (const { input } of this.inputs) {
      input.checked = false;
      if (this.number) input.value = "";
    }
    this.model.set("guess", null);
    this.model.save_changes();
    this.show();
    this.inputs[0].input.focus();
  }

  isShown() {
    return this.open || this.model.get("guess") !== null;
  }

  show() {
    const guess = this.model.get("guess");
    const shown = this.isShown();
    this.root.classList.toggle("shown", shown);
    this.commit.hidden = shown;
    // Without a kernel it is a teacher's slide, or a page: nobody has to commit to see the answer.
    this.reveal.hidden = shown || !this.model.get("_reveal");
    this.again.hidden = !shown;
    this.inputs.forEach(({ input, mark }, i) => {
      input.disabled = shown;
      if (shown && guess !== null) {
        if (this.number) input.value = String(guess);
        else input.checked = input.value === guess;
      }
      const right = shown && !this.number && this.choices[i][0] === this.model.get("_truth");
      const wrong = shown && !this.number && !right && this.choices[i][0] === guess;
      mark.textContent = right ? "✓" : wrong ? "✗" : "";
    });
    this.answer.replaceChildren(...(shown ? this.said(guess) : []));
  }

  /** What is said once it is shown. @param {any} guess */
  said(guess) {
    const said = this.number ? this.saidOfNumber(this.number, guess) : this.saidOfChoice(guess);
    said.push(element("p", { class: "found" }, this.model.get("_found")));
    const note = this.model.get("_note");
    if (note) said.push(element("p", { class: "note" }, note));
    return said;
  }

  /** @param {string|null} guess */
  saidOfChoice(guess) {
    const truth = this.model.get("_truth");
    const why = new Map(this.choices);
    const verdict =
      guess === null ? "" : guess === truth ? `✓ ${this.words.right}` : `✗ ${this.words.wrong}: ${guess}.`;
    const said = [];
    if (verdict) said.push(this.line(verdict, guess === truth ? "" : (why.get(guess ?? "") ?? "")));
    said.push(this.line(`${this.words.answer}: ${truth}.`, why.get(truth) ?? ""));
    const others = this.choices.filter(([choice]) => choice !== truth && choice !== guess);
    if (others.length) {
      const summary = element("summary", {}, this.words.others);
      said.push(element("details", {}, summary, ...others.map(([choice, text]) => this.line(`${choice}:`, text))));
    }
    return said;
  }

  /** @param {NumberAnswer} number @param {number|null} guess */
  saidOfNumber({ within, unit, low, high, right }, guess) {
    const truth = this.model.get("_truth");
    const inUnit = (/** @type {number} */ value) => `${Number(value.toPrecision(3))} ${unit}`.trim();
    const said = [];
    if (guess !== null) {
      const fits = Math.abs(guess - truth) <= within;
      const verdict = fits ? `✓ ${this.words.right}` : `✗ ${this.words.wrong}: ${inUnit(guess)}.`;
      said.push(this.line(verdict, fits ? right : guess < truth ? low : high));
    }
    said.push(this.line(`${this.words.answer}: ${inUnit(truth)}.`, guess === null ? right : ""));
    return said;
  }

  /** @param {string} bold @param {string} text */
  line(bold, text) {
    return element("p", {}, element("strong", {}, bold), " ", text);
  }

  close() {
    for (const name of ["guess", "_note"]) this.model.off(`change:${name}`, this.follow);
    this.root.remove();
  }
}

/** @param {{model: PredictionModel, el: HTMLElement}} context */
export function renderPrediction({ model, el }) {
  const view = new PredictionView(model, el);
  return () => view.close();
}

export default { render: renderPrediction };
