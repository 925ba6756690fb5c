"""An exported file in Chromium, from the disk, with the network refused."""

import json
import os
import re

from nbformat.v4 import new_code_cell

from bn_teach.export import running
from bn_teach.export.exporters import PageOfOneFile, SlidesOfOneFile
from tests.browser import lab as real

EXPORTERS = {"slides": SlidesOfOneFile, "page": PageOfOneFile}
ASK = f"import json; print(json.dumps([{real.TRUTH}.truth(), {real.TRUTH}.questions()]))"

# Of each slide: what leaves it, and its smallest letters, in px of a screen of 1920 x 1080.
MEASURE = """
() => {
  const slide = Reveal.getCurrentSlide(), {left, right, top, bottom} =
    document.querySelector(".slides").getBoundingClientRect();
  const shown = [...slide.querySelectorAll(".content *")].filter((e) => e.checkVisibility(
    {visibilityProperty: true, opacityProperty: true}) && !e.closest(".unseen, .longest"));
  const leaving = shown.map((e) => [e, e.getBoundingClientRect()]).filter(([e, box]) =>
    box.width && (box.right > right + 2 || box.bottom > bottom + 2 || box.left < left - 2 ||
    box.top < top - 2) && !e.closest("pre, .html"));
  const scale = Reveal.getScale();
  const letters = shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 &&
    n.textContent.trim()) && e.tagName !== "OPTION");
  const sizes = letters.map((e) => [parseFloat(getComputedStyle(e).fontSize) * scale *
    (e.currentCSSZoom ?? 1), e.outerHTML.slice(0, 80)]);
  sizes.sort((a, b) => a[0] - b[0]);
  return {leaving: leaving.slice(0, 3).map(([e, box]) => [e.outerHTML.slice(0, 90),
    Math.round(box.right - right), Math.round(box.bottom - bottom)]), smallest: sizes[0] ?? null,
    heading: slide.textContent.trim().slice(0, 40)};
}
"""


def run(nb, folder):
    """Run a notebook; returns what its own kernel says: what its pictures show, what it asks."""
    nb.cells.append(new_code_cell(ASK))
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(real.PROJECT)
    try:
        running.run(nb, folder, lambda line: None)
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
    return json.loads("".join(output.text for output in nb.cells.pop().outputs))


def export(nb, kind, path):
    """Export a notebook that was run."""
    text, _ = EXPORTERS[kind]().from_notebook_node(nb, {"metadata": {"path": str(path.parent)}})
    path.write_text(text, "utf-8")
    return path


# What is wider or longer than its page, on paper.
LEAVING_PAPER = """
() => [...document.querySelectorAll(".pdf-page")].flatMap((page) => {
  const {right, bottom} = page.getBoundingClientRect();
  return [...page.querySelectorAll(".content *")]
    .map((e) => [e, e.getBoundingClientRect()])
    .filter(([e, box]) => box.width && (box.right > right + 2 || box.bottom > bottom + 2))
    .map(([e, box]) => [e.outerHTML.slice(0, 90), box.right - right, box.bottom - bottom])
    .slice(0, 3);
})
"""

PLACE = "(slide) => { const {h, v} = Reveal.getIndices(slide); return [h, v ?? 0]; }"


class Exported:
    """A page or a deck, opened from the disk."""

    def __init__(self, chromium, path, width=1920, height=1080, query="", **options):
        size = {"width": width, "height": height}
        self.context = chromium.new_context(viewport=size, offline=True, **options)
        self.page = self.context.new_page()
        self.errors, self.foreign = [], []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(f"file://{path}{query}")
        self.page.wait_for_selector("html[data-ready]", state="attached", timeout=30_000)

    def explorables(self):
        return self.page.locator(".bn-explorable")

    def show(self, place):
        """Bring an explorable of a deck onto the screen, its fragment too."""
        self.page.evaluate(
            """(place) => {
              const element = document.querySelectorAll(".bn-explorable")[place];
              const {h, v} = Reveal.getIndices(element.closest("section"));
              Reveal.slide(h, v, 99);
            }""",
            place,
        )
        self.explorables().nth(place).locator(".main-svg").first.wait_for(timeout=10_000)

    def slide(self):
        """Number of the slide on the screen: [h, v]."""
        return self.page.evaluate(
            "() => { const {h, v} = Reveal.getIndices(); return [h, v ?? 0]; }"
        )

    def slides(self):
        """Go through all slides, every fragment shown; yields what MEASURE finds on each."""
        places = self.page.evaluate(f"() => Reveal.getSlides().map({PLACE})")
        for h, v in places:
            self.page.evaluate("([h, v]) => Reveal.slide(h, v, 99)", [h, v])
            self.page.wait_for_timeout(80)  # two frames and the drawing of a picture
            yield self.page.evaluate(MEASURE)

    def reveal(self):
        """Show the answers of all predictions, on slides that are not shown too."""
        for answer in self.page.locator(".bn-prediction .answer").all():
            asked = answer.locator("xpath=..")
            asked.get_by_text("Show the answer", exact=True).evaluate("button => button.click()")
            assert "It is: " in answer.text_content()

    def questions(self):
        asked = self.page.locator(".bn-prediction").all()
        return [prediction.get_attribute("aria-label") for prediction in asked]

    def beyond_the_paper(self):
        """Of a deck laid out for printing: what leaves its page, and how many pages there are."""
        pages = re.findall(rb"/Type\s*/Page\b", self.page.pdf(prefer_css_page_size=True))
        return self.page.evaluate(LEAVING_PAPER), len(pages)

    def faults(self):
        """What axe-core finds serious or critical on the page."""
        self.page.evaluate(f"{real.AXE.read_text('utf-8')}; undefined")
        found = self.page.evaluate("() => axe.run(document)")
        assert len(found["passes"]) > 5, "axe-core looked at nothing"
        return [
            (violation["id"], [node["html"][:200] for node in violation["nodes"]])
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    def close(self):
        self.context.close()

    def _heard(self, message):
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _asked(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.foreign.append(request.url)
