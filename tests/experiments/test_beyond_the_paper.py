"""Several hashes, one store for all layers, maps without signs, shared seeds, gradients divided by loads."""

import copy
import itertools

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.experiments.one_store import StoreLinear, TenantLinear
from hashnets_np.experiments.several_hashes import MultiHashedLinear
from hashnets_np.layers import ACTIVATIONS
from hashnets_np.maps import KINDS, allowed_biases

WIDTHS = [6, 9, 8, 7, 4]  # three hidden layers
CHOICES = [
    {"kind": "fold"}, {"kind": "chunk", "size": 3}, {"kind": "tile", "size": 2}, {"signed": False}, {"hashes": 3},
    {"hashes": 2, "learn_alpha": True}, {"share": "network"}, {"share": "network", "kind": "fold"},
    {"layer_seeds": "shared"},
]
MIXED = [{"hashes": 2, "learn_alpha": True, "kind": kind} for kind in ("fold", "chunk", "tile")]
MIXED += [{"share": "network", "kind": kind} for kind in ("chunk", "tile")]


def make(choices, **more):
    return hn.build("hashnet", WIDTHS, compression="1/3", seed=3, dtype=np.float64, **choices, **more)


@pytest.mark.parametrize("choices", [*CHOICES, *MIXED], ids=str)
def test_the_gradients_of_each_choice_pass_the_check(choices, kernels, rng):
    net = make(choices, activation="tanh")  # smooth: some of these maps leave few numbers, near kinks of ReLU
    report = hn.gradcheck(net, rng.normal(size=(7, 6)), rng.integers(0, 4, 7))
    assert report.worst < 1e-6, report


@pytest.mark.parametrize(("kind", "bias"), [
    (kind, bias) for kind in KINDS if not kind.endswith("_bias") for bias in allowed_biases(kind)])
def test_the_gradients_of_each_kind_pass_the_check_with_each_of_its_biases(kind, bias, kernels, rng):
    layers = []
    size = 3 if KINDS[kind].default_size else None  # in a tile of 32 all biases are one, whose gradient is 0
    for n_in, n_out in itertools.pairwise(WIDTHS):
        layer = hn.HashedLinear(
            n_in, n_out, compression="1/3", seed=n_in, kind=kind, size=size, bias=bias, dtype=np.float64)
        layers += [layer, ACTIVATIONS["tanh"]()]  # smooth: some of these maps leave few numbers, near kinks of ReLU
    report = hn.gradcheck(hn.Network(layers[:-1]), rng.normal(size=(7, 6)), rng.integers(0, 4, 7))
    assert report.worst < 1e-6, report


@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_each_choice_stores_the_same_and_comes_back_from_a_file(choices, tmp_path, rng):
    net = make(choices, dropout=0.2)
    plain = make({}, dropout=0.2)
    assert net.num_parameters() == plain.num_parameters()
    assert net.num_virtual_parameters() == plain.num_virtual_parameters()
    hn.save(net, tmp_path / "net.safetensors")
    x = rng.normal(size=(5, 6))
    np.testing.assert_array_equal(hn.load(tmp_path / "net.safetensors").forward(x), net.forward(x))


def test_several_hashes_are_the_sum_of_their_matrices(rng):
    layer = MultiHashedLinear(5, 4, "1/2", hashes=3, learn_alpha=True, seed=2, dtype=np.float64)
    layer.params["alpha"][:] = [0.5, -1.0, 2.0]
    V = sum(alpha * hn.hash_gather(layer.params["w"], m)
            for alpha, m in zip([0.5, -1.0, 2.0], layer.maps, strict=True))
    x = rng.normal(size=(3, 5))
    np.testing.assert_allclose(layer.forward(x), np.insert(x, 0, 1, axis=1) @ V.T, rtol=1e-12)
    np.testing.assert_allclose(layer.virtual_weight(), V[:, 1:], rtol=1e-12)
    assert len({m.seed for m in layer.maps}) == 3


def test_more_hashes_keep_the_variance_of_V():
    one, four = (MultiHashedLinear(200, 100, "1/8", hashes=n, seed=1).virtual_weight().std() for n in (1, 4))
    assert abs(one / four - 1) < 0.03


