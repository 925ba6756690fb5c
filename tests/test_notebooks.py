"""The form that every notebook keeps, and that each one runs: unsolved and solved.

Wrong solutions are in tests/exercises, and tried by tests/practice.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from bn_teach.practice import memory
from bn_teach.practice.exercise import by_notebook

ROOT = Path(__file__).parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}

# What stands below the stub of an exercise.
CHECK = re.compile(r'practice\.check\("([\w-]+)", (\w+)\)\n# Stuck\? practice\.hint\("([\w-]+)"\)')


def name_of(path):
    return path.stem


@pytest.fixture(params=PATHS, ids=name_of)
def path(request):
    return request.param


@pytest.fixture
def cells(path):
    return nbformat.read(path, as_version=4).cells


def prose(cell):
    """The words of a markdown cell: a formula counts as one, a table not at all."""
    text = re.sub(r"\$\$?.*?\$\$?", "formula", cell.source, flags=re.DOTALL)
    return [word for line in text.splitlines() if line[:1] != "|" for word in line.split()]


def of_type(cells, kind):
    return [cell for cell in cells if cell.cell_type == kind]


def stubs(cells):
    return [cell for cell in cells if re.search(r"^ +\.\.\.$", cell.source, re.MULTILINE)]


def is_explorable(cell):
    return cell.cell_type == "code" and bool(re.match(r"demos\w*\.", cell.source))


def is_prediction(cell):
    return cell.cell_type == "code" and bool(re.match(r"predictions\.", cell.source))


def asks(cell):
    """Whether a cell asks for a guess: of its own, or in words."""
    return is_prediction(cell) or ("**Predict.**" in cell.source and "?" in cell.source)


def test_the_file_is_valid_and_holds_no_results(path):
    raw = json.loads(path.read_text("utf-8"))
    nbformat.validate(raw)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    for cell in raw["cells"]:
        assert re.fullmatch(r"[a-z0-9-]{3,40}", cell["id"])
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert len({cell["id"] for cell in raw["cells"]}) == len(raw["cells"])


def test_every_cell_knows_its_place_in_a_slide_deck(cells):
    assert {cell.metadata.slideshow.slide_type for cell in cells} <= SLIDES
    assert cells[0].metadata.slideshow.slide_type == "slide"


def test_the_notebook_has_neither_too_few_cells_nor_too_many(path, cells):
    fewest = 15 if path.name.startswith("00") else 20
    assert fewest <= len(cells) <= 45


def test_cells_are_short(cells):
    for cell in of_type(cells, "code"):
        lines = cell.source.splitlines()
        assert len(lines) <= 10, cell.id
        assert max(map(len, lines)) <= 100, cell.id
    for cell in of_type(cells, "markdown"):
        assert len(prose(cell)) <= 75, cell.id


def test_it_opens_with_one_question_and_objectives(path, cells):
    title, objectives = cells[:2]
    assert re.match(rf"# {path.name[:2]} \w", title.source)
    assert re.search(r"^\*\*.+\?\*\*$", title.source, re.MULTILINE)
    assert re.search(r"After these \*\*\d+ minutes\*\* you can", objectives.source)
    assert 3 <= objectives.source.count("\n- ") <= 5


def test_the_minutes_of_the_sections_make_up_the_total(cells):
    total = int(re.search(r"\*\*(\d+) minutes\*\*", cells[1].source)[1])
    headings = [
        line
        for cell in of_type(cells, "markdown")
        for line in cell.source.splitlines()
        if line.startswith("## ") and line != "## Summary"
    ]
    found = [re.fullmatch(r"## (\d) .+ \((\d+) min\)", heading) for heading in headings]
    assert all(found), headings
    assert [int(match[1]) for match in found] == list(range(1, len(found) + 1))
    assert sum(int(match[2]) for match in found) == total


def test_one_setup_cell_imports_the_demos_and_takes_one_thread(cells):
    setups = [cell for cell in cells if "torch.set_num_threads(1)" in cell.source]
    assert len(setups) == 1
    assert "as demos" in setups[0].source


def test_every_picture_follows_a_prediction_and_stands_on_its_slide(cells):
    places = [place for place, cell in enumerate(cells) if is_explorable(cell)]
    assert places
    for place in places:
        question = cells[place - 1]
        assert asks(question), cells[place].id
        assert question.metadata.slideshow.slide_type in {"slide", "subslide"}, cells[place].id
        # A fragment: on the slide of its question, but shown only after the guesses.
        assert cells[place].metadata.slideshow.slide_type == "fragment", cells[place].id


def test_it_closes_with_a_summary_and_the_question_of_the_next(cells):
    end = "\n".join(cell.source for cell in cells[-2:])
    end = end[end.index("## Summary\n") :]
    assert end.count("\n- ") >= cells[1].source.count("\n- ") - 1
    assert re.search(r"\*\*The next question\.\*\* .*\?", end, re.DOTALL)


def test_links_lead_to_files_that_are_there(cells):
    for cell in of_type(cells, "markdown"):
        for target in re.findall(r"\]\(([^)]+)\)", cell.source):
            assert "://" not in target, f"{cell.id}: a link to the network"
            assert (ROOT / "notebooks" / target).exists(), f"{cell.id}: {target} is not there"


def test_predictions_are_committed_to(path, cells):
    predictions = [cell for cell in cells if is_prediction(cell)]
    assert len(predictions) >= (1 if path.name.startswith("00") else 2)
    for cell in predictions:
        assert cell.metadata.slideshow.slide_type in {"slide", "subslide"}, cell.id


def test_every_exercise_has_its_check(path, cells):
    found = []
    for stub in stubs(cells):
        name, function, hinted = CHECK.fullmatch(check_of(cells, stub).source).groups()
        assert f" {function}(" in stub.source
        assert hinted == name
        assert '"""' in stub.source
        found.append(name)
    assert found == [exercise.name for exercise in by_notebook().get(path.stem, [])]


