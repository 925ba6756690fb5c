"""Notebooks that a teacher might export, made here: nothing of the course is in them."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

EXPLORE = """
import plotly.graph_objects as go
from bn_teach import choice, explore, slider, toggle
def wave(height, shape, offset):
    y = [height * v for v in ((0, 1, 0, -1) if shape == "wave" else (0, 1, 2, 3))]
    figure = go.Figure(go.Scatter(x=[0, 1, 2, 3], y=[v + offset for v in y]))
    figure.update_layout(height=380, yaxis_range=[-9, 9])
    return figure, f"{shape} of height {height}, moved by {int(offset)}"
e = explore(wave, title="a wave", stills=[{}, {"height": 3}],
        height=slider(1, 3), shape=choice(["wave", "line"]), offset=toggle())
e
"""

HOSTILE = """
<script>document.title = "taken"</script>
<img src="x" onerror="document.title = 'taken'">
<a href="javascript:document.title = 'taken'">innocent words</a>
<style>body { display: none }</style>
<iframe srcdoc="<script>parent.document.title = 'taken'</script>"></iframe>
<svg onload="document.title = 'taken'"></svg>
</script><script>document.title = "taken"</script>
<b style="background: url(https://example.org/spy)">bold words</b>
"""


def cell(source, slide_type="slide", code=False, **metadata):
    make = new_code_cell if code else new_markdown_cell
    return make(source, metadata={"slideshow": {"slide_type": slide_type}, **metadata})


def notebook(*cells):
    nb = new_notebook(cells=list(cells))
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    return nb


def alive():
    """An explorable, its view twice, a plain figure, and a widget that needs a kernel."""
    return notebook(
        cell("# Alive\n\nA title with $x^2$ and `code with $dollars$`."),
        cell("## 1 A wave (5 min)\n\n**Predict.** Up or down?", "subslide"),
        cell(
            EXPLORE.strip().replace("\nexplore(", "\ne = explore(") + "\ne", "fragment", code=True
        ),
        cell("Say that waves come and go.", "notes"),
        cell("e", "subslide", code=True),
        cell("go.Figure(go.Bar(y=[3, 1, 2]), layout_title_text='plain')", code=True),
        cell("import ipywidgets\nipywidgets.IntSlider(description='dead')", code=True),
    )


def everything_else():
    """No explorable: tables, images, Korean, wide code, long output, raw HTML, hidden cells."""
    return notebook(
        cell("# 배치 정규화\n\n한국어 문장: 평균과 분산. See [the next](two.ipynb)."),
        cell(
            "| a | b |\n|---|---|\n| 1 | $\\sqrt{\\sigma^2 + \\varepsilon}$ |\n\n"
            "$$\\hat{x} = \\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\varepsilon}}$$"
        ),
        cell(f"wide = '{'x' * 300}'\nprint(wide)", code=True),
        cell("for i in range(200): print('line', i)", code=True),
        cell(
            "from IPython.display import HTML, Image, Javascript, SVG\nimport base64\n"
            "Image(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk"
            "YAAAAAYAAjCB0C8AAAAASUVORK5CYII='))",
            code=True,
        ),
        cell(f"HTML('''{HOSTILE}''')", code=True),
        cell("Javascript('document.title = \"taken\"')", code=True),
        cell(
            'SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" '
            'onload="document.title=1"><circle r="4"/></svg>\')',
            code=True,
        ),
        cell(HOSTILE),
        cell("never_shown = 1", "skip", code=True),
        cell("print('input hidden')", code=True, jupyter={"source_hidden": True}),
        cell("print('cell removed')", code=True, tags=["remove_cell"]),
    )


def failing():
    return notebook(cell("# Fails"), cell("1 + 1", code=True), cell("1 / 0", code=True))


def write(nb, path):
    nbformat.write(nb, path)
    return path