def test_one_store_is_one_vector_that_is_updated_once(rng):
    net = make({"share": "network"})
    stores = [layer for layer in net.layers if isinstance(layer, StoreLinear)]
    tenants = [layer for layer in net.layers if isinstance(layer, TenantLinear)]
    assert (len(stores), len(tenants)) == (1, 3)
    assert [name for name, _ in net.parameters()] == ["0.w"]
    net.forward(rng.normal(size=(5, 6)), train=True)
    net.backward(rng.normal(size=(5, 4)))
    before = stores[0].params["w"].copy()
    hn.SGD(0.1, momentum=0).step(net.layers)
    np.testing.assert_allclose(before - stores[0].params["w"], 0.1 * stores[0].grads["w"], rtol=1e-12)


def test_two_backward_passes_do_not_add_up(rng):
    net = make({"share": "network"})
    x, dz = rng.normal(size=(5, 6)), rng.normal(size=(5, 4))
    net.forward(x)
    net.backward(dz)
    first = net.layers[0].grads["w"].copy()
    net.forward(x)
    net.backward(dz)
    np.testing.assert_array_equal(net.layers[0].grads["w"], first)


def test_a_layer_of_one_store_takes_no_masked_error_term():
    store = StoreLinear(3, 2, buckets=5, seed=2)
    net = hn.Network([TenantLinear(4, 3, store=1, seed=1), store])
    net.forward(np.ones((2, 4)))
    with pytest.raises(ValueError, match="dz has masked entries"):
        net.layers[0].backward(np.ma.masked_greater(np.arange(6.0).reshape(2, 3), 4))


def test_layers_of_one_store_begin_with_the_scale_of_their_own_fan_in():
    net = hn.build("hashnet", [400, 100, 100, 10], compression="1/2", seed=1, share="network")
    for layer, n_in in ((net.layers[2], 100), (net.layers[4], 100)):
        assert abs(layer.virtual_weight().std() / np.sqrt(2 / n_in) - 1) < 0.1


def test_a_tenant_without_its_store_says_so():
    with pytest.raises(ValueError, match="no StoreLinear"):
        hn.Network([hn.HashedLinear(4, 3, "1/2"), TenantLinear(3, 2, store=0, seed=1)])
    with pytest.raises(ValueError, match="put it into a Network"):
        TenantLinear(3, 2, store=0, seed=1).forward(np.ones((1, 3)))


def test_a_map_without_signs_has_the_same_buckets():
    signed, unsigned = (hn.SharingMap(30, 40, buckets=50, seed=1, signed=s) for s in (True, False))
    np.testing.assert_array_equal(signed.table()[0], unsigned.table()[0])
    assert (unsigned.table()[1] == 1).all() and (signed.table()[1] == -1).any()
    assert signed != unsigned
    assert "switched off" in str(hn.explain(unsigned, 1, 1))


@pytest.mark.parametrize("kind", ["xxhash", "fold", "chunk", "tile"])
@pytest.mark.parametrize("batch", [1, 6])
def test_kernels_agree_without_signs(kind, batch, monkeypatch, rng):
    pytest.importorskip("numba")
    m = hn.SharingMap(70, 300, buckets=500, seed=1, kind=kind, signed=False)
    w, a, dz = rng.normal(size=500), rng.normal(size=(batch, 300)), rng.normal(size=(batch, 70))
    results = []
    for version in ("numpy", "numba"):
        monkeypatch.setenv("HASHNETS_KERNELS", version)
        results.append([hn.hash_gather(w, m), hn.hashed_forward(w, a, m), *hn.hashed_backward(w, a, dz, m)])
    for plain, fast in zip(*results, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-10, atol=1e-10)


def test_shared_seeds_give_layers_of_one_shape_the_same_map():
    own, shared = (hn.build("hashnet", [8, 8, 8], compression="1/2", layer_seeds=how) for how in ("own", "shared"))
    assert shared.layers[0].map == shared.layers[2].map
    assert own.layers[0].map != own.layers[2].map


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_gradients_are_divided_by_loads(exponent, rng):
    layer = hn.HashedLinear(5, 4, "1/2", seed=1, bias="hashed", dtype=np.float64)
    layer.forward(rng.normal(size=(3, 5)))
    layer.backward(rng.normal(size=(3, 4)))
    before = {name: p.copy() for name, p in layer.params.items()}
    hn.SGD(0.1, momentum=0, load_exponent=exponent).step([layer])
    for name, m in (("w", layer.map), ("b", layer.bias_map)):
        step = 0.1 * layer.grads[name] / np.maximum(m.loads(), 1) ** exponent
        np.testing.assert_allclose(before[name] - layer.params[name], step, rtol=1e-12)


