"""What becomes of a cell's text: formulas, links, and whatever a hostile author puts into it."""

import re

import nbformat
import pytest

from bn_teach.export.clean import harmless
from bn_teach.export.exporters import _said
from bn_teach.export.maths import mathml, to_html
from bn_teach.export.running import join_streams
from tests.export.samples import HOSTILE


def test_formulas_become_mathml():
    html = to_html("A root $\\sqrt{v + e}$ and\n\n$$\\frac{a}{b}$$")
    assert html.count("<math ") == 2
    assert "<msqrt>" in html and "<mfrac>" in html
    assert 'display="block"' in html and 'display="inline"' in html
    assert "$" not in html


def test_dollars_in_code_stay():
    assert "<code>cost $5 and $6</code>" in to_html("`cost $5 and $6`")


def test_a_smaller_sign_in_a_formula_is_no_markup():
    html = to_html("$a < b$")
    assert "&#x0003C;" in html and "<b" not in html


def test_a_formula_that_is_none_is_shown_as_written():
    html = to_html("before $\\frac{$ after")
    assert "before" in html and "after" in html and r"\frac{" in html
    assert mathml("a<b>{").count("<b>") == 0


def test_an_environment_is_a_formula():
    assert "<mtable" in to_html("\\begin{align}a &= b \\\\ c &= d\\end{align}")


def test_links_between_notebooks_lead_to_their_exports():
    source = "[next](05-x.ipynb), [code](../bn_teach/a.py), [paper](https://arxiv.org/abs/1)"
    on_site = to_html(source, "../pages/{name}.html")
    assert 'href="../pages/05-x.html"' in on_site
    alone = to_html(source)
    assert alone.count("href") == 1 and "next" in alone and "code" in alone
    assert 'href="https://arxiv.org/abs/1"' in alone


@pytest.mark.parametrize("make", [harmless, to_html], ids=["html", "markdown"])
def test_nothing_that_runs_or_loads_is_left(make):
    html = make(HOSTILE)
    assert "innocent words" in html and "bold words" in html
    assert not re.search(r"<(script|style|iframe|svg|template)", html)
    assert not re.search(r"onerror|onload|javascript:|url\(|taken|example\.org", html)


def test_tables_and_embedded_images_are_left():
    html = harmless(
        '<table><tr><th>a</th></tr></table><img src="data:image/png;base64,AA==" alt="">'
    )
    assert "<table>" in html and "<th>" in html and "data:image/png" in html


def test_progress_bars_that_ended_are_left_out():
    printed = (
        "run:   0%|   | 0/9\rrun: 100%|███| 9/9 [00:01<00:00, 9.00it/s]\nloss 3\n50%| is half\n"
    )
    assert _said(printed) == "loss 3\n50%| is half"


def test_pieces_of_a_stream_are_joined_and_others_keep_their_place():
    def stream(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    picture = nbformat.v4.new_output("display_data", {"text/plain": "picture"})
    pieces = [stream("a"), stream("b\n"), stream("x", "stderr"), picture, stream("c"), stream("d")]
    cell = nbformat.v4.new_code_cell("1", outputs=pieces)
    join_streams(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell("text")]))
    assert [output.get("text") for output in cell.outputs] == ["ab\n", "x", None, "cd"]


def test_what_may_be_wide_is_scrolled_by_itself():
    html = to_html("| a | b |\n|---|---|\n| 1 | 2 |\n\n$$x$$\n\nand $y$.")
    assert '<div class="wide" tabindex="0"><table>' in html.replace("\n", "")
    assert '<span class="wide" tabindex="0"><math' in html
    assert html.count("wide") == 2
