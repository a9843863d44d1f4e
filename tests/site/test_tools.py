"""What builds the site: links are brought along, and one setting makes every link to the project's address."""

import json

import pytest
from tools_of_docs import address, shorter, stage

HERE = address.Address("https://github.com/someone/hashnets_np", "https://someone.github.io/hashnets_np")
NOWHERE = address.Address("", "")


def test_every_file_fits_the_setting():
    assert address.main(check=True) == 0, "run python docs/tools/address.py"


def test_without_an_address_there_are_no_links_to_it():
    assert not any(between for _, _, between in address.places(NOWHERE).values())
    assert not NOWHERE.notebook_links("01_the_hashing_trick.ipynb")


def test_with_an_address_every_file_gets_its_links():
    written = {name: address.written((address.ROOT / name).read_text(), *marks)
               for name, marks in address.places(HERE).items()}
    assert "actions/workflows/tests.yml/badge.svg" in written["README.md"]
    assert 'repository-code: "https://github.com/someone/hashnets_np"' in written["CITATION.cff"]
    assert 'Source = "https://github.com/someone/hashnets_np"' in written["pyproject.toml"]
    assert "security/advisories/new" in written[".github/ISSUE_TEMPLATE/config.yml"]
    (colab, _), (binder, _) = HERE.notebook_links("x.ipynb")
    assert (colab, binder) == ("Open in Colab", "Open in Binder")


def test_a_link_to_a_page_becomes_a_link_between_pages(tmp_path):
    places = stage.pages()
    path = stage.ROOT / "data/records/README.md"
    link = stage.rewrite_link("../paper/ERRATA.md#x", path, places[path], places, tmp_path)
    assert link == "errata.md#x"


def test_a_link_to_a_file_brings_the_file_along(tmp_path):
    places = stage.pages()
    path = stage.ROOT / "data/README.md"
    link = stage.rewrite_link("vectors/vectors.json", path, places[path], places, tmp_path)
    assert (tmp_path / link).read_bytes() == (stage.ROOT / "data/vectors/vectors.json").read_bytes()


def test_a_link_to_nothing_is_an_error(tmp_path):
    path = stage.ROOT / "data/README.md"
    with pytest.raises(SystemExit, match=r"data/README.md links to nowhere.md, which does not exist"):
        stage.rewrite_link("nowhere.md", path, "data.md", stage.pages(), tmp_path)


def test_links_in_code_are_left_alone(tmp_path):
    text = "See `a](b)` and\n\n```python\nx[0](nowhere)\n```\n"
    assert stage.rewrite(text, stage.ROOT / "README.md", "start.md", stage.pages(), tmp_path) == text


def test_a_lesson_gets_its_buttons_under_its_title():
    path = stage.ROOT / "notebooks/03_gradient_derivation.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    stage.add_buttons(notebook, path, "lessons/03_gradient_derivation.ipynb")
    title, _, buttons = notebook["cells"][0]["source"].split("\n")[:3]
    assert title.startswith("# 3")
    assert "../lite/notebooks/index.html?path=03_gradient_derivation.ipynb" in buttons
    assert "colab" not in buttons or address.address().repository


LESSONS = sorted((stage.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_is_shorter_in_the_browser_fits_the_lesson_of_today(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    before = json.dumps(notebook)
    shorter.shorten(notebook, path)  # an error if a text that it changes is not there
    changed = shorter.topic(path) in shorter.LESSONS
    assert (json.dumps(notebook) != before) == changed
    assert ("**In your browser.**" in "".join(notebook["cells"][0]["source"])) == changed


def test_a_changed_lesson_is_an_error_that_names_the_missing_text():
    path = stage.ROOT / "notebooks/05_training.ipynb"
    with pytest.raises(SystemExit, match=r"05_training.ipynb has changed: docs/tools/shorter.toml looks for"):
        shorter.shorten({"cells": [{"cell_type": "markdown", "source": "# Training"}]}, path)
