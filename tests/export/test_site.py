"""`make slides` and `make site`: what they write, and what they leave alone."""

import re

import pytest

from bn_teach.export import site
from tests.export import samples


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "in").mkdir()
    samples.write(samples.alive(), folder / "in" / "one.ipynb")
    samples.write(samples.everything_else(), folder / "in" / "two.ipynb")
    site.main(["site", str(folder / "in"), str(folder / "out")])
    return folder


def test_pages_share_their_scripts(folder):
    out = folder / "out"
    for kind in ("pages", "slides"):
        for name in ("one", "two"):
            html = (out / kind / f"{name}.html").read_text("utf-8")
            assert len(html) < 60_000
            linked = re.findall(r'(?:src|href)="(\.\./shared/[^"]+)"', html)
            assert linked
            assert all((out / kind / link).resolve().exists() for link in linked)
            assert ("plotly.js" in html) == (name == "one")
    assert len(list((out / "shared").iterdir())) == 1
    assert 'href="../pages/one.html"' not in (out / "pages" / "two.html").read_text("utf-8")


def test_the_index_names_every_notebook(folder):
    html = (folder / "out" / "index.html").read_text("utf-8")
    for link in re.findall('<a href="([^"]+)"', html):
        assert (folder / "out" / link).exists()
    assert html.count("pages/") == html.count("slides/") == 2
    assert "배치 정규화" in html
    assert "://" not in html


def test_an_unchanged_notebook_is_left_alone(folder, capsys):
    arguments = ["site", str(folder / "in"), str(folder / "out")]
    page = folder / "out" / "pages" / "one.html"
    before = page.stat().st_mtime_ns
    site.main(arguments)
    assert "one.ipynb: unchanged" in capsys.readouterr().out
    assert page.stat().st_mtime_ns == before

    nb = samples.everything_else()
    nb.cells[0].source += "\n\nOne more sentence."
    samples.write(nb, folder / "in" / "two.ipynb")
    site.main(arguments)
    printed = capsys.readouterr().out
    assert "one.ipynb: unchanged" in printed and "two.ipynb: written" in printed
    assert "One more sentence." in (folder / "out" / "pages" / "two.html").read_text("utf-8")
    assert page.stat().st_mtime_ns == before


def test_a_failing_notebook_is_named_and_what_was_there_stays(folder, tmp_path):
    samples.write(samples.failing(), tmp_path / "bad.ipynb")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bad.slides.html").write_text("old")
    with pytest.raises(SystemExit, match=r"cell 3 failed \(1 / 0\): ZeroDivisionError"):
        site.main(["slides", str(tmp_path), str(tmp_path / "out")])
    assert (tmp_path / "out" / "bad.slides.html").read_text() == "old"


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(SystemExit, match="there is no notebook in"):
        site.main(["slides", str(tmp_path), str(tmp_path / "out")])
