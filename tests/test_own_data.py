"""The Dataset class: own arrays and tables are kept as given, checked once, and say what is wrong with them."""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import hashnets_np as hn

X = np.random.default_rng(0).random((20, 4)).astype(np.float32)
Y = (X[:, 0] > 0.5).astype(np.int64)


def dataset(**change):
    fields = {"name": "mine", "x_train": X, "y_train": Y, "x_valid": X[:6], "y_valid": Y[:6], "x_test": X[:5],
              "y_test": Y[:5], "provenance": "here"}
    return hn.Dataset(**(fields | change))


def test_arrays_of_the_right_type_are_kept_and_not_copied():
    data = dataset()
    assert data.x_train is X and data.y_train is Y
    assert data.x_valid.base is X


@pytest.mark.parametrize(("x", "dtype"), [
    (X.astype(np.float64), np.float64), ((X * 255).astype(np.uint8), np.float32), (X > 0.5, np.float32),
    ((X * 100).astype(np.int64), np.float64), (X.astype(np.float16), np.float32), (X.astype(">f4"), np.float32),
    (X.astype(np.longdouble), np.float64), (X.tolist(), np.float64), (np.asfortranarray(X), np.float32),
])
def test_numbers_become_floats_that_hold_them(x, dtype):
    data = dataset(x_train=x)
    assert data.x_train.dtype == dtype and data.x_train.dtype.isnative
    np.testing.assert_array_equal(data.x_train, np.asarray(x, dtype))


@pytest.mark.parametrize("y", [Y.astype(np.uint8), Y.astype(bool), Y.tolist(), Y.astype(">i4"), Y.astype(np.uint64)])
def test_labels_become_int64(y):
    data = dataset(y_train=y)
    assert data.y_train.dtype == np.int64
    np.testing.assert_array_equal(data.y_train, Y)


@pytest.mark.parametrize(("change", "message"), [
    ({"x_train": X[0]}, r"x_train has shape \(4,\), expected \(n, n_in\)"),
    ({"x_test": X[:5, :, None]}, r"x_test.reshape\(len\(x_test\), -1\)"),
    ({"x_valid": X[:6, :3]}, "x_valid has 3 columns, x_train has 4"),
    ({"x_valid": X[:5]}, "y_valid has 6 rows for 5 examples"), ({"y_test": Y[:4]}, "y_test has 4 rows for 5 examples"),
    ({"x_test": np.full((5, 4), np.nan)}, "x_test has nan in row 0"), ({"x_train": X + 0j}, "complex"),
    ({"x_train": X.astype(object)}, "object"), ({"y_valid": Y[:6] - 1}, "y_valid has integers from -1"),
    ({"y_valid": Y[:6].astype(str)}, "y_valid has dtype <U21, expected integers"),
    ({"y_valid": Y[:6].astype(float)}, "y_valid is float64 .* but y_train is int64"),
    ({"y_train": Y.astype(float)}, "y_valid is int64 .* but y_train is float64"),
    ({"y_valid": Y[:6, None]}, r"y_valid must be \(n,\), got \(6, 1\); did you forget y_valid.ravel"),
    ({"y_train": np.float32(np.nan)}, r"y_train must be \(n,\) or \(n, n_out\), got \(\)"),
    ({"y_train": [[0, 1], [1]]}, "y_train cannot be turned into an array"),
    ({"y_train": np.full(20, 2**64 - 1, np.uint64)}, "expected class labels"),
])
def test_what_does_not_belong_together_is_one_clear_line(change, message):
    with pytest.raises(ValueError, match=message) as error:
        dataset(**change)
    assert "\n" not in str(error.value)


def test_a_sparse_matrix_is_named():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match=r"x_train is a sparse matrix.*x_train.toarray\(\)"):
        dataset(x_train=sparse.csr_matrix(X))


def test_classes_are_those_of_all_sets():
    y_valid = np.array([0, 1, 2, 0, 1, 2])
    assert dataset(y_valid=y_valid).classes == 3
    assert dataset(y_test=np.array([0, 1, 2, 0, 7])).classes == 8
    assert dataset(x_train=X[:0], y_train=Y[:0]).classes == 2
    with pytest.raises(ValueError, match="float targets, not class labels"):
        dataset(y_train=X[:, 0], y_valid=X[:6, 0], y_test=X[:5, 0]).classes  # noqa: B018


def test_a_regression_may_have_several_targets():
    data = dataset(y_train=X, y_valid=X[:6], y_test=X[:5])
    assert data.y_train.shape == (20, 4) and data.refit().y_train.shape == (26, 4)
    with pytest.raises(ValueError, match="y_valid is float32 of shape"):
        dataset(y_train=X, y_valid=X[:6, 0], y_test=X[:5])


