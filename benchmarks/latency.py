"""From a key press to the painted picture: three ways, near the server and far from it."""

from . import pictures, report
from .proxy import DelayingProxy
from .report import middle_and_tail, progress, row
from .workbench import press, quiet, run_first_cell, traffic, workbench

DELAY = 0.1  # s each way
ROUNDS = 6  # of each way, near and far, taking turns
KEYS = ["ArrowRight"] * 5 + ["ArrowLeft"] * 5
SLIDER = ".noUi-handle, .bn-explorable input"


def measure():
    """Times in ms, {way: {delay: [...]}}; bytes, {way: (to open and run, for a move)}; a frame."""
    times = {way: {0: [], DELAY: []} for way in pictures.WAYS}
    with workbench() as bench, DelayingProxy(int(bench.address.rsplit(":")[-1])) as proxy:
        labs = {}
        for way, function in pictures.WAYS.items():
            progress(f"latency: opening the picture made with {way}")
            cell = f"from benchmarks import pictures\npictures.{function.__name__}()"
            notebook = bench.write(way, cell)
            lab = labs[way] = bench.open(notebook, f"http://127.0.0.1:{proxy.port}")
            run_first_cell(lab)
            bench.settle(lab)
        opened = {way: traffic(lab) for way, lab in labs.items()}
        for number in range(ROUNDS):
            progress(f"latency: round {number + 1} of {ROUNDS}")
            for proxy.delay in (0, DELAY):
                for way, lab in labs.items():
                    times[way][proxy.delay] += one_round(lab, number % 2)
        for lab in labs.values():
            quiet(lab)
        presses = 2 * ROUNDS * (len(KEYS) + 2)
        bytes_of = {
            way: (opened[way], (traffic(lab) - opened[way]) / presses) for way, lab in labs.items()
        }
        return times, bytes_of, labs["ours"].page.evaluate("frameTime()")


def one_round(lab, slider):
    lab.page.bring_to_front()
    lab.page.locator(SLIDER).nth(slider).focus()
    press(lab, "ArrowRight", "reading()")  # the first after a pause is not counted
    times = [press(lab, key, "reading()") for key in KEYS]
    press(lab, "ArrowLeft", "reading()")  # back to where the round began
    return times


def main():
    times, bytes_of, frame = measure()
    presses = ROUNDS * len(KEYS)
    report.heading(
        f"Key press to painted picture, ms, {presses} presses of each (a frame: {frame:.1f} ms)",
        *pictures.WAYS,
    )
    near = {way: middle_and_tail(t[0]) for way, t in times.items()}
    far = {way: middle_and_tail(t[DELAY]) for way, t in times.items()}
    row("median", *(m for m, _ in near.values()), budget=report.PRESS_MEDIAN)
    row("95 % are below", *(p for _, p in near.values()), budget=report.PRESS_P95)
    compare("median, times FigureWidget's", near, report.OF_FIGURE_WIDGET)
    title = f"{1000 * DELAY:.0f} ms away each way:"
    row(f"{title} median", *(m for m, _ in far.values()), budget=report.PRESS_MEDIAN)
    row(f"{title} 95 % below", *(p for _, p in far.values()), budget=report.PRESS_P95)
    compare(f"{title} times F.W.'s", far, report.OF_FIGURE_WIDGET_AFAR)
    opened = [n / 1e6 for n, _ in bytes_of.values()]
    row("websocket, opening and running, MB", *opened, budget=report.TRAFFIC)
    row("websocket, a move of a slider, kB", *(n / 1e3 for _, n in bytes_of.values()))


def compare(label, summaries, budget):
    base = summaries["FigureWidget"][0]
    row(
        label,
        *(f"{m / base:.2f}" for m, _ in list(summaries.values())[:-1]),
        summaries["ours"][0] / base,
        budget=budget,
    )
