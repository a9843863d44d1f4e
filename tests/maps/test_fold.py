"""The kind "fold": its definition in Python's integers, even loads, and the dense network at compression 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hashnets_np as hn
from hashnets_np import SharingMap


def reference_hash(i, j, seed):
    xxhash = pytest.importorskip("xxhash")
    return xxhash.xxh32(i.to_bytes(4, "little") + j.to_bytes(4, "little"), seed=seed).intdigest()


def fold(i, j, n_cols, K, seed):
    """Specification 1.1, one virtual weight at a time."""
    q, p = divmod(i * n_cols + j, K)
    bucket = (p + (reference_hash(q >> 32, q % 2**32, seed) >> 1)) % K
    return bucket, -1 if reference_hash(i, j, seed) & 1 else 1


@pytest.mark.parametrize(("n_out", "n_cols", "K"), [(7, 5, 4), (3, 10, 1), (4, 4, 16), (4, 4, 100), (1, 1, 1)])
def test_the_table_is_the_definition(n_out, n_cols, K):
    bucket, sign = SharingMap(n_out, n_cols, buckets=K, seed=2**32 - 1, kind="fold").table()
    for i in range(n_out):
        for j in range(n_cols):
            assert (bucket[i, j], sign[i, j]) == fold(i, j, n_cols, K, 2**32 - 1)


def test_places_beyond_64_bits_of_anything_are_exact():
    n, K = 2**32, 2**31 - 1  # the last place is 2**64 - 1, its fold 2**33 + 4
    m = SharingMap(n, n, buckets=K, seed=3, kind="fold")
    for i, j in [(n - 1, n - 1), (n - 1, 0), (2**31, 5), (0, n - 1)]:
        assert m.lookup(i, j) == fold(i, j, n, K, 3)
    assert SharingMap(n, n, buckets=1, seed=3, kind="fold").lookup(n - 1, n - 1) == fold(n - 1, n - 1, n, 1, 3)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 2000), st.integers(0, 2**32 - 1))
def test_loads_differ_by_at_most_one(n_out, n_cols, K, seed):
    loads = SharingMap(n_out, n_cols, buckets=K, seed=seed, kind="fold").loads()
    assert loads.sum() == n_out * n_cols
    assert loads.max() - loads.min() <= 1


def test_the_loads_of_xxhash_differ_by_more():
    loads = SharingMap(40, 40, buckets=100, seed=1).loads()
    assert loads.max() - loads.min() > 5


def test_at_compression_one_the_layer_is_a_dense_layer(rng):
    hashed = hn.HashedLinear(30, 20, compression=1, kind="fold", seed=5, bias="dense", dtype=np.float64)
    dense = hn.Linear(30, 20, dtype=np.float64, seed=1)
    V = hashed.virtual_weight()
    dense.params["w"][:] = V
    assert len(np.unique(np.abs(V))) == 600  # each real weight is used once
    x, dz = rng.normal(size=(8, 30)), rng.normal(size=(8, 20))
    np.testing.assert_allclose(hashed.forward(x), dense.forward(x), rtol=0, atol=1e-12)
    np.testing.assert_allclose(hashed.backward(dz), dense.backward(dz), rtol=0, atol=1e-12)
    gathered = hn.hash_gather(hashed.grads["w"], hashed.map)  # dw, put back where each weight is used
    np.testing.assert_allclose(gathered, dense.grads["w"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(hashed.grads["b"], dense.grads["b"], rtol=0, atol=1e-12)


def test_its_gradients_pass_the_gradient_check(rng):
    widths = [(6, 9), (9, 8), (8, 4)]
    layers = []
    for number, (n_in, n_out) in enumerate(widths):
        layers.append(hn.HashedLinear(n_in, n_out, "1/3", kind="fold", seed=number, dtype=np.float64))
        layers.append(hn.ReLU())
    net = hn.Network(layers[:-1])
    report = hn.gradcheck(net, rng.normal(size=(7, 6)), rng.integers(0, 4, 7))
    assert report.worst < 1e-6


def test_explain_shows_the_fold_its_shift_and_the_bucket():
    m = SharingMap(4, 4, buckets=3, seed=7, kind="fold")
    text = str(hn.explain(m, 2, 1))
    bucket, sign = fold(2, 1, 4, 3, 7)
    assert "2 * 4 + 1 = 9: number 0 of fold 3" in text
    assert f"mod 3 = {bucket}" in text and f"is {int(sign < 0)}: {sign:+d}" in text


@pytest.mark.parametrize(("n", "K", "i", "j"), [(5, 3, 2, 1), (2**32, 2**31 - 1, 2**32 - 1, 2**32 - 2),
                                                (2**32, 1, 5, 7)])
def test_the_explanation_of_a_fold_is_its_definition(n, K, i, j):
    m = SharingMap(n, n, buckets=K, seed=7, kind="fold")
    g = i * n + j
    q = g // K
    p = g % K
    shift = reference_hash(q >> 32, q % 2**32, 7) >> 1
    h = reference_hash(i, j, 7)
    bucket, sign = fold(i, j, n, K, 7)
    assert m.derivation(i, j) == [
        f"place   {i} * {n} + {j} = {g}: number {p} of fold {q}, as {g} = {q} * {K} + {p}",
        f"shift   of fold {q}: XXH32 of ({q >> 32}, {q % 2**32}), seed 7, >> 1 = {shift}",
        f"bucket  {p} + {shift} = {p + shift}, mod {K} = {bucket}",
        f"sign    bit 0 of XXH32 of ({i}, {j}), 0x{h:08x}, is {int(sign < 0)}: {sign:+d}",
    ]


@pytest.mark.parametrize("bias", ["column", "hashed", "dense", None])
def test_a_model_file_brings_it_back(bias, tmp_path, rng):
    net = hn.Network([hn.HashedLinear(9, 5, "1/2", kind="fold", seed=3, bias=bias)])
    hn.save(net, tmp_path / "fold.safetensors")
    again = hn.load(tmp_path / "fold.safetensors")
    assert again.layers[0].map == net.layers[0].map
    x = rng.normal(size=(4, 9)).astype(np.float32)
    np.testing.assert_array_equal(again.forward(x), net.forward(x))
