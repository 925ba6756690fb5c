"""The teaching guide keeps step with the notebooks: titles, sections, minutes, sums."""

import re
from pathlib import Path

import nbformat
import pytest

from bn_teach.export import guide

FOLDER = Path(__file__).parents[1] / "notebooks"
TEXT = (FOLDER / guide.FILE).read_text("utf-8")
PATHS = sorted(FOLDER.glob("*.ipynb"))


def words_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def title_of(path):
    return re.search(r"^# (.+)$", words_of(path), re.MULTILINE)[1]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_section_of_a_notebook_has_its_place(path):
    headings = re.findall(r"^## (\d .+) \(\d+ min\)$", words_of(path), re.MULTILINE)
    found = guide.sections(FOLDER, title_of(path))
    exam = [] if path.name.startswith("00") else ["Exam"]
    assert list(found) == [*headings, *exam]
    for heading in headings:
        assert len(found[heading].split()) > 20, heading
    if exam:
        assert len(re.findall(r"^\d\. ", found["Exam"], re.MULTILINE)) == 2
        assert found["Exam"].count("**Answer.**") == 2


def test_the_minutes_are_those_of_the_notebooks():
    rows = re.findall(r"^\| (\d\d .+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)
    expected = [
        (title_of(path), re.search(r"\*\*(\d+) minutes\*\*", words_of(path))[1]) for path in PATHS
    ]
    assert [row[:2] for row in rows] == expected
    total, exercises = (sum(int(row[place]) for row in rows) for place in (1, 2))
    assert f"All nine notebooks are {total} minutes, {exercises} of them" in " ".join(TEXT.split())


def test_lesson_plans_add_up():
    plans = re.split(r"^\*\*(\d+ minutes|2 × 120 minutes)", TEXT, flags=re.MULTILINE)[1:]
    totals = {}
    for name, plan in zip(plans[::2], plans[1::2], strict=True):
        rows = re.findall(r"^\| (\**\d.*) \|$", plan.split("\n\n##")[0], re.MULTILINE)
        cells = [[cell.strip() for cell in row.split("|")] for row in rows]
        for column in {0, 2} if name.startswith("2") else {0}:
            *minutes, total = [row[column] for row in cells if row[column]]
            totals[name, column] = (sum(map(int, minutes)), int(total.strip("*")))
    assert totals == {
        ("45 minutes", 0): (45, 45),
        ("90 minutes", 0): (90, 90),
        ("2 × 120 minutes", 0): (120, 120),
        ("2 × 120 minutes", 2): (120, 120),
    }


def test_sections_named_in_the_plans_exist():
    plans = TEXT.split("## Lesson plans")[1].split("\n## ")[0]
    titles = {path.name[:2]: guide.sections(FOLDER, title_of(path)) for path in PATHS}
    named = re.findall(r"\b(0\d), (\d) ([A-Z][^|;(]*?) ?[|;(]", plans)
    assert len(named) > 10
    for notebook, number, heading in named:
        assert f"{number} {heading}" in titles[notebook]