@pytest.mark.parametrize(("choices", "message"), [
    ({"share": "all"}, "share must be 'layer' or 'network'"), ({"hashes": 0}, "hashes"),
    ({"learn_alpha": True}, "several hashes"), ({"hashes": 2, "signed": False}, "signed maps"),
    ({"hashes": 2, "share": "network"}, "either several hashes or one store"),
    ({"hashes": 2, "kind": "keras"}, "a kind with a bias column, got 'keras'"),
    ({"share": "network", "kind": "authors2015"}, "a kind with a bias column"),
])
def test_choices_that_do_not_go_together_are_rejected(choices, message):
    with pytest.raises(ValueError, match=message):
        make(choices)


@pytest.mark.parametrize(("method", "why"), [
    ("nn", "method 'nn' does not hash; kind, size"), ("dk", "method 'dk' does not hash"),
    ("fold", "method 'fold' has its own map; kind, size"), ("one-store", "method 'one-store' has its own map"),
])
def test_a_method_that_is_not_hashnet_says_why_it_takes_no_kind(method, why):
    with pytest.raises(ValueError, match=why):
        hn.build(method, WIDTHS, compression="1/3", kind="chunk")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.endswith("_bias")])
def test_a_network_of_any_kind_stores_the_same_and_hashes_with_the_seeds_of_its_kind(kind):
    net = make({"kind": kind})
    assert net.num_parameters() == make({}).num_parameters()
    assert net.num_virtual_parameters() == make({}).num_virtual_parameters()
    layers = net.layers[::2]
    own = [hn.derive_seed(3, number) for number in range(len(layers))]
    assert [layer.map.seed for layer in layers] == (
        own if KINDS[kind].default_seed is None else [KINDS[kind].default_seed] * len(layers))
    assert {layer.bias for layer in layers} == {"column" if "column" in allowed_biases(kind) else "dense"}


def test_dense_biases_that_use_up_the_budget_are_refused():
    assert hn.build("hashnet", [7, 3], compression="1/6", kind="keras").num_parameters() == 3 + 1
    with pytest.raises(ValueError, match="7 -> 3 may store 3 numbers, too few for 3 biases and a weight"):
        hn.build("hashnet", [7, 3], compression="1/8", kind="keras")


@pytest.mark.parametrize("choices", [{"hashes": 3}, {"hashes": 2, "learn_alpha": True}, {"share": "network"}], ids=str)
def test_loads_count_all_virtual_weights_that_share_a_real_one(choices):
    net = make(choices)
    loads = [layer.loads("w") for layer in net.layers if "w" in layer.params]
    virtual = sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(WIDTHS))
    assert sum(int(load.sum()) for load in loads) == virtual * choices.get("hashes", 1)
    assert all(layer.loads("alpha") is None for layer in net.layers if "alpha" in layer.params)


@pytest.mark.parametrize("choices", [{"hashes": 3}, {"share": "network"}], ids=str)
def test_a_gradient_is_divided_by_the_loads_of_all_maps(choices):
    net = make(choices)
    layer = next(layer for layer in net.layers if layer.params)
    before = layer.params["w"].copy()
    for each in net.layers:
        each.grads = {name: np.ones_like(p) for name, p in each.params.items()}
    hn.SGD(1.0, momentum=0, load_exponent=1.0).step(net.layers)
    np.testing.assert_allclose(before - layer.params["w"], 1 / np.maximum(layer.loads("w"), 1))


def test_a_store_alone_has_its_own_loads_and_a_copy_of_a_network_those_of_its_tenants():
    store = StoreLinear(6, 5, buckets=9, seed=1)
    assert store.loads("w").sum() == 7 * 5
    net = copy.deepcopy(hn.Network([store, hn.ReLU(), TenantLinear(5, 3, store=0, seed=2)]))
    assert net.layers[0].loads("w").sum() == 7 * 5 + 6 * 3
