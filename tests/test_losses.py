"""The losses and the error rate: values and gradients by hand, weights of examples, criteria, what is refused."""

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.losses import error_rate


def test_cross_entropy_of_huge_logits_is_finite_and_right():
    loss, dz = hn.softmax_cross_entropy(np.array([[1000.0, 0.0], [0.0, -1000.0]]), np.array([1, 0]))
    assert loss == 500.0
    np.testing.assert_array_equal(dz, [[0.5, -0.5], [0.0, 0.0]])


def test_cross_entropy_is_a_mean_and_its_gradient_the_difference_quotient(rng):
    z, y = rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    loss, dz = hn.softmax_cross_entropy(z, y)
    twice, _ = hn.softmax_cross_entropy(np.tile(z, (2, 1)), np.tile(y, 2))
    assert abs(loss - twice) < 1e-15
    for index in np.ndindex(z.shape):
        step = np.zeros(z.shape)
        step[index] = 1e-6
        slope = (hn.softmax_cross_entropy(z + step, y)[0] - hn.softmax_cross_entropy(z - step, y)[0]) / 2e-6
        assert abs(slope - dz[index]) < 1e-9
    assert hn.softmax_cross_entropy(np.zeros((0, 5)), np.zeros(0, int))[0] == 0.0


def test_labels_must_be_in_a_row():
    with pytest.raises(ValueError, match=r"z must be \(n, classes\) and y \(n,\), got \(3, 2\) and \(3, 1\)"):
        error_rate(np.zeros((3, 2)), np.zeros((3, 1), int))


def test_no_example_is_no_error():
    assert error_rate(np.zeros((0, 3)), np.zeros(0, int)) == 0.0


@pytest.mark.parametrize("y", [[5], [-1], [0.0], [0, 1], ["0"]])
def test_labels_outside_are_refused(y):
    with pytest.raises(ValueError, match="y "):
        hn.softmax_cross_entropy(np.zeros((1, 5)), np.array(y))


@pytest.mark.parametrize(("y", "message"), [
    ([0, 5], "0..4, got int64 from 0 to 5"), ([0, -1], "from -1 to 0"), ([0.0, 1.0], r"did you mean y.astype\(int\)"),
    ([0.5, 1.0], "got float64; for a regression, pass loss=hn.squared_error$"), (["0", "1"], "got <U1$"),
    ([1, 5], r"from 1 to 5; are they 1-based\? y - 1$"), ([2, 5], "from 2 to 5$"), ([1j, 0], "got complex128$"),
])
def test_an_error_rate_of_what_is_not_a_label_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        error_rate(np.zeros((2, 5)), np.array(y))


def test_the_squared_error_by_hand():
    loss, dz = hn.squared_error(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 3.0]]))
    assert loss == (0 + 4 + 0 + 1) / 4
    np.testing.assert_array_equal(dz, [[0, 1], [0, 0.5]])
    assert hn.squared_error(np.ones((2, 1)), np.zeros(2))[0] == 1.0
    assert hn.squared_error(np.zeros((0, 2)), np.zeros((0, 2)))[0] == 0.0
    _, dz = hn.squared_error(np.ones((2, 1), np.float32), np.zeros(2))
    assert dz.dtype == np.float32


@pytest.mark.parametrize(("z", "y"), [((3, 2), (3,)), ((3, 1), (3, 2)), ((3, 1), (1,)), ((3,), (3,)), ((3, 2), (3, 1))])
def test_the_squared_error_never_broadcasts(z, y):
    with pytest.raises(ValueError, match="the same shape"):
        hn.squared_error(np.zeros(z), np.zeros(y))


@pytest.mark.parametrize(("loss", "targets"), [
    (hn.softmax_cross_entropy, np.array([0, 2, 1, 1])),
    (hn.squared_error, np.arange(12.0).reshape(4, 3)),
])
def test_a_weight_of_2_is_an_example_that_occurs_twice(loss, targets, rng):
    z = rng.normal(size=(4, 3))
    repeated = [0, 0, 1, 3]
    expected, expected_dz = loss(z[repeated], targets[repeated])
    value, dz = loss(z, targets, [2, 1, 0, 1])
    assert abs(value - expected) < 1e-14
    np.testing.assert_allclose(dz[[0, 1, 3]], [2 * expected_dz[0], expected_dz[2], expected_dz[3]], rtol=1e-14)
    assert not dz[2].any()
    nothing, dz = loss(z, targets, np.zeros(4))
    assert nothing == 0.0 and not dz.any()
    with pytest.raises(ValueError, match=r"sample_weight has shape \(1,\), expected \(4,\)"):
        loss(z, targets, [1.0])


def test_equal_weights_change_nothing(rng):
    z, y = rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    loss, dz = hn.softmax_cross_entropy(z, y)
    weighted, weighted_dz = hn.softmax_cross_entropy(z, y, np.full(6, 3.0))
    assert abs(loss - weighted) < 1e-15
    np.testing.assert_allclose(weighted_dz, dz, rtol=1e-14)


