"""The moving pictures in a browser: they move, keep to the package's numbers, and need no network."""

import sys
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.course.moving import picture as shared

sys.path.insert(0, str(Path(__file__).parents[1] / "course"))
from moving_pictures import BALLS, DELTA, INPUTS, M1, M2, PICTURES, W1, W2, A, M

PAGE = ('<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Test</title>'
        "<body>{}</body>")


def page_with(names):
    return PAGE.format("".join(PICTURES[name]._repr_html_() for name in names))


@pytest.fixture
def opened(headless):
    """Open pictures on a page without a network; give the page and what its scripts complain about."""
    contexts = []

    def open_page(names, width=800, scripts=True):
        context = headless.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts,
                                       offline=True, reduced_motion="reduce", has_touch=True)
        contexts.append(context)
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_content(page_with(names))
        return page, errors

    yield open_page
    for context in contexts:
        context.close()


def as_number(text):
    return float(text.replace(shared.MINUS, "-"))


def words(page, at=0):
    return page.locator("[data-part=words]").nth(at).inner_text()


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scripts", [True, False])
def test_all_fit_any_width_with_and_without_scripts(opened, width, scripts):
    page, errors = opened(PICTURES, width, scripts)
    assert page.locator("svg" if scripts else "img").count() == 4
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not errors


def test_a_touched_line_lights_up_its_mates_and_a_dragged_weight_moves_them_all(opened):
    page, errors = opened(["network"])
    page.locator(".hit").nth(4).dispatch_event("click")  # V1[1, 0] = w1[0]
    assert page.locator(".lit").count() == (M1.table()[0] == 0).sum()
    assert words(page).startswith("V1[1, 0] = w1[0] = 3.2. Its mates: V1[0, 1]")
    page.locator("input[type=range]").first.evaluate("r => { r.value = -2; r.dispatchEvent(new Event('input')) }")
    widths = set(page.locator(".lit").evaluate_all("lines => lines.map(line => line.getAttribute('stroke-width'))"))
    assert widths == {"5"}
    moved = np.array([-2.0, *W1[1:]])
    hidden = hn.hashed_forward(moved, INPUTS[None], M1)
    out = hn.hashed_forward(W2, np.maximum(hidden, 0), M2)
    assert np.allclose([as_number(text) for text in page.locator(".unit").all_text_contents()],
                       [*INPUTS, *hidden[0], *out[0]])
    page.get_by_role("button", name="Start over").tap()
    assert page.locator(".lit").count() == 0
    assert page.locator(".unit").last.text_content() == "29.45"
    assert not errors


def test_the_network_follows_the_arrow_keys(opened):
    page, _ = opened(["network"])
    page.locator("svg").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert words(page).startswith("V1[0, 1] = w1[0]")
    page.keyboard.press("Escape")
    assert page.locator(".lit").count() == 0


def test_twelve_steps_lead_to_the_gradient(opened):
    page, errors = opened(["scatter_add"])
    bucket, sign = M.table()
    dw = np.zeros(3)
    for n, (i, j) in enumerate(np.ndindex(4, 3)):
        page.get_by_role("button", name="Step").tap()
        dw[bucket[i, j]] += A[j] * DELTA[i] * sign[i, j]
        shown = [as_number(text.split("= ")[1]) for text in page.locator(".total").all_text_contents()]
        assert shown == dw.tolist()
        assert words(page).startswith(f"{n + 1} of 12: dw[{bucket[i, j]}] += a[{j}] * delta[{i}] * sign[{i}, {j}]")
    assert shown == [9, 1, 0]
    page.locator("svg").focus()
    page.keyboard.press("ArrowLeft")
    assert words(page).startswith("11 of 12")
    assert not errors


def test_the_balls_are_those_of_the_map_and_the_points_those_of_poisson(opened):
    page, errors = opened(["balls"])
    page.get_by_role("button", name="Start over").tap()
    for _ in range(12):
        page.get_by_role("button", name="Throw ten").tap()
    loads = np.bincount(BALLS.table()[0].ravel()[:120], minlength=60)
    assert f"{(loads == 0).sum()} of 60 are empty" in words(page)
    assert f"Poisson expects {100 * np.exp(-2):.0f} %), the fullest holds {loads.max()}" in words(page)
    assert page.locator(".ball:visible").count() == 120
    heights = page.locator(".column").evaluate_all("bars => bars.map(bar => +bar.getAttribute('height'))")
    points = page.locator(".point").evaluate_all("points => points.map(point => 390 - 5 - point.getAttribute('y'))")
    unit = heights[2] / (loads == 2).sum()
    chances = np.exp(-2) * np.cumprod([1, *(2 / np.arange(1, 13))])
    assert np.allclose(points, 60 * chances * unit)
    assert not errors


@pytest.mark.parametrize(("order", "total"), [("AAABBB", 7), ("BBBAAA", 7), ("ABABAB", 6), ("ABBBAA", 6)])
def test_the_race_is_lost_in_most_orders(opened, order, total):
    page, errors = opened(["race"])
    page.locator("button").first.focus()
    for name in order:
        page.keyboard.press(name.lower())
    assert page.locator(".bucket").text_content() == f"dw[k] = {total}"
    assert ("one addition is lost" in words(page)) == (total == 6)
    assert page.get_by_role("button", name="Step A").get_attribute("aria-disabled") == "true"
    assert not errors


def test_two_of_a_kind_on_one_page_do_not_disturb_each_other(opened):
    page, errors = opened(["race", "race", "scatter_add", "scatter_add"])
    page.get_by_role("button", name="Step A").nth(1).tap()
    assert "Whose step is first?" in words(page, 0)
    assert words(page, 1) == "A reads 5."
    page.get_by_role("button", name="Step", exact=True).nth(0).tap()
    assert words(page, 2).startswith("1 of 12")
    assert words(page, 3).startswith("dw[bucket[i, j]]")
    assert not errors
