"""The built pages: every link leads somewhere, nothing comes from elsewhere, and every public name has its page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import tools_of_docs  # noqa: F401  # puts docs/tools, where `reference` is, on the path

import hashnets_np as hn

LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}  # what a browser fetches by itself
ELSEWHERE = ("http:", "https:", "//")


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.images_without_words: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list) -> None:
        given = dict(attributes)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in LOADED and given.get(LOADED[tag]) and given.get("rel") != "canonical":
            self.loaded.append(given[LOADED[tag]])
        if tag == "img" and not given.get("alt"):
            self.images_without_words.append(given.get("src", "")[:80])


@pytest.fixture(scope="module")
def parsed(site: Path) -> dict[Path, Page]:
    paths = [path for path in site.rglob("*.html") if not {"lite", "_static"} & set(path.relative_to(site).parts)]
    return {path: Page(path) for path in paths}


def broken(path: Path, link: str, parsed: dict[Path, Page], site: Path) -> bool:
    """Say whether a link of a page leads to no file, or to no such place in it."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    there = there / "index.html" if there.is_dir() else there
    if not there.is_file() or not there.is_relative_to(site.resolve()):
        return True
    anchor = unquote(parts.fragment)
    if "_modules" in path.parts:  # viewcode looks for a name where it is defined, not where it is handed on
        return False
    return bool(anchor) and there in parsed and anchor not in parsed[there].anchors


def test_every_link_leads_to_a_place_that_exists(parsed, site):
    found = {f"{path.relative_to(site)}: {link}" for path, page in parsed.items()
             for link in [*page.links, *page.loaded] if broken(path, link, parsed, site)
             and not (link.startswith("#") and path.name in ("search.html", "genindex.html"))}
    if not (site / "lite").exists():  # built with --no-lite
        found = {line for line in found if "/lite/" not in line}
    assert not found


def test_no_page_loads_anything_from_elsewhere(parsed, site):
    found = {f"{path.relative_to(site)}: {link}" for path, page in parsed.items() for link in page.loaded
             if link.startswith(ELSEWHERE)}
    assert not {line for line in found if "mathjax" not in line or (site / "_static" / "mathjax").exists()}


def test_pictures_keep_their_alt_text(parsed, site):
    assert not {path.relative_to(site).as_posix(): page.images_without_words for path, page in parsed.items()
                if page.images_without_words}


def test_every_public_name_has_a_page_with_its_signature(parsed, site):
    reference = pytest.importorskip("reference", reason="Sphinx is not installed: it is in .venv-docs")
    names = [name for group in reference.public_names().values() for name in group]
    assert {f"hashnets_np.{name}" for name in hn.__all__} < set(names)
    assert {"hashnets_np.sklearn.HashNetClassifier", "hashnets_np.torch.HashedLinear"} < set(names)
    for name in names:
        path = site / "api" / f"{name}.html"
        assert path.exists(), f"{name} has no page; docs/tools/reference.py makes them from __all__"
        assert name in parsed[path].anchors, name
        assert ">args<" not in path.read_text(encoding="utf-8"), f"{name} hides its arguments"


def test_every_lesson_has_a_page_without_unrendered_formulas(site):
    lessons = sorted(site.glob("lessons/*.html"))
    assert len(lessons) >= 8
    for path in lessons:
        text = re.sub(r"<(pre|script|code)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
        assert "$$" not in text, path.name
        assert "Run this in your browser" in text, path.name


def test_the_project_has_no_invented_address(parsed, site):
    from tools_of_docs import address

    there = address.address()
    if there.repository:
        pytest.skip("the project has an address")
    links = [link for page in parsed.values() for link in page.links]
    assert not [link for link in links if "colab" in link or "mybinder" in link]
