"""The gradient check itself: it finds wrong gradients, passes right ones, and reports what it cannot decide."""

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import gradient_check


def network(seed=1):
    return hn.Network([hn.HashedLinear(12, 15, "1/4"), hn.ReLU(), hn.HashedLinear(15, 4, "1/4")], seed=seed)


def test_the_gradient_check_finds_a_wrong_gradient(rng):
    class Wrong(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            da = super().backward(dz, input_grad)
            self.grads["w"] = self.grads["w"] * 1.001
            return da

    net = hn.Network([Wrong(12, 9, "1/2", dtype=np.float64), hn.ReLU(), hn.HashedLinear(9, 4, "1/2")])
    report = hn.gradcheck(net, rng.normal(size=(20, 12)), rng.integers(0, 4, 20))
    assert report.errors["0.w"] > 1e-4 and report.errors["2.w"] < 1e-6


def test_the_gradient_check_does_not_pass_what_is_not_a_number_or_not_there(rng):
    class Broken(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            da = super().backward(dz, input_grad)
            self.grads["w"][0] = np.nan
            return da

    net = hn.Network([Broken(12, 9, "1/2"), hn.ReLU(), hn.HashedLinear(9, 4, "1/2")])
    x, y = rng.normal(size=(20, 12)), rng.integers(0, 4, 20)
    report = hn.gradcheck(net, x, y)
    assert np.isnan(report.errors["0.w"]) and report.errors["2.w"] < 1e-6 and np.isnan(report.worst)


def test_directions_that_flip_a_relu_are_drawn_again_and_counted(rng):
    x, y = rng.normal(size=(20, 12)), rng.integers(0, 4, 20)
    report = hn.gradcheck(network(), x, y, step=3e-2)
    assert report.redrawn > 0
    assert f"{report.redrawn} drawn again" in str(report)
    with pytest.raises(ValueError, match="smaller step"):
        hn.gradcheck(network(), x, y, step=10.0)


def test_the_gradient_check_leaves_the_input_as_it_is(rng):
    x = rng.normal(size=(20, 12))
    x.flags.writeable = False
    assert hn.gradcheck(network(), x, rng.integers(0, 4, 20)).worst <= 1e-6


def test_the_gradient_check_keeps_the_worst_of_its_directions(rng):
    class Wrong(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            da = super().backward(dz, input_grad)
            self.grads["w"] = self.grads["w"] + rng.normal(size=self.grads["w"].shape)
            return da

    x, y = rng.normal(size=(20, 12)), rng.integers(0, 4, 20)
    errors = []
    for directions in range(1, 7):  # the first ones are the same for the same seed
        rng = np.random.default_rng(1)
        errors.append(hn.gradcheck(hn.Network([Wrong(12, 4, "1/2")]), x, y, directions=directions).errors["0.w"])
    assert errors == sorted(errors) and errors[0] < errors[-1]


def test_a_direction_orthogonal_to_the_gradient_is_measured_against_a_typical_slope(monkeypatch, rng):
    net = hn.Network([hn.Linear(2, 3, bias=False)])
    x, y = rng.normal(size=(20, 2)), rng.integers(0, 3, 20)
    monkeypatch.setattr(gradient_check, "draw_slope", lambda loss, p, *_: (1e-9, np.zeros(p.shape), 0))
    error = hn.gradcheck(net, x, y).errors["0.w"]
    assert error == pytest.approx(1e-9 / (np.linalg.norm(net_gradient(net, x, y)) / 6**0.5))


def net_gradient(net, x, y):
    net = net.astype(np.float64)
    net.backward(hn.softmax_cross_entropy(net.forward(x), y)[1])
    return net.layers[0].grads["w"]


def test_a_layer_of_ones_own_can_say_where_its_kinks_are(rng):
    class Abs(hn.Layer):
        def forward(self, x, train=False):
            self.positive = x > 0
            return np.abs(x)

        def backward(self, dz, input_grad=True):
            return np.where(self.positive, dz, -dz)

        def kink_sides(self):
            return self.positive

    net = hn.Network([hn.HashedLinear(12, 15, "1/4"), Abs(), hn.HashedLinear(15, 4, "1/4")])
    report = hn.gradcheck(net, rng.normal(size=(20, 12)), rng.integers(0, 4, 20), step=1e-3)
    assert report.redrawn > 0 and report.worst < 1e-4


@pytest.mark.parametrize(("change", "message"), [
    ({"step": 0}, "step must be a finite number above 0"), ({"step": -1e-5}, "step must be"),
    ({"step": np.nan}, "step must be"), ({"step": 1e-300}, "lost in rounding"),
    ({"directions": 0}, "directions must be an integer in 1..100000"), ({"directions": 2**32}, "directions must be"),
    ({"directions": 1.5}, "directions must be"),
    ({"seed": None}, "seed must be"), ({"x": np.zeros((0, 12))}, "nothing to compare"),
    ({"loss": "mse"}, "loss must be a function .*, got 'mse'"), ({"loss": None}, "loss must be a function"),
    ({"x": np.zeros(12)}, "expected .n, n_in."), ({"x": np.full((20, 12), np.nan)}, "x has nan"),
])
def test_a_check_of_nothing_is_refused(change, message, rng):
    arguments = {"net": network(), "x": rng.normal(size=(20, 12)), "y": rng.integers(0, 4, 20)}
    with pytest.raises(ValueError, match=message):
        hn.gradcheck(**(arguments | change))


def test_what_is_not_given_has_the_documented_value(rng):
    x, y = rng.normal(size=(6, 12)), rng.integers(0, 4, 6)
    report = hn.gradcheck(network(), x, y)
    assert report == hn.gradcheck(network(), x, y, loss=hn.softmax_cross_entropy, directions=5, step=1e-5, seed=0)
    assert report.directions == 5 and report.worst == max(report.errors.values())
    assert report != hn.gradcheck(network(), x, y, seed=1)


def test_the_report_is_a_line_for_each_parameter():
    report = gradient_check.GradcheckReport({"0.w": 1.23e-8, "input": 4e-9}, redrawn=2, directions=5)
    assert str(report).splitlines() == [
        "worst relative error over 5 directions each (2 drawn again because the step crossed a kink, as ReLU has one "
        "at 0):",
        "       0.w  1.2e-08", "     input  4.0e-09"]


@pytest.mark.parametrize(("numeric", "error"), [(3.0, 0.0), (6.0, 0.5), (-3.0, 2.0), (0.0, 1.0)])
def test_the_relative_error_by_hand(numeric, error):
    """The gradient says 3 along this direction, and its typical slope is 5 / sqrt(2)."""
    gradient, direction = np.array([3.0, 4.0]), np.array([1.0, 0.0])
    typical = 5 / np.sqrt(2)
    expected = abs(numeric - 3) / max(abs(numeric), typical)
    assert gradient_check.relative_error(numeric, direction, gradient) == pytest.approx(expected)
    assert gradient_check.relative_error(numeric, np.ones(1), np.array([3.0])) == pytest.approx(error)
    assert gradient_check.relative_error(0.0, direction, np.zeros(2)) == 0.0


def test_a_direction_has_length_1_and_the_slope_is_that_of_the_loss_on_both_sides(rng):
    p = np.array([[1.0, 2.0], [3.0, 4.0]])
    seen = []

    def loss():
        seen.append(p.copy())
        return float((p**3).sum()), [None]

    slope, direction, again = gradient_check.draw_slope(loss, p, 0.01, rng)
    assert np.linalg.norm(direction) == pytest.approx(1) and again == 0
    np.testing.assert_array_equal(p, [[1, 2], [3, 4]])
    np.testing.assert_allclose(seen, [p + 0.01 * direction, p - 0.01 * direction])
    assert slope == ((seen[0] ** 3).sum() - (seen[1] ** 3).sum()) / (2 * 0.01)


def test_a_direction_is_drawn_100_times_at_most():
    draws = []

    def loss():
        draws.append(1)
        return 0.0, [np.array([len(draws) % 2 == 0])]

    with pytest.raises(ValueError, match=r"100 steps of length 0.5 in a row crossed a kink"):
        gradient_check.draw_slope(loss, np.ones(3), 0.5, np.random.default_rng(0))
    assert len(draws) == 2 * 100


def test_a_relu_whose_input_is_exactly_0_is_told_that_no_step_helps():
    net = hn.Network([hn.Linear(6, 5, seed=0), hn.ReLU(), hn.Linear(5, 3, seed=1)])
    with pytest.raises(ValueError, match="A ReLU whose input is exactly 0 crosses it at any step: then change x"):
        hn.gradcheck(net, np.zeros((3, 6)), [0, 1, 2], directions=1)


@pytest.mark.parametrize(("grads", "dx", "message"), [
    ({}, None, "layer 0 .Own. has no gradient of 'w'"),
    ({"w": np.ones((5, 3))}, None, r"the gradient of 'w' has shape \(5, 3\), expected \(3,\)"),
    ({"w": 1.0}, None, r"the gradient of 'w' has shape \(\), expected \(3,\)"),
    ({"w": np.ones(3)}, np.ones((4, 2)), r"respect to the input has shape \(4, 2\), expected \(4, 3\)"),
])
def test_a_backward_pass_that_forgets_something_is_told_what(grads, dx, message):
    class Own(hn.Layer):
        def __init__(self):
            super().__init__()
            self.params["w"] = np.ones(3)

        def forward(self, x, train=False):
            return x * self.params["w"]

        def backward(self, dz, input_grad=True):
            self.grads = dict(grads)
            return dz if dx is None else dx

    with pytest.raises(ValueError, match=message):
        hn.gradcheck(hn.Network([Own()]), np.ones((4, 3)), np.ones((4, 3)), loss=hn.squared_error)


@pytest.mark.parametrize("seed", range(4))
def test_a_gradient_of_0_is_right(seed, rng):
    """With one bucket and no signs all logits are equal: the gradient is 0, and all that is left is rounding."""
    net = hn.build("hashnet", [4, 8, 3], compression="1/64", seed=seed, signed=False)
    assert hn.gradcheck(net, rng.normal(size=(20, 4)), rng.integers(0, 3, 20)).worst < 1e-6


def test_a_small_gradient_that_is_wrong_is_found(rng):
    """A slope of 1e-6 is far below the smallest of which six digits are left, but not below the rounding."""
    class Wrong(hn.Linear):
        def backward(self, dz, input_grad=True):
            da = super().backward(dz, input_grad)
            self.grads["w"] = 1.01 * self.grads["w"]
            return da

    x, y = 1e-5 * rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    for kind, is_right in ((hn.Linear, True), (Wrong, False)):
        report = hn.gradcheck(hn.Network([kind(4, 3, seed=0)]), x, y)
        assert np.abs(net_gradient(hn.Network([hn.Linear(4, 3, seed=0)]), x, y)).max() < 1e-5
        assert (report.errors["0.w"] < 1e-6) == is_right, report
