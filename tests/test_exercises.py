"""The exercises mark themselves: every solution passes every check, every unsolved exercise fails every check."""

import sys
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.course import checks
from hashnets_np.course.marking import NotYet

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
        (output,) = cell.outputs
        assert (output.output_type, output.ename) == ("error", "NotYet"), cell.source
        assert len(output.traceback) == 1 and output.traceback[0].startswith("Not yet: ")


def unsigned(dV, bucket, sign, buckets):
    return np.bincount(bucket.ravel(), dV.ravel(), buckets)


def fancy(dV, bucket, sign, buckets):
    dw = np.zeros(buckets)
    dw[bucket] += dV * sign
    return dw


def mean(dV, bucket, sign, buckets):
    load = np.bincount(bucket.ravel(), minlength=buckets)
    return np.bincount(bucket.ravel(), (dV * sign).ravel(), buckets) / load


@pytest.mark.parametrize(("answer", "why"), [
    (unsigned, "signs are missing"), (fancy, "adds once per bucket"), (mean, "the gradient is the sum"),
    (lambda dV, *_: dV, "has shape"), (lambda *_: None, "returned None"), (lambda *_: 1 / 0, "ZeroDivisionError"),
])
def test_a_wrong_scatter_add_is_told_why(answer, why):
    with pytest.raises(NotYet, match=why):
        checks.scatter_add(answer)


class Unsigned(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        da = super().backward(dz, input_grad)
        self.grads["w"] = unsigned(dz.T @ self.a, *self.map.table(), self.map.buckets)
        return da


class NoInputGradient(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        return 0.5 * super().backward(dz, True)


@pytest.mark.parametrize(("layer", "why"), [(Unsigned, "Eq. 12"), (NoInputGradient, "Eq. 9")])
def test_a_wrong_layer_fails_the_gradient_check_by_name(layer, why):
    with pytest.raises(NotYet, match=why):
        checks.layer_gradients(layer)


def test_right_answers_are_praised(capsys):
    checks.layer_gradients(hn.HashedLinear)
    checks.mean_without_signs(lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) / K)
    assert capsys.readouterr().out.count("Right.") == 2
