"""The two exporters of nbconvert: a deck of slides, and a page to read. One file each.

Nothing in the file asks the network for anything, and nothing of the notebook's own text runs: a
Content-Security-Policy names the few scripts that may, by their hash. They are reveal.js, plotly.js
and the front end of the explorables, all from installed packages, never from the notebook.
"""

import base64
import copy
import hashlib
import json
import re
import sys
from html import escape
from pathlib import Path

from nbconvert.exporters import HTMLExporter, SlidesExporter
from traitlets import Unicode, default

from . import assets, guide, maths, running, widgets, writing
from .clean import harmless

TEMPLATES = Path(__file__).parent / "templates"

FIGURE = "application/vnd.plotly.v1+json"

# What lives on in an exported file: the same files as in JupyterLab.
FRONT_ENDS = ("explorable/explorable.js", "practice/prediction.js")
STYLES = ("explorable/explorable.css", "practice/prediction.css")

# What these tags of a cell leave out: nbconvert's own spelling and that of Jupyter Book.
REMOVED = {
    "enabled": True,
    "remove_cell_tags": {"remove_cell", "remove-cell"},
    "remove_input_tags": {"remove_input", "remove-input", "hide-input"},
    "remove_all_outputs_tags": {"remove_output", "remove-output", "hide-output"},
}

# In the template, and replaced at the very end: nothing but us reads or changes what stands there.
MARK = "<!--bn-{}-->"
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
    "style-src 'unsafe-inline' 'self'; font-src data:; script-src blob: {scripts}"
)


class _OneFile(HTMLExporter):
    """What slides and pages have in common."""

    @default("enabled")
    def _enabled_default(self):  # why: see SlidesOfMenu
        return "jupyter_server.serverapp" not in sys.modules

    @default("template_name")
    def _template_name_default(self):
        return self.templates

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self):
        return [str(TEMPLATES)]

    @default("extra_template_paths")
    def _extra_template_paths_default(self):
        return [str(TEMPLATES / "shared")]

    shared = Unicode(
        "", help="Where shared scripts and styles are (a site); empty: inside the file."
    ).tag(config=True)
    notebook_link = Unicode(
        "", help="Where another notebook's export is, as ../pages/{name}.html; empty: no link."
    ).tag(config=True)

    @property
    def default_config(self):
        config = super().default_config
        config.NbConvertBase.display_data_priority.insert(1, FIGURE)
        config.TagRemovePreprocessor.update(REMOVED)
        return config

    def default_filters(self):
        yield from super().default_filters()
        yield "bn_markdown", self._markdown
        yield "bn_html", harmless
        yield "bn_latex", lambda text: maths.mathml(text.strip().strip("$"), "block")
        yield "bn_widget", self._widget
        yield "bn_figure", self._figure
        yield "bn_notes", self._notes
        yield "bn_said", _said

    def from_notebook_node(self, nb, resources=None, **kw):
        """Export a notebook; run it first if it was not, or if its pictures are not whole.

        Raises
        ------
        ExportError
            If a cell fails. Nothing was written then.
        """
        writing.replace_writer()
        resources = resources or {}
        self._folder = resources.get("metadata", {}).get("path") or "."
        nb = copy.deepcopy(nb)
        if running.needs_running(nb):
            running.run(nb, self._folder, self.log.info)
        running.join_streams(nb)
        self._models = widgets.Models(nb)
        self._used, self._figures = {}, []
        resources["title"] = _title(nb) or resources.get("metadata", {}).get("name", "notebook")
        self._guide = guide.sections(Path(self._folder), resources["title"])
        text, resources = super().from_notebook_node(nb, resources, **kw)
        return self._finished(text), resources

    def _markdown(self, source):
        settings = {"embed_images": True, "path": self._folder}
        return maths.to_html(source, self.notebook_link, **settings)

    def _notes(self, source):
        """Speaker notes of a cell that opens a section: its minutes, and what the guide says."""
        heading, minutes = guide.heading_of(source) or ("", None)
        said = [minutes or "", self._guide.get(heading, "")]
        return self._markdown("\n\n".join(filter(None, said)))

    def _widget(self, output):
        """A widget view: its explorables and predictions, alive, and a word on what is missing."""
        model = output.data[widgets.VIEW]["model_id"]
        shown = self._models.shown_for(model)
        parts = []
        for one in shown:
            name = self._used.setdefault(one, f"bn-model-{len(self._used)}")
            kind = "bn-live" if self._models.is_explorable(one) else "bn-ask"
            parts.append(f'<div class="{kind}" data-prevent-swipe data-model="{name}"></div>')
        if self._models.leaves_out(model):
            said = escape(re.sub(r"\s+", " ", output.data.get("text/plain", "a widget"))[:120])
            parts.append(
                '<p class="bn-needs-kernel">Part of this works only in the running notebook'
                f"{'' if shown else f': <code>{said}</code>'}.</p>"
            )
        return "".join(parts)

    def _figure(self, output):
        """A plain plotly figure, which asks for no kernel: drawn by the same plotly.js."""
        self._figures.append(output.data[FIGURE])
        return f'<div class="bn-figure" data-figure="bn-figure-{len(self._figures) - 1}"></div>'

    def _finished(self, text):
        """Put in what no notebook may touch: our styles, our scripts and the tables of states."""
        data = {name: self._models.exported(model) for model, name in self._used.items()}
        data |= {f"bn-figure-{i}": figure for i, figure in enumerate(self._figures)}
        tables = [
            f'<script type="application/json" id="{name}">{_json(value)}</script>'
            for name, value in data.items()
        ]
        drawn = bool(self._figures) or any(map(self._models.is_explorable, self._used))
        parts = self._linked(drawn) if self.shared else self._inlined(drawn)
        fills = {
            "policy": '<meta http-equiv="Content-Security-Policy" content="'
            f'{POLICY.format(scripts=parts["allowed"])}">',
            "styles": parts["styles"],
            "scripts": "".join(tables) + parts["scripts"],
        }
        for name, fill in fills.items():
            before, mark, after = text.partition(MARK.format(name))
            assert mark, f"the template lacks {MARK.format(name)}"
            text = before + fill + after
        return text

    def _inlined(self, drawn):
        """Everything inside the file; each script is allowed by its hash."""
        plotly = f'<script type="text/plain" id="bn-plotly">{assets.plotly_js()}</script>'
        scripts = [*self.plain_scripts(), self.module()]
        tags = ["<script>"] * (len(scripts) - 1) + ['<script type="module">']
        return {
            "allowed": " ".join(f"'sha256-{_sha256(script)}'" for script in scripts),
            "styles": "".join(f"<style>{style}</style>" for style in self.styles()),
            "scripts": (plotly if drawn else "")
            + "".join(f"{tag}{script}</script>" for tag, script in zip(tags, scripts, strict=True)),
        }

    def _linked(self, drawn):
        """On a site: links to files that pages share. ``site.py`` writes those files."""
        scripts = [*(["plotly.js"] if drawn else []), *self.plain_names]
        tags = [f'<script src="{self.shared}/{name}"></script>' for name in scripts]
        tags.append(f'<script type="module" src="{self.shared}/{self.starter}"></script>')
        style = self.starter.replace(".js", ".css")
        return {
            "allowed": "'self'",
            "styles": f'<link rel="stylesheet" href="{self.shared}/{style}">',
            "scripts": "".join(tags),
        }

    def module(self):
        """The module that starts everything: the widgets' own front ends, and ours."""
        parts = [*map(assets.front_end, FRONT_ENDS), assets.ours("live.js")]
        lines = re.compile(r"^(import|export default) .*?;\n", re.MULTILINE | re.DOTALL)
        return "\n".join(lines.sub("", part) for part in [*parts, assets.ours(self.starter)])

    def plain_scripts(self):
        return [assets.reveal(name) for name in self.plain_names]


