"""`jupyter nbconvert --to bn-slides` and `--to bn-page`: what is in the file, and what if not."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from bn_teach.export import running, widgets
from bn_teach.export.exporters import PageOfOneFile, SlidesOfOneFile
from tests.export import samples

EXPORTERS = {"bn-slides": SlidesOfOneFile, "bn-page": PageOfOneFile}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The samples, run once."""
    folder = tmp_path_factory.mktemp("ran")
    notebooks = {"alive": samples.alive(), "else": samples.everything_else()}
    for nb in notebooks.values():
        running.run(nb, folder, lambda line: None)
    return notebooks


@pytest.fixture(params=EXPORTERS)
def kind(request):
    return request.param


def export(nb, kind, **settings):
    return EXPORTERS[kind](**settings).from_notebook_node(nb)[0]


def test_explorables_are_whole_and_stand_once_in_the_file(ran, kind):
    html = export(ran["alive"], kind)
    assert html.count('class="bn-live"') == 2  # two views
    models = re.findall(r'id="(bn-model-\d)">(.*?)</script>', html)
    assert [name for name, _ in models] == ["bn-model-0"]
    state = json.loads(models[0][1])
    assert state["_title"] == "a wave"
    assert len(state["_stills"]) == 2
    assert html.count('id="bn-plotly"') == 1


def test_a_plain_figure_is_kept_and_a_dead_widget_says_so(ran, kind):
    html = export(ran["alive"], kind)
    figure = json.loads(re.search(r'id="bn-figure-0">(.*?)</script>', html)[1])
    assert figure["layout"]["title"]["text"] == "plain"
    assert "works only in the running notebook: <code>IntSlider" in html


def test_nothing_is_asked_of_the_network(ran, kind):
    for nb in ran.values():
        html = export(nb, kind)
        page = re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL)
        assert not re.search(r"""src=["']?(https?:|//)|@import""", page)
        assert re.findall("<link[^>]*>", page) == ['<link href="data:," rel="icon"/>']
        policy = re.search('Content-Security-Policy" content="([^"]+)"', html)[1]
        assert policy.startswith("default-src 'none'")
        assert not re.search(r"connect-src|http|\*|'unsafe-eval'", policy)


def test_a_notebook_without_pictures_carries_no_plotly(ran, kind):
    html = export(ran["else"], kind)
    assert 'bn-plotly"' not in html.partition('<script type="module">')[0]
    assert len(html) < 500_000
    assert "배치 정규화" in html
    assert html.count("<math ") == 2


def test_scripts_of_cells_are_gone_and_only_ours_are_allowed(ran, kind):
    html = export(ran["else"], kind)
    body = html[: html.index("<script")]
    shown = re.sub(r"<details.*?</details>", "", body, flags=re.DOTALL)  # the code, as text
    assert shown.count("bold words") == 2
    assert "taken" not in shown and "example.org" not in shown
    assert html.count("<script") == (2 if kind == "bn-slides" else 1)
    assert len(re.findall("'sha256-[^']+'", html)) == html.count("<script")


def test_slide_types_and_tags_are_honoured(ran):
    html = export(ran["alive"], "bn-slides")
    assert html.count("<section>") == 2 + 4 + 2  # slides, and in each at least one subslide
    assert html.count('<div class="fragment">') == 1
    notes = re.findall(r'<aside class="notes">(.*?)</aside>', html, re.DOTALL)
    assert "5 min" in notes[0] and "waves come and go" in notes[1]
    html = export(ran["else"], "bn-slides")
    assert "never_shown" not in html and "cell removed" not in html
    assert "input hidden" in html and "print('input hidden')" not in html


def test_cells_that_were_run_are_not_run_again(ran, monkeypatch, kind):
    monkeypatch.setattr(running, "run", None)
    export(ran["alive"], kind)


@pytest.mark.parametrize("forget", ["a count", "the states", "the widgets"])
def test_what_is_not_whole_is_run(ran, forget):
    nb = nbformat.from_dict(ran["alive"])
    saved = nb.metadata.widgets[widgets.STATE]["state"]
    before = json.dumps(nb)
    assert not running.needs_running(nb)
    nb = nbformat.from_dict(json.loads(before))
    saved = nb.metadata.widgets[widgets.STATE]["state"]
    if forget == "a count":
        nb.cells[2].execution_count = None
    elif forget == "the states":
        for model in saved.values():
            model.pop("buffers", None)
    else:
        del nb.metadata["widgets"]
    assert running.needs_running(nb)


def nbconvert(folder, name, kind):
    command = [sys.executable, "-m", "nbconvert", "--to", kind, name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_command_runs_the_cells_says_so_and_writes_one_file(tmp_path):
    samples.write(samples.alive(), tmp_path / "a.ipynb")
    done = nbconvert(tmp_path, "a.ipynb", "bn-slides")
    assert done.returncode == 0, done.stderr
    assert "cell 3 of 7: import plotly.graph_objects as go" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ipynb", "a.slides.html"]
    assert 'class="bn-live"' in (tmp_path / "a.slides.html").read_text("utf-8")
    assert all(c.get("outputs", []) == [] for c in nbformat.read(tmp_path / "a.ipynb", 4).cells)


def test_a_failing_cell_ends_the_export_and_leaves_the_old_file(tmp_path):
    samples.write(samples.failing(), tmp_path / "f.ipynb")
    (tmp_path / "f.slides.html").write_text("the lecture of last year")
    done = nbconvert(tmp_path, "f.ipynb", "bn-slides")
    assert done.returncode == 1
    assert "cell 3 failed (1 / 0): ZeroDivisionError: division by zero" in done.stderr
    assert (tmp_path / "f.slides.html").read_text() == "the lecture of last year"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.ipynb", "f.slides.html"]


def test_nbconvert_and_jupyterlab_know_the_exporters():
    from nbconvert.exporters import get_export_names, get_exporter

    for kind, exporter in EXPORTERS.items():
        assert kind in get_export_names()
        assert get_exporter(kind) is exporter
        in_menu = get_exporter(kind.replace("-", "_"))
        assert issubclass(in_menu, exporter)
        assert "one file, offline" in in_menu.export_from_notebook
