"""A network: what fits together, the way back, how it describes itself, and what a copy of it holds."""

import copy
import pickle

import numpy as np
import pytest

import hashnets_np as hn


def test_a_layer_appears_in_a_network_once():
    relu = hn.ReLU()
    with pytest.raises(ValueError, match="twice"):
        hn.Network([hn.Linear(4, 4), relu, hn.Linear(4, 4), relu])


@pytest.mark.parametrize(("layers", "message"), [
    ([hn.HashedLinear(3, 4, "1/2"), hn.ReLU(), hn.HashedLinear(5, 4, "1/2")], "layer 2, .*takes 5 inputs.*give 4"),
    ([hn.Linear(3, 4), hn.ReLU], r"layer 1 is the class ReLU; did you forget the parentheses, ReLU\(...\)\?"),
    ([hn.Linear(3, 4), np.tanh], "layer 1 is .*expected a Layer"), ([], "at least one layer"),
    ([hn.Linear(3, 4), int], "layer 1 is <class 'int'>, expected a Layer"),
])
def test_layers_that_make_no_network_are_one_clear_error(layers, message):
    with pytest.raises(ValueError, match=message):
        hn.Network(layers)


@pytest.mark.parametrize(("layers", "message"), [
    (hn.ReLU(), r"^layers must be a list of layers, got ReLU\(\); did you mean Network\(\[ReLU\(\)\]\)\?$"),
    (3, "^layers must be a list of layers, got 3$"), (hn.ReLU, "^layers must be a list of layers, got <class .*>$"),
])
def test_a_single_layer_is_not_a_list_of_layers(layers, message):
    with pytest.raises(TypeError, match=message):
        hn.Network(layers)


def test_layers_may_come_from_a_generator():
    assert len(hn.Network(hn.Linear(3, 3) for _ in range(2)).layers) == 2


def test_networks_of_the_same_seed_are_the_same_and_of_another_seed_are_not():
    def weights(seed):
        net = hn.Network([hn.HashedLinear(6, 5, "1/2"), hn.ReLU(), hn.Linear(5, 3)], seed=seed)
        return [p for _, p in net.parameters()]

    for p, q, other in zip(weights(3), weights(3), weights(4), strict=True):
        np.testing.assert_array_equal(p, q)
        assert not p.any() or not np.isclose(p, other).any()


def test_backward_gives_the_gradient_of_the_input_unless_it_is_not_wanted(rng):
    net = hn.Network([hn.HashedLinear(6, 5, "1/2"), hn.ReLU(), hn.Linear(5, 3)])
    x, dz = rng.normal(size=(7, 6)), rng.normal(size=(7, 3))
    net.forward(x)
    dx = net.backward(dz)
    grads = [dict(layer.grads) for layer in net.layers]
    assert dx.shape == x.shape
    assert net.backward(dz, input_grad=False) is None
    for layer, before in zip(net.layers, grads, strict=True):
        for name, g in layer.grads.items():
            np.testing.assert_array_equal(g, before[name])


def test_a_network_is_called_as_its_forward_pass(rng):
    net, x = hn.build("hashnet", [6, 5, 3], compression="1/2", dropout=0.5), rng.normal(size=(7, 6))
    np.testing.assert_array_equal(net(x), net.forward(x))


def test_a_network_says_what_is_in_it():
    net = hn.build("hashnet", [784, 1000, 10], compression="1/64", seed=1, dropout=0.5)
    text = str(net)
    assert text.splitlines()[1] == "    HashedLinear(784, 1000, buckets=12266, seed=149775153),"
    assert "ReLU()," in text and "Dropout(0.5, seed=" in text
    again = eval(text, vars(hn))
    assert [layer.config() for layer in again.layers] == [layer.config() for layer in net.layers]


def test_the_summary_of_a_network_has_its_numbers():
    summary = hn.build("hashnet", [784, 1000, 10], compression="1/64", seed=1).summary()
    assert str(summary).splitlines()[1].split() == [
        "0", "HashedLinear", "784", "->", "1000", "12,266", "0.01563", "12,266", "785,000"]
    assert str(summary).splitlines()[-1].split() == ["total", "0.01563", "12,423", "795,010"]
    assert repr(summary) == str(summary)