class SlidesOfOneFile(_OneFile, SlidesExporter):
    """`bn-slides`: reveal.js slides in one file, alive without a kernel and without a network."""

    export_from_notebook = None
    templates = "bn-slides"
    starter = "slides.js"

    plain_names = ("reveal.js",)

    def styles(self):
        ours = [assets.ours("text.css"), assets.ours("slides.css")]
        return [assets.reveal("reveal.css"), *map(assets.front_end, STYLES), *ours]


class PageOfOneFile(_OneFile):
    """`bn-page`: a page to read, in one file, alive without a kernel and without a network."""

    export_from_notebook = None
    templates = "bn-page"
    starter = "page.js"

    plain_names = ()

    def styles(self):
        ours = [assets.ours("text.css"), assets.ours("page.css")]
        return [*map(assets.front_end, STYLES), *ours]


# Jupyter's server takes no "-" in the name of a format (it answers 404), so what the menu of
# JupyterLab offers has names of its own, bn_slides and bn_page, and there the others are off.


class SlidesOfMenu(SlidesOfOneFile):
    """`bn-slides` as JupyterLab's "Save and Export Notebook As" knows it."""

    export_from_notebook = "Slides that stay alive (one file, offline)"
    enabled = True


class PageOfMenu(PageOfOneFile):
    """`bn-page` as JupyterLab's "Save and Export Notebook As" knows it."""

    export_from_notebook = "Page that stays alive (one file, offline)"
    enabled = True


def _said(text):
    """What a cell printed, but for progress bars: one that has ended says nothing any more."""
    lines = [line.rpartition("\r")[2] for line in text.split("\n")]
    bars = re.compile(r"\d%\|.*\|.*(it/s|s/it)")
    return "\n".join(line for line in lines if not bars.search(line)).rstrip()


def _json(value):
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/")


def _title(nb):
    """What the notebook calls itself: in its metadata, or by its first heading."""
    texts = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    headings = (re.search(r"^# (.+)$", text, re.MULTILINE) for text in texts)
    first = next((heading[1] for heading in headings if heading), None)
    return nb.metadata.get("title", first)


def _sha256(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
