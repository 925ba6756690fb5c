"""Decks and pages of the course, and of a teacher's own notebooks, opened from the disk."""

import json
import urllib.request

import nbformat
import pytest

from tests.browser import exported
from tests.browser.conftest import NOTEBOOKS
from tests.browser.hand import Hand
from tests.export import samples

COURSE = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
SAMPLES = {"alive": ["a wave", "a wave"], "everything_else": []}  # and the titles of their pictures
MOST_BYTES = 4_000_000
SMALLEST_LETTERS = 20  # px on a screen of 1920


class Product:
    """A notebook that was run, its exports, and what its pictures must show."""

    def __init__(self, name, folder):
        self.folder = folder
        make = getattr(samples, name, lambda: nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4))
        self.nb = make()
        self.truth, self.questions = exported.run(self.nb, folder)
        self.titles = SAMPLES.get(name, list(self.truth))  # of its pictures, in order

    def file(self, kind):
        path = self.folder / f"{kind}.html"
        return path if path.exists() else exported.export(self.nb, kind, path)


@pytest.fixture(scope="module", params=[*COURSE, *SAMPLES])
def product(request, tmp_path_factory):
    return Product(request.param, tmp_path_factory.mktemp("exported"))


@pytest.fixture
def open_file(chromium):
    opened = []

    def open_file(path, **options):
        opened.append(exported.Exported(chromium, path, **options))
        return opened[-1]

    yield open_file
    for page in opened:
        page.close()


def test_the_deck_is_alive_and_no_slide_overflows(product, open_file):
    path = product.file("slides")
    assert path.stat().st_size < MOST_BYTES
    deck = open_file(path)
    hands = [Hand(deck, place) for place in range(deck.explorables().count())]
    assert [hand.title for hand in hands] == product.titles
    for place, hand in enumerate(hands):
        deck.show(place)
        slide = deck.slide()
        move_every_control(hand, product.truth[hand.title])
        assert deck.slide() == slide, "a control's key turned the slide"

    found = list(deck.slides())
    assert [slide for slide in found if slide["leaving"]] == []
    sizes = [(*slide["smallest"], slide["heading"]) for slide in found if slide["smallest"]]
    assert [size for size in sizes if size[0] < SMALLEST_LETTERS] == []
    assert deck.faults() == []
    assert deck.questions() == product.questions
    deck.reveal()  # with the answers a slide is at its fullest
    deck.page.set_viewport_size({"width": 1024, "height": 768})
    assert [slide for slide in deck.slides() if slide["leaving"]] == []
    assert (deck.errors, deck.foreign) == ([], [])


def test_the_page_is_alive_and_shows_what_the_kernel_shows(product, open_file):
    page = open_file(product.file("page"), width=1280)
    hands = [Hand(page, place) for place in range(page.explorables().count())]
    assert [hand.title for hand in hands] == product.titles
    for hand in hands:
        hand.root.scroll_into_view_if_needed()
        move_every_control(hand, product.truth[hand.title], most=1)
    assert page.questions() == product.questions
    page.reveal()
    assert page.faults() == []
    page.page.set_viewport_size({"width": 390, "height": 844})  # a phone; pictures follow
    page.page.wait_for_function("() => document.documentElement.scrollWidth <= 390")
    assert (page.errors, page.foreign) == ([], [])


def move_every_control(hand, truth, way=Hand.press, most=99):
    """Each control alone to its last stop; test_notebooks.py has both ends."""
    controls = {control["name"]: control for control in truth["controls"]}
    for move in [move for move in truth["moves"] if move["position"]][:most]:
        control = controls[move["control"]]
        way(hand, control, move["position"])
        hand.shows(move)
        hand.reset(control)


@pytest.mark.parametrize("product", ["alive"], indirect=True)
@pytest.mark.parametrize("kind", ["slides", "page"])
def test_a_mouse_moves_it_too(product, open_file, kind):
    file = open_file(product.file(kind))
    if kind == "slides":
        file.show(0)
    hand = Hand(file, 0)
    move_every_control(hand, product.truth[hand.title], Hand.click)