def test_the_squared_error_passes_the_gradient_check(rng):
    net = hn.Network([hn.HashedLinear(12, 9, "1/2"), hn.Tanh(), hn.HashedLinear(9, 2, "1/2")])
    assert hn.gradcheck(net, rng.normal(size=(20, 12)), rng.normal(size=(20, 2)), loss=hn.squared_error).worst < 1e-6


@pytest.mark.parametrize("function", [hn.softmax_cross_entropy, hn.squared_error, error_rate])
def test_what_is_under_a_mask_is_not_used(function):
    y = np.array([0, 1, 2, 1])
    z = np.eye(3)[y]
    targets = z if function is hn.squared_error else y
    with pytest.raises(ValueError, match="z has masked entries"):
        function(np.ma.array(z, mask=z > 0), targets)
    with pytest.raises(ValueError, match="y has masked entries"):
        function(z, np.ma.array(targets, mask=targets == 1))


def test_losses_name_their_criterion():
    assert hn.softmax_cross_entropy.criterion is error_rate
    assert not hasattr(hn.squared_error, "criterion")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, bool])
@pytest.mark.parametrize(("loss", "y"), [(hn.softmax_cross_entropy, [1, 0]), (hn.squared_error, [[1.5, 0.0], [3, 2]])])
def test_outputs_that_are_whole_numbers_count_as_floats(loss, y, dtype):
    z = np.array([[1, 0], [0, 1]], dtype)
    value, dz = loss(z, y)
    expected, expected_dz = loss(z.astype(np.float64), y)
    assert value == pytest.approx(expected) and dz.dtype.kind == "f"
    np.testing.assert_allclose(dz, expected_dz, rtol=1e-6)


@pytest.mark.parametrize("function", [hn.softmax_cross_entropy, hn.squared_error, error_rate])
@pytest.mark.parametrize("z", [[["a", "b"]], [[1j, 2.0]], np.array([[None, 1.0]])])
def test_outputs_that_are_not_real_numbers_are_refused(function, z):
    with pytest.raises(ValueError, match=r"z has dtype .*, expected real numbers"):
        function(z, np.array([[0.0, 1.0]]) if function is hn.squared_error else [0])


def test_an_answer_that_is_not_a_number_is_wrong():
    z = np.array([[np.nan, 1.0], [1.0, np.nan], [np.nan, np.nan], [2.0, 1.0]])
    assert error_rate(z, [0, 1, 0, 0]) == 75.0


@pytest.mark.parametrize(("weight", "message"), [
    ([1, -1], r"sample_weight must be finite and at least 0, got -1\.\.1"), ([1.0, np.nan], "must be finite"),
    ([np.inf, 1.0], "must be finite"), (["1", "2"], "sample_weight has dtype <U1, expected real numbers"),
])
def test_weights_that_are_no_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        hn.softmax_cross_entropy(np.zeros((2, 3)), [0, 1], weight)


@pytest.mark.parametrize("scale", [1e-300, 1e-50, 1e-44, 3e38, 1e307])
def test_only_the_ratios_of_weights_count_however_small_or_large_they_are(scale):
    z = np.float32([[0, 1], [2, 0]])
    loss, dz = hn.softmax_cross_entropy(z, [0, 1], [scale, 3 * scale])
    right_loss, right_dz = hn.softmax_cross_entropy(z, [0, 1], [1, 3])
    assert loss == pytest.approx(right_loss, rel=1e-6) and dz.dtype == np.float32
    np.testing.assert_allclose(dz, right_dz, rtol=1e-6)


def test_truth_values_are_labels_too(rng):
    z = rng.normal(size=(6, 2))
    y = np.array([0, 1, 1, 0, 1, 0])
    assert error_rate(z, y > 0) == error_rate(z, y) and error_rate(z, [bool(label) for label in y]) == error_rate(z, y)
    loss, dz = hn.softmax_cross_entropy(z, y > 0)
    expected, expected_dz = hn.softmax_cross_entropy(z, y)
    assert loss == expected and np.array_equal(dz, expected_dz)
    net = hn.Network([hn.Linear(2, 2, seed=0)])
    assert hn.gradcheck(net, z, y > 0) == hn.gradcheck(net, z, y)


def test_a_label_of_a_network_with_one_output_is_told_that_each_class_has_one():
    with pytest.raises(ValueError, match=r"got int64 from 0 to 1; a classifier needs one output for each class$"):
        hn.softmax_cross_entropy(np.zeros((2, 1)), [0, 1])
    with pytest.raises(ValueError, match=r"got bool from False to True; a classifier needs one output for each class$"):
        error_rate(np.zeros((2, 1)), [False, True])


@pytest.mark.parametrize("criterion", [0.5, None, "error_rate"])
def test_a_criterion_is_a_function(criterion):
    with pytest.raises(ValueError, match=r"a criterion must be a function \(outputs, targets\) -> a number, got "):
        hn.judged_by(criterion)
