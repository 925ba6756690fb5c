"""What an explorable promises to those who drag it, in a real JupyterLab."""

import re

import pytest

from tests.browser.conftest import CELLS
from tests.browser.hand import Hand


def state(lab, place):
    return lab.explorables().nth(place).get_attribute("data-state")


def test_two_views_of_one_explorable_stay_in_step(kinds):
    lab = kinds
    for place, key in ((0, "End"), (1, "Home")):
        lab.explorables().nth(place).get_by_role("slider").press(key)
        lab.page.wait_for_timeout(200)
        assert state(lab, 0) == state(lab, 1) == {"End": "160", "Home": "0"}[key]


def test_explorables_linked_in_the_browser_move_together(kinds):
    """By ipywidgets.jslink, which needs no kernel: see the cell of `left` and `right`."""
    kinds.explorables().nth(4).get_by_role("slider").press("End")
    Hand(kinds, 5).wait_for("A sine at step 40, solid.")
    kinds.explorables().nth(5).get_by_role("slider").press("Home")
    Hand(kinds, 4).wait_for("A sine at step 0, solid.")


def test_python_hears_where_the_hand_came_to_rest_and_can_move_it(kinds, folder):
    lab = kinds
    lab.explorables().nth(0).get_by_role("slider").press("End")
    lab.page.wait_for_timeout(1000)
    values = lab.ask_kernel(folder, "e.values")
    assert values == {"step": 40, "kind": "sine", "dashed": False}
    lab.ask_kernel(folder, "setattr(e, 'values', {'kind': 'power', 'step': 7})")
    Hand(lab, 1).wait_for("A power at step 7, solid.")
    assert lab.explorables().nth(1).get_by_role("slider").input_value() == "7"
    assert lab.explorables().nth(1).get_by_role("radio", name="power").is_checked()


def test_a_thousand_moves_leave_no_backlog(kinds, folder):
    lab = kinds
    sent = lab.sent
    root = lab.explorables().nth(0).element_handle()
    drawn = lab.page.evaluate(
        """async (root) => {
          let drawn = 0;
          root.querySelector(".plot").on("plotly_afterplot", () => drawn++);
          const slider = root.querySelector("input[type=range]");
          for (let i = 1; i <= 1000; i++) {
            slider.value = String(i % 41);
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
          }
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
          return drawn;
        }""",
        root,
    )
    assert 0 < drawn < 500  # in each of the 200 pauses plotly.js says twice that it has drawn
    assert state(lab, 0) == str((1000 % 41) * 4)
    assert state(lab, 1) == state(lab, 0)
    lab.page.wait_for_timeout(1000)
    assert lab.ask_kernel(folder, "e.values")["step"] == 1000 % 41
    assert lab.sent - sent < 5_000  # bytes: the kernel heard of the end, not of each move


def test_keys_on_a_slider_are_not_commands_of_jupyterlab(kinds):
    lab = kinds
    slider = lab.explorables().nth(0).get_by_role("slider")
    slider.focus()
    for key in ("d", "d", "x", "b", "ArrowDown", "m"):
        lab.page.keyboard.press(key)
    assert lab.page.locator(".jp-CodeCell").count() == len(CELLS)
    assert slider.evaluate("slider => slider === document.activeElement")


def test_double_click_and_delete_go_back_to_the_start(kinds):
    lab = kinds
    slider = lab.explorables().nth(0).get_by_role("slider")
    slider.press("End")
    slider.dblclick(position={"x": 3, "y": 10})
    assert slider.input_value() == "5"
    slider.press("Home")
    slider.press("Delete")
    assert slider.input_value() == "5"


def test_play_runs_to_the_end_can_be_stopped_and_begins_again(kinds):
    lab = kinds
    root = lab.explorables().nth(0)
    slider = root.get_by_role("slider")
    root.get_by_role("button", name="Play step").click()
    lab.page.wait_for_timeout(600)
    root.get_by_role("button", name="Pause step").click()
    stopped = int(slider.input_value())
    assert 5 < stopped < 40
    lab.page.wait_for_timeout(300)
    assert int(slider.input_value()) == stopped
    root.get_by_role("button", name="Play step").click()
    root.get_by_role("button", name="Play step").wait_for(timeout=20_000)  # it ended by itself
    assert slider.input_value() == "40"
    root.get_by_role("button", name="Play step").click()
    lab.page.wait_for_timeout(300)
    assert int(slider.input_value()) < 40


