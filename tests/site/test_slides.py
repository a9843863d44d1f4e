"""The decks in a browser at 1280 x 720: nothing is cut, nothing is small, and the keys do what they should."""

import re
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from matplotlib import get_data_path

sys.path.insert(0, str(Path(__file__).parents[1] / "course"))
from lecture_sources import build

DECKS = ("gradient", "why_it_works")
decks = pytest.mark.parametrize("name", DECKS)
LEAST_PIXELS = 28 * 96 / 72
# What is wrong on the slide that is shown: parts that reach beyond it or are cut, small text, images that were scaled.
FAULTS = """(least) => {
  const slide = document.querySelector("section.shown");
  const edge = slide.getBoundingClientRect();
  const outside = (box, frame, by) => box.left < frame.left - by || box.right > frame.right + by
    || box.top < frame.top - by || box.bottom > frame.bottom + by;
  const found = [];
  for (const part of slide.querySelectorAll("*")) {
    if (part.closest("aside")) continue;
    const box = part.getBoundingClientRect();
    if (box.width === 0) continue;
    const name = `${part.tagName} ${(part.alt || part.textContent).slice(0, 30)}`;
    if (outside(box, edge, 0) || box.bottom > edge.bottom - 6) found.push(`${name} reaches beyond the slide`);
    const frame = part.ownerSVGElement && part.ownerSVGElement.getBoundingClientRect();
    if (frame && outside(box, frame, 1)) found.push(`${name} is cut by its drawing`);
    const html = !(part instanceof SVGElement);
    if (html && part.clientWidth && part.scrollWidth > part.clientWidth + 1) found.push(`${name} is cut`);
    if (part.tagName === "IMG" && Math.abs(box.width - part.naturalWidth) > 2) found.push(`${name} is scaled`);
    const words = [...part.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (words && parseFloat(getComputedStyle(part).fontSize) < least) found.push(`${name} is small`);
  }
  const body = slide.querySelector(".body");
  if (body.scrollHeight > body.clientHeight + 1) found.push("the body is taller than its room");
  return found;
}"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return {path.stem: path for path in build.build(tmp_path_factory.mktemp("lecture"))}


@pytest.fixture
def opened(headless, built):
    """Open a file of the lecture without a network; give the page and what its scripts complain about."""
    contexts = []

    def open_file(name, **settings):
        context = headless.new_context(**({"viewport": {"width": 1280, "height": 720}, "offline": True} | settings))
        contexts.append(context)
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
        page.goto(built[name].as_uri())
        return page, errors

    yield open_file
    for context in contexts:
        context.close()


def write_in_a_wide_font(page):
    """Set the page's words in DejaVu Sans, which is wider than Arial; it comes with Matplotlib."""
    font = b64encode(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf").read_bytes()).decode()
    page.add_style_tag(content=f"@font-face {{ font-family: Wide; src: url(data:font/ttf;base64,{font}) }}"
                               "body { font-family: Wide !important }")
    page.evaluate("document.fonts.load('38px Wide')")


@pytest.mark.parametrize("font", ["own", "wide"])
@decks
def test_no_slide_is_cut_or_small_at_any_step(opened, name, font):
    page, errors = opened(name)
    if font == "wide":
        write_in_a_wide_font(page)
    count = page.locator("section").count()
    assert count >= 15
    for slide in range(count):
        steps = page.evaluate(f"stepsOf(slides[{slide}])")
        for step in (0, steps):
            page.evaluate(f"go({slide}, {step})")
            assert page.evaluate(FAULTS, LEAST_PIXELS) == [], f"slide {slide + 1}, step {step}"
    assert not errors


def test_the_check_finds_what_it_is_for(opened):
    page, _ = opened("gradient")
    assert page.evaluate(FAULTS, LEAST_PIXELS) == []
    page.evaluate("document.querySelector('section.shown h1').style.fontSize = '20px'")
    page.evaluate("document.querySelector('section.shown svg').style.width = '3000px'")
    found = page.evaluate(FAULTS, LEAST_PIXELS)
    assert any("is small" in fault for fault in found) and any("beyond the slide" in fault for fault in found)


@decks
def test_the_arrow_keys_go_through_every_step_and_back(opened, name):
    page, errors = opened(name)
    total = page.evaluate("slides.reduce((sum, slide) => sum + stepsOf(slide) + 1, 0)")
    for _ in range(total - 1):
        page.keyboard.press("ArrowRight")
    last = page.locator("section").count()
    assert page.evaluate("[at + 1, step]") == [last, page.evaluate("stepsOf(slides[at])")]
    assert page.url.endswith(f"#{last}")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("at + 1") == last
    for _ in range(total - 1):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("[at, step]") == [0, 0]
    assert not errors


def test_a_part_waits_for_its_step_and_an_answer_for_its_mark(opened):
    page, _ = opened("gradient")
    page.evaluate("go(1)")
    waiting = page.locator("section.shown [data-step='1']")
    assert not waiting.is_visible()
    page.keyboard.press(" ")
    assert waiting.is_visible()
    page.evaluate("go(8)")
    assert page.locator("section.shown .marked").count() == 0
    page.mouse.click(1000, 400)
    assert page.locator("section.shown .marked").inner_text().split() == "C their sum, each with its sign".split()


def test_s_opens_notes_that_follow_the_slides(opened):
    page, errors = opened("why_it_works")
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    notes = popup.value
    assert "1 of " in notes.inner_text("body") and "this slide should end at minute 3" in notes.inner_text("body")
    notes.keyboard.press("ArrowRight")
    assert "2 of " in notes.inner_text("body")
    assert page.evaluate("at") == 1
    assert not errors


@pytest.mark.parametrize("size", [(1920, 1080), (1024, 768), (390, 844)])
def test_a_deck_fits_other_screens(opened, size):
    page, _ = opened("gradient", viewport={"width": size[0], "height": size[1]})
    box = page.locator("section.shown").bounding_box()
    assert box["x"] >= -1 and box["y"] >= -1
    assert box["x"] + box["width"] <= size[0] + 1 and box["y"] + box["height"] <= size[1] + 1


@decks
def test_without_a_script_all_slides_and_all_their_parts_are_there(opened, name):
    page, _ = opened(name, java_script_enabled=False)
    assert page.locator("section h1:visible").count() == page.locator("section").count()
    assert page.locator("[data-step]:visible").count() == page.locator("[data-step]").count()


@pytest.mark.parametrize(("name", "pages"), [("gradient", None), ("handout", 2), ("handout_solution", 2)])
def test_what_is_printed_has_its_pages(opened, name, pages):
    page, _ = opened(name)
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == (pages or page.locator("section").count())
    if pages:  # nothing is cut off at the end of a page
        assert page.locator("section").evaluate_all("pages => pages.every(p => p.scrollHeight <= p.clientHeight + 1)")


def test_the_moving_pictures_move_on_their_page(opened):
    page, errors = opened("moving_pictures")
    assert page.locator("svg").count() == 4
    page.get_by_role("button", name="Step A").click()
    assert page.get_by_text("A reads 5.").count() == 1
    assert not errors
