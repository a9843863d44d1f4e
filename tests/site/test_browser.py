"""The site in a browser: pages without an error at any width, and lessons that run to the end, with no outside request.

The lessons need a site that was built with the runtime beside it, `make site` with ../shared/pyodide or RUNTIME=FOLDER.
"""

from pathlib import Path

import pytest
from browser import run_notebooks, served, watched
from tools_of_docs import shorter

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
LESSONS = sorted(path.name for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
# of the exercises the solutions, because an exercise that nobody has solved stops at its first check
EXERCISES = ["exercises/solutions/01_the_hashing_trick.ipynb", "exercises/solutions/03_gradient_derivation.ipynb"]
PAGES = ["index.html", "start.html", "touch.html", "course.html", "api/index.html", "api/hashnets_np.HashedLinear.html",
         "api/hashnets_np.fit.html", "api/hashnets_np.SharingMap.html", "specification.html", "records/report.html",
         "commands.html", *(f"lessons/{name.removesuffix('.ipynb')}.html" for name in LESSONS)]
RUN = [name for name in LESSONS if not shorter.takes_minutes(Path(name))] + EXERCISES
WIDTHS = (1280, 390)
SECONDS = 400  # for one notebook, on a machine that may do other things

slow = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(site, chromium):
    """All notebooks after they have run in the browser."""
    if not (site / "lite" / "static" / "pyodide").exists():
        pytest.skip("the site was built without the runtime: browsers would load it from its CDN")
    with served(site) as base:
        return run_notebooks(chromium, base, RUN, SECONDS)


@slow
@pytest.mark.parametrize("path", RUN)
def test_a_notebook_runs_to_the_end_in_the_browser(runs, path):
    run = runs[path]
    print(f"{path}: {len(run.cells)} cells, {run.seconds:.0f} s")
    assert not run.errors
    assert run.unrun == 0, f"{run.unrun} of {len(run.cells)} cells have not run within {SECONDS} s"
    assert len(run.cells) > 5
    assert not run.outside


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_width_and_loads_nothing_from_elsewhere(site, chromium, name):
    with served(site) as base:
        for width in WIDTHS:
            page, visit = watched(chromium, base, viewport={"width": width, "height": 900})
            page.goto(f"{base}/{name}")
            page.wait_for_load_state("networkidle")
            needed = page.evaluate("document.documentElement.scrollWidth")
            page.context.close()
            assert needed <= width, f"{needed} pixels wide on a screen of {width}"
            assert not visit.outside and not visit.errors


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
        page.context.close()
