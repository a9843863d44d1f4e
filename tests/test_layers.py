"""Layers: shapes, counts, biases, dropout, initialisation; every gradient by the gradient check."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.experiments.baselines import LowRankLinear, MaskedLinear
from hashnets_np.experiments.one_store import StoreLinear, TenantLinear
from hashnets_np.experiments.several_hashes import MultiHashedLinear
from hashnets_np.files import make_layer

BIASES = ("column", "hashed", "dense", None)


def network(hidden, bias, dtype=np.float64):
    widths = [12, *hidden, 4]
    layers = []
    for number, (n_in, n_out) in enumerate(pairwise(widths)):
        seed = hn.derive_seed(1, number)
        layers += [hn.HashedLinear(n_in, n_out, "1/4", seed=seed, bias=bias, dtype=dtype), hn.ReLU()]
    rng = np.random.default_rng(5)
    for layer in layers:
        if "b" in layer.params:
            layer.params["b"] = rng.normal(size=layer.params["b"].shape)  # zero biases would hide mistakes
    return hn.Network(layers[:-1])


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("hidden", [(15,), (15, 11, 13)])
def test_gradients_pass_the_check(kernels, rng, bias, hidden):
    x, y = rng.normal(size=(20, 12)), rng.integers(0, 4, 20)
    report = hn.gradcheck(network(hidden, bias), x, y)
    assert set(report.errors) >= {"0.w", "2.w", "input"}
    assert report.worst <= 1e-6, report


def test_dense_gradients_pass_the_check(rng):
    net = hn.Network([hn.Linear(12, 9), hn.ReLU(), hn.Dropout(0.5), hn.Linear(9, 4, bias=False)])
    assert hn.gradcheck(net, rng.normal(size=(20, 12)), rng.integers(0, 4, 20)).worst <= 1e-6


@pytest.mark.parametrize(
    ("bias", "real", "virtual"),
    [("column", 98_125, 785_000), ("hashed", 98_000 + 125, 785_000), ("dense", 98_000 + 1000, 785_000),
     (None, 98_000, 784_000)],
)
def test_parameters_are_counted_as_in_the_paper(bias, real, virtual):
    layer = hn.HashedLinear(784, 1000, "1/8", bias=bias)
    assert (layer.num_parameters(), layer.num_virtual_parameters()) == (real, virtual)
    assert layer.virtual_weight().shape == (1000, 784)


def test_sizes_of_the_3_layer_network_at_one_64th():
    column = [hn.HashedLinear(784, 1000, "1/64").num_parameters(), hn.HashedLinear(1000, 10, "1/64").num_parameters()]
    assert sum(column) == 12_423
    hashed = [hn.HashedLinear(784, 1000, "1/64", bias="hashed"), hn.HashedLinear(1000, 10, "1/64", bias="hashed")]
    assert [[p.size for p in layer.params.values()] for layer in hashed] == [[12250, 16], [157, 1]]


@pytest.mark.parametrize("bias", BIASES)
def test_a_layer_is_its_virtual_matrix_and_bias(kernels, rng, bias):
    layer = hn.HashedLinear(10, 7, "1/2", seed=3, bias=bias, dtype=np.float64, init="uniform")
    x = rng.normal(size=(5, 10))
    b = np.zeros(7)
    if bias == "column":
        b = hn.hash_gather(layer.params["w"], layer.map)[:, 0]
    if bias == "hashed":
        m = hn.SharingMap(7, 1, buckets=4, seed=hn.derive_seed(3, 2**32 - 1))
        b = hn.hash_gather(layer.params["b"], m)[:, 0]
    if bias == "dense":
        b = layer.params["b"]
    assert bias is None or np.abs(b).max() > 0
    np.testing.assert_allclose(layer.forward(x), x @ layer.virtual_weight().T + b, rtol=1e-12)


def test_layers_of_one_network_have_maps_of_their_own_even_at_equal_shapes():
    net = hn.build("hashnet", [30, 40, 40, 40, 10], compression="1/8", seed=1)
    maps = [layer.map for layer in net.layers if isinstance(layer, hn.HashedLinear)]
    assert [m.seed for m in maps] == [hn.derive_seed(1, number) for number in range(4)]
    (bucket, sign), (other_bucket, other_sign) = maps[1].table(), maps[2].table()
    assert bucket.shape == other_bucket.shape
    assert (bucket == other_bucket).mean() < 0.05 and 0.4 < (sign == other_sign).mean() < 0.6


def test_backward_overwrites_and_the_first_layer_can_skip_its_input(rng):
    net = network((15,), "dense")
    x, dz = rng.normal(size=(6, 12)), rng.normal(size=(6, 4))
    net.forward(x)
    assert net.backward(dz).shape == (6, 12)
    first = {name: g.copy() for name, g in net.layers[0].grads.items()}
    assert net.backward(dz, input_grad=False) is None
    for name, g in first.items():
        np.testing.assert_array_equal(net.layers[0].grads[name], g)


def test_layers_take_batches_of_any_layout_and_never_write_to_them(kernels, rng):
    layer = hn.HashedLinear(10, 7, "1/2", seed=3)
    x = np.asfortranarray(rng.normal(size=(12, 20)).astype(np.float32))[::2, ::2]
    x.flags.writeable = False
    z = layer.forward(x)
    layer.backward(z)
    np.testing.assert_allclose(z, layer.forward(x.copy()), rtol=1e-5)
    assert layer.forward(x[:0]).shape == (0, 7)
    assert layer.backward(np.zeros((0, 7), np.float32)).shape == (0, 10)
    np.testing.assert_array_equal(layer.grads["w"], 0)
    assert layer.forward(x.astype(np.float64)).dtype == np.float64


@pytest.mark.parametrize(
    ("change", "message"),
    [({"compression": None}, "exactly one"), ({"buckets": 3}, "exactly one"), ({"bias": "row"}, "bias must be one of"),
     ({"dtype": np.float16}, "float32 or float64"), ({"n_in": 0}, "n_in must be"), ({"n_out": 2.5}, "n_out must be"),
     ({"init": "lecun"}, "init must be"), ({"compression": 2}, r"in \(0, 1\]"), ({"seed": -1}, "seed must be"),
     ({"kind": "md5"}, "known kinds"), ({"kind": ["xxhash"]}, "known kinds"),
     ({"bias": "dense", "bias_buckets": 2}, "bias_buckets=2 is for bias='hashed'")],
)
def test_an_impossible_layer_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        hn.HashedLinear(**{"n_in": 4, "n_out": 3, "compression": "1/2"} | change)


def test_images_that_were_not_flattened_get_a_hint():
    with pytest.raises(ValueError, match=r"expected \(batch, n_in=784\); did you forget x.reshape"):
        hn.HashedLinear(784, 10, "1/8").forward(np.zeros((5, 28, 28)))
    with pytest.raises(ValueError, match=r"x has shape \(2, 4, 4\)"):
        hn.Linear(4, 3).forward(np.zeros((2, 4, 4)))


@pytest.mark.parametrize(("init", "deviation"), [("he", np.sqrt(2 / 400)), ("uniform", 1 / np.sqrt(3 * 400))])
def test_initial_virtual_weights_have_the_right_spread(init, deviation):
    for layer in (hn.HashedLinear(400, 300, "1/4", seed=1, init=init), hn.Linear(400, 300, seed=1, init=init)):
        assert abs(layer.params["w"].std() / deviation - 1) < 0.02
        assert abs(layer.params["w"].mean()) < 0.02 * deviation
        again = make_layer({"type": type(layer).__name__, **layer.config()})
        np.testing.assert_array_equal(again.params["w"], layer.params["w"])


def test_dropout_keeps_the_mean_and_is_off_in_evaluation():
    layer = hn.Dropout(0.25, seed=1)
    x = np.ones((200, 500), np.float32)
    y = layer.forward(x, train=True)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 0.01
    np.testing.assert_array_equal(layer.backward(x), y)
    assert layer.forward(x) is x and layer.backward(x) is x
    mask = np.zeros((200, 500), bool)
    mask[0, 0] = True
    assert layer.forward(x, train=True, mask=mask).sum() == np.float32(1 / 0.75)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        hn.Dropout(1.0)


def test_dropout_rescales_whole_numbers_too_and_heeds_a_mask_at_rate_0():
    pixels = np.full((1, 4), 200, np.uint8)
    kept = hn.Dropout(0.25).forward(pixels, train=True, mask=np.ones((1, 4), bool))
    np.testing.assert_allclose(kept, 200 / 0.75, rtol=1e-6)
    layer = hn.Dropout(0.0)
    assert layer.forward(pixels, train=True) is pixels
    np.testing.assert_array_equal(layer.forward(pixels, train=True, mask=[[1, 0, 1, 0]]), [[200, 0, 200, 0]])
    np.testing.assert_array_equal(layer.backward(np.ones((1, 4))), [[1, 0, 1, 0]])


def test_the_error_term_may_be_a_list():
    for bias in ("dense", "hashed", "column"):
        layer = hn.HashedLinear(2, 2, "1/2", bias=bias)
        layer.forward([[1.0, 2.0]])
        layer.backward([[1.0, 0.5]])
        assert all(np.isfinite(grad).all() for grad in layer.grads.values())


@pytest.mark.parametrize("bias", BIASES)
def test_a_float32_layer_computes_in_float32(kernels, rng, bias):
    layer = hn.HashedLinear(10, 7, "1/2", bias=bias)
    z = layer.forward(rng.normal(size=(5, 10)).astype(np.float32))
    da = layer.backward(z)
    assert {array.dtype for array in (z, da, *layer.grads.values())} == {np.dtype(np.float32)}


def test_the_slope_of_relu_at_0_is_0():
    relu = hn.ReLU()
    relu.forward(np.array([[-1.0, 0.0, 2.0]]))
    np.testing.assert_array_equal(relu.kink_sides(), [[False, False, True]])
    np.testing.assert_array_equal(relu.backward(np.ones((1, 3))), [[0, 0, 1]])


def test_an_error_term_of_another_shape_is_refused(rng):
    for layer in (hn.Linear(4, 3), hn.HashedLinear(4, 3, "1/2"), MaskedLinear(4, 3, 6), LowRankLinear(4, 3, 2)):
        layer.forward(rng.normal(size=(5, 4)))
        for shape in ((5, 4), (4, 3), (3,)):
            with pytest.raises(ValueError, match=r"dz has|one row per example"):
                layer.backward(np.ones(shape))


@pytest.mark.parametrize("make", [lambda seed: hn.HashedLinear(9, 8, buckets=20, seed=seed),
                                  lambda seed: hn.Linear(9, 8, seed=seed),
                                  lambda seed: MaskedLinear(9, 8, 20, seed=seed),
                                  lambda seed: LowRankLinear(9, 8, 2, seed=seed)])
def test_initial_weights_depend_on_the_seed_of_the_layer(make):
    (first, *_), (again, *_), (other, *_) = (make(seed).params.values() for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.isclose(first, other).any()


def test_more_buckets_than_virtual_weights_leave_as_many_buckets_as_biases():
    layer = hn.HashedLinear(2, 3, buckets=50, bias="hashed")
    assert [p.size for p in layer.params.values()] == [50, 3]


def test_a_network_in_another_dtype_is_a_copy(rng):
    net = network((15,), "dense", dtype=np.float32)
    before = dict(net.parameters())
    hn.gradcheck(net, rng.normal(size=(20, 12)), rng.integers(0, 4, 20))
    twin = net.astype(np.float64)
    assert all(p is before[name] and not np.shares_memory(p, q) for (name, p), (_, q) in
               zip(net.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32])
def test_sizes_in_a_small_integer_type_do_not_wrap(dtype):
    for make in (lambda a, b: hn.HashedLinear(a, b, "1/8", seed=1),
                 lambda a, b: hn.HashedLinear(a, b, "1/8", seed=1, bias="hashed"),
                 lambda a, b: MaskedLinear(a, b, 9000, seed=1), lambda a, b: LowRankLinear(a, b, 2, seed=1)):
        layer, wanted = make(dtype(120), dtype(250)), make(120, 250)
        assert layer.num_parameters() == wanted.num_parameters()
        assert layer.num_virtual_parameters() == wanted.num_virtual_parameters()
        assert layer.config() == wanted.config()


def test_another_dtype_reaches_all_of_a_network_and_what_is_saved(tmp_path, rng):
    net = hn.Network([LowRankLinear(6, 5, 2), hn.ReLU(), hn.HashedLinear(5, 3, "1/2")])
    x = rng.normal(size=(4, 6))
    for dtype in (np.float64, np.float32):
        net = net.astype(dtype)
        z = net.forward(x.astype(dtype))
        hn.save(net, tmp_path / "net.safetensors")
        assert z.dtype == dtype
        np.testing.assert_array_equal(hn.load(tmp_path / "net.safetensors").forward(x.astype(dtype)), z)
    for wrong in (np.float16, np.int32):
        with pytest.raises(ValueError, match="float32 or float64"):
            net.astype(wrong)


SEEDLESS = [
    lambda **more: hn.HashedLinear(9, 8, "1/2", **more),
    lambda **more: hn.HashedLinear(9, 8, "1/2", bias="hashed", **more),
    lambda **more: hn.Linear(9, 8, **more), lambda **more: MaskedLinear(9, 8, 20, **more),
    lambda **more: LowRankLinear(9, 8, 2, **more),
]


def drawn(layer):
    """All that a layer has from its seed."""
    arrays = dict(layer.params)
    if isinstance(layer, hn.HashedLinear):
        arrays["bucket"], arrays["sign"] = layer.map.table()
    return arrays | {name: getattr(layer, name) for name in ("kept", "fixed") if hasattr(layer, name)}


def share(one, other):
    """The names of what two layers have in common; zero biases and small sign tables don't count."""
    return [name for name, array in drawn(one).items()
            if name != "b" and np.mean(np.isclose(array, drawn(other)[name])) > (0.8 if name == "sign" else 0.5)]


