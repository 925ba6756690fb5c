"""What the README shows must work."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
EXAMPLE = re.search(r"```python\n(.*?)```", README.read_text(), re.S).group(1)


def test_the_example_is_an_explorable_of_about_ten_lines():
    lines = [line for line in EXAMPLE.splitlines() if line.strip()]
    assert len(lines) <= 10
    *statements, shown = EXAMPLE.rpartition("\nexplore(")
    scope = {}
    exec("".join(statements[:1]), scope)
    e = eval("explore(" + shown, scope)
    e.bake()
    assert e.text() == "The line rises by 1.0 and crosses zero input at 0.0."
    assert e.figure(gamma=2, beta=-3).data[0].y[0] == -9


def test_files_and_links_that_it_names_exist():
    text = README.read_text()
    paths = re.findall(r"\]\((?!http|#)([^)]+)\)", text)
    paths += re.findall(r"`((?:bn_teach|notebooks|data|binder|tests|benchmarks)/[\w./-]*)`", text)
    assert len(paths) > 10
    for path in paths:
        assert (README.parent / path).exists(), f"README names {path}, which is not there"


def test_every_notebook_is_in_its_table():
    for notebook in README.parent.glob("notebooks/*.ipynb"):
        assert f"notebooks/{notebook.name}" in README.read_text()
