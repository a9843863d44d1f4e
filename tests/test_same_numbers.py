"""Networks made by `build`, and hashed layers made with a seed, have the weights and maps of version 0.1.0."""

import hashlib

import numpy as np
import pytest

import hashnets_np as hn

BUILT = {  # (method, dtype): digests at compression 1/2 and at expansion 2
    ("rer", "float32"): ["8772368ce671", "26a9955fca33"],
    ("rer", "float64"): ["dfc3e06b0b93", "33bbf249d843"],
    ("lrd", "float32"): ["2fd0334b0d6d", "966ed7922420"],
    ("lrd", "float64"): ["921182f74cbd", "4ca31f1d7b58"],
    ("nn", "float32"): ["50401d09957e", "755a95bb7d6c"],
    ("nn", "float64"): ["cd270d059f42", "3b95c92b5091"],
    ("dk", "float32"): ["50401d09957e", "755a95bb7d6c"],
    ("dk", "float64"): ["cd270d059f42", "3b95c92b5091"],
    ("hashnet", "float32"): ["5af2b9cddc93", "319086dab9f9"],
    ("hashnet", "float64"): ["55ce981f28e0", "723583148d0a"],
    ("hashnetdk", "float32"): ["5af2b9cddc93", "319086dab9f9"],
    ("hashnetdk", "float64"): ["55ce981f28e0", "723583148d0a"],
}
LAYERS = {  # (kind, bias): digests with init "he" and "uniform"
    ("xxhash", "column"): ["b936a45ef42e", "1b761c3fe5f2"],
    ("xxhash", "hashed"): ["79cdc5bb98a5", "1f52ff9e4ec1"],
    ("xxhash", "dense"): ["39545b308b70", "be298fe5bc9c"],
    ("xxhash", None): ["20cd23d6a616", "b5fdf6b85f79"],
    ("authors2015", "hashed"): ["5fed5181cca8", "b1025c4c15f8"],
    ("authors2015", "dense"): ["78c8284e6b35", "172bcc4cbfe9"],
    ("authors2015", None): ["5f5c77e5e24b", "9288927478ce"],
    ("pytorch2019", "hashed"): ["ee5f93c3cc71", "80182c7aa83c"],
    ("pytorch2019", "dense"): ["618065e81757", "b8794c99f36b"],
    ("pytorch2019", None): ["ee76312d939c", "c8cf8c613f57"],
    ("keras", "dense"): ["ab0c4807c766", "46101a278ef8"],
    ("keras", None): ["55214c5ef83c", "e89b50a870f3"],
}


def digest(net):
    h = hashlib.sha256()
    for name, p in net.parameters():
        h.update(f"{name} {p.dtype} {p.shape}".encode())
        h.update(np.ascontiguousarray(p).tobytes())
    for layer in net.layers:
        if isinstance(layer, hn.HashedLinear):
            for m in filter(None, (layer.map, layer.bias_map)):
                bucket, sign = m.table()
                h.update(bucket.astype(np.int64).tobytes() + sign.tobytes())
        if isinstance(layer, hn.Dropout):
            h.update(layer.rng.random(5).tobytes())
    return h.hexdigest()[:12]


def build(method, dtype, size):
    return hn.build(method, [12, 20, 15, 4], seed=7, dropout=0.5, input_dropout=0.1, dtype=dtype, **size)


def layer(kind, bias, init):
    return hn.HashedLinear(12, 7, "1/3", seed=5, bias=bias, kind=kind, init=init)


@pytest.mark.parametrize(("method", "dtype"), BUILT)
def test_what_build_makes_is_what_it_always_made(method, dtype):
    made = [digest(build(method, dtype, size)) for size in ({"compression": "1/2"}, {"expansion": 2})]
    assert made == BUILT[method, dtype]


@pytest.mark.parametrize(("kind", "bias"), LAYERS)
def test_a_layer_with_a_seed_is_what_it_always_was(kind, bias):
    made = [digest(hn.Network([layer(kind, bias, init)])) for init in ("he", "uniform")]
    assert made == LAYERS[kind, bias]
