"""The site of `make site`, served under a sub-path as a static host does."""

import pytest

from bn_teach.export import site
from tests.browser import host
from tests.export import samples


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    (folder / "in").mkdir()
    samples.write(samples.alive(), folder / "in" / "one.ipynb")
    samples.write(samples.everything_else(), folder / "in" / "two.ipynb")
    site.main(["site", str(folder / "in"), str(folder / "course" / "bn")])
    with host.serve(folder) as address:
        yield f"{address}/course/bn"


def test_every_page_is_reached_from_the_index_and_alive(address, chromium):
    context = chromium.new_context()
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.goto(f"{address}/index.html")
    links = page.locator("a").evaluate_all("links => links.map((link) => link.href)")
    assert len(links) == 4
    for link in links:
        page.goto(link)
        page.wait_for_selector("html[data-ready]", state="attached", timeout=30_000)
        explorables = page.locator(".bn-explorable")
        assert explorables.count() == (2 if "one" in link else 0)
        if "/pages/one" in link:
            explorables.first.get_by_role("slider").press("End")
            page.locator(".caption", has_text="wave of height 3").first.wait_for(timeout=20_000)
    assert errors == []
    assert all(url.startswith((address, "blob:", "data:")) for url in asked)
    context.close()


def test_plotly_crosses_once_for_all_pages(address, chromium):
    context = chromium.new_context()
    page = context.new_page()
    crossed = []

    def finished(request):
        if "plotly" in request.url and request.sizes()["responseBodySize"] > 0:
            crossed.append(request.url)

    page.on("requestfinished", finished)
    for name in ("pages/one.html", "slides/one.html", "pages/one.html"):
        page.goto(f"{address}/{name}")
        page.wait_for_selector(".bn-explorable .main-svg", state="attached", timeout=30_000)
    assert len(set(crossed)) == 1
    assert len(crossed) == 1
    context.close()
