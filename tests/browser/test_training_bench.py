"""The training bench in a real JupyterLab: by keyboard, by an impatient mouse, while it trains."""

import re
import time

import nbformat
import pytest

from tests.browser import lab as real

CELLS = [
    "from bn_teach.demos import training_bench as demos",
    "bench = demos.training_bench()\nbench",
]
START = {"norm": "batch", "hidden layers": "6", "learning rate": "0.1", "batch size": "32"}
LONG = {"hidden layers": "12", "batch size": "512"}  # a run of several seconds


class Bench:
    """The bench of a page, as those who use it find its parts."""

    def __init__(self, lab):
        self.lab, self.page = lab, lab.page
        self.root = lab.page.locator(".bn-bench")
        self.status = self.root.get_by_role("status")
        self.progress = self.root.get_by_text(re.compile(r"^step \d+ of 300, loss [\d.]+$"))

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def choose(self, choices):
        for label, text in choices.items():
            self.root.get_by_label(label, exact=True).select_option(label=text)

    def wait_for(self, words, seconds=60):
        self.status.filter(has_text=words).wait_for(timeout=seconds * 1000)

    def rows(self):
        """The names of the runs in the table, and in the legend of the picture."""
        return (
            self.root.locator("tbody th").all_inner_texts(),
            self.root.locator(".legendtext").all_text_contents(),
        )


@pytest.fixture(scope="module")
def notebook(folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "bench.ipynb")
    return "bench.ipynb"


def bench_of(lab):
    lab.run_all()
    lab.page.wait_for_selector(".bn-bench .main-svg", timeout=30_000)
    return Bench(lab)


@pytest.fixture(scope="module")
def bench_page(served, chromium, notebook):
    lab = real.Lab(chromium, *served, notebook)
    yield bench_of(lab)
    lab.close()


@pytest.fixture
def bench(bench_page):
    """The bench with its start settings and none but the stored runs."""
    bench_page.choose(START)
    bench_page.button("Clear").click()
    bench_page.wait_for("Your runs are gone; the stored ones stay.")
    return bench_page


def test_by_keyboard_a_run_starts_shows_progress_is_cancelled_and_joins(folder, bench):
    bench.choose(LONG)
    bench.button("Run").focus()
    bench.page.keyboard.press("Enter")
    bench.progress.wait_for(timeout=10_000)
    seen = {bench.progress.inner_text()}
    for _ in range(10):
        bench.page.wait_for_timeout(100)
        seen.add(bench.progress.inner_text())
    assert len(seen) >= 3, "the progress stands still"
    assert bench.button("Run").is_disabled()
    assert bench.lab.ask_kernel(folder, "6 * 7") == 42  # the kernel answers between two slices
    bench.page.keyboard.press("Tab")
    assert bench.button("Cancel").evaluate("button => button === document.activeElement")
    begin = time.monotonic()
    bench.page.keyboard.press("Enter")
    bench.wait_for("Run 1 (batch norm, relu, 12 layers of 64")
    assert time.monotonic() - begin < 5  # guards against waiting for the end, not a measurement
    step = int(re.search(r"was stopped at step (\d+)", bench.status.inner_text()).group(1))
    assert 0 < step < 300
    bench.root.locator(".legendtext", has_text="run 1").wait_for(timeout=10_000)
    names, legend = bench.rows()
    assert names == ["run 1", "stored C", "stored B", "stored A"]
    assert sorted(legend) == sorted(names)
    assert f"stopped at step {step}" in bench.root.locator("tbody tr").first.inner_text()
    assert bench.button("Run").is_enabled() and bench.button("Cancel").is_disabled()
    assert bench.lab.errors == []


def test_a_double_click_on_run_starts_only_one(folder, bench):
    bench.choose({"norm": "none", "hidden layers": "2"})
    bench.button("Run").dblclick()
    bench.wait_for("finished with a test accuracy")
    bench.page.wait_for_timeout(1500)  # in which a second run would begin
    assert bench.button("Run").is_enabled()
    assert bench.lab.ask_kernel(folder, "list(bench.runs)") == ["run 1"]
    bench.button("Run").click()  # and one after the other there may be as many as one likes
    bench.root.locator(".legendtext", has_text="run 2").wait_for(timeout=30_000)
    assert bench.lab.errors == []


def test_nonsense_is_refused_and_a_run_that_diverges_says_so(bench):
    bench.choose({"batch size": "1"})
    bench.button("Run").click()
    bench.wait_for("Not run. Batch Normalization cannot train on batches of one image")
    assert bench.button("Run").is_enabled()
    assert bench.root.locator(".jp-RenderedText, [data-mime-type*=stderr]").count() == 0
    bench.choose({"norm": "none", "batch size": "32", "learning rate": "30"})
    bench.button("Run").click()
    bench.wait_for("diverged at step")
    bench.root.locator(".legendtext", has_text="run 1").wait_for(timeout=10_000)
    bench.root.get_by_role("radio", name="training loss").click()
    bench.root.locator(".caption", has_text="Best training loss of these 4").wait_for()
    assert bench.lab.errors == []


def test_running_the_cell_again_stops_what_the_bench_before_is_training(folder, bench):
    bench.lab.ask_kernel(folder, "bool(globals().update(first=bench))")
    bench.choose(LONG)
    bench.button("Run").click()
    bench.progress.wait_for(timeout=10_000)
    bench.page.locator(".jp-CodeCell").last.locator(".cm-content").click()
    bench.page.keyboard.press("Control+Enter")
    bench.lab.wait_until_run()
    bench.root.get_by_text("Choose settings and press Run.").wait_for(timeout=10_000)
    for _ in range(40):
        ends = bench.lab.ask_kernel(folder, "[r.settings['end'] for r in first.runs.values()]")
        if ends:
            break
        bench.page.wait_for_timeout(250)
    assert ends == ["stopped"]
    assert bench.lab.ask_kernel(folder, "bench is not first and list(bench.runs) == []")
    assert bench.lab.errors == []


@pytest.mark.parametrize(("dark", "width"), [(False, 1600), (True, 700)])
def test_it_fits_the_page_stays_in_place_and_has_no_fault(dark, width, notebook, open_lab):
    bench = bench_of(open_lab(notebook, dark=dark, width=width))
    bench.choose({"norm": "none", "hidden layers": "2"})
    bench.page.evaluate(
        """() => {
          const bench = document.querySelector(".bn-bench");
          window.heights = [];
          const look = () => {
            window.heights.push(bench.getBoundingClientRect().height);
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    bench.button("Run").click()
    bench.root.locator(".legendtext", has_text="run 1").wait_for(timeout=30_000)
    heights = bench.page.evaluate("() => window.heights")
    assert min(heights) > heights[0] - 60, "the page jumps while the picture is replaced"
    for select in bench.root.get_by_role("combobox").all():
        assert select.evaluate("e => e.labels[0].textContent")
    assert bench.status.get_attribute("aria-live") == "polite"
    bench.page.add_script_tag(path=real.AXE)
    found = bench.page.evaluate("() => axe.run('.bn-bench')")
    assert len(found["passes"]) > 10, "axe-core looked at nothing"
    assert [violation["id"] for violation in found["violations"]] == []
    wide = "e => e.scrollWidth > e.clientWidth + 1"
    assert not bench.root.evaluate(wide), "only the table may be scrolled sideways"
