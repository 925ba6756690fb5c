// Put into JupyterLab's page by workbench.py.

/**
 * Milliseconds from the next key press to the picture that answers it: until the page holds what
 * `shown` looks for, and from there to the beginning of the next animation frame.
 *
 * An explorable draws inside a frame, so for it this is the frame after the one with the new
 * picture. A picture that comes from the kernel changes between frames, so for it this is the
 * very frame: if the clock favours anyone, it is the other two.
 */
window.untilPainted = (shown) =>
  new Promise((resolve, reject) => {
    let pressed = Infinity;
    const options = { capture: true, once: true };
    window.addEventListener("keydown", (event) => (pressed = event.timeStamp), options);
    const observer = new MutationObserver(() => {
      if (pressed === Infinity || !shown()) return;
      stop();
      requestAnimationFrame(() => resolve(performance.now() - pressed));
    });
    const tooLate = setTimeout(() => {
      stop();
      reject(new Error("no new picture within 60 s"));
    }, 60_000);
    const stop = () => {
      observer.disconnect();
      clearTimeout(tooLate);
    };
    const all = { subtree: true, childList: true, attributes: true };
    observer.observe(document.querySelector(".jp-Notebook"), all);
  });

/** What the picture in the cell's output shows: an image's bytes, or the outlines plotly drew. */
window.reading = () => {
  const image = document.querySelector(".jp-OutputArea img");
  if (image) return image.src;
  const lines = document.querySelectorAll(".barlayer path, .scatterlayer path.js-line");
  return [...lines].map((line) => line.getAttribute("d")).join();
};

/** How many pictures of the notebook show their bars. */
window.pictures = () =>
  document.querySelectorAll(".jp-OutputArea img").length +
  [...document.querySelectorAll(".js-plotly-plot")].filter((p) => p.querySelector(".barlayer path"))
    .length;

/** Milliseconds between two animation frames. */
window.frameTime = () =>
  new Promise((resolve) => {
    let left = 60;
    const start = performance.now();
    const frame = () => (left-- ? requestAnimationFrame(frame) : resolve((performance.now() - start) / 61));
    requestAnimationFrame(frame);
  });