@pytest.mark.parametrize("make", SEEDLESS)
def test_two_layers_without_a_seed_share_nothing(make):
    alone, other = make(), make()
    assert share(alone, alone) and not share(alone, other)
    first, _, second = hn.Network([make(), hn.Linear(8, 9), make()]).layers
    assert not share(first, second)


@pytest.mark.parametrize("make", SEEDLESS)
def test_a_network_gives_its_seed_and_position_to_layers_without_a_seed(make):
    given = make(seed=11)
    net = hn.Network([make(), hn.Linear(8, 9), given, hn.Linear(8, 9), make()], seed=5)
    for position, layer in enumerate(net.layers):
        assert layer.config()["seed"] == (11 if layer is given else hn.derive_seed(5, position))
    for position in (0, 4):
        for name, array in drawn(make(seed=hn.derive_seed(5, position))).items():
            np.testing.assert_array_equal(drawn(net.layers[position])[name], array)


def test_dropout_without_a_seed_has_masks_of_its_own():
    x = np.ones((20, 50), np.float32)
    first, second = hn.Network([hn.Dropout(0.5), hn.Dropout(0.5)], seed=3).layers
    assert not np.array_equal(first.forward(x, train=True), second.forward(x, train=True))
    again = hn.Network([hn.Dropout(0.5), hn.Dropout(0.5)], seed=3).layers[0]
    np.testing.assert_array_equal(again.forward(x, train=True), hn.Dropout(0.5, seed=hn.derive_seed(3, 0)).forward(
        x, train=True))
    alone, other = hn.Dropout(0.5), hn.Dropout(0.5)
    assert not np.array_equal(alone.forward(x, train=True), other.forward(x, train=True))


