"""Networks for the tests of the exporters: all kinds of map, biases, depths and dtypes, and some that cannot go out."""

import itertools

import numpy as np

import hashnets_np as hn
from hashnets_np.experiments.baselines import LowRankLinear
from hashnets_np.experiments.one_store import StoreLinear, TenantLinear
from hashnets_np.experiments.several_hashes import MultiHashedLinear
from hashnets_np.maps import allowed_biases


def hashed_net(widths, dtype="float32", **options) -> hn.Network:
    """Hashed layers with ReLU between them, biases of all sorts away from 0."""
    layers = []
    for n, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        layer = hn.HashedLinear(n_in, n_out, "1/4", seed=n + 1, dtype=dtype, init="uniform", **options)
        layers += [layer, hn.ReLU()]
    return hn.Network(layers[:-1])


def map_net(kind, size=None, signed=True) -> hn.Network:
    """A layer for each bias that this kind of map allows, with ReLU between them: small, to try every option."""
    layers = []
    for n, bias in enumerate(allowed_biases(kind)):
        options = {"seed": n + 1, "bias": bias, "kind": kind, "size": size, "signed": signed, "init": "uniform"}
        layers += [hn.HashedLinear(12, 12, "1/3", **options), hn.ReLU()]
    return hn.Network(layers[:-1])


def replaced_map_net() -> hn.Network:
    """A map that is not the one that the layer was made with."""
    net = hashed_net([64, 50, 10])
    m = net.layers[0].map
    net.layers[0].map = hn.SharingMap(m.n_out, m.n_cols, buckets=m.buckets, seed=77, kind="tile", size=8, signed=False)
    return net


def method_net(method, **options) -> hn.Network:
    """A network of the study, with biases away from 0."""
    net = hn.build(method, [64, 40, 10], compression="1/2", seed=3, **options)
    rng = np.random.default_rng(0)
    for name, p in net.parameters():
        if name.endswith(".b"):
            p[:] = rng.normal(size=p.shape)
    return net


def one_store_net() -> hn.Network:
    """Three layers whose maps hash into the weights of the second."""
    store = StoreLinear(40, 30, buckets=500, seed=2)
    return hn.Network([TenantLinear(64, 40, store=2, seed=1), hn.ReLU(), store, hn.ReLU(),
                       TenantLinear(30, 10, store=2, seed=3)])


def unsigned_store_net() -> hn.Network:
    """The layer that holds the weights has no signs; the one that uses them, too, has."""
    store = StoreLinear(64, 30, buckets=500, seed=2, signed=False)
    return hn.Network([store, hn.ReLU(), TenantLinear(30, 10, store=0, seed=3)])


def several_hashes_net() -> hn.Network:
    """Two layers with several hashes each, one of them with weights alpha of its own."""
    first = MultiHashedLinear(64, 40, "1/4", hashes=3, seed=1)
    second = MultiHashedLinear(40, 10, "1/4", hashes=2, learn_alpha=True, seed=2, kind="fold")
    second.params["alpha"][:] = [0.3, -1.2]
    return hn.Network([first, hn.ReLU(), second])


def tanh_net() -> hn.Network:
    """Two layers with tanh between them."""
    return hn.Network([hn.HashedLinear(64, 50, "1/4", seed=1), hn.Tanh(), hn.HashedLinear(50, 10, "1/4", seed=2)])


def odd_net() -> hn.Network:
    """Layers of several kinds in an order that no method has, ReLU first and last."""
    return hn.Network([
        hn.ReLU(), hn.Dropout(0.5), hn.HashedLinear(64, 30, "1/3", seed=4), hn.ReLU(),
        hn.HashedLinear(30, 50, "1/8", bias="hashed", kind="authors2015", init="uniform"), hn.ReLU(),
        hn.Linear(50, 20, bias=False), hn.ReLU(), LowRankLinear(20, 12, rank=3, seed=9), hn.ReLU(),
        hn.HashedLinear(12, 10, buckets=7, bias=None, kind="pytorch2019"), hn.ReLU(),
    ])


