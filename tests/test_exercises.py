"""The exercises mark themselves: every solution passes every check, every unsolved exercise fails every check."""

import ast
import re
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install -e '.[test]'")
pytest.importorskip("nbclient", reason="nbclient is not installed: pip install -e '.[test]'")

EXERCISES = Path(__file__).parent.parent / "notebooks" / "exercises"
sys.path[:0] = [str(EXERCISES), str(EXERCISES.parent)]
import make_exercises  # noqa: E402
import rerun  # noqa: E402

from hashnets_np.course.marking import NotYet  # noqa: E402

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


@solutions
def test_neither_solution_nor_exercise_has_outputs(path):
    for notebook in (nbformat.read(path, as_version=4), nbformat.read(EXERCISES / path.name, as_version=4)):
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        printed = [cell.id for cell in cells if cell.outputs or cell.execution_count]
        assert not printed, "run python notebooks/exercises/make_exercises.py"


FORBIDS = r"use no `|without `|must not appear"


def test_a_task_that_forbids_a_way_says_whether_the_check_sees_it():
    cells = [cell for path in SOLUTIONS for cell in nbformat.read(path, as_version=4).cells]
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    forbidding = [text for text in texts if re.search(FORBIDS, text)]
    assert len(forbidding) >= 3
    assert [text for text in forbidding if not re.search("check (can't see|sees|accepts)", text)] == []


def definitions(source: str, constants: bool = True) -> str:
    """What of a cell other cells need: imports, functions, classes, constants; not what is trained or printed."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, *[ast.Assign] * constants)
    return "\n".join(ast.unparse(node) for node in ast.parse(source).body if isinstance(node, kinds))


GENERIC = r"not right|has shape|is too (large|small)|golden vectors fail(?!.*this looks like)"


@solutions
def test_what_an_exercise_starts_from_gets_a_reason_of_its_own(path, monkeypatch):
    monkeypatch.setattr("hashnets_np.course.checks.puzzles.in_notebook", lambda: False)
    names: dict = {}
    unsolved = None
    reasons = []
    solution = nbformat.read(path, as_version=4)
    for cell, given in zip(solution.cells, make_exercises.exercise(solution).cells, strict=True):
        if "check" in cell.metadata.get("tags", []) and unsolved:
            with pytest.raises(NotYet) as refused:
                exec(cell.source, names | unsolved)
            reasons.append(str(refused.value))
        elif cell.cell_type == "code":
            unsolved = None
            if "# INSTEAD" in cell.source:
                unsolved = dict(names)
                exec(definitions(given.source), unsolved)
            exec(definitions(cell.source, constants=unsolved is None), names)
    assert [reason for reason in reasons if re.search(GENERIC, reason)] == []


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