def test_a_layer_that_was_used_alone_keeps_its_seed_in_a_network_and_in_its_config():
    layer = hn.HashedLinear(9, 8, "1/2")
    assert layer.needs_seed() and repr(layer) == "HashedLinear(9, 8, buckets=40)"
    bucket, _ = layer.map.table()  # the first use
    assert not layer.needs_seed()
    hn.Network([layer], seed=1)
    np.testing.assert_array_equal(layer.map.table()[0], bucket)
    again = make_layer({"type": "HashedLinear", **layer.config()})
    assert again.map == layer.map
    np.testing.assert_array_equal(again.params["w"], layer.params["w"])


def test_sizes_and_counts_of_a_layer_need_no_seed():
    for make in SEEDLESS:
        layer = make()
        assert (layer.num_parameters(), layer.num_virtual_parameters()) == (
            make(seed=0).num_parameters(), make(seed=0).num_virtual_parameters())
        assert layer.needs_seed()


@pytest.mark.parametrize(("kind", "seed"), [("authors2015", 1691), ("pytorch2019", 2), ("keras", 2)])
def test_kinds_with_one_seed_for_all_layers_keep_it_for_the_map_only(kind, seed):
    first, second = hn.Network([hn.HashedLinear(9, 9, "1/2", bias=None, kind=kind) for _ in range(2)]).layers
    assert first.map == second.map and first.map.seed == seed
    assert not np.isclose(first.params["w"], second.params["w"]).any()