def check_of(cells, stub):
    return cells[cells.index(stub) + 1]


@pytest.fixture
def client(path, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the kernel, wherever the course lies
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    return NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)


def test_it_runs_unsolved_and_solved(client, tmp_path):
    cells = client.nb.cells
    with client.setup_kernel():
        run_all(client)
        unsolved = printed_by(cells)
        for stub in stubs(cells):
            assert verdict(check_of(cells, stub)).startswith("… Not yet: ")
        for cell in cells:
            if is_explorable(cell) or is_prediction(cell):
                shown = [output.data for output in cell.outputs if "data" in output]
                assert "application/vnd.jupyter.widget-view+json" in shown[-1], cell.id
        assert list(tmp_path.iterdir()) == [], "running a notebook leaves no file behind"

        # Once more from the top, in the same kernel: solved, and with the same numbers.
        for stub in stubs(cells):
            name, function, _ = CHECK.fullmatch(check_of(cells, stub).source).groups()
            stub.source = f"from bn_teach.practice import exercise as course\n{function} = "
            stub.source += f"course.called({name!r}).solution"
        run_all(client)
        solved = printed_by(cells)
        checks = [cell for cell in cells if CHECK.fullmatch(cell.source)]
        assert all(verdict(check).startswith("✓ Right: ") for check in checks)
        assert solved == unsolved
        if checks:
            kept = json.loads((tmp_path / memory.FILE).read_text("utf-8"))["exercises"]
            assert [entry["passed"] for entry in kept.values()] == [True] * len(checks)
        assert peak_memory(client) < 700e6


def verdict(check):
    """What a check has shown."""
    return "".join(output.data["text/plain"] for output in check.outputs if "data" in output)


def run_all(client):
    for cell in of_type(client.nb.cells, "code"):
        run(client, cell)


def run(client, cell):
    client.execute_cell(cell, client.nb.cells.index(cell))


def printed_by(cells):
    """What each code cell printed, but for the progress bars' speed and the free memory."""
    found = {}
    for cell in of_type(cells, "code"):
        texts = [output.text for output in cell.outputs if output.output_type == "stream"]
        lines = re.split(r"[\r\n]", "".join(texts))  # however many pieces it came in
        kept = [line for line in lines if not re.search(r"it/s|s/it|^Memory: ", line)]
        found[cell.id] = "\n".join(line for line in kept if line)
    return found


def peak_memory(client):
    """The most memory the kernel ever had, in bytes; 0 where the system does not say.

    Not by way of resource.getrusage: a new process inherits that figure from the one that made it.
    """
    cell = nbformat.v4.new_code_cell(
        "from pathlib import Path\n"
        "status = Path('/proc/self/status')\n"
        "lines = status.read_text().splitlines() if status.exists() else ['VmHWM: 0 kB']\n"
        "print(*(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmHWM')))"
    )
    client.nb.cells.append(cell)
    run(client, cell)
    return int(cell.outputs[0].text)
