"""Checks of arguments: what is let through at each limit, and what is reported for the rest."""

import re

import numpy as np
import pytest

from hashnets_np.support import checks


@pytest.mark.parametrize(("length", "text"), [(97, "x" * 97), (100, "x" * 100), (101, "x" * 97 + "..."),
                                              (500, "x" * 97 + "...")])
def test_a_value_is_shown_in_at_most_100_characters(length, text):
    class Long:
        def __repr__(self):
            return "x" * length

    assert checks.shown(Long()) == text


def test_a_value_is_shown_in_one_line():
    assert checks.shown(np.eye(2)) == "array([[1., 0.], [0., 1.]])"


@pytest.mark.parametrize("value", [3, 7, np.uint8(3), np.int64(7)])
def test_an_integer_at_either_limit_is_let_through_as_an_int(value):
    assert type(checks.check_integer("n", value, 3, 7)) is int and checks.check_integer("n", value, 3, 7) == value
    assert type(checks.check_count("n", value, 3)) is int and checks.check_count("n", value, 3) == value


@pytest.mark.parametrize("value", [2, 8, 5.0, True, np.True_, "5", None, np.array([5])])
def test_an_integer_beyond_its_limits_or_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=r"^n must be an integer in 3\.\.7, got "):
        checks.check_integer("n", value, 3, 7)
    if value != 8:
        with pytest.raises(ValueError, match=r"^n must be an integer of at least 3, got "):
            checks.check_count("n", value, 3)


def test_a_count_is_at_least_1():
    assert checks.check_count("n", 1) == 1
    with pytest.raises(ValueError, match="at least 1, got 0"):
        checks.check_count("n", 0)


def test_a_seed_has_32_bits():
    assert [checks.check_seed(seed) for seed in (0, np.uint32(2**32 - 1))] == [0, 2**32 - 1]
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match=rf"^seed must be an integer in 0\.\.2\*\*32-1, got {seed}$") as error:
            checks.check_seed(seed)
        assert error.value.__suppress_context__  # one error, not two


@pytest.mark.parametrize("flag", [True, False, np.True_, np.False_])
def test_truth_values_are_those_of_python_and_numpy(flag):
    assert checks.check_flag("flag", flag) is bool(flag)


@pytest.mark.parametrize(("value", "above"), [(1, False), (np.float32(1.5), True), (1.999, True), (np.int8(1), False)])
def test_a_number_within_its_limits_is_let_through(value, above):
    checks.check_number("rate", value, 1, 2, above=above)
    checks.check_number("rate", value, 1, above=above)


@pytest.mark.parametrize(("value", "high", "above", "expected"), [
    (0.999, 2, False, "at least 1 and below 2"), (2, 2, False, "at least 1 and below 2"),
    (1, 2, True, "above 1 and below 2"), (1, np.inf, True, "above 1"), (np.inf, np.inf, False, "at least 1"),
    (np.nan, 2, False, "at least 1 and below 2"), (True, 2, False, "at least 1 and below 2"),
    (10**96, 2, False, "at least 1 and below 2"),
    ("1", np.inf, False, "at least 1"), (1 + 0j, np.inf, False, "at least 1"), (None, np.inf, True, "above 1"),
])
def test_a_number_beyond_its_limits_is_refused_with_the_limits_there_are(value, high, above, expected):
    with pytest.raises(ValueError) as error:
        checks.check_number("rate", value, 1, high, above=above)
    assert str(error.value) == f"rate must be a finite number {expected}, got {value!r}"


def test_an_integer_beyond_the_largest_float_is_no_finite_number():
    with pytest.raises(ValueError, match="rate must be a finite number at least 1, got 1000"):
        checks.check_number("rate", 10**400, 1)


def test_masks_that_mask_nothing_are_no_obstacle():
    x = np.ma.masked_array(np.ones((2, 3)), mask=np.zeros((2, 3)))
    np.testing.assert_array_equal(checks.as_examples("x", x), np.ones((2, 3)))


def test_targets_of_the_right_type_are_not_copied():
    for y in (np.zeros(3, np.int64), np.zeros(3, np.float32), np.zeros((3, 2))):
        assert checks.as_targets("y", y, 3) is y


def test_labels_end_where_int64_ends():
    largest = np.iinfo(np.int64).max
    assert checks.as_targets("y", np.array([0, largest], np.uint64), 2).tolist() == [0, largest]
    with pytest.raises(ValueError, match=f"y has integers from 0 to {largest + 1}, expected class labels"):
        checks.as_targets("y", np.array([0, largest + 1], np.uint64), 2)