def test_weights_from_a_generator_are_drawn_at_once():
    layers = [make(rng=np.random.default_rng(2)) for make in SEEDLESS]
    for layer, make in zip(layers, SEEDLESS, strict=True):
        expected = next(iter(make(seed=4, rng=np.random.default_rng(2)).params.values()))
        hn.Network([layer])
        np.testing.assert_array_equal(next(iter(layer.params.values())), expected)


def test_a_layer_has_one_seed():
    with pytest.raises(ValueError, match="already has its seed"):
        hn.Linear(3, 2, seed=1).set_seed(2)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", True, [1], np.random.default_rng(0)])
@pytest.mark.parametrize("make", [*SEEDLESS, lambda **more: hn.Dropout(0.5, **more), lambda **more: hn.Network(
    [hn.ReLU()], **more)])
def test_seeds_are_checked_in_one_way(make, seed):
    with pytest.raises(ValueError, match=r"seed must be an integer in 0..2\*\*32-1"):
        make(seed=seed)


@pytest.mark.parametrize(("layer", "text"), [
    (hn.HashedLinear(4, 3, "1/2", seed=1, bias="hashed", dtype="float64"),
     "HashedLinear(4, 3, buckets=6, seed=1, bias='hashed', bias_buckets=2, dtype='float64')"),
    (hn.HashedLinear(4, 3, "1/2", seed=1, bias=None, kind="keras", init="uniform"),
     "HashedLinear(4, 3, buckets=6, seed=1, bias=None, kind='keras', init='uniform')"),
    (hn.Linear(4, 3, seed=2, bias=False), "Linear(4, 3, seed=2, bias=False)"),
    (hn.ReLU(), "ReLU()"), (hn.Tanh(), "Tanh()"), (hn.Dropout(0.25, seed=3), "Dropout(0.25, seed=3)"),
    (MaskedLinear(4, 3, 6, seed=1), "MaskedLinear(4, 3, 6, seed=1)"),
])
def test_a_layer_is_written_as_the_call_that_makes_it(layer, text):
    assert repr(layer) == text
    again = eval(text, vars(hn) | {"MaskedLinear": MaskedLinear})
    assert again.config() == layer.config()


