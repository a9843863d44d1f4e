"""Stochastic gradient descent by hand, its schedules, and what it refuses."""

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.optim import SCHEDULES


def one_weight(value=1.0):
    layer = hn.Linear(1, 1, bias=False, dtype=np.float64)
    layer.params["w"][:] = value
    return layer


def test_sgd_by_hand():
    layer = one_weight()
    sgd = hn.SGD(0.1, momentum=0.5, weight_decay=0.01)
    # v = 2 + 0.01 = 2.01, w = 1 - 0.201 = 0.799; v = 1.005 + 2 + 0.00799 = 3.01299, w = 0.799 - 0.301299
    for expected in (0.799, 0.497701):
        layer.grads["w"] = np.array([[2.0]])
        sgd.step([layer])
        assert abs(layer.params["w"][0, 0] - expected) < 1e-12


def test_schedules_by_hand():
    assert [SCHEDULES["constant"](s, 100) for s in (0, 99)] == [1.0, 1.0]
    cosine = [SCHEDULES["cosine"](s, 100) for s in (0, 50, 100, 150)]
    np.testing.assert_allclose(cosine, [1.0, 0.5, 0.0, 0.0], atol=1e-15)
    np.testing.assert_allclose([SCHEDULES["released"](s, 100) for s in (0, 10_000)], [1.0, 0.5])


@pytest.mark.parametrize("bad", [
    {"learning_rate": 0}, {"momentum": 1.0}, {"weight_decay": -1}, {"schedule": "step"}, {"schedule": ["step"]},
    {"learning_rate": np.nan}, {"learning_rate": np.inf}, {"learning_rate": "0.1"}, {"learning_rate": None},
    {"momentum": -0.1},
    {"momentum": np.nan}, {"weight_decay": np.inf}, {"total_steps": 0}, {"total_steps": 1.5}, {"total_steps": True},
    {"learning_rate": True}, {"load_exponent": -0.1}, {"load_exponent": 1.001},
])
def test_an_impossible_optimizer_is_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        hn.SGD(**bad)


def test_a_schedule_scales_the_steps_by_hand():
    layer = one_weight()
    sgd = hn.SGD(0.4, momentum=0.0, schedule="cosine", total_steps=2)
    for expected in (0.6, 0.4):  # 0.4, then half of it
        layer.grads["w"] = np.ones((1, 1))
        sgd.step([layer])
        assert abs(layer.params["w"][0, 0] - expected) < 1e-12


def test_a_cosine_schedule_that_does_not_know_its_length_is_an_error():
    layer = one_weight()
    layer.grads["w"] = np.ones((1, 1))
    sgd = hn.SGD(0.1, schedule="cosine")
    with pytest.raises(ValueError, match=r"needs to know the number of steps.*total_steps="):
        sgd.step([layer])
    assert layer.params["w"][0, 0] == 1.0 and sgd.steps_done == 0
    for schedule in ("constant", "released"):
        hn.SGD(0.1, schedule=schedule).step([layer])


def test_a_step_without_gradients_is_an_error():
    with pytest.raises(ValueError, match=r"layer 1 \(Linear\) has no gradient of 'w'; call forward and backward"):
        hn.SGD().step([hn.ReLU(), hn.Linear(3, 2)])


def test_a_gradient_of_another_shape_does_not_broadcast():
    layer = one_weight()
    layer.grads["w"] = np.ones(1)
    with pytest.raises(ValueError, match=r"gradient of 'w' has shape \(1,\), expected \(1, 1\)"):
        hn.SGD().step([layer])


def test_optimizers_can_be_compared_after_a_step():
    layer = one_weight()
    one, other = hn.SGD(0.1), hn.SGD(0.1)
    layer.grads["w"] = np.ones((1, 1))
    one.step([layer])
    assert one == one and one != other
    other.step([layer])
    assert one == other


def test_a_network_in_place_of_its_layers_is_told_what_to_pass():
    with pytest.raises(TypeError, match=r"step takes layers, such as net\.layers, got Network"):
        hn.SGD(0.1).step(hn.Network([hn.ReLU()]))


def test_an_optimizer_made_without_arguments_is_the_one_that_is_documented():
    assert hn.SGD() == hn.SGD(0.1, 0.9, weight_decay=0.0, schedule="constant", load_exponent=0.0, total_steps=None)
    with pytest.raises(TypeError):
        hn.SGD(steps_done=1)  # counted, not given


