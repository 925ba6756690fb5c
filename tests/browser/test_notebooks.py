"""Every notebook in a real JupyterLab: run by its menu, every control moved, the kernel killed."""

import os
import signal
from pathlib import Path

import pytest

from tests.browser.conftest import NOTEBOOKS
from tests.browser.hand import Hand
from tests.browser.lab import TRUTH


@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_every_control_moves_picture_and_sentence_also_without_a_kernel(name, folder, open_lab):
    lab = open_lab(name)
    lab.run_all()
    truth = lab.ask_kernel(folder, f"{TRUTH}.truth()")
    pid = lab.ask_kernel(folder, "__import__('os').getpid()")
    lab.wait_until_complete(folder)
    hands = [Hand(lab, place) for place in range(lab.explorables().count())]
    assert [hand.title for hand in hands] == list(truth)
    assert hands, "the notebook has no explorable"
    asked = lab.page.locator(".bn-prediction").all()
    questions = lab.ask_kernel(folder, f"{TRUTH}.questions()")
    assert [prediction.get_attribute("aria-label") for prediction in asked] == questions

    for hand in hands:
        move_everything(hand, truth[hand.title], (Hand.press, Hand.click))
    assert lab.faults() == []

    os.kill(pid, signal.SIGKILL)
    lab.page.locator(".jp-Dialog button").last.click(timeout=30_000)  # "the kernel has died"
    for hand in hands:
        move_everything(hand, truth[hand.title], (Hand.press,))
    assert lab.errors == []
    assert lab.foreign == []


def move_everything(hand, truth, ways):
    controls = {control["name"]: control for control in truth["controls"]}
    hand.root.scroll_into_view_if_needed()
    for move in truth["moves"]:
        control = controls[move["control"]]
        for way in ways:
            way(hand, control, move["position"])
            hand.shows(move)
            hand.reset(control)


def test_a_reloaded_page_shows_the_pictures_of_the_living_kernel(folder, open_lab):
    lab = open_lab("kinds.ipynb")
    lab.run_all()
    lab.wait_until_complete(folder)
    truth = lab.ask_kernel(folder, f"{TRUTH}.truth()")
    lab.save()
    lab.page.reload()
    lab.page.wait_for_selector(".bn-explorable .main-svg", timeout=60_000)
    move_everything(Hand(lab, 0), truth["wave"], (Hand.press,))
    assert lab.errors == []


def test_the_notebooks_folder_is_the_projects():
    assert (NOTEBOOKS / "04-scale-and-shift.ipynb").exists()
    assert Path(__file__).parents[2] == NOTEBOOKS.parent