def test_a_layer_is_called_as_its_forward_pass(rng):
    layer, x = hn.HashedLinear(4, 3, "1/2"), rng.normal(size=(5, 4))
    np.testing.assert_array_equal(layer(x), layer.forward(x))


def test_arguments_after_the_sizes_have_names():
    for call in (lambda: hn.HashedLinear(4, 3, "1/2", 1), lambda: hn.Linear(4, 3, 1), lambda: hn.Dropout(0.5, 1),
                 lambda: MaskedLinear(4, 3, 6, 1), lambda: LowRankLinear(4, 3, 2, 1)):
        with pytest.raises(TypeError, match="positional"):
            call()


@pytest.mark.parametrize("layer", [make(seed=1) for make in SEEDLESS] + [hn.ReLU(), hn.Tanh(), hn.Dropout(0.5)])
def test_backward_before_forward_is_one_clear_error(layer):
    with pytest.raises(ValueError, match=r"call forward\(x\) first"):
        layer.backward(np.ones((2, 8)))


@pytest.mark.parametrize("layer", [hn.ReLU(), hn.Tanh(), hn.Dropout(0.5)])
def test_an_error_term_never_broadcasts(layer):
    layer.forward(np.ones((5, 4)), train=True)
    for shape in ((5, 1), (4,), (1, 4), ()):
        with pytest.raises(ValueError, match=r"dz has shape .*, expected \(5, 4\)"):
            layer.backward(np.ones(shape))


@pytest.mark.parametrize(("mask", "message"), [(np.ones((5, 1), bool), r"expected \(5, 4\)"), (True, "expected"),
                                               (np.full((5, 4), 2.0), "or 1 and 0")])
def test_a_mask_never_broadcasts_nor_scales(mask, message):
    with pytest.raises(ValueError, match=message):
        hn.Dropout(0.5).forward(np.ones((5, 4)), train=True, mask=mask)


@pytest.mark.parametrize("x", [np.ones((2, 4), complex), np.full((2, 4), "1"), np.ones((2, 4), object)])
def test_inputs_must_be_real_numbers(x):
    for layer in (hn.Linear(4, 3), hn.HashedLinear(4, 3, "1/2"), MaskedLinear(4, 3, 6), LowRankLinear(4, 3, 2)):
        with pytest.raises(ValueError, match="expected real numbers"):
            layer.forward(x)


@pytest.mark.parametrize("flag", [1, 0, "yes", None, np.array([True, False])])
def test_input_grad_is_true_or_false(flag):
    for layer in (hn.Linear(4, 3), hn.HashedLinear(4, 3, "1/2"), hn.Network([hn.Linear(4, 3)])):
        layer.forward(np.ones((2, 4)))
        with pytest.raises(ValueError, match="input_grad must be True or False"):
            layer.backward(np.ones((2, 3)), flag)
        layer.backward(np.ones((2, 3)), np.bool_(True))


@pytest.mark.parametrize("layer", [*[make(seed=1) for make in SEEDLESS], hn.ReLU(), hn.Tanh(), hn.Dropout(0.5, seed=1)])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_holds_parameters_and_not_the_last_batch(layer, copied, rng):
    x = rng.normal(size=(500, 9))
    layer.forward(x[:1])  # by now its map and its weights are there
    before = len(pickle.dumps(layer))
    z = layer.forward(x)
    layer.backward(np.ones_like(z))
    assert len(pickle.dumps(layer)) <= before + 64
    twin = copied(layer)
    assert layer.grads.keys() == layer.params.keys() and twin.grads == {}
    np.testing.assert_array_equal(twin.forward(x), z)
    twin.backward(np.ones_like(z))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_layer_without_a_seed_gets_a_seed_of_its_own(copied):
    layer = hn.HashedLinear(16, 16, "1/8")
    twin = copied(layer)
    hn.Network([layer, twin], seed=1)
    assert layer.map != twin.map and layer.config()["seed"] != twin.config()["seed"]


def test_a_copy_in_another_dtype_leaves_the_original_as_it_is():
    layer = hn.Linear(3, 3, seed=0)
    copy.copy(layer).change_dtype(np.float64)
    assert layer.config()["dtype"] == "float32" and layer.params["w"].dtype == np.float32


def test_a_subclass_that_keeps_more_leaves_its_parents_last_batch_out_of_pickles():
    class Keeper(hn.HashedLinear):
        kept_by_forward = ("extra",)

        def forward(self, x, train=False):
            self.extra = x
            return super().forward(x, train)

    layer = Keeper(4, 3, "1/2", seed=0)
    layer.forward(np.ones((1000, 4)))
    assert not {"a", "extra"} & layer.__getstate__().keys()


