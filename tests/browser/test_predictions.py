"""Predictions, by keyboard: in JupyterLab, where they are kept, and in files without a kernel."""

import json
import re

import nbformat
import pytest

from bn_teach import practice
from bn_teach.export.exporters import PageOfOneFile, SlidesOfOneFile
from bn_teach.practice import memory
from bn_teach.practice.exercise import by_notebook
from bn_teach.practice.verdict import right, wrong
from tests.browser.exported import Exported
from tests.export.samples import cell, notebook

CHOICE = """
from bn_teach import practice
choice = practice.predict(
    "one", "How many?",
    {"1": "One is too few.", "2": "Two it is, for a reason.", "3": "Three is too many."},
    truth=str(1 + 1), found="Counted: 2.",
)
choice
"""
NUMBER = """
practice.predict(
    "two", "How much?",
    practice.number(
        within=2, unit="%", low="More is left.", high="Less is left.", right="Just so."
    ),
    truth=30.04, found="Measured: 30 %.",
)
"""


def asking():
    return notebook(
        cell("# Asking"),
        cell(CHOICE.strip(), "subslide", code=True),
        cell("**After it.**", "fragment"),
        cell(NUMBER.strip(), "subslide", code=True),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asking")
    paths = {}
    for kind, exporter in {"slides": SlidesOfOneFile, "page": PageOfOneFile}.items():
        text, _ = exporter().from_notebook_node(asking(), {"metadata": {"path": str(folder)}})
        paths[kind] = folder / f"{kind}.html"
        paths[kind].write_text(text, "utf-8")
    assert not (folder / memory.FILE).exists()
    return paths


@pytest.fixture(params=["slides", "page"])
def exported(request, files, chromium):
    opened = Exported(chromium, files[request.param])
    if request.param == "slides":
        show(opened, 0)
    yield opened
    assert (opened.errors, opened.foreign) == ([], [])
    opened.close()


def predictions(page):
    return page.locator(".bn-prediction")


def show(deck, place):
    deck.page.evaluate(
        """(place) => {
          const element = document.querySelectorAll(".bn-prediction")[place];
          const {h, v} = Reveal.getIndices(element.closest("section"));
          Reveal.slide(h, v, -1);
        }""",
        place,
    )


def test_a_choice_is_committed_to_by_keyboard(exported):
    asked = predictions(exported.page).first
    answer = asked.locator(".answer")
    asked.get_by_role("radio").first.focus()
    exported.page.keyboard.press("Enter")
    assert "Choose first" in asked.get_by_role("alert").inner_text()
    assert answer.inner_text() == ""
    exported.page.keyboard.press("ArrowDown")  # to the second; never turns a slide
    exported.page.keyboard.press("ArrowDown")
    exported.page.keyboard.press("Enter")
    assert "✗ You guessed: 3. Three is too many." in answer.inner_text()
    assert "It is: 2. Two it is, for a reason." in answer.inner_text()
    assert "Counted: 2." in answer.inner_text()
    assert not answer.get_by_text("One is too few.").is_visible()
    asked.locator("summary").press("Enter")
    assert answer.get_by_text("One is too few.").is_visible()
    assert asked.get_by_role("radio").nth(1).is_disabled()
    asked.get_by_role("button", name="Guess again").press("Enter")
    assert answer.inner_text() == ""
    exported.page.keyboard.press("ArrowDown")
    asked.get_by_role("button", name="Commit").press("Space")
    assert "✓ Your guess is right." in answer.inner_text()
    assert exported.faults() == []


def test_a_teacher_shows_the_answer_without_a_guess(exported):
    asked = predictions(exported.page).first
    asked.get_by_role("button", name="Show the answer").click()
    assert "Your guess" not in asked.locator(".answer").inner_text()
    assert "It is: 2." in asked.locator(".answer").inner_text()
    assert asked.locator(".mark").all_inner_texts() == ["", "✓", ""]


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        ("20", "✗ You guessed: 20 %. More is left."),
        ("55.5", "✗ You guessed: 55.5 %. Less is left."),
        ("31", "✓ Your guess is right. Just so."),
    ],
)
def test_a_number_is_compared_with_the_truth(files, chromium, guess, said):
    opened = Exported(chromium, files["page"])
    asked = predictions(opened.page).nth(1)
    asked.get_by_role("spinbutton").fill(guess)
    opened.page.keyboard.press("Enter")
    assert said in asked.locator(".answer").inner_text()
    assert "It is: 30 %." in asked.locator(".answer").inner_text()
    opened.close()


def test_on_paper_a_question_has_no_buttons(files, chromium):
    opened = Exported(chromium, files["slides"], query="?print-pdf")
    opened.page.emulate_media(media="print")
    assert predictions(opened.page).count() == 2
    assert predictions(opened.page).first.locator(".question").is_visible()
    assert not opened.page.get_by_role("button", name="Commit").first.is_visible()
    assert not opened.page.get_by_text("Two it is").first.is_visible()
    opened.close()


def test_jupyterlab_keeps_the_first_guess_and_shows_it_again(folder, open_lab):
    nbformat.write(asking(), folder / "asking.ipynb")
    lab = open_lab("asking.ipynb")
    lab.run_all()
    asked = predictions(lab.page).first
    assert not asked.get_by_role("button", name="Show the answer").is_visible()
    asked.get_by_role("radio", name="3").focus()
    lab.page.keyboard.press("Space")
    lab.page.keyboard.press("Enter")
    asked.get_by_text("Three is too many.").wait_for()
    number = predictions(lab.page).nth(1)
    number.get_by_role("spinbutton").fill("12.5")
    number.get_by_role("button", name="Commit").click()
    number.get_by_text("More is left.").wait_for()
    assert lab.ask_kernel(folder, "choice.guess") == "3"
    kept = json.loads((folder / memory.FILE).read_text("utf-8"))["predictions"]
    assert [(entry["guess"], entry["truth"], entry["fits"]) for entry in kept.values()] == [
        ("3", "2", False),
        ("12.5", "30 %", False),
    ]

    asked.get_by_role("button", name="Guess again").click()
    asked.get_by_role("radio", name="2").check()
    asked.get_by_role("button", name="Commit").click()
    asked.get_by_text("Your guess is right.").wait_for()
    lab.ask_kernel(folder, "None")  # after it the kernel has heard of the guess
    assert json.loads((folder / memory.FILE).read_text("utf-8"))["predictions"] == kept

    lab.run_all()  # a new widget: it shows the guess that is kept
    predictions(lab.page).first.get_by_text("You guessed: 3.").wait_for()
    assert predictions(lab.page).nth(1).get_by_role("spinbutton").input_value() == "12.5"
    (folder / memory.FILE).unlink()
    assert (lab.errors, lab.foreign) == ([], [])


def test_a_full_record_is_one_page(tmp_path, monkeypatch, chromium):
    monkeypatch.chdir(tmp_path)
    for place in range(45):
        memory.remember_prediction(f"the-name-of-prediction-{place}", "?", "a guess", "31 %", True)
    for exercise in [one for found in by_notebook().values() for one in found]:
        for mistake in ("eps-outside-root", "gamma-beta-swapped", "statistics-detached", "swapped"):
            memory.remember_check(exercise.name, wrong("no.", mistake))
        memory.remember_hint(exercise.name, 3)
        memory.remember_check(exercise.name, right("yes."))
    opened = chromium.new_page()
    opened.goto(f"file://{practice.hand_in('Kim Minji').resolve()}")
    pages = re.findall(rb"/Type\s*/Page\b", opened.pdf(prefer_css_page_size=True))
    opened.close()
    assert len(pages) == 1
