"""The exercises mark themselves: every solution passes every check, every unsolved exercise fails every check."""

import sys
from fractions import Fraction
from math import ceil
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


def bit_mask(x, buckets):
    return (x >> 1) & (buckets - 1), -1 if x & 1 else +1


def always_four(x, buckets):
    return (x >> 1) % 4, -1 if x & 1 else +1


def ceil_of_a_float(c, n):
    return max(1, ceil(float(Fraction(c)) * n))


def no_hash(i, j, buckets, seed):
    piece, place = np.divmod(np.asarray(i, np.int64) * 65 + j, buckets)
    return (place + (piece + 1) * seed) % buckets


def no_bounds(n_in, hidden, classes, stored):
    return round((stored - classes) / (n_in + classes + 1))


def no_lower_bound(n_in, hidden, classes, stored):
    return min(hidden, no_bounds(n_in, hidden, classes, stored))


def no_upper_bound(n_in, hidden, classes, stored):
    return max(1, no_bounds(n_in, hidden, classes, stored))


def percent_for_a_fraction(p, n):
    return 100 * np.sqrt(abs(p * (1 - p)) / n)  # the planted bug of 8.3, as it stands


@pytest.mark.parametrize(("check", "answer", "why"), [
    (checks.bucket_and_sign, bit_mask, "buckets = 7"), (checks.bucket_and_sign, always_four, "buckets = 7"),
    (checks.bucket_and_sign, lambda x, buckets: (x % buckets, -1 if x & 1 else +1), "share bit 0"),
    (checks.count_buckets, ceil_of_a_float, "7/100 of 100 virtual weights: 8 buckets, expected 7"),
    (checks.balanced_map, no_hash, "7 of 49 pairs"),
    (checks.balanced_map, lambda i, j, buckets, seed: (i * 65 + j + seed) % buckets, "shift each fold"),
    (checks.equal_size_width, no_bounds, "100 stored"), (checks.equal_size_width, no_lower_bound, "100 stored"),
    (checks.equal_size_width, no_upper_bound, "5000 stored"),
    (checks.standard_error, percent_for_a_fraction, "percent were taken for a fraction"),
    (checks.standard_error, lambda p, n: percent_for_a_fraction(p, n) / 100, "percent were taken for a fraction"),
])
def test_an_answer_that_is_nearly_right_is_refused_and_told_why(check, answer, why):
    with pytest.raises(NotYet, match=why):
        check(answer)


@pytest.mark.parametrize(("check", "answer", "why"), [
    (checks.bucket_and_sign, lambda x, buckets: x % buckets, "should return two values"),
    (checks.bucket_and_sign, lambda x, buckets: (np.arange(3), 1), "should be a number"),
    (checks.best_epoch, lambda valid, test: 3, "should return two values"),
    (checks.momentum_step, lambda w, v, *_: w, "should return two values"),
    (checks.tied_gradient, lambda w, x, dz2, m1, m2: hn.hashed_backward(w, hn.hashed_forward(w, x, m1), dz2, m2),
     "should be numbers, got a tuple"),
    (checks.features_view, lambda w, a, m: ([1.0], [1.0, 2.0]), "should be numbers, got a tuple"),
    (checks.balanced_map, lambda i, j, buckets, seed: ([1], [1, 2]), "should be numbers, got a tuple"),
    (checks.balanced_map, lambda i, j, buckets, seed: (i * 65 + j) / buckets, "should be whole numbers"),
    (checks.slope, lambda *_: [1.0, 2.0], "should be a number, got a list"),
    (checks.used_once, lambda c: [c], "should be a number, got a list"),
    (checks.avalanche, lambda h: [h], "should be a number, got a list"),
])
def test_an_answer_of_the_wrong_form_is_told_so_in_one_line(check, answer, why):
    with pytest.raises(NotYet, match=why) as refused:
        check(answer)
    assert "\n" not in str(refused.value)


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