def test_data_sets_can_be_compared_hashed_and_printed():
    data = dataset()
    assert data == dataset() and hash(data) == hash(dataset())
    assert data != replace(data, y_train=1 - Y) and data != "mine"
    assert repr(data) == "Dataset('mine': 20 + 6 + 5 examples for training, validation and test, 4 inputs, 2 classes)"
    assert "float targets" in repr(dataset(y_train=X, y_valid=X[:6], y_test=X[:5]))


def test_a_fraction_is_drawn_at_random_and_each_example_is_in_one_set():
    order = np.argsort(Y, kind="stable")  # sorted by class: the last fifth would be one class
    data = hn.Dataset.from_arrays(X[order], Y[order], validation=0.3, seed=1)
    assert (len(data.x_train), len(data.x_valid), len(data.x_test)) == (14, 6, 0)
    assert set(data.y_valid) == {0, 1}
    rows = np.concatenate([data.x_train, data.x_valid])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, X))
    again = hn.Dataset.from_arrays(X[order], Y[order], validation=0.3, seed=1)
    assert data == again != hn.Dataset.from_arrays(X[order], Y[order], validation=0.3, seed=2)


def test_pairs_are_taken_as_they_are():
    data = hn.Dataset.from_arrays(X, Y, validation=(X[:3], Y[:3]), test=[X[:2], Y[:2]], name="mine")
    np.testing.assert_array_equal(data.x_valid, X[:3])
    np.testing.assert_array_equal(data.y_test, Y[:2])
    assert data.name == "mine" and data.x_train is X
    assert len(hn.Dataset.from_arrays(X, Y).x_valid) == 0


@pytest.mark.parametrize(("value", "came"), [
    ("0.2", "'0.2'"), (Fraction(1, 5), r"Fraction\(1, 5\)"), ((X, Y, Y), "tuple of length 3"),
    ([X], "list of length 1"), (X, r"array\(\[\[.*\.\.\."),
])
def test_what_is_neither_a_pair_nor_a_fraction_is_named(value, came):
    with pytest.raises(ValueError, match=rf"^validation must be a pair .x, y. or a fraction such as 0\.2, got {came}$"):
        hn.Dataset.from_arrays(X, Y, validation=value)
    with pytest.raises(ValueError, match=rf"^test must be a pair \(x, y\), got {came}$"):
        hn.Dataset.from_arrays(X, Y, test=value)


def test_tables_are_taken_by_position_in_all_sets():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(np.c_[X, Y]).sample(frac=1, random_state=0)
    x, y = table.iloc[:, :4], table.iloc[:, 4].astype(int)
    data = hn.Dataset.from_arrays(x, y, validation=(x, y), test=(x[:5], y[:5]))
    np.testing.assert_array_equal(data.x_train, x.to_numpy())
    np.testing.assert_array_equal(data.y_valid, y.to_numpy())
    np.testing.assert_array_equal(data.y_test, y.to_numpy()[:5])
    table.iloc[3, 1] = np.nan
    with pytest.raises(ValueError, match="x has nan in row 3"):
        hn.Dataset.from_arrays(table.iloc[:, :4], y)


def test_own_data_in_five_lines(tmp_path):
    net = hn.build("hashnet", [4, 32, 2], compression="1/4", seed=1)
    history = hn.fit(net, X, Y, epochs=30, validation=0.2, optimizer=hn.SGD(0.1))
    hn.save(net, tmp_path / "net.safetensors")
    p = hn.predict_proba(hn.load(tmp_path / "net.safetensors"), X)
    assert (p.argmax(axis=1) == Y).mean() > 0.8 and history.best_epoch > 0


def test_a_class_that_is_missing_in_the_training_set_gets_a_hint():
    with pytest.warns(UserWarning, match=r"class 2 is in y_valid but not in y_train.*sorted"):
        hn.fit(hn.build("nn", [4, 5, 3], compression=1), dataset(y_valid=np.array([0, 1, 2, 0, 1, 2])), 1)


@pytest.mark.parametrize("seed", [None, [1], 2**32, True, 1.0, "1", np.random.default_rng(0)])
def test_a_seed_is_checked_also_where_nothing_is_drawn(seed):
    with pytest.raises(ValueError, match=r"seed must be an integer in 0\.\.2\*\*32-1"):
        hn.Dataset.from_arrays(X, Y, seed=seed)