def test_a_mask_without_training_is_refused():
    # it would drop nothing, and a comparison with another implementation would compare nothing
    with pytest.raises(ValueError, match="a mask was given, but with train=False nothing is dropped"):
        hn.Dropout(0.5).forward(np.ones((1, 4)), mask=[[1, 0, 0, 1]])


def test_a_wrong_number_of_biases_is_named():
    with pytest.raises(ValueError, match=r"bias_buckets must be an integer in 1\.\.2147483647, got 0"):
        hn.HashedLinear(4, 3, buckets=4, bias="hashed", bias_buckets=0)


def test_tanh_passes_the_gradient_check(rng):
    net = hn.Network([hn.HashedLinear(12, 9, "1/2"), hn.Tanh(), hn.HashedLinear(9, 4, "1/2")])
    report = hn.gradcheck(net, rng.normal(size=(20, 12)), rng.integers(0, 4, 20), step=1e-4)
    assert report.worst <= 1e-6 and report.redrawn == 0


def test_another_class_of_a_registered_name_is_refused():
    with pytest.raises(ValueError, match=r"'Linear' is registered already, from hashnets_np\.layers"):
        hn.register_layer(type("Linear", (hn.Layer,), {}))


@pytest.mark.parametrize(("buckets", "biases"), [(8, 2), (9, 3), (32, 8), (100, 8), (1, 1)])
def test_a_hashed_bias_is_compressed_as_the_weights_are_also_when_only_buckets_are_given(buckets, biases):
    layer = hn.HashedLinear(4, 8, buckets=buckets, bias="hashed", seed=1)  # V has 32 entries
    assert layer.params["b"].shape == (biases,)


@pytest.mark.parametrize("compression", ["1/2", "1/3", "0.3", "0.07", "1/1000", 1])
@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (3, 7), (5, 8), (10, 10), (13, 29)])
def test_a_hashed_bias_has_the_compression_that_was_asked_for(compression, n_in, n_out):
    layer = hn.HashedLinear(n_in, n_out, compression, bias="hashed", seed=1)
    assert layer.params["b"].size == hn.bucket_count(compression, n_out)


def test_a_layer_that_is_asked_for_its_config_keeps_the_seed_that_it_draws():
    layer = hn.Linear(3, 4)
    config = layer.config()
    assert isinstance(config["seed"], int) and layer.config() == config
    np.testing.assert_array_equal(hn.Linear(**config).params["w"], layer.params["w"])


def test_a_layer_without_a_backward_pass_says_so():
    class Forward(hn.Layer):
        def forward(self, x, train=False):
            return x

    with pytest.raises(NotImplementedError):
        Forward().backward(np.ones((1, 2)))
    with pytest.raises(NotImplementedError):
        hn.Layer().forward(np.ones((1, 2)))


def test_a_unit_whose_draw_is_the_rate_stays():
    class Draws:
        def random(self, shape, dtype):
            return np.array([0.125, 0.25, 0.375], dtype)

    layer = hn.Dropout(0.25)
    layer.rng = Draws()
    np.testing.assert_array_equal(layer.draw_mask((3,)), [False, True, True])


def test_layers_are_in_evaluation_mode_unless_they_are_told():
    x = np.ones((50, 4))
    for layer in (hn.Dropout(0.5, seed=1), hn.Network([hn.Dropout(0.5, seed=1)])):
        assert layer.forward(x) is x and (layer.forward(x, True) == 0).any()


def test_a_layer_without_parameters_keeps_its_config_in_another_dtype():
    assert hn.Network([hn.Dropout(0.5, seed=1)]).astype(np.float64).layers[0].config() == {"rate": 0.5, "seed": 1}


def test_the_rate_of_dropout_cannot_be_changed_behind_its_back():
    layer = hn.Dropout(0.5, seed=0)
    with pytest.raises(AttributeError):
        layer.rate = 0.1
    for rate in ("0.5", np.array(0.5), None, True, 1, -0.1):
        with pytest.raises(ValueError, match="dropout rate must be a finite number"):
            hn.Dropout(rate)


@pytest.mark.parametrize("function", [
    hn.ReLU(), hn.Tanh(), hn.Dropout(0.5), lambda x: hn.Dropout(0.5).forward(x, True),
    lambda x: hn.hashed_forward(np.ones(2), x, hn.SharingMap(2, 3, buckets=2)),
    lambda x: hn.SharingMap.from_table(x.astype(int), buckets=9),
])
def test_numbers_under_a_mask_are_not_used(function):
    x = np.ma.masked_greater(np.arange(6.0).reshape(2, 3), 4)
    with pytest.raises(ValueError, match="has masked entries"):
        function(x)


def test_a_dense_layer_takes_real_errors_only():
    layer = hn.Linear(3, 2, seed=0)
    layer.forward(np.ones((1, 3), np.float32))
    for dz in (np.ones((1, 2), complex), np.ones((1, 2), np.longdouble), np.array([[None, 1.0]])):
        with pytest.raises((ValueError, TypeError)):
            layer.backward(dz)
    assert not layer.grads