def test_paper_shows_the_stills(product, open_file):
    paper = open_file(product.file("slides"), query="?print-pdf")
    assert paper.explorables().count() == 0
    stills = paper.page.locator(".bn-stills").count()
    assert stills == product.file("slides").read_text("utf-8").count('class="bn-live"')
    assert paper.page.locator(".bn-stills figure .main-svg").count() >= stills
    slides = paper.page.locator(".pdf-page").count()
    assert paper.beyond_the_paper() == ([], slides)
    assert (paper.errors, paper.foreign) == ([], [])


@pytest.mark.parametrize("product", ["everything_else"], indirect=True)
@pytest.mark.parametrize("kind", ["slides", "page"])
def test_nothing_of_a_cells_text_runs(product, open_file, kind):
    page = open_file(product.file(kind))
    page.page.wait_for_timeout(300)
    assert page.page.title() != "taken"
    assert page.errors == []  # not even a refusal: there is nothing left to refuse


@pytest.mark.parametrize("product", ["alive"], indirect=True)
def test_a_script_that_got_in_all_the_same_is_refused(product, open_file, tmp_path):
    text = product.file("page").read_text("utf-8")
    path = tmp_path / "tampered.html"
    path.write_text(text.replace("<main>", "<main><script>document.title = 'taken'</script>"))
    page = open_file(path)
    assert page.page.title() != "taken"
    assert any("Content Security Policy" in error for error in page.errors)


@pytest.mark.parametrize("product", ["alive"], indirect=True)
def test_keys_of_the_deck(product, open_file):
    """C shows the code, S opens the notes, arrows turn slides unless a control has them."""
    deck = open_file(product.file("slides"))
    code = deck.page.locator("details.code")
    deck.show(0)
    assert not code.first.is_visible()
    deck.page.keyboard.press("c")
    assert code.first.is_visible()
    deck.page.keyboard.press("c")
    with deck.context.expect_page() as opened:
        deck.page.keyboard.press("s")
    notes = opened.value
    assert "5 min" in notes.inner_text("body") and "waves come and go" in notes.inner_text("body")
    assert "1 A wave" in notes.inner_text("h2")
    assert "Slide 2 of" in notes.inner_text("body")
    deck.page.keyboard.press("ArrowRight")  # the arrows go through all slides, one by one
    assert "Slide 3 of" in notes.inner_text("body")
    assert "waves come and go" in notes.inner_text("body")  # notes stay for the whole section
    deck.page.evaluate("() => Reveal.slide(0, 0)")
    assert "waves" not in notes.inner_text("body")
    assert deck.errors == []


@pytest.mark.parametrize("product", ["alive"], indirect=True)
def test_a_finger_moves_a_slider_and_not_the_slide(product, open_file):
    deck = open_file(product.file("slides"), has_touch=True)
    deck.show(0)
    slide = deck.slide()
    slider = deck.explorables().nth(0).get_by_role("slider")
    box = slider.bounding_box()
    deck.page.touchscreen.tap(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    Hand(deck, 0).wait_for("wave of height 3, moved by 0")
    assert deck.slide() == slide


@pytest.mark.parametrize("product", ["alive"], indirect=True)
@pytest.mark.parametrize("width", [390, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_phones_and_follows_the_theme(product, open_file, width, scheme):
    page = open_file(product.file("page"), width=width, color_scheme=scheme)
    wide = page.page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width
    ink = page.page.locator(".bn-explorable .xtick text").first.evaluate(
        "t => getComputedStyle(t).fill"
    )
    assert ink == {"light": "rgb(26, 26, 26)", "dark": "rgb(236, 236, 236)"}[scheme]
    assert page.page.locator("nav a").count() == 1
    assert page.faults() == []


def test_jupyterlab_offers_both_and_exports_a_saved_notebook(served, folder):
    """What the menu "Save and Export Notebook As" asks of the server."""
    address, token = served
    samples.write(samples.alive(), folder / "alive.ipynb")

    def ask(path):
        with urllib.request.urlopen(f"{address}/{path}token={token}", timeout=120) as answer:
            return answer.read().decode()

    offered = {name for name in json.loads(ask("api/nbconvert?")) if name.startswith("bn")}
    assert offered == {"bn_slides", "bn_page"}
    deck = ask("nbconvert/bn_slides/alive.ipynb?download=true&")
    assert deck.count('class="bn-live"') == 2
