"""HTML from a notebook, made harmless: no script, no style, nothing that is fetched.

A notebook's text is not trusted: it may come from anywhere. What is left here is text, tables and
embedded pictures; the exported file's Content-Security-Policy (exporters.py) is the second lock.
"""

import bleach
from bleach.css_sanitizer import CSSSanitizer
from bs4 import BeautifulSoup

TAGS = {
    *("a abbr b blockquote br caption code col colgroup dd del details div dl dt em".split()),
    *("figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre s samp".split()),
    *("small span strong sub summary sup table tbody td tfoot th thead tr u ul var".split()),
}
ATTRIBUTES = {
    "*": ["class", "id", "title", "lang", "dir", "style"],
    "a": ["href"],
    "img": ["src", "alt", "width", "height"],
    "ol": ["start"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
}
STYLES = ["text-align", "width", "height", "max-width", "color", "background-color", "font-weight"]
PROTOCOLS = {"http", "https", "mailto", "data"}


def harmless(html):
    """The same HTML without whatever runs, restyles the page or loads something."""
    soup = BeautifulSoup(html, "html.parser")
    for element in soup(["script", "style", "template", "noscript", "iframe", "object", "embed"]):
        element.decompose()  # with what is in them: bleach would leave it as text
    for image in soup("img"):
        if not image.get("src", "").startswith("data:image/"):
            image.replace_with(image.get("alt", ""))  # it would have to be fetched
    return bleach.clean(
        str(soup),
        tags=TAGS,
        attributes=ATTRIBUTES,
        protocols=PROTOCOLS,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
        strip=True,
    )
