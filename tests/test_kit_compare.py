"""How an answer is compared with a golden vector: just inside a tolerance and just outside, and what is reported."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from right_layer import Right

from hashnets_np.conformance import cases
from hashnets_np.conformance.adapter import LayerSpec
from hashnets_np.conformance.cases import Case, dense, explain_flag, fill, find_compression, make_spec, matrix, sums
from hashnets_np.conformance.compare import (
    differs,
    is_far,
    manner,
    numbers_in,
    ordinal,
    pattern,
    relation,
    sums_differ,
    wrong_dtype,
    wrong_width,
)

CASE = Case("forward-001", "forward", "forward", "", (), True, "float32", 0.5,
            {"layer": {"n_in": 3, "n_out": 2}}, {}, ())
INT = replace(CASE, dtype="int", tolerance=0.0)


# ---- whether it differs


@pytest.mark.parametrize(("wanted", "found", "far"), [
    ([2.0, 1.0], [3.0, 1.0], [0, 0]), ([2.0, 1.0], [3.1, 1.0], [1, 0]), ([2.0, 1.0], [0.9, 1.9], [1, 0]),
    ([-2.0, 0.0], [-2.0, 1.0], [0, 0]),  # the largest entry, whatever its sign, is what the tolerance goes by
    ([0.2, 0.1], [0.2, 0.21], [0, 1]),  # also where all are small
    ([0.0, 0.0], [0.0, 1e-30], [0, 1]), ([1.0], [np.nan], [1]), ([np.inf], [1.0], [0]),
])
def test_an_entry_may_be_off_by_the_tolerance_times_the_largest(wanted, found, far):
    assert is_far(np.array(found), np.array(wanted), 0.5).tolist() == far


@pytest.mark.parametrize(("expected", "found", "case", "words"), [
    ([1.0, 2.0], [1.0, 2.0], CASE, ""), ([], [], CASE, ""), ([], np.zeros((0, 3)), CASE, ""),
    ([], [1.0], CASE, "z: expected shape (0,), found (1,)"), ([1.0], [], CASE, "z: expected shape (1,), found (0,)"),
    ([1.0, 2.0], [[1.0, 2.0]], CASE, "z: expected shape (2,), found (1, 2)"),
    (1.5, 1.5, CASE, ""), (1.0, 9.0, CASE, "z: expected 1.0, found 9.0"),
    ([1.0], ["1.0"], CASE, "z: expected numbers, found <U3"), ([1.0], [True], CASE, ""),
    ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [9.0, 4.0]], CASE, "z[1, 0]: expected 3.0, found 9.0"),
    ([1.0, 2.0, 3.0], [5.0, 2.0, 9.0], CASE, "z[0]: expected 1.0, found 5.0 (and 1 more of 3 differ)"),
    ([2**63, 2**64 - 1], [2**63, 2**64 - 1], INT, ""),
    ([2**53, 7], [2**53 + 1, 7], INT, f"z[0]: expected {2**53}, found {2**53 + 1}"),
    (None, None, CASE, ""), (None, [], CASE, ""), (None, [1.0], CASE, "z: expected none, found [1.0]"),
    ([1.0], None, CASE, "z: expected an array, found None"), ("not finite", [1.0, np.nan], CASE, ""),
    ("not finite", [1.0], CASE, "z is finite"),
    ([1.0, 2.0], np.ma.array([1.0, 2.0], mask=[False, True]), CASE, "z: expected numbers, found 1 masked"),
    ([1.0, 2.0], np.ma.array([1.0, 2.0]), CASE, ""), (1.0, np.ma.masked, CASE, "z: expected numbers, found 1 masked"),
])
def test_a_difference_is_placed(expected, found, case, words):
    assert differs("z", expected, found, case) == words


SPARSE = {"shape": [2, 2], "at": [[0, 1, 4.0], [1, 1, -2.0]], "rest": 1}


@pytest.mark.parametrize(("found", "words"), [
    ([[1, 4], [1, -2]], ""), ([[1, 6], [1, 0]], ""), ([[1, 6.1], [1, -2]], "z[0, 1]: expected 4.0, found 6.1"),
    ([[1, 4], [1, 0.1]], "z[1, 1]: expected -2.0"), ([[1, 4], [0, -2]], "z[1, 0]: expected 1, found 0.0"),
    ([[1, np.nan], [1, -2]], "z[0, 1]: expected 4.0"), ([1, 4, 1, -2], "z: expected shape (2, 2), found (4,)"),
])
def test_an_array_of_few_entries(found, words):
    found = np.array(found, float)
    said = differs("z", SPARSE, found, CASE)
    assert isinstance(said, str) and said.startswith(words) and bool(said) == bool(words)
    if said.startswith("z[1, 0]"):
        assert differs("z", SPARSE | {"rest": "any"}, found, CASE) == ""


def by_sums(x):
    rows, columns = sums(x)
    return {"shape": list(x.shape), "row_sums": rows.tolist(), "column_sums": columns.tolist()}


def test_rows_and_columns_are_summed_with_the_weights_1_to_5_over_and_over():
    rows, columns = sums(np.array([[1.0, 10.0], [100.0, 1000.0]]))
    assert rows.tolist() == [21.0, 2100.0] and columns.tolist() == [201.0, 2010.0]
    ones = np.ones((7, 6))
    assert sums(ones)[0].tolist() == [1 + 2 + 3 + 4 + 5 + 1] * 7 and sums(ones)[1].tolist() == [15 + 3] * 6
    for length, shape in ((64, (1, 64)), (65, (2, 64)), (1, (1, 64)), (128, (2, 64))):
        rows, columns = sums(np.arange(1.0, length + 1))
        folded = np.zeros(shape[0] * 64)
        folded[:length] = np.arange(1.0, length + 1)
        assert rows.tolist() == sums(folded.reshape(shape))[0].tolist() and len(columns) == 64


def test_an_array_by_its_sums_differs_where_rows_or_columns_do():
    x = np.arange(12.0).reshape(3, 4)
    expected = by_sums(x)
    assert sums_differ("V", expected, x, 1e-6) == "" == differs("V", expected, x, CASE)
    assert sums_differ("V", expected, x.T, 1e-6) == "V: expected shape (3, 4), found (4, 3)"
    assert sums_differ("V", expected, x.astype(str), 1e-6).startswith("V: expected numbers, found <U")
    assert sums_differ("V", expected, x.astype(int), 1e-6) == ""
    one = x + np.array([[0, 0, 0, 0], [0, 0, 9, 0], [0, 0, 0, 0]])
    assert sums_differ("V", expected, one, 1e-6) == (
        "V: the sums of 1 of 3 rows and 1 of 4 columns differ, first row 1, column 2")
    rows_only = x + np.array([[0, 8, 0, 0], [0, -4, 0, 0], [0, 0, 0, 0]])  # the weights of these rows are 1 and 2
    assert sums_differ("V", expected, rows_only, 1e-6).startswith("V: the sums of 2 of 3 rows and 0 of 4 columns")
    columns_only = x + np.array([[8, -4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    assert sums_differ("V", expected, columns_only, 1e-6).startswith("V: the sums of 0 of 3 rows and 2 of 4 columns")


def test_numbers_of_nested_lists_are_gone_through_without_what_only_describes_them():
    x = {"flag": "F", "z": [[1, 2.5], [None, "not finite"]], "dw": {"shape": [7], "at": [[3, 4.0]], "rest": 8}}
    assert list(numbers_in(x)) == [1, 2.5, 3, 4.0]


# ---- how it differs


WANTED = np.array([[1.0, -2.0, 3.0, 4.0], [5.0, 6.0, -7.0, 8.0], [9.0, 10.0, 11.0, 13.0]])


def changed(where, value=99.0):
    x = WANTED.copy()
    x[where] = value
    return x


@pytest.mark.parametrize(("name", "found", "words"), [
    ("z", changed((1, 2)), "example 1 only; output unit 2 only"), ("z12", changed(np.s_[:, 3]), "the last output unit"),
    ("z", changed(np.s_[1:]), "example 1 and all after it"), ("da", changed(np.s_[:2, 1]), "the first 2 examples; inp"),
    ("V", changed(np.s_[:, 1:3]), "columns 1 to 2"), ("dw", changed((1, 2)), ""),
    ("z", WANTED[:2], "of another shape: found (2, 4), expected (3, 4)"), ("dw", 7.0, "of another shape: fou"),
    ("z", WANTED.astype(str), "not numbers"), ("z", WANTED + 1j, "not numbers"), ("z", None, "None"),
    ("z", -WANTED, "the negative of the right one"),
    ("dw", 3 * WANTED, "3 times the right one"), ("z", changed((1, 2), np.nan), "not finite; example 1 only; outp"),
])
def test_a_wrong_output_is_described(name, found, words):
    case = replace(CASE, tolerance=1e-6)
    for expected in (WANTED.tolist(), by_sums(WANTED)):
        said = manner(name, expected, found, case)
        assert isinstance(said, str) and said.startswith(words) and bool(said) == bool(words)


def test_of_a_vector_only_its_relation_is_reported_and_of_words_and_whole_numbers_nothing():
    wanted = WANTED[0].tolist()
    assert manner("z", wanted, -WANTED[0], CASE) == "the negative of the right one"
    assert manner("z", wanted, np.array([1.0, -2.0, 3.0, 99.0]), CASE) == ""
    assert manner("z", [], np.zeros(0), CASE) == ""
    assert manner("z", wanted, -WANTED[0], INT) == "" == manner("z", "not finite", WANTED[0], CASE)
    assert manner("z", wanted, None, INT) == "None" and manner("z", wanted, "text", INT) == "not numbers"
    assert manner("z", wanted, WANTED[0, 1:], INT) == "of another shape: found (3,), expected (4,)"
    assert manner("z", None, WANTED[0], CASE) == "" == manner("z", SPARSE, -WANTED[:2, :2], CASE)


W = np.array([1000.0, -1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])


def off(count, by):
    x = W.copy()
    x[:count] += by
    return x


@pytest.mark.parametrize(("wanted", "found", "words"), [
    (W, off(4, 0.9), "right except for the last digits (relative error 9e-04): too little precision"),
    (W, off(3, 0.9), ""), (W, off(4, 1.0), ""), (W, off(4, np.inf), "not finite"), (W, 0 * W, "0 everywhere"),
    (0 * W, W, ""), (W, -W, "the negative of the right one"), (W, 1.002 * W, "1.002 times the right one"),
    (W[:3], 2 * W[:3], "2 times the right one"), (W[:2], 2 * W[:2], ""), (W, -2 * W, "-2 times the right one"),
    (W, 2 * W + 0.03 * (W == 9), ""), (W, 2 * W + 0.01 * (W == 9), "2 times the right one"),
    (W, 100 * W + 0.5 * (W == 9), "100 times the right one"),
    (W, W[::-1], "the right numbers in another order"), (W[:4], W[[1, 0, 2, 3]], "the right numbers in another order"),
    (W[:3], W[[1, 0, 2]], ""), (W, off(1, 0.1)[::-1], ""), (W, -W[::-1], ""),
    (W, np.full(10, 3.0), ""), (W, 1e-3 * W, "0.001 times the right one"),
])
def test_a_relation_is_named_only_where_it_is_simple_and_holds_throughout(wanted, found, words):
    assert relation(wanted, found) == words


@pytest.mark.parametrize(("operation", "calls", "is_trained"), [
    ("sgd", (None,), True), ("script", ("forward", "step"), True), ("script", ("forward", "set_weights"), False),
    ("backward", (), False)])
def test_after_steps_of_sgd_a_small_error_may_also_be_a_small_term(operation, calls, is_trained):
    steps = [{"call": call} if call else {} for call in calls]
    case = replace(CASE, operation=operation, inputs={"steps": steps} if steps else {}, tolerance=1e-6)
    words = "right except for the last digits (relative error 9e-04): too little precision"
    if is_trained:
        words = "nearly right (relative error 9e-04): too little precision, or a small term such as the weight decay"
    assert manner("w0", W.tolist(), off(4, 0.9), case) == words


@pytest.mark.parametrize(("bad", "n", "words"), [
    ([], 3, ""), ([0, 1, 2], 3, ""), ([0], 1, ""), ([0], 3, "x 0 only"), ([1], 3, "x 1 only"),
    ([2], 3, "the last x only"), ([1, 2], 3, "x 1 and all after it"), ([0, 1], 3, "the first 2 xs"),
    ([1, 2], 4, "xs 1 to 2"), ([1, 3, 5], 6, "every 2nd x, beginning with 1"),
    ([0, 4, 8], 9, "every 4th x, beginning with 0"), ([0, 3], 7, "2 of 7 xs"), ([1, 2, 4], 6, "3 of 6 xs"),
])
def test_a_pattern_of_wrong_rows(bad, n, words):
    assert pattern(set(bad), n, "x") == words


def test_ordinal_numbers():
    numbers = (1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 101, 111, 112, 128)
    assert " ".join(map(ordinal, numbers)) == (
        "1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 23rd 101st 111th 112th 128th")


class Tensor:
    """An array of a framework that spells its dtypes in its own way, as TensorFlow and PyTorch do."""

    def __init__(self, dtype, spelling):
        self.values = np.zeros(2, dtype)
        self.dtype = spelling

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


@pytest.mark.parametrize(("found", "more", "words"), [
    (np.zeros(2), {}, "z: expected float32, found float64"),
    (Tensor("f8", "torch.float64"), {}, "z: expected float32, found float64"),
    (Tensor("f4", "<dtype: 'float32'>"), {}, ""),
    (Tensor("f8", "<dtype: 'float64'>"), {}, "z: expected float32, found float64"),
    (np.zeros(2, np.float32), {}, ""), ([0.0], {}, ""), (np.zeros(2), {"dtype": "int"}, ""),
    (np.zeros(2), {"operation": "stored_bytes"}, ""),
])
def test_an_output_has_the_dtype_of_its_layer(found, more, words):
    assert wrong_dtype("z", found, replace(CASE, **more)) == words


def test_the_output_of_an_empty_batch_keeps_its_width():
    for name, width in (("z", 2), ("da", 3)):
        assert wrong_width(name, np.zeros((0, width)), CASE) == ""
        said = f"{name}: expected shape (0, {width}), found (0,)"
        assert wrong_width(name, np.zeros(0), CASE) == said
        assert wrong_width(name, np.zeros(0), replace(CASE, inputs={})) == ""
    assert wrong_width("dw", np.zeros(0), CASE) == "" == wrong_width("z", [], CASE)  # a list has no width to lose


def test_a_network_must_keep_the_width_of_an_empty_batch_too():
    two = replace(CASE, inputs={"layers": [{"n_in": 5, "n_out": 7}, {"n_in": 7, "n_out": 3}]})
    for name, width in (("z", 3), ("dx", 5)):
        assert wrong_width(name, np.zeros((0, width)), two) == ""
        assert wrong_width(name, np.zeros((0, 7)), two) == f"{name}: expected shape (0, {width}), found (0, 7)"


def test_a_transposed_answer_is_called_that_even_where_it_is_square_or_given_by_sums():
    square = WANTED[:, :3]
    case = replace(CASE, tolerance=1e-6)
    for x in (WANTED, square):
        for expected in (x.tolist(), by_sums(x)):
            assert manner("z", expected, x.T, case) == "transposed" != manner("z", expected, 2 * x.T, case)


# ---- the cases themselves


def test_a_missing_file_of_vectors_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(cases, "FOLDERS", [tmp_path / "one", tmp_path / "two"])
    with pytest.raises(FileNotFoundError, match=r"one or .*two; is the installation complete\?"):
        cases.read_file.__wrapped__()


def test_an_unknown_flag_has_no_explanation():
    assert explain_flag("SignIgnored") and explain_flag("NoSuchFlag") == ""


def test_arrays_are_written_in_three_ways():
    assert dense([[1, 2]], "float32").dtype == np.float32
    assert dense({"shape": [3], "formula": 1}, "float32").dtype == np.float32
    assert dense({"shape": [2], "at": [[1, 5]], "rest": "any"}, "float64").tolist() == [0.0, 5.0]
    u = [(n * 2654435761 + 7 * 2246822519 + 1) % 2**32 for n in range(6)]  # SPEC.md's formula with Python's integers
    b = [((x ^ x >> 15) * 3266489917 % 2**32) >> 28 for x in u]
    assert fill([2, 3], 7).tolist() == [[(2 * x - 15) / 8 for x in row] for row in (b[:3], b[3:])]


def test_a_matrix_keeps_its_width_without_rows_and_loses_its_shape_where_rows_differ():
    assert matrix([], 3, "float32").shape == (0, 3) and matrix([], 3, "float32").dtype == np.float32
    assert matrix([[1, 2]], 5, "float32").tolist() == [[1.0, 2.0]]
    assert matrix([[1, 2], [3, 4]], 5, "float32").shape == (2, 2)
    ragged = matrix([[1, 2], [3]], 5, "float32")
    assert ragged.dtype == object and ragged.tolist() == [[1, 2], [3]]


LAYER = {"n_in": 10, "n_out": 8, "kind": "xxhash", "buckets": 10, "bias": None, "bias_buckets": 0, "seed": 3}


def test_a_layer_that_carries_a_compression_keeps_it_and_others_get_one():
    assert make_spec(LAYER, "float64") == LayerSpec(10, 8, "xxhash", 10, 3, None, 0, "float64", "1/8")
    assert make_spec(LAYER | {"compression": "0.125", "w": [1]}, "float64").compression == "0.125"
    assert make_spec({k: v for k, v in LAYER.items() if k != "seed"}, "float32").seed is None


@pytest.mark.parametrize("bias", ["column", "hashed", "dense", None])
def test_a_compression_that_is_found_yields_the_buckets_and_each_that_there_is_gets_found(bias):
    for n_in, n_out in ((1, 1), (3, 1), (1, 4), (5, 3)):
        columns = n_in + (bias == "column")
        for c in {Fraction(a, b) for b in range(1, 17) for a in range(1, b + 1)}:
            K, K_b = Right.bucket_counts(str(c), n_in, n_out, bias)
            layer = {"n_in": n_in, "n_out": n_out, "bias": bias, "buckets": K, "bias_buckets": K_b}
            assert Right.bucket_counts(find_compression(layer), n_in, n_out, bias) == (K, K_b)
        for K in (0, n_out * columns + 1):
            assert find_compression(layer | {"buckets": K}) is None
    if bias == "hashed":
        for K_b in (0, 1, 3):  # K = 8 of 15 asks for 2 of 3
            assert find_compression(layer | {"buckets": 8, "bias_buckets": K_b}) is None
        assert find_compression(layer | {"buckets": 8, "bias_buckets": 2}) == "8/15"
