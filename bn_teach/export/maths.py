"""Formulas: TeX to MathML, which today's browsers draw without any script."""

import html
import re

import latex2mathml.converter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from .clean import harmless

# What stands for a formula while the text around it is cleaned: private characters, no markup.
OPEN, CLOSE = "\ue000", "\ue001"

# What may be wider than a phone is scrolled by itself, by keyboard too.
WIDE = '<{0} class="wide" tabindex="0">{1}</{0}>'


class _Renderer(IPythonRenderer):
    """nbconvert's renderer of Markdown, with a mark in place of each formula."""

    def __init__(self, notebook_link, **settings):
        super().__init__(**settings)
        self.notebook_link = notebook_link
        self.formulas = []

    def link(self, text, url, title=None):
        """A link to a notebook leads to its export; one to another file becomes mere text."""
        if "://" in url or url.startswith(("#", "mailto:")):
            return super().link(text, url, title)
        name, is_notebook, _ = url.rpartition(".ipynb")
        target = self.notebook_link.format(name=name) if is_notebook else ""
        return super().link(text, target, title) if target else text

    def inline_math(self, body):
        return self._mark(body, "inline")

    def block_math(self, body):
        return self._mark(body, "block")

    def latex_environment(self, name, body):
        return self._mark(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def _mark(self, tex, display):
        formula = mathml(tex, display)
        self.formulas.append(WIDE.format("span", formula) if display == "block" else formula)
        return f"{OPEN}{len(self.formulas) - 1}{CLOSE}"


def to_html(source, notebook_link="", **settings):
    """Markdown as HTML without scripts, its formulas as MathML.

    ``notebook_link`` says where the export of another notebook is, "../pages/{name}.html"; without
    it such a link is text.
    """
    renderer = _Renderer(notebook_link, escape=False, exclude_anchor_links=True, **settings)
    text = source.replace(OPEN, "").replace(CLOSE, "")
    cleaned = harmless(MarkdownWithMath(renderer=renderer).render(text))
    cleaned = re.sub("<table.*?</table>", lambda it: WIDE.format("div", it[0]), cleaned, flags=re.S)
    return re.sub(f"{OPEN}(\\d+){CLOSE}", lambda mark: renderer.formulas[int(mark[1])], cleaned)


def mathml(tex, display="inline"):
    """One formula. What latex2mathml does not know is shown as it was written."""
    try:
        return latex2mathml.converter.convert(html.unescape(tex).strip(), display=display)
    except Exception:  # it raises whatever comes up while it reads
        return f"<code>{html.escape(tex)}</code>"
