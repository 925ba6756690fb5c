"""The course's own explorables in JupyterLab: every control of every one, and the bytes."""

import shutil

from tests.browser.lab import PROJECT

from . import report
from .report import middle_and_tail, progress, row
from .workbench import press, traffic, workbench

# One notebook, so that the whole benchmark takes minutes; widen the pattern to measure more.
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("04-*.ipynb"))
PRESSES = 24  # of each control


def main():
    for notebook in NOTEBOOKS:
        with workbench() as bench:
            progress(f"course: running {notebook.name}")
            first = shutil.copy(notebook, bench.folder / "first.ipynb").name
            second = shutil.copy(notebook, bench.folder / "second.ipynb").name
            lab = bench.open(first)
            lab.run_all()
            bench.settle(lab)
            without_cache = traffic(lab) / 1e6
            title = f"{notebook.stem}: key press to painted state, ms, {PRESSES} of each"
            report.heading(title, "pictures", "median", "95 % below")
            for number in range(lab.explorables().count()):
                measure_controls(lab, number)
            bench.end_kernel(lab)

            progress(f"course: running {notebook.name} again, plotly.js in the browser's cache")
            lab = bench.open_again(lab, second)
            lab.run_all()
            bench.settle(lab)
            report.heading(f"{notebook.stem}: websocket, opening and running", "MB")
            row("plotly.js not cached", without_cache, budget=report.TRAFFIC)
            row("plotly.js cached", traffic(lab) / 1e6, budget=report.TRAFFIC_CACHED)


def measure_controls(lab, number):
    """A row for each control of one explorable."""
    explorable = lab.explorables().nth(number)
    explorable.scroll_into_view_if_needed()
    title = explorable.get_attribute("aria-label")
    report.note(title)
    state = f"document.querySelectorAll('.bn-explorable')[{number}].dataset.state"
    controls = explorable.locator(".control")
    for i in range(controls.count()):
        progress(f"course: {title}, control {i + 1} of {controls.count()}")
        control = controls.nth(i)
        control.locator("input:checked, input:not([type=radio])").first.focus()
        times, pictures = [], set()
        for key in keys(control):
            times.append(press(lab, key, state))
            pictures.add(explorable.locator(".plot").inner_html())
        label = control.locator(".name").inner_text()
        cells = len(pictures), *middle_and_tail(times[1:])
        row(f"  {label}", *cells, budget=(report.PRESS_MEDIAN, report.PRESS_P95))


def keys(control):
    """The keys that move a control to and fro; the first press is one more, not counted."""
    slider = control.locator("input[type=range]")
    if not slider.count():  # radios begin again after the last
        switch = control.locator("input[type=checkbox]").count()
        yield from ["Space" if switch else "ArrowRight"] * (PRESSES + 1)
        return
    position, last = int(slider.input_value()), int(slider.get_attribute("max"))
    step = 1
    for _ in range(PRESSES + 1):
        if not 0 <= position + step <= last:
            step = -step
        position += step
        yield "ArrowRight" if step > 0 else "ArrowLeft"