NETWORKS = {
    "xxhash_column": lambda: hashed_net([64, 50, 10]),
    "xxhash_hashed": lambda: hashed_net([64, 50, 10], bias="hashed"),
    "xxhash_dense": lambda: hashed_net([64, 50, 10], bias="dense"),
    "xxhash_none": lambda: hashed_net([64, 50, 10], bias=None),
    "authors2015_hashed": lambda: hashed_net([64, 30, 10], bias="hashed", kind="authors2015"),
    "authors2015_dense": lambda: hashed_net([64, 30, 10], bias="dense", kind="authors2015"),
    "pytorch2019_hashed": lambda: hashed_net([64, 30, 10], bias="hashed", kind="pytorch2019"),
    "pytorch2019_none": lambda: hashed_net([64, 30, 10], bias=None, kind="pytorch2019"),
    "keras_dense": lambda: hashed_net([64, 30, 10], bias="dense", kind="keras"),
    "fold_column": lambda: hashed_net([64, 50, 10], kind="fold"),
    "fold_hashed": lambda: hashed_net([64, 50, 10], bias="hashed", kind="fold"),
    "chunk_column": lambda: hashed_net([64, 50, 10], kind="chunk"),
    "chunk_dense": lambda: hashed_net([64, 50, 10], bias="dense", kind="chunk", size=5),
    "tile_none": lambda: hashed_net([64, 50, 10], bias=None, kind="tile", size=8),
    "tile_hashed": lambda: hashed_net([64, 100, 10], bias="hashed", kind="tile"),
    "no_signs": lambda: method_net("no-signs"),
    "replaced_map": replaced_map_net,
    "tanh": tanh_net,
    "one_store": one_store_net,
    "unsigned_store": unsigned_store_net,
    "several_hashes": several_hashes_net,
    "one_layer": lambda: hashed_net([64, 10]),
    "five_layers": lambda: hashed_net([64, 50, 40, 30, 20, 10]),
    "float64": lambda: hashed_net([64, 50, 10], dtype="float64"),
    "wide": lambda: hashed_net([64, 1000, 10]),
    "dropout": lambda: hn.build("hashnet", [64, 50, 10], compression="1/8", dropout=0.5, input_dropout=0.1),
    "rer": lambda: method_net("rer"),
    "lrd": lambda: method_net("lrd"),
    "nn": lambda: method_net("nn"),
    "odd": odd_net,
}


TEXT_KINDS = ("authors2015", "pytorch2019", "keras")
MAPS = {  # every kind of map, with and without signs, and each size that is not the default
    f"{kind}{size or ''}{'' if signed else '_unsigned'}": {"kind": kind, "size": size, "signed": signed}
    for kind, size in [("xxhash", None), ("fold", None), ("chunk", None), ("chunk", 5), ("tile", None), ("tile", 3),
                       *((kind, None) for kind in TEXT_KINDS)]
    for signed in (True, False)
}


class OwnLayer(hn.ReLU):
    """A layer of somebody's own, which does something else."""


def table_net() -> hn.Network:
    net = hashed_net([2, 2])
    net.layers[0].map = hn.SharingMap.from_table([[0, 1, 1], [1, 1, 0]], buckets=net.layers[0].map.buckets)
    return net


class OwnMap(hn.SharingMap):
    """A map of somebody's own, which has a rule of its own."""

    def lookup(self, i, j):
        bucket, sign = super().lookup(i, j)
        return bucket, -sign


def own_map_net() -> hn.Network:
    net = hashed_net([2, 2])
    m = net.layers[0].map
    net.layers[0].map = OwnMap(m.n_out, m.n_cols, buckets=m.buckets, seed=m.seed)
    return net


def newer_option_net() -> hn.Network:
    """A layer of a newer release, with an option that the exporters have never heard of."""
    net = hashed_net([2, 2])
    net.layers[0]._config["scale"] = 2.0
    return net


def diverged_net() -> hn.Network:
    net = hashed_net([2, 2])
    net.layers[0].params["w"][0] = np.nan
    return net


def unfitting_net() -> hn.Network:
    """`Network` checks that layers fit when it is made, but a layer may be replaced afterwards."""
    net = hn.Network([hn.Linear(2, 2), hn.Linear(2, 2)])
    net.layers[0] = hn.Linear(2, 3)
    return net


def empty_net() -> hn.Network:
    net = hn.Network([hn.Linear(2, 2)])
    net.layers.clear()
    return net


BAD = {
    "no layers": (empty_net, "no layer with weights"),
    "a table": (table_net, r"layer 0 \(HashedLinear\) cannot be written in "),
    "an unknown layer": (lambda: hn.Network([hn.Linear(2, 2), OwnLayer()]), r"layer 1 \(OwnLayer\) cannot be"),
    "a map of a class of its own": (own_map_net, r"layer 0 \(HashedLinear\) cannot be .* its sharing map is OwnMap\("),
    "a newer option": (newer_option_net, r"layer 0 \(HashedLinear\) cannot be .* made with scale=2\.0, which .* know"),
    "no weights": (lambda: hn.Network([hn.ReLU()]), "no layer with weights"),
    "layers that don't fit": (unfitting_net, "layer 0 gives 3 numbers, but layer 1 expects 2"),
    "not finite": (diverged_net, "weights 0.w hold values that are not finite"),
}
