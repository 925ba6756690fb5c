"""Parts of plotly figures as dicts, in the look of the course: axes, lines, points. And a table.

A `go.Figure` checks every word and takes 2 ms to build, a dict nothing; an explorable builds
hundreds. `Explorable.figure` turns any of its states into a `go.Figure`, so tests check the words.
"""

from .look import BLUE, GREEN, GREY, PURPLE, VERMILLION

# The things of a picture, by number: each differs from the others in more than colour.
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE)
SYMBOLS = ("circle", "diamond", "square", "triangle-up")

SECOND = {"xaxis": "x2", "yaxis": "y2"}  # of a trace: draw it in the panel to the right


def axis(title, low, high, domain=(0, 1), **more):
    """An axis with a fixed range, over a part of the picture's width or height."""
    limits = {"range": [float(low), float(high)], "domain": list(domain)}
    return {"title": {"text": title}, **limits, **more}


def line(x, y, color, width=3, dash="solid", **more):
    trace = {"type": "scatter", "mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    look = {"color": color, "width": width, "dash": dash}
    return {**trace, "x": x, "y": y, "line": look, **more}


def dots(x, y, i, **marker):
    """Points with the colour and the symbol of number i."""
    trace = {"type": "scatter", "mode": "markers", "showlegend": False, "cliponaxis": False}
    look = {"color": COLOURS[i], "symbol": SYMBOLS[i], "size": 10}
    return {**trace, "x": x, "y": y, "marker": look | marker}


def open_dot(x, y, i):
    """One large hollow point of number i: where its full one ought to be."""
    return dots([x], [y], i, symbol=f"{SYMBOLS[i]}-open", size=20, line={"width": 2})


def zone(**corners):
    """A grey rectangle below everything."""
    look = {"type": "rect", "layer": "below", "fillcolor": GREY, "opacity": 0.2}
    return {**look, "line": {"width": 0}, **corners}


def words(text, position, size=17):
    """What makes a trace of points say something beside them."""
    return {"text": text, "textposition": position, "textfont": {"size": size}}


def table(caption, heads, rows):
    """An HTML table, scrolled sideways by mouse or keys where it is too wide.

    ``rows``: cells in the order of ``heads``; the first names its row. Nothing is escaped.
    """
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    return (
        f'<div class="table" role="region" tabindex="0" aria-label="{caption}"><table>'
        f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        "</table></div>"
    )
