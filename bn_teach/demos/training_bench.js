// @ts-check
// A sentence in a live region, which stays in place while its text changes: only then is it said.
export default {
  /** @param {{model: import("../explorable/explorable.js").Model, el: HTMLElement}} view */
  render({ model, el }) {
    const sentence = document.createElement("p");
    sentence.setAttribute("role", "status");
    sentence.setAttribute("aria-live", "polite");
    el.append(sentence);
    const say = () => {
      sentence.textContent = model.get("text");
    };
    model.on("change:text", say);
    say();
    return () => model.off("change:text", say);
  },
};
