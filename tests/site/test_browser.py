"""The site in a browser: pages without an error at any width, and lessons that run to the end, with no outside request.

The lessons need a site that was built with the runtime beside it, `make site` with ../shared/pyodide or RUNTIME=FOLDER.
All notebooks together have a budget of time. Lessons 1, 3 and 7, the newer ones and two exercises are always run; of
the others, in turn, those for which time is left.
"""

import os
import time
from pathlib import Path

import pytest
from browser import run_notebooks, served, watched

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
LESSONS = sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
# of the exercises the solutions, because an exercise that nobody has solved stops at its first check
EXERCISES = ["exercises/solutions/01_the_hashing_trick.ipynb", "exercises/solutions/03_gradient_derivation.ipynb"]
LATER = ("02_", "04_", "05_", "06_", "08_", "09_")
FIRST = [*(name for name in LESSONS if not name.startswith(LATER)), *EXERCISES]
REST = [name for name in LESSONS if name not in FIRST]
TURN = time.localtime().tm_yday % len(REST)  # so that a machine on which time is short gets round to each of them
RUN = FIRST + REST[TURN:] + REST[:TURN]
BUDGET = 120  # seconds in which the rest may begin
SECONDS = 400  # for one notebook, on a machine that may do other things
VIEWS = ((1280, "light"), (390, "dark"))  # what fits does not depend on the theme, nor what can be read on the width
LOOK = Path(__file__).with_name("look.js").read_text(encoding="utf-8")

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(site, chromium):
    """All notebooks after they have run in the browser."""
    if not (site / "lite" / "static" / "pyodide").exists():
        pytest.skip("the site was built without the runtime: browsers would load it from its CDN")
    with served(site) as base:
        return run_notebooks(chromium, base, RUN, SECONDS, must=len(FIRST), budget=BUDGET)


def test_no_notebook_is_forgotten_and_the_newest_lessons_are_always_run():
    assert {name[:2] for name in FIRST} >= {"01", "03", "07"} | {name[:2] for name in LESSONS if name > "10"}
    assert sorted(RUN) == sorted(LESSONS + EXERCISES)


@slow
@pytest.mark.parametrize("path", RUN)
def test_a_notebook_runs_to_the_end_in_the_browser(runs, path):
    if path not in runs:
        pytest.skip(f"the budget of {BUDGET} s for all notebooks was used up")
    run = runs[path]
    print(f"{path}: {len(run.cells)} cells, {run.seconds:.0f} s")
    assert not run.errors
    assert run.unrun == 0, f"{run.unrun} of {len(run.cells)} cells have not run within {SECONDS} s"
    assert len(run.cells) > 5
    assert not run.outside


@slow
def test_at_least_six_lessons_and_two_exercises_have_run(runs):
    assert len([path for path in runs if path in LESSONS]) >= 6
    assert len([path for path in runs if path in EXERCISES]) >= 2


def page_names() -> list[str]:
    """The pages of the site, if it has been built; of the reference, whose pages are alike, a dozen."""
    folder = Path(os.environ.get("HASHNETS_SITE", ROOT / "site"))
    paths = [path for path in folder.rglob("*.html")
             if not {"lite", "_static", "_modules"} & set(path.relative_to(folder).parts)]
    names = sorted(path.relative_to(folder).as_posix() for path in paths
                   if "bd-article" in path.read_text(encoding="utf-8"))  # decks and handouts have tests of their own
    reference = [name for name in names if name.startswith("api/hashnets_np")]
    return [name for name in names if name not in reference] + reference[:: max(len(reference) // 12, 1)]


@pytest.fixture(scope="module")
def tabs(site, chromium):
    """A tab for each view, with what it asked for outside and its errors."""
    with served(site) as base:
        opened = {(width, theme): watched(chromium, base, viewport={"width": width, "height": 900}, color_scheme=theme)
                  for width, theme in VIEWS}
        yield base, opened
        for page, _ in opened.values():
            page.context.close()


@pytest.mark.parametrize("name", page_names() or ["index.html"])
def test_a_page_fits_and_can_be_read_in_both_themes(tabs, name):
    base, opened = tabs
    for (width, theme), (page, visit) in opened.items():
        page.goto(f"{base}/{name}")
        page.evaluate("window.MathJax?.startup?.promise")
        found = page.evaluate(LOOK)
        assert found["needed"] <= width, f"{found['needed']} pixels wide on a screen of {width}"
        assert not found["pale"], f"text that can hardly be read, {theme}: {found['pale']}"
        assert not visit.outside and not visit.errors, (visit.outside, visit.errors)


def test_formulas_are_set(site, chromium):
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/lessons/03_gradient_derivation.html")
        page.wait_for_selector("mjx-container", timeout=20_000)
        assert page.locator("mjx-container").count() > 20
        assert page.locator("mjx-merror").count() == 0
        page.context.close()
    assert not visit.outside


def test_the_search_finds_a_name(site, chromium):
    with served(site) as base:
        page, visit = watched(chromium, base)
        page.goto(f"{base}/search.html?q=HashedLinear")
        page.wait_for_selector("#search-results li a", timeout=20_000)
        assert "HashedLinear" in page.locator("#search-results").inner_text()
        page.context.close()
    assert not visit.outside


def test_the_button_of_a_lesson_opens_that_lesson(site, chromium):
    if not (site / "lite").exists():
        pytest.skip("the site was built with --no-lite")
    with served(site) as base:
        page, _ = watched(chromium, base)
        page.goto(f"{base}/lessons/01_the_hashing_trick.html")
        page.get_by_text("Run this in your browser").click()
        page.wait_for_url("**/lite/notebooks/**path=01_the_hashing_trick.ipynb")
        page.wait_for_selector(".jp-Notebook", timeout=60_000)
        assert page.locator(".jp-Notebook").count() == 1
        page.context.close()