def test_a_hashed_bias_has_its_gradient_in_the_dtype_of_that_of_the_weights():
    layer = hn.HashedLinear(3, 4, "1/2", bias="hashed", seed=0)
    layer.forward(np.ones((1, 3), np.float32))
    layer.backward(np.ones((1, 4), np.float16))
    assert layer.grads["w"].dtype == layer.grads["b"].dtype == np.float32


@pytest.mark.parametrize("layer", [
    MultiHashedLinear(3, 4, buckets=8, seed=5, hashes=3, learn_alpha=True), StoreLinear(3, 4, buckets=9, seed=5),
    TenantLinear(4, 2, store=0, seed=6), hn.Dropout(0.5, seed=1), hn.HashedLinear(3, 4, buckets=5, seed=2, bias=None),
])
def test_a_layer_of_the_study_is_written_as_the_call_that_makes_it(layer):
    names = {name: getattr(hn, name, None) for name in ("HashedLinear", "Dropout")}
    names |= {each.__name__: each for each in (MultiHashedLinear, StoreLinear, TenantLinear)}
    assert eval(repr(layer), names).config() == layer.config()


def test_kinds_of_hashed_biases_are_not_for_weights():
    with pytest.raises(ValueError, match=r"maps of kind 'pytorch2019_bias' are for hashed biases"):
        hn.HashedLinear(5, 3, 0.5, kind="pytorch2019_bias", bias=None)
    with pytest.raises(ValueError, match="need a kind with a bias column"):
        hn.build("hashnet", [3, 2], compression="1/2", hashes=2, kind="keras")


@pytest.mark.parametrize("hashes", [0, 257, 10**9, 2.0])
def test_there_are_at_most_256_hashes(hashes):
    with pytest.raises(ValueError, match=r"hashes must be an integer in 1\.\.256"):
        MultiHashedLinear(3, 2, "1/2", seed=0, hashes=hashes)
    with pytest.raises(ValueError, match=r"hashes must be an integer in 1\.\.256"):
        hn.build("hashnet", [3, 2], compression="1/2", hashes=hashes)


def test_a_layer_without_a_dtype_argument_keeps_its_config_in_another_dtype():
    class Scale(hn.Layer):
        def __init__(self, start):
            super().__init__(start=start)
            self.params = {"s": np.full(1, start, np.float32)}

    twin = hn.Network([Scale(2.0)]).astype(np.float64).layers[0]
    assert twin.params["s"].dtype == np.float64
    assert twin.config() == {"start": 2.0} and repr(twin) == "Scale(2.0)"


@pytest.mark.parametrize("bias", BIASES)
def test_a_hashed_layer_takes_no_masked_error_term(bias):
    layer = hn.HashedLinear(4, 3, "1/2", seed=1, bias=bias)
    layer.forward(np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match="dz has masked entries"):
        layer.backward(np.ma.masked_greater(np.arange(6.0).reshape(2, 3), 4))
    assert not layer.grads


def test_a_mask_of_dropout_is_not_masked_itself():
    mask = np.ma.masked_array(np.ones((2, 3), bool), mask=[[True, False, False], [False, False, False]])
    with pytest.raises(ValueError, match="mask has masked entries"):
        hn.Dropout(0.5).forward(np.ones((2, 3)), train=True, mask=mask)


@pytest.mark.parametrize(("x", "mask"), [
    (np.ones((2, 3)), np.ones((2, 2))), (np.ones((2, 3)), np.full((2, 3), 2)),
    (np.ma.masked_greater(np.arange(6.0).reshape(2, 3), 4), None),
])
def test_a_forward_pass_of_dropout_that_is_refused_leaves_the_last_one(x, mask):
    layer = hn.Dropout(0.5)
    layer.forward(np.ones((2, 3)), train=True, mask=[[1, 0, 1], [0, 1, 0]])
    with pytest.raises(ValueError, match="mask"):
        layer.forward(x, train=True, mask=mask)
    np.testing.assert_array_equal(layer.backward(np.ones((2, 3))), [[2, 0, 2], [0, 2, 0]])


@pytest.mark.parametrize(("name", "value", "message"), [
    ("b", np.arange(3.0)[:, None], r"b has shape \(3, 1\), expected \(3\)"), ("b", 1.0, r"b has shape \(\), expected"),
    ("b", np.ones(1), r"b has shape \(1,\), expected \(3\)"), ("b", np.ones((1, 3)), r"b has shape \(1, 3\), expected"),
])
def test_biases_that_a_user_puts_in_never_broadcast(name, value, message):
    for layer in (hn.Linear(2, 3, seed=0), hn.HashedLinear(2, 3, "1/2", bias="dense", seed=0)):
        layer.params[name] = value
        with pytest.raises(ValueError, match=message):
            layer.forward(np.ones((3, 2)))