def test_the_limits_belong_to_what_is_allowed():
    sgd = hn.SGD(np.float32(0.1), 0, weight_decay=0, load_exponent=1, total_steps=1)
    assert (sgd.momentum, sgd.load_exponent, sgd.steps_done) == (0, 1, 0)


@pytest.mark.parametrize(("exponent", "divisors"), [(0, [1, 1, 1]), (0.5, [2, 1, 1]), (1, [4, 1, 1])])
def test_a_gradient_is_divided_by_a_power_of_the_load_by_hand(exponent, divisors):
    """Bucket 0 has 4 virtual weights, bucket 1 has one, bucket 2 none: its gradient is 0 and is not divided by 0."""
    layer = hn.HashedLinear(5, 1, buckets=3, bias=None, dtype=np.float64)
    layer.map = hn.SharingMap.from_table([[0, 0, 1, 0, 0]], buckets=3)
    layer.params["w"][:] = 0
    dense = one_weight(0.0)
    sgd = hn.SGD(1.0, momentum=0.0, load_exponent=exponent)
    for step in (1, 2):  # the second step uses what the first has counted
        layer.grads["w"] = np.array([8.0, 8.0, 0.0])
        dense.grads["w"] = np.array([[8.0]])
        sgd.step([layer, dense])
        np.testing.assert_array_equal(layer.params["w"], -step * np.array([8.0, 8.0, 0.0]) / divisors)
        assert dense.params["w"] == -8.0 * step  # nothing is shared there


def test_what_an_optimizer_remembers_is_not_shown_and_not_compared():
    layer = hn.HashedLinear(3, 2, buckets=4, seed=0)
    first = hn.SGD(0.1, load_exponent=1.0)
    second = hn.SGD(0.1, load_exponent=1.0)
    for sgd, value in ((first, 1.0), (second, 2.0)):
        layer.grads["w"] = np.full(4, value, np.float32)
        sgd.step([layer])
    assert first == second and repr(first) == repr(second)
    assert "steps_done=1" in repr(first) and "array" not in repr(first)


def test_a_step_that_cannot_be_done_changes_nothing():
    first, second = one_weight(), one_weight()
    first.grads["w"] = np.ones((1, 1))
    sgd = hn.SGD(0.1)
    with pytest.raises(ValueError, match=r"layer 1 .* has no gradient of 'w'"):
        sgd.step([first, second])
    assert first.params["w"][0, 0] == 1.0 and sgd.steps_done == 0 and not sgd.velocity


def test_an_optimizer_of_a_network_of_another_shape_is_told_to_stay_there():
    layer, wider = one_weight(), hn.Linear(2, 1, bias=False)
    layer.grads["w"], wider.grads["w"] = np.ones((1, 1)), np.ones((1, 2))
    sgd = hn.SGD(0.1)
    sgd.step([layer])
    with pytest.raises(ValueError, match=r"has 'w' of shape \(1, 2\), but \(1, 1\) at the last step; pass a new SGD"):
        sgd.step([wider])


@pytest.mark.parametrize("name", ["learning_rate", "momentum", "weight_decay"])
def test_a_numpy_number_trains_as_the_same_python_number(name):
    weights = []
    for value in (0.03, np.float64(0.03)):
        net = hn.Network([hn.Linear(64, 10, seed=0)])  # float32
        hn.fit(net, hn.load_dataset("digits"), 1, optimizer=hn.SGD(**{"learning_rate": 0.1, name: value}))
        weights.append(net.layers[0].params["w"])
    np.testing.assert_array_equal(*weights)


def test_a_rate_that_is_set_between_steps_may_be_a_numpy_number():
    weights = []
    for factor in (0.7, np.float64(0.7)):
        layer = hn.Linear(1, 1, bias=False, seed=0)
        optimizer = hn.SGD(0.1)
        optimizer.learning_rate *= factor
        layer.grads["w"] = np.full((1, 1), 0.3, np.float32)
        optimizer.step([layer])
        weights.append(layer.params["w"])
        assert type(optimizer.current_learning_rate()) is float
    np.testing.assert_array_equal(*weights)
