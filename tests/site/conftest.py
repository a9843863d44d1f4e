"""The site that `make site` has built, and a Chromium to look at it with; what is missing is a reason to skip."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built site."""
    folder = Path(os.environ.get("HASHNETS_SITE", ROOT / "site"))
    if not (folder / "index.html").exists():
        pytest.skip(f"there is no site in {folder}: run `make site` first")
    return folder


@pytest.fixture(scope="session")
def chromium(site: Path, headless: Any) -> Any:
    """A headless Chromium, for tests of the built site."""
    return headless


@pytest.fixture(scope="session")
def headless() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it is in .venv-docs")
    program = os.environ.get("HASHNETS_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
