"""Networks for the tests of the exporters: all kinds of map, biases, depths and dtypes, and some that cannot go out."""

import itertools

import numpy as np

import hashnets_np as hn
from hashnets_np.experiments.baselines import LowRankLinear
from hashnets_np.experiments.one_store import StoreLinear, TenantLinear
from hashnets_np.experiments.several_hashes import MultiHashedLinear


def hashed_net(widths, dtype="float32", size=None, **options) -> hn.Network:
    """Hashed layers with ReLU between them, biases of all sorts away from 0."""
    layers = []
    for n, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        layer = hn.HashedLinear(n_in, n_out, "1/4", seed=n + 1, dtype=dtype, init="uniform", **options)
        if size:
            m = layer.map
            layer.map = hn.SharingMap(m.n_out, m.n_cols, buckets=m.buckets, seed=m.seed, kind=m.kind, size=size)
        layers += [layer, hn.ReLU()]
    return hn.Network(layers[:-1])


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
    "tanh": tanh_net,
    "one_store": one_store_net,
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


class OwnLayer(hn.ReLU):
    """A layer of somebody's own, which does something else."""


def table_net() -> hn.Network:
    net = hashed_net([2, 2])
    net.layers[0].map = hn.SharingMap.from_table([[0, 1, 1], [1, 1, 0]], buckets=net.layers[0].map.buckets)
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
    "no weights": (lambda: hn.Network([hn.ReLU()]), "no layer with weights"),
    "layers that don't fit": (unfitting_net, "layer 0 gives 3 numbers, but layer 1 expects 2"),
    "not finite": (diverged_net, "weights 0.w hold values that are not finite"),
}