def test_the_summary_is_a_table_with_words_to_the_left_and_numbers_to_the_right():
    net = hn.Network([hn.HashedLinear(64, 256, "1/8"), hn.ReLU(), hn.HashedLinear(256, 10, "1/8")])
    assert str(net.summary()) == "\n".join([
        "   layer         shape          K  compression  stored  virtual",
        "0  HashedLinear  64 -> 256  2,080        0.125   2,080   16,640",
        "1  ReLU",
        "2  HashedLinear  256 -> 10    322       0.1253     322    2,570",
        "   total                                 0.125   2,402   19,210",
    ])
    assert str(hn.Network([hn.Linear(3, 2, bias=False)]).summary()).splitlines()[1].split() == [
        "0", "Linear", "3", "->", "2", "1", "6", "6"]


def test_a_network_without_a_seed_has_seed_0():
    net = hn.Network([hn.Linear(3, 2)])
    assert net.layers[0].config()["seed"] == hn.derive_seed(0, 0)


def test_a_network_of_activations_has_a_way_back_too():
    net = hn.Network([hn.ReLU(), hn.Tanh()])
    net.forward(np.ones((2, 3)))
    assert net.backward(np.ones((2, 3)), input_grad=False) is None
    assert net.backward(np.ones((2, 3))).shape == (2, 3)


def test_only_the_first_layer_with_weights_is_spared_the_gradient_of_its_input():
    asked = []

    class Asked(hn.Linear):
        def backward(self, dz, input_grad=True):
            asked.append(input_grad)
            return super().backward(dz, input_grad)

    net = hn.Network([hn.ReLU(), Asked(4, 3), hn.ReLU(), Asked(3, 2)])
    net.forward(np.ones((5, 4)))
    net.backward(np.ones((5, 2)), input_grad=False)
    assert asked == [True, False]
    net.backward(np.ones((5, 2)))
    assert asked == [True, False, True, True]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copied_network_holds_no_examples_and_can_be_trained_on(copied):
    data = hn.load_dataset("digits")
    net = hn.build("hashnet", [64, 100, 10], compression="1/8", dropout=0.5)
    hn.predict(net, data.x_train[:1])  # by now maps and weights are there
    fresh = len(pickle.dumps(net))
    logits = hn.predict(net, data.x_train)
    assert abs(len(pickle.dumps(net)) - fresh) <= 64
    hn.fit(net, data, epochs=1)
    assert abs(len(pickle.dumps(net)) - fresh) <= 512  # the generator of the masks has moved on
    twin = copied(net)
    np.testing.assert_array_equal(hn.predict(twin, data.x_test), hn.predict(net, data.x_test))
    assert not np.array_equal(hn.predict(twin, data.x_train), logits)
    for one in (net, twin):  # the same masks too
        hn.fit(one, data, epochs=1)
    np.testing.assert_array_equal(hn.predict(twin, data.x_test), hn.predict(net, data.x_test))


def test_a_first_layer_without_weights_is_left_out_of_the_way_back():
    class Never(hn.ReLU):
        def backward(self, dz, input_grad=True):
            raise AssertionError("nobody needs this gradient")

    net = hn.Network([Never(), hn.Linear(4, 3), hn.ReLU(), hn.Linear(3, 2)])
    net.forward(np.ones((5, 4)))
    assert net.backward(np.ones((5, 2)), input_grad=False) is None
    assert all(layer.grads for layer in net.layers if layer.params)
    short = hn.Network([Never(), hn.Linear(4, 3)])
    short.forward(np.ones((5, 4)))
    assert short.backward(np.ones((5, 3)), input_grad=False) is None


def test_whether_it_trains_is_a_truth_value():
    net = hn.Network([hn.Dropout(0.5, seed=0), hn.Linear(3, 2, seed=0)])
    with pytest.raises(ValueError, match="train must be True or False, got 'no'"):
        net.forward(np.ones((1, 3)), train="no")


def test_a_layer_whose_constructor_forgot_the_one_above_is_told_so():
    class Own(hn.Layer):
        def __init__(self):
            self.scale = 2

    with pytest.raises(ValueError, match=r"^layer 1 \(Own\) is not finished; did its constructor forget super\(\)"):
        hn.Network([hn.ReLU(), Own()])
