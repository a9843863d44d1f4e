"""The course in a folder of its own, as `hashnets course FOLDER` unpacks it: every file that it names is there."""

import json
import re
import shlex

import pytest

from hashnets_np.__main__ import main
from hashnets_np.commands import course

SOURCE = course.course_folder()
PAGES = [*SOURCE.rglob("*.ipynb"), *SOURCE.rglob("*.md")]


def words_of(page):
    """What a reader reads: a page, or the text cells of a notebook."""
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(SOURCE)))
def test_every_link_of_the_course_leads_to_a_file_of_the_course(page):
    for link in re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)", words_of(page)):
        there = (page.parent / link).resolve()
        assert there.exists() and there.is_relative_to(SOURCE.resolve()), link


@pytest.mark.parametrize("page", sorted(SOURCE.glob("exercises/*.ipynb")), ids=lambda page: page.stem)
def test_an_exercise_asks_for_no_file_that_only_the_project_has(page):
    assert not re.search(r"\bdata/\w+", words_of(page)), "print package_file(...) instead"


def test_the_command_to_start_with_works_for_a_folder_with_a_space(tmp_path, capsys):
    folder = tmp_path / "my lessons"
    assert main(["course", str(folder)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert shlex.split(last)[-3:] == ["jupyter", "lab", str(folder)]