@pytest.fixture
def busy(folder):
    """While this file is there, the last cell of the tests' notebook goes on running."""
    path = folder / "busy"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


def test_pictures_come_while_a_later_cell_is_still_running(open_lab, busy):
    """The browser asks for plotly.js and for states; cells that are queued must not delay it."""
    lab = open_lab("busy.ipynb")
    lab.page.click("text=Run >> visible=true")
    lab.page.click("text=Run All Cells >> visible=true")
    lab.page.wait_for_selector(".bn-explorable .main-svg", timeout=60_000)
    hand = Hand(lab, 2)
    hand.root.get_by_role("slider").press("End")
    hand.wait_for("slow 100")
    last = lab.page.locator(".jp-CodeCell .jp-InputPrompt").last
    assert last.inner_text() == "[*]:"
    busy.unlink()
    lab.wait_until_run()


def test_a_state_that_is_not_sampled_yet_is_computed_next(open_lab, folder):
    lab = open_lab("kinds.ipynb")
    lab.run_all()
    hand = Hand(lab, 2)  # 101 states of 100 ms, the nearest first
    hand.root.get_by_role("slider").press("End")
    hand.wait_for("slow 100")
    assert hand.root.locator(".notice").inner_text() == ""
    order = lab.ask_kernel(folder, "asked")
    assert order.index(100) < 100, "it had to wait for its turn, the last"


def test_where_the_function_fails_the_picture_says_so_and_elsewhere_goes_on(kinds):
    lab = kinds
    root = lab.explorables().nth(3)
    slider = root.get_by_role("slider")
    for _ in range(2):
        slider.press("ArrowRight")
    root.get_by_text("picky(a=3), line").first.wait_for()
    assert re.search("ValueError: three is not liked", root.locator(".notice").inner_text())
    slider.press("ArrowRight")
    Hand(lab, 3).wait_for("picky 4")
    assert root.locator(".notice").inner_text() == ""


def test_nothing_jumps_while_a_slider_moves(kinds):
    lab = kinds
    root = lab.explorables().nth(0)
    slider = root.get_by_role("slider")
    boxes = []
    for key in ("Home", "End", *["PageDown"] * 3):
        slider.press(key)
        lab.page.wait_for_timeout(100)
        boxes.append((root.bounding_box()["height"], slider.bounding_box()["x"]))
    assert len(set(boxes)) == 1


def test_assistive_technology_finds_names_descriptions_and_no_fault(folder, open_lab):
    for dark in (False, True):
        lab = open_lab("kinds.ipynb", dark=dark)
        lab.run_all()
        lab.wait_until_complete(folder)
        assert lab.faults() == []
        root = lab.explorables().nth(0)
        for element in root.locator("input, button").all():
            assert element.evaluate("e => e.ariaLabel || e.labels?.[0]?.textContent")
        hand = Hand(lab, 0)
        assert hand.description() == "A sine at step 5, solid."
        root.get_by_role("slider").press("Home")
        hand.wait_for("A sine at step 0, solid.")
        assert hand.description() == "A sine at step 0, solid."
        live = root.locator("[aria-live=polite]")
        lab.page.wait_for_timeout(800)
        assert live.inner_text() == "A sine at step 0, solid."


def test_the_upload_button_of_plotly_is_never_there(kinds):
    lab = kinds
    lab.explorables().nth(0).locator(".plot").hover()
    assert lab.page.locator(".modebar-btn").count() == 0


def test_the_picture_follows_the_theme(open_lab):
    """Ink on the axis is dark on light and light on dark, also when the theme changes later."""

    def ink(lab):
        return lab.page.locator(".xtick text").first.evaluate("t => getComputedStyle(t).fill")

    lab = open_lab("kinds.ipynb")
    lab.run_all()
    lab.page.wait_for_selector(".xtick text", timeout=20_000)
    assert ink(lab) == "rgb(26, 26, 26)"
    lab.page.click("text=Settings >> visible=true")
    lab.page.hover("text=Theme >> visible=true")
    lab.page.click("li:has-text('JupyterLab Dark') >> visible=true")
    lab.page.wait_for_function(
        """() => getComputedStyle(document.querySelector(".xtick text")).fill ===
             "rgb(236, 236, 236)" """,
        timeout=10_000,
    )