@pytest.mark.parametrize(("y", "message"), [
    (np.zeros((3, 2, 2), int), r"y must be \(n,\), got \(3, 2, 2\); did you forget y.ravel\(\)\?"),
    (np.zeros((3, 2), int), r"y must be \(n,\), got \(3, 2\); are the rows one-hot\? y.argmax\(axis=1\); are they "
                            r"targets of a regression\? y.astype\(float\)$"),
    (np.zeros((3, 1), int), r"y must be \(n,\), got \(3, 1\); did you forget y.ravel\(\)\?"),
    (np.zeros((), int), r"y must be \(n,\), got \(\); did you forget"),
    (np.zeros((3, 2, 2)), r"y must be \(n,\) or \(n, n_out\), got \(3, 2, 2\); did you forget"),
])
def test_labels_of_another_shape_get_the_fix_that_fits(y, message):
    with pytest.raises(ValueError, match=message):
        checks.as_targets("y", y, 3)


@pytest.mark.parametrize(("x", "hint"), [
    (np.zeros(4), "; for one example, x.reshape(1, -1)"), (np.zeros((2, 2)), "; for one example, x.reshape(1, -1)"),
    ([0, 0, 0, 0], "; for one example, np.asarray(x).reshape(1, -1)"), (np.zeros((2, 5)), ""), (np.zeros(5), ""),
    (np.zeros((4, 1)), "; for one example, x.reshape(1, -1)"), (np.zeros(()), ""),
    (np.zeros((3, 2, 2)), "; did you forget x.reshape(len(x), -1)?"),
    ([[[0, 0], [0, 0]]] * 3, "; did you forget np.asarray(x).reshape(len(x), -1)?"),
])
def test_an_input_of_another_shape_gets_a_hint_that_leads_to_rows_or_none(x, hint):
    with pytest.raises(ValueError) as error:
        checks.check_input(x, 4)
    assert str(error.value) == f"x has shape {np.shape(x)}, expected (batch, n_in=4){hint}"
    if hint:
        followed = eval(re.search(r"\S+reshape.*\)", hint)[0], {"x": x, "np": np})
        assert checks.check_input(followed, 4).shape == (np.size(x) // 4, 4)


@pytest.mark.parametrize(("x", "hint"), [
    (np.zeros(4), "; for one example, x.reshape(1, -1); for examples of one number each, x.reshape(-1, 1)"),
    ([0, 0], "; for one example, np.asarray(x).reshape(1, -1); for examples of one number each, "
             "np.asarray(x).reshape(-1, 1)"),
    (np.zeros((2, 3, 4)), "; did you forget x.reshape(len(x), -1)?"), (np.zeros(()), ""),
])
def test_examples_of_another_shape_get_a_hint_that_leads_to_rows_or_none(x, hint):
    with pytest.raises(ValueError) as error:
        checks.as_examples("x", x)
    assert str(error.value) == f"x has shape {np.shape(x)}, expected (n, n_in), one example per row{hint}"


def test_hints_name_no_method_that_a_table_lacks():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"for one example, np\.asarray\(x\)\.reshape\(1, -1\)"):
        checks.as_examples("x", pandas.Series([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"did you forget np\.asarray\(y\)\.ravel\(\)\?"):
        checks.as_targets("y", pandas.DataFrame({"y": [0, 1]}), 2)
    with pytest.raises(ValueError, match=r"are the rows one-hot\? np\.asarray\(y\)\.argmax\(axis=1\)"):
        checks.as_targets("y", pandas.DataFrame(np.eye(2, dtype=int)), 2)


@pytest.mark.parametrize(("values", "dtype"), [
    ([1, 2**40], np.int64), ([1, 2.5], np.float64), ([1, np.float32(2)], np.float64), ([True, np.int8(3)], np.int64),
    ([1, "2"], object), ([None, 1], object), ([10**30, 1], object),
])
def test_objects_become_numbers_if_each_is_one(values, dtype):
    array = np.array(values, object)
    assert checks.unboxed(array).dtype == dtype and checks.unboxed(array).tolist() == values


def test_a_list_of_integers_that_no_type_holds_is_refused_in_words():
    with pytest.raises(ValueError, match="y has dtype object, expected integers"):
        checks.as_targets("y", [10**30, 1], 2)
    np.testing.assert_array_equal(checks.as_array("y", np.array([1, 2], object)), np.array([1, 2], object))
    assert checks.as_array("y", np.array([1, 2], object)).dtype == object  # an array of objects is what was meant


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_first_number_that_is_not_finite_is_named_by_its_row(wrong):
    x = np.zeros((4, 2))
    x[2, 1] = wrong
    x[3, 0] = np.nan
    with pytest.raises(ValueError, match=f"x has {wrong} in row 2, expected finite numbers"):
        checks.check_finite("x", x)
    checks.check_finite("x", x[:2])
    checks.check_finite("x", x[:0])


def test_an_array_that_belongs_to_another_is_returned_and_never_broadcasts():
    array = np.ones((2, 3))
    assert checks.check_same_shape("dz", array, (2, 3)) is array
    with pytest.raises(ValueError, match=r"dz has shape \(3,\), expected \(2, 3\), the shape of the last input"):
        checks.check_same_shape("dz", np.ones(3), (2, 3))