@pytest.mark.parametrize("shape", [(2, 3), (1, 2), (3, 2, 1), (2,)])
def test_weights_that_a_user_puts_in_have_the_shape_of_the_layer(shape):
    layer = hn.Linear(2, 3, seed=0, bias=False)
    layer.params["w"] = np.ones(shape)
    with pytest.raises(ValueError, match=r"w has shape .*, expected \(3, 2\)"):
        layer.forward(np.ones((4, 2)))


def test_tanh_survives_a_loss_that_works_in_place(rng):
    def squared_in_place(z, y):
        z -= y
        return float((z**2).mean()), 2 * z / z.size

    def squared(z, y):
        return squared_in_place(z.copy(), y)

    x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    gradients = []
    for loss in (squared, squared_in_place):
        net = hn.Network([hn.Linear(4, 3, seed=0, dtype=np.float64), hn.Tanh()])
        net.backward(loss(net.forward(x), y)[1])
        gradients.append(net.layers[0].grads["w"])
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize(("dtype", "expected"), [
    (np.uint8, np.float32), (bool, np.float32), (np.float16, np.float32), (np.int64, np.float64),
    (np.float32, np.float32), (np.float64, np.float64),
])
def test_tanh_of_any_numbers_is_as_exact_as_float32(dtype, expected):
    x = np.array([[0, 1, 1, 0]]).astype(dtype)
    z = hn.Tanh().forward(x)
    assert z.dtype == expected
    np.testing.assert_allclose(z, np.tanh(x.astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize("x", [np.ones((2, 4), complex), np.full((2, 4), "1"), np.ones((2, 4), object)])
@pytest.mark.parametrize("layer", [hn.ReLU(), hn.Tanh(), hn.Dropout(0.5)])
def test_activations_and_dropout_take_real_numbers_only(layer, x):
    for train in (False, True):
        with pytest.raises(ValueError, match=r"x has dtype .*, expected real numbers"):
            layer.forward(x, train)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long doubles are doubles on this platform")
def test_long_doubles_are_refused_on_the_way_there_not_on_the_way_back():
    for layer in (hn.Linear(4, 3), hn.HashedLinear(4, 3, "1/2"), MaskedLinear(4, 3, 6), LowRankLinear(4, 3, 2)):
        with pytest.raises(ValueError, match=r"expected float32 or float64; pass x\.astype\(np\.float64\)"):
            layer.forward(np.ones((2, 4), np.longdouble))


def test_parameters_of_a_property_are_counted():
    class Tied(hn.Layer):
        def __init__(self):
            super().__init__()
            self.w = np.ones((3, 4))

        @property
        def params(self):
            return {"w": self.w}

    assert Tied().num_parameters() == Tied().num_virtual_parameters() == hn.Network([Tied()]).num_parameters() == 12
    assert hn.ReLU().num_parameters() == 0


@pytest.mark.parametrize("dtype", [None, "single precision", 3, {"a": 1}, np.float16, "int32", "f4, f4"])
def test_a_dtype_is_float32_or_float64(dtype):
    for make in (hn.HashedLinear(4, 3, "1/2").change_dtype, hn.Network([hn.ReLU()]).astype,
                 lambda dtype: hn.Linear(4, 3, dtype=dtype), lambda dtype: hn.HashedLinear(4, 3, "1/2", dtype=dtype)):
        with pytest.raises(ValueError, match="dtype must be float32 or float64, got "):
            make(dtype)


@pytest.mark.parametrize(("rng", "message"), [
    (0, r"got 0; did you mean seed=0\?$"), (np.random.RandomState(0), r"got RandomState.*[^?]$"), ("0", "got '0'$"),
])
def test_initial_weights_are_drawn_by_a_generator(rng, message):
    for make in (lambda rng: hn.Linear(4, 3, rng=rng), lambda rng: hn.HashedLinear(4, 3, "1/2", rng=rng),
                 lambda rng: MaskedLinear(4, 3, 6, rng=rng), lambda rng: LowRankLinear(4, 3, 2, rng=rng)):
        with pytest.raises(ValueError, match=r"rng must be a numpy\.random\.Generator, " + message):
            make(rng)


def test_a_layer_made_with_an_array_can_be_printed():
    class Fixed(hn.Layer):
        def __init__(self, scale=None, start=(1, 2)):
            super().__init__(scale=scale, start=start)

    assert repr(Fixed(np.ones(2))) == "Fixed(scale=array([1., 1.]))"
    assert "Fixed(scale=array" in str(hn.Network([Fixed(np.ones(2), np.zeros(3))]))


@pytest.mark.parametrize("layer", [int, lambda: hn.ReLU(), hn.ReLU(), "ReLU", hn.Network])
def test_only_a_class_of_layers_is_registered(layer):
    with pytest.raises(TypeError, match="register_layer takes a subclass of Layer, got "):
        hn.register_layer(layer)
