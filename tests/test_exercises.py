"""The exercises mark themselves: every solution passes every check, every unsolved exercise fails every check."""

import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install -e '.[test]'")
pytest.importorskip("nbclient", reason="nbclient is not installed: pip install -e '.[test]'")

EXERCISES = Path(__file__).parent.parent / "notebooks" / "exercises"
sys.path[:0] = [str(EXERCISES), str(EXERCISES.parent)]
import make_exercises  # noqa: E402
import rerun  # noqa: E402

SOLUTIONS = sorted((EXERCISES / "solutions").glob("*.ipynb"))
solutions = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def check_cells(notebook) -> list:
    return [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]


@solutions
def test_the_exercise_is_what_the_solution_makes(path):
    made = make_exercises.exercise(nbformat.read(path, as_version=4))
    committed = nbformat.read(EXERCISES / path.name, as_version=4)
    assert nbformat.writes(committed) == nbformat.writes(made), "run python notebooks/exercises/make_exercises.py"


@solutions
def test_no_solution_is_left_in_the_exercise_and_there_are_at_least_four_tasks(path):
    notebook = nbformat.read(EXERCISES / path.name, as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells)
    assert "**Answer.**" not in source and "# INSTEAD" not in source and "# END" not in source
    assert len(check_cells(notebook)) >= 4
    assert source.count("YOUR TURN:") >= 4 and "**Your answer.**" in source and "ind the bug" in source


@pytest.mark.slow
@solutions
def test_the_solution_passes_every_check(path):
    notebook = rerun.run(path)
    for cell in check_cells(notebook):
        assert cell.outputs[0]["text"].startswith("Right."), cell.source


@pytest.mark.slow
@solutions
def test_the_unsolved_exercise_fails_every_check_in_one_line(path):
    notebook = rerun.run(EXERCISES / path.name, allow_errors=True)
    for cell in check_cells(notebook):
        *pictures, output = cell.outputs  # a puzzle draws a wrong answer beside its target
        assert all("<figure" in picture["data"]["text/html"] for picture in pictures)
        assert (output.output_type, output.ename) == ("error", "NotYet"), cell.source
        assert len(output.traceback) == 1 and output.traceback[0].startswith("Not yet: ")
