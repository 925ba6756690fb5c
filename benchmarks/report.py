"""The budgets of the course, and the table in which each figure stands beside its budget."""

import sys
from statistics import median, quantiles

# What a slider, a page and a notebook may cost on two cores.
PRESS_MEDIAN = 35  # ms from a key press to the painted state, any explorable of the course
PRESS_P95 = 50
OF_FIGURE_WIDGET = 0.5  # our median in FigureWidget's
OF_FIGURE_WIDGET_AFAR = 0.2  # the same with 100 ms of delay each way
TRAFFIC = 3.0  # MB over the websocket, opening and running any notebook
TRAFFIC_CACHED = 1.2  # the same where the browser has plotly.js
FIRST_PICTURE = 1.5  # s from Shift+Enter on a fresh kernel, torch not imported
BAKE_DICTS = 0.4  # s for 31 x 25 states of a figure with two traces
BAKE_FIGURES = 2.5
BAKED_SIZE = 300  # kB
NOTEBOOK_TIME = 30  # s for a whole notebook on one core
NOTEBOOK_MEMORY = 700  # MB
DECK = 4.0  # MB, one file with everything in it

LABEL, CELL = 50, 13  # widths of the columns


def verdict(measured, budget):
    """How a figure compares with its budget, which it must not exceed."""
    if measured <= budget:
        return "ok"
    return f"missed by {max(1, round(100 * (measured / budget - 1)))} %"


def heading(title, *columns):
    print(f"\n{title}")
    if columns:
        print(" " * LABEL + "".join(f"{name:>{CELL}}" for name in (*columns, "budget")))


def row(label, *cells, budget=None):
    """Print one line. The budget, or budgets, are for the last cell, or cells."""
    budgets = () if budget is None else budget if isinstance(budget, tuple) else (budget,)
    judged = [
        verdict(*pair) for pair in zip(cells[len(cells) - len(budgets) :], budgets, strict=True)
    ]
    columns = [*map(_text, cells), " / ".join(map(_text, budgets))]
    line = f"  {label:{LABEL - 2}}" + "".join(f"{text:>{CELL}}" for text in columns)
    print(f"{line}  {' / '.join(judged)}".rstrip(), flush=True)


def note(text):
    print(f"  {text}", flush=True)


def progress(text):
    print(f"... {text}", file=sys.stderr, flush=True)


def middle_and_tail(times):
    """Median and 95th percentile."""
    return median(times), quantiles(times, n=20)[-1]


def _text(cell):
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.{0 if cell >= 100 else 1 if cell >= 10 else 2}f}"