def test_columns_that_could_hold_missing_values_are_numbers_as_long_as_they_hold_none():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X).astype("Float64")
    data = hn.Dataset.from_arrays(frame, pd.Series(Y).astype("Int64").astype(object))
    np.testing.assert_array_equal(data.x_train, X)
    assert data.y_train.dtype == np.int64 and np.array_equal(data.y_train, Y)
    frame.iloc[2, 1] = pd.NA
    with pytest.raises(ValueError, match="x has"):
        hn.Dataset.from_arrays(frame, Y)
    for wrong in (["1"] * len(Y), [None] * len(Y), [10**30] * len(Y)):
        with pytest.raises(ValueError, match="y has dtype object"):
            hn.Dataset.from_arrays(X, np.array(wrong, object))


def test_one_hot_rows_are_told_how_to_become_labels():
    with pytest.raises(ValueError, match=r"y must be \(n,\), got .*one-hot\? y\.argmax\(axis=1\)"):
        hn.Dataset.from_arrays(X, np.eye(Y.max() + 1, dtype=int)[Y])
    with pytest.raises(ValueError, match=r"did you forget y\.ravel"):
        hn.Dataset.from_arrays(X, Y[:, None])


def test_a_data_set_is_not_another_thing_and_no_two_sizes_share_a_hash():
    data = dataset()
    assert (data == "mine") is False and (data != "mine") is True
    assert hash(data) != hash(dataset(x_valid=X[:5], y_valid=Y[:5])) and hash(data) != hash(replace(data, name="other"))


def test_no_example_is_no_class():
    empty = dataset(**{f"{axis}_{part}": {"x": X, "y": Y}[axis][:0] for axis in "xy" for part in
                       ("train", "valid", "test")})
    assert empty.classes == 0


def test_an_empty_set_may_have_any_width_and_any_sort_of_targets():
    data = dataset(x_valid=np.zeros((0, 0)), y_valid=np.zeros(0), x_test=np.zeros((0, 7)), y_test=[])
    assert (len(data.x_valid), len(data.x_test)) == (0, 0)


@pytest.mark.parametrize("part", ["valid", "test"])
def test_both_other_sets_are_compared_with_the_training_set(part):
    with pytest.raises(ValueError, match=f"x_{part} has 3 columns, x_train has 4"):
        dataset(**{f"x_{part}": X[:3, :3], f"y_{part}": Y[:3]})


@pytest.mark.parametrize(("n", "fraction", "size"), [(2, 0.5, 1), (10, 0.1, 1), (10, 0.9, 9), (10, 0.26, 3)])
def test_a_fraction_leaves_at_least_one_example_in_each_set(n, fraction, size):
    from hashnets_np.datasets import draw_fraction

    rest, drawn = draw_fraction(n, fraction, 1)
    assert len(drawn) == size and sorted([*rest, *drawn]) == list(range(n))
    assert sorted(rest) == list(rest) and sorted(drawn) == list(drawn)


@pytest.mark.parametrize(("n", "fraction", "message"), [
    (10, 0, "above 0 and below 1, got 0"), (10, 1.0, "above 0 and below 1, got 1.0"),
    (10, 0.04, "validation=0.04 of 10 examples is 0, which leaves one set empty"),
    (10, 0.96, "validation=0.96 of 10 examples is 10, which leaves one set empty"),
])
def test_a_fraction_that_leaves_a_set_empty_is_refused(n, fraction, message):
    from hashnets_np.datasets import draw_fraction

    with pytest.raises(ValueError, match=message):
        draw_fraction(n, fraction, 1)


def test_a_set_from_arrays_is_drawn_with_seed_0_and_named_arrays():
    data = hn.Dataset.from_arrays(X, Y, validation=0.2)
    assert data == hn.Dataset.from_arrays(X, Y, validation=0.2, seed=0, name="arrays") and data.name == "arrays"
    for wrong in ((X,), (X, Y, Y)):
        with pytest.raises(ValueError, match=r"test must be a pair \(x, y\), got tuple"):
            hn.Dataset.from_arrays(X, Y, test=wrong)


def test_an_empty_list_is_told_how_an_empty_set_is_written():
    with pytest.raises(ValueError, match=r"x_valid has shape \(0,\), .*; an empty set is x\[:0\], y\[:0\]$"):
        hn.Dataset("mine", X, Y, [], [], [], [])
    assert len(dataset(x_valid=X[:0], y_valid=Y[:0]).x_valid) == 0


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize(("value", "fix"), [
    (None, ""), ({}, ""), (map(float, "12"), r"; pass list\({axis}_train\)"), (0j, ""), ("mine", ""),
    (SimpleNamespace(x_test=X), "; pass one of its arrays, such as x_test"),
])
def test_what_is_not_an_array_is_named_by_its_type(axis, value, fix):
    message = f"^{axis}_train is of type {type(value).__name__}, expected an array of numbers{fix.format(axis=axis)}$"
    with pytest.raises(ValueError, match=message):
        dataset(**{f"{axis}_train": value})
