"""Six methods at one budget: the sizes of the paper's section 5."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hashnets_np as hn
from hashnets_np.experiments.methods import METHODS, build, lrd_layer, rer_layer
from hashnets_np.experiments.sizes import budgets, dense_count, equal_size_widths
from hashnets_np.experiments.sweep.grid import read_grid

THREE, FIVE = [784, 1000, 10], [784, 1000, 1000, 1000, 10]
HIDDEN = [(THREE, "1/2", 500), (THREE, "1/8", 125), (THREE, "1/64", 16), (FIVE, "1/2", 660), (FIVE, "1/64", 49)]


def test_the_full_networks_have_the_sizes_of_the_notes():
    assert dense_count(THREE) == 795_010 and dense_count(FIVE) == 2_797_010


@pytest.mark.parametrize(("widths", "c", "hidden"), HIDDEN)
def test_the_equal_size_network_has_the_nearest_whole_width(widths, c, hidden):
    stored = sum(budgets(widths, c)[1])
    narrow = equal_size_widths(widths, stored)
    assert narrow == [784, *[hidden] * (len(widths) - 2), 10]
    for other in (hidden - 1, hidden + 1):
        worse = [784, *[other] * (len(widths) - 2), 10]
        assert abs(dense_count(worse) - stored) >= abs(dense_count(narrow) - stored)


def test_hashnet_at_one_64th_has_the_size_of_the_notes_and_its_output_layer_157_buckets():
    net = hn.build("hashnet", THREE, compression="1/64")
    assert net.num_parameters() == 12_423
    assert net.layers[-1].map.buckets == 157 and net.num_virtual_parameters() == 795_010


@pytest.mark.parametrize("widths", [THREE, FIVE])
@pytest.mark.parametrize("c", ["1/64", "1/8", "1/2"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_stores_what_the_budget_allows(method, c, widths):
    stored = hn.build(method, widths, compression=c).num_parameters()
    target = Fraction(c) * dense_count(widths)
    low = {"nn": 0.96, "dk": 0.96, "lrd": 0.9}.get(method, 0.999)  # a rank and a width are whole numbers
    high = {"nn": 1.04, "dk": 1.04}.get(method, 1.001)
    assert low <= stored / target <= high


def test_at_compression_1_nn_is_the_dense_network():
    assert hn.build("nn", THREE, compression=1).num_parameters() == 795_010


@pytest.mark.parametrize("method", METHODS)
def test_expansion_1_has_the_size_of_the_50_unit_network_and_8_keeps_it(method):
    small = dense_count([784, 50, 10])
    assert small == 39_760
    for expansion in (1, 8):
        net = hn.build(method, [784, 50, 10], expansion=expansion)
        assert 0.9 * small <= net.num_parameters() <= small
        width = 50 if method in ("nn", "dk") else 50 * expansion
        assert net.forward(np.zeros((1, 784), np.float32)).shape == (1, 10)
        assert net.layers[0].n_out == width


def test_no_layer_of_figure_4_stores_more_than_its_budget():
    for job in {replace(job, seed=0) for job in read_grid("figure4") if job.method != "nn"}:
        widths = job.widths(784, 10)
        layers = hn.build(job.method, widths, expansion=job.expansion).layers[::2]
        stored = [sum(param.size for param in layer.params.values()) for layer in layers]
        assert all(s <= (n + 1) * m for s, (n, m) in zip(stored, pairwise(widths), strict=True)), job.label()


def test_layers_of_equal_shape_have_maps_of_their_own():
    seeds = [layer.map.seed for layer in hn.build("hashnet", FIVE, compression="1/64", seed=1).layers[::2]]
    assert seeds == [hn.derive_seed(1, n) for n in range(4)]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    nets = [hn.build("hashnet", [9, 8, 3], compression="1/2", seed=s) for s in (1, 1, 2)]
    w = [net.layers[0].params["w"] for net in nets]
    assert np.array_equal(w[0], w[1]) and not np.array_equal(w[0], w[2])


@pytest.mark.parametrize(("method", "fixed"), [("rer", "kept"), ("lrd", "fixed")])
def test_layers_of_a_baseline_have_masks_and_factors_of_their_own(method, fixed):
    net = hn.build(method, [30, 30, 30], compression="1/2", seed=1)
    first, second = (getattr(layer, fixed) for layer in net.layers[::2])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_a_network_has_the_dtype_that_was_asked_for(method, dtype):
    net = hn.build(method, [9, 8, 3], compression="1/2", dtype=dtype)
    assert {p.dtype for _, p in net.parameters()} == {np.dtype(dtype)}
    assert net.forward(np.ones((2, 9), dtype)).dtype == dtype


def test_hidden_layers_of_different_width_shrink_at_one_rate_to_the_nearest_whole_width():
    # step 1 of 3: 3 -> 1 and 2 -> 2/3, which is nearer to 1; step 2: 2 and 4/3; step 2 of 5: 5 -> 2, 4 -> 1.6
    widths = [10, 5, 4, 3]
    assert equal_size_widths(widths, dense_count([10, 2, 2, 3])) == [10, 2, 2, 3]


def test_masks_of_dropout_have_seeds_far_from_those_of_the_layers():
    net = hn.build("hashnet", [9, 8, 8, 3], compression="1/2", dropout=0.5, input_dropout=0.2, seed=5)
    seeds = [layer.config()["seed"] for layer in net.layers if isinstance(layer, hn.Dropout)]
    assert seeds == [hn.derive_seed(5, 1_000_000 + n) for n in range(3)]


def test_dropout_stands_before_the_first_layer_and_after_each_relu():
    net = hn.build("nn", [9, 8, 8, 3], compression=1, dropout=0.5, input_dropout=0.2)
    names = [type(layer).__name__ for layer in net.layers]
    assert names == ["Dropout", "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]
    assert [layer.rate for layer in net.layers if hasattr(layer, "rate")] == [0.2, 0.5, 0.5]
    assert len({layer.config()["seed"] for layer in net.layers if hasattr(layer, "rate")}) == 3


def test_the_least_room_for_a_baseline_is_one_weight_or_a_factor_of_rank_1():
    rng = np.random.default_rng(0)
    assert rer_layer(4, 3, 3 + 1, 0, rng, np.float32).num_parameters() == 4
    assert lrd_layer(4, 3, 3 + 3, 0, rng, np.float32).num_parameters() == 6
    for make, stored in ((rer_layer, 3), (lrd_layer, 5)):
        with pytest.raises(ValueError, match="too few for 3 biases"):
            make(4, 3, stored, 0, rng, np.float32)


BAD = [
    (lambda: hn.build("mlp", THREE, compression=1), "unknown method 'mlp'"),
    (lambda: hn.build("nn", THREE), "exactly one of compression and expansion"),
    (lambda: hn.build("nn", THREE, compression=1, expansion=2), "exactly one of compression and expansion"),
    (lambda: hn.build("hashnet", [784], compression=1), "widths must be two or more"),
    (lambda: hn.build("hashnet", [784, 0, 10], compression=1), "widths must be two or more"),
    *[(lambda widths=widths: hn.build("hashnet", widths, compression=1),
       rf"widths must be two or more positive whole numbers, .*, got {got}")
      for widths, got in [(64, "64"), (None, "None"), (["a", 3], r"\['a', 3\]"), ([4, None, 3], r"\[4, None, 3\]"),
                          ([4, float("nan")], r"\[4, nan\]"), ([4, float("inf")], r"\[4, inf\]"), ("64", "'64'"),
                          ([4, 2.5], r"\[4, 2.5\]"), ([4, True], r"\[4, True\]"), ((n for n in (4, 3)), "<generator")]],
    (lambda: hn.build("nn", THREE, compression=1, seed=-3), "seed must be an integer in 0"),
    (lambda: hn.build("nn", THREE, compression=1, seed=None), "seed must be an integer in 0"),
    (lambda: hn.build("nn", THREE, compression=1, activation="gelu"), "activation must be one of relu, tanh"),
    (lambda: hn.build("nn", THREE, compression=1, dropout=np.nan), "dropout must be a finite"),
    *[(lambda e=e: hn.build("hashnet", THREE, expansion=e), "expansion must be a number of at least 1, such as 8")
      for e in ("1/0", "x", np.nan, np.inf, [8])],
    (lambda: hn.build("hashnet", THREE, expansion=0.5), "expansion must be at least 1"),
    (lambda: hn.build("rer", [784, 50, 50, 50, 10], expansion=64), "3200 -> 3200 may store 2550 numbers"),
    (lambda: hn.build("lrd", [784, 50, 50, 50, 10], expansion=32), "biases and a factor of rank 1"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_arguments_get_one_clear_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(st.lists(st.integers(1, 60), min_size=3, max_size=5), st.integers(0, 10_000))
def test_the_nearest_equal_size_is_found_by_halving_as_by_trying_all(widths, stored):
    widest = max(widths[1:-1], default=1)
    tried = [[widths[0], *(max(1, round(h * step / widest)) for h in widths[1:-1]), widths[-1]]
             for step in range(1, widest + 1)]
    assert equal_size_widths(widths, stored) == min(tried, key=lambda c: abs(dense_count(c) - stored))


def test_very_wide_layers_are_shrunk_at_once():
    assert equal_size_widths([64, 20_000_000, 10], 1_000_010) == [64, 13_333, 10]


@pytest.mark.parametrize("method", METHODS)
def test_a_network_without_hidden_layers_is_one_layer(method):
    compression = {"lrd": "1/2", "nn": 1, "dk": 1}.get(method, "1/8")
    net = build(method, [64, 10], compression=compression, seed=0)
    assert net.forward(np.zeros((3, 64), np.float32)).shape == (3, 10)
    assert len([layer for layer in net.layers if layer.params]) == 1


@pytest.mark.parametrize("method", ["nn", "dk"])
@pytest.mark.parametrize("compression", ["1/2", "649/650"])
def test_a_dense_network_without_hidden_layers_cannot_be_compressed(method, compression):
    message = r"64-10 has no hidden layer to shrink; it has 650 numbers, but may store (325|649); use compression 1, or"
    with pytest.raises(ValueError, match=message):
        build(method, [64, 10], compression=compression)
    assert build(method, [64, 10], compression=1).num_parameters() == 650
    assert build(method, [64, 10], expansion=4).num_parameters() == 650


def test_an_activation_can_be_chosen():
    net = hn.build("hashnet", [12, 9, 8, 4], compression="1/2", activation="tanh", dropout=0.5)
    assert [type(layer).__name__ for layer in net.layers] == [
        "HashedLinear", "Tanh", "Dropout", "HashedLinear", "Tanh", "Dropout", "HashedLinear"]
    relu = hn.build("hashnet", [12, 9, 8, 4], compression="1/2", dropout=0.5)
    for (_, p), (_, q) in zip(net.parameters(), relu.parameters(), strict=True):
        np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("widths", [[64, 30, 10], [64, 10]])
@pytest.mark.parametrize("kind", ["xxhash", "fold"])
@pytest.mark.parametrize("learn_alpha", [False, True])
def test_several_hashes_store_as_much_as_one_also_where_alpha_is_learned(widths, kind, learn_alpha):
    plain = hn.build("hashnet", widths, compression="1/8")
    for hashes in (2, 4):
        net = hn.build("hashnet", widths, compression="1/8", hashes=hashes, learn_alpha=learn_alpha, kind=kind)
        assert net.num_parameters() == plain.num_parameters()


def test_several_hashes_are_the_same_network_as_an_argument_and_as_a_method():
    asked = hn.build("hashnet", [64, 30, 10], compression="1/8", hashes=4, learn_alpha=True, seed=3)
    named = hn.build("hashes-4-learned", [64, 30, 10], compression="1/8", seed=3)
    assert [layer.config() for layer in asked.layers] == [layer.config() for layer in named.layers]
    for (_, p), (_, q) in zip(asked.parameters(), named.parameters(), strict=True):
        np.testing.assert_array_equal(p, q)


def test_a_budget_that_learned_alphas_use_up_is_refused():
    four = {"compression": "1/8", "hashes": 4, "learn_alpha": True}
    assert hn.build("hashnet", [9, 4], **four).num_parameters() == 5  # a weight and four alphas
    with pytest.raises(ValueError, match="9 -> 3 may store 4 numbers, too few for a weight and 4 learned alphas"):
        hn.build("hashnet", [9, 3], **four)
