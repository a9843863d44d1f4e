"""The four kernels, plain and fast, against a loop over Eq. 7 to 12, the paper's Figure 1 and each other."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashnets_np import (
    HashedLinear,
    SharingMap,
    explain,
    feature_hash,
    feature_hashing_forward,
    hash_gather,
    hash_scatter_add,
    hashed_backward,
    hashed_forward,
)
from hashnets_np.kernels import as_floats
from hashnets_np.kernels import kernels as kernel_module

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}

# The paper's Figure 1, with its buckets 1..3 counted from 0. In V1, row 2 column 1 is w1[0] = 3.2, as the text says.
W1, W2 = np.array([3.2, 1.1, -0.5]), np.array([2.5, -0.7, 1.3])
FIGURE_1 = SharingMap.from_table([[1, 0, 0, 2], [0, 1, 0, 0], [2, 1, 0, 1], [0, 2, 1, 2]], buckets=3)
FIGURE_1_OUT = SharingMap.from_table([[0, 1, 1, 2], [2, 2, 0, 0]], buckets=3)
V1 = np.array([[1.1, 3.2, 3.2, -0.5], [3.2, 1.1, 3.2, 3.2], [-0.5, 1.1, 3.2, 1.1], [3.2, -0.5, 1.1, -0.5]])
V2 = np.array([[2.5, -0.7, -0.7, 1.3], [1.3, 1.3, 2.5, 2.5]])


def loop_over_the_equations(w, a, dz, m):
    """Eq. 7, 8, 9, 10 and 12 literally, one virtual weight at a time."""
    bucket, sign = m.table()
    z, da, dw = np.zeros((len(a), m.n_out)), np.zeros(a.shape), np.zeros(m.buckets)
    for i in range(m.n_out):
        for j in range(m.n_cols):
            k, xi = bucket[i, j], float(sign[i, j])
            z[:, i] += w[k] * xi * a[:, j]
            da[:, j] += w[k] * xi * dz[:, i]
            dw[k] += xi * float(a[:, j].astype(float) @ dz[:, i])
    return z, dw, da


def assert_close(found, expected, dtype):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    if expected.size:
        assert np.abs(found - expected).max() <= TOLERANCE[dtype] * max(np.abs(expected).max(), 1e-30)


def example(rng, m, batch, dtype):
    shapes = (m.buckets, (batch, m.n_cols), (batch, m.n_out))
    return (rng.normal(size=shape).astype(dtype) for shape in shapes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n_out", "n_cols", "K", "batch"),
    [(1, 1, 1, 1), (3, 5, 4, 2), (17, 33, 40, 1), (64, 65, 1, 7), (130, 70, 2000, 50), (300, 41, 97, 3), (9, 9, 13, 0)],
)
def test_the_kernels_are_the_equations(kernels, rng, n_out, n_cols, K, batch, dtype):
    m = SharingMap(n_out, n_cols, buckets=K, seed=11)
    w, a, dz = example(rng, m, batch, dtype)
    z, dw, da = loop_over_the_equations(w, a, dz, m)
    assert_close(hashed_forward(w, a, m), z, dtype)
    found_dw, found_da = hashed_backward(w, a, dz, m)
    assert_close(found_dw, dw, dtype)
    assert_close(found_da, da, dtype)
    np.testing.assert_array_equal(hashed_backward(w, a, dz, m, input_grad=False)[0], found_dw)
    assert hashed_backward(w, a, dz, m, input_grad=False)[1] is None


def test_figure_1_of_the_paper_by_hand(kernels):
    np.testing.assert_array_equal(hash_gather(W1, FIGURE_1), V1)
    np.testing.assert_array_equal(hash_gather(W2, FIGURE_1_OUT), V2)
    a = np.array([[1.0, 2.0, 0.0, -1.0]])
    np.testing.assert_allclose(hashed_forward(W1, a, FIGURE_1), [[8.0, 2.2, 0.6, 2.7]], rtol=1e-15)
    dz = np.array([[1.0, 0.0, 2.0, 0.0]])
    dw, da = hashed_backward(W1, a, dz, FIGURE_1)
    # dV has rows [1, 2, 0, -1] and, third, [2, 4, 0, -2]. Bucket 0 gets 2 + 0 + 0, bucket 1 gets 1 + 4 - 2, bucket 2
    # gets -1 + 2. And da is V1's first row plus twice its third.
    np.testing.assert_allclose(dw, [2.0, 3.0, 1.0], rtol=1e-15)
    np.testing.assert_allclose(da, [[0.1, 5.4, 9.6, 1.7]], rtol=1e-15)


def test_a_one_to_one_map_is_the_dense_layer(kernels, rng):
    m = SharingMap.from_table(rng.permutation(12 * 7).reshape(12, 7), buckets=84)
    w, a, dz = example(rng, m, 5, np.float64)
    V = w[m.table()[0]]
    assert_close(hashed_forward(w, a, m), a @ V.T, np.float64)
    dw, da = hashed_backward(w, a, dz, m)
    assert_close(dw[m.table()[0]], dz.T @ a, np.float64)
    assert_close(da, dz @ V, np.float64)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_gather_and_scatter_add_are_transposes(n_out, n_cols, K, seed):
    m, rng = SharingMap(n_out, n_cols, buckets=K, seed=seed), np.random.default_rng(seed)
    w, G = rng.normal(size=K), rng.normal(size=(n_out, n_cols))
    left, right = np.vdot(hash_gather(w, m), G), np.vdot(w, hash_scatter_add(G, m))
    assert abs(left - right) <= 1e-12 * np.abs(G).sum() * np.abs(w).max()


def test_weight_sharing_equals_feature_hashing(rng):
    m = SharingMap(9, 14, buckets=6, seed=3)
    w, a, _ = example(rng, m, 4, np.float64)
    assert_close(feature_hashing_forward(w, a, m), hashed_forward(w, a, m), np.float64)
    assert_close(feature_hashing_forward(w, a.tolist(), m), hashed_forward(w, a, m), np.float64)
    with pytest.raises(ValueError, match=r"a has shape"):
        feature_hash(a[:, :-1], m, 0)
    with pytest.raises(ValueError, match=r"i must be an integer in 0\.\.8, got 9"):
        feature_hash(a, m, m.n_out)


def test_duplicates_are_added(kernels):
    m = SharingMap.from_table([[0, 0, 0]], buckets=2)
    np.testing.assert_array_equal(hash_scatter_add(np.array([[1.0, 2.0, 4.0]]), m), [7.0, 0.0])


@pytest.mark.parametrize("K", [1, 2, 7, 98125, 10**6])
def test_gather_finds_the_buckets_and_signs_of_the_table(kernels, K):
    m = SharingMap(50, 70, buckets=K, seed=2**32 - 1)
    bucket, sign = m.table()
    np.testing.assert_array_equal(hash_gather(np.arange(1, K + 1, dtype=np.float64), m), (bucket + 1.0) * sign)


def test_inputs_of_any_layout_work_and_are_never_written_to(kernels, rng):
    m = SharingMap(30, 21, buckets=40, seed=1)
    w, a, dz = example(rng, m, 6, np.float64)
    expected = hashed_forward(w, a, m), *hashed_backward(w, a, dz, m), hash_scatter_add(dz.T @ a, m)
    wide = np.zeros((12, 42))
    wide[::2, ::2] = a
    strided = np.zeros(80)
    strided[::2] = w
    layouts = [(w, np.asfortranarray(a), np.asfortranarray(dz)), (strided[::2], wide[::2, ::2], dz[::-1].copy()[::-1])]
    for w_, a_, dz_ in layouts:
        before = [x.copy() for x in (w_, a_, dz_)]
        for x in (w_, a_, dz_):
            x.flags.writeable = False
        dV = np.asfortranarray(dz_.T @ a_)
        dV.flags.writeable = False
        found = hashed_forward(w_, a_, m), *hashed_backward(w_, a_, dz_, m), hash_scatter_add(dV, m)
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=0, atol=1e-12 * np.abs(y).max())
        for x, y in zip((w_, a_, dz_), before, strict=True):
            np.testing.assert_array_equal(x, y)


def test_the_result_has_the_common_dtype(kernels, rng):
    m = SharingMap(3, 4, buckets=5)
    w, a, dz = example(rng, m, 2, np.float32)
    assert hashed_forward(w, a.astype(np.float64), m).dtype == np.float64
    assert hashed_backward(w, a, dz, m)[0].dtype == np.float32
    with pytest.raises(ValueError, match="float32 or float64, got float16"):
        hash_gather(w.astype(np.float16), m)


def test_wrong_shapes_are_refused_with_what_was_expected(rng):
    m = SharingMap(3, 4, buckets=5)
    w, a, dz = example(rng, m, 2, np.float64)
    for call, message in [
        (lambda: hash_gather(w[:4], m), r"w has shape \(4,\), expected \(5\)"),
        (lambda: hashed_forward(w, a[:, :3], m), r"a has shape \(2, 3\), expected \(any, 4\)"),
        (lambda: hashed_backward(w, a, dz.T, m), r"dz has shape \(3, 2\)"),
        (lambda: hashed_backward(w, a, dz[:1], m), "one row per example"),
        (lambda: hash_scatter_add(dz, m), r"dV has shape \(2, 3\), expected \(3, 4\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_an_unknown_backend_is_refused(monkeypatch):
    monkeypatch.setenv("HASHNETS_KERNELS", "cuda")
    with pytest.raises(ValueError, match="must be 'numpy' or 'numba'"):
        hash_gather(np.ones(1), SharingMap(1, 1, buckets=1))


def run_python(code, **environment):
    import os

    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment)


CHECKSUM = """
import numpy as np, hashnets_np as hn
from hashnets_np import kernels
rng = np.random.default_rng(0)
w, a, dz = rng.normal(size=50), rng.normal(size=(7, 29)), rng.normal(size=(7, 33))
results = []
for kind, size in (("xxhash", None), ("fold", None), ("chunk", None), ("tile", 5), ("tile", 150)):
    m = hn.SharingMap(33, 29, buckets=50, seed=9, kind=kind, size=size)
    results += [hn.hash_gather(w, m), hn.hashed_forward(w, a, m), *hn.hashed_backward(w, a, dz, m)]
print(kernels.kernels().__name__, *(f"{x.sum():.9f}" for x in results))
"""
WITHOUT_NUMBA = "import sys; sys.modules['numba'] = None\nimport importlib.util as u; f = u.find_spec\n" \
    "u.find_spec = lambda name, package=None: None if name == 'numba' else f(name, package)\n"


def test_three_ways_to_run_give_the_same_numbers():
    plain = run_python(CHECKSUM, HASHNETS_KERNELS="numpy")
    missing = run_python(WITHOUT_NUMBA + CHECKSUM)
    jit, stepped = run_python(CHECKSUM), run_python(CHECKSUM, NUMBA_DISABLE_JIT="1", HASHNETS_KERNELS="numba")
    for done in (plain, missing, jit, stepped):
        assert done.returncode == 0, done.stderr
    names, numbers = zip(*(done.stdout.strip().split(" ", 1) for done in (plain, missing, jit, stepped)), strict=True)
    assert [name.rsplit(".", 1)[1] for name in names] == ["plain", "plain", "fast", "fast"]
    assert len(set(numbers)) == 1


def test_without_numba_insisting_on_it_is_an_error():
    done = run_python(WITHOUT_NUMBA + CHECKSUM, HASHNETS_KERNELS="numba")
    assert done.returncode != 0 and "pip install numba" in done.stderr


def test_importing_the_package_loads_no_heavy_library():
    heavy = ["numba", "matplotlib", "tqdm", "safetensors", "threadpoolctl"]
    code = f"import sys, hashnets_np; print([x for x in {heavy} if x in sys.modules])"
    assert run_python(code).stdout.strip() == "[]"


def test_as_many_mates_are_listed_as_asked_for_the_weight_itself_left_out():
    m = SharingMap.from_table([[0, 0, 1, 0], [0, 0, 0, 0]], buckets=2)
    shown = explain(m, 0, 1, show=3)
    assert shown.mates == [(0, 0), (0, 3), (1, 0)] and shown.num_mates == 6
    only_row = explain(SharingMap.from_table([[0] * 8], buckets=1), 0, 1, show=3)
    assert only_row.mates == [(0, 0), (0, 2), (0, 3)] and "and 4 more" in str(only_row)


def test_mates_in_a_large_matrix_are_looked_for_in_its_beginning_only():
    far = 2**32 - 1
    m = SharingMap(2**32, 2**32, buckets=10**5, seed=3)
    shown = explain(m, far, far)
    assert shown.looked_at == 10**7 and "of the first 10,000,000 use" in str(shown)
    assert len(shown.mates) == 5 and all(m.lookup(i, j)[0] == shown.bucket for i, j in shown.mates)
    assert 50 < shown.num_mates < 150  # Poisson with mean 100


def test_mates_are_the_same_however_many_are_looked_at_at_once(monkeypatch):
    m = SharingMap(9, 7, buckets=4, seed=3)
    whole = explain(m, 5, 3)
    monkeypatch.setattr(sys.modules["hashnets_np.explanations"], "AT_ONCE", 4)
    assert explain(m, 5, 3) == whole
    assert whole.num_mates == (m.table()[0] == whole.bucket).sum() - 1


def test_a_layer_in_place_of_its_map_is_told_what_to_pass(rng):
    layer = HashedLinear(4, 3, buckets=5, bias=None, seed=1)
    for call in (lambda: hashed_forward(layer.params["w"], np.ones((1, 4)), layer),
                 lambda: hash_gather(layer.params["w"], layer)):
        with pytest.raises(TypeError, match=r"m must be a SharingMap, got HashedLinear; for a layer, pass layer\.map"):
            call()
    with pytest.raises(ValueError, match=r"explain needs a SharingMap, got HashedLinear; for a HashedLinear, pass"):
        explain(layer, 0, 0)
    with pytest.raises(TypeError, match="m must be a SharingMap, got HashedLinear"):
        feature_hash(np.ones((1, 4)), layer, 0)


def test_what_is_explained_is_listed_with_five_mates_and_the_sign():
    m = SharingMap.from_table([[0] * 8, [1] * 8], [[1] * 8, [-1] * 8], buckets=2)
    shown = explain(m, 1, 2)
    assert str(shown).splitlines() == [
        "V[1, 2] of a 2 x 8 matrix, 2 buckets, kind table", "bucket  1", "sign    -1", "so      V[1, 2] = -w[1]",
        "mates   7 other virtual weights use w[1]: V[1, 0], V[1, 1], V[1, 3], V[1, 4], V[1, 5] and 2 more"]
    assert (shown.i, shown.j, shown.bucket, shown.sign, shown.looked_at) == (1, 2, 1, -1, 16)
    assert str(explain(m, 0, 2, show=7)).splitlines()[-2:] == [
        "so      V[0, 2] = w[0]",
        "mates   7 other virtual weights use w[0]: V[0, 0], V[0, 1], V[0, 3], V[0, 4], V[0, 5], V[0, 6], V[0, 7]"]


def test_inputs_of_whole_numbers_are_hashed_in_floats():
    m = SharingMap.from_table([[1, 0, 1]], [[1, -1, 1]], buckets=2)
    phi = feature_hash(np.array([[1, 2, 3]], np.uint8), m, 0)
    assert phi.dtype == np.float32 and phi.tolist() == [[-2, 4]]
    assert feature_hash(np.ones((2, 3)), m, 0).dtype == np.float64
    small = np.array([[-128, 1, 1]], np.int8)  # -(-128) is no int8
    np.testing.assert_array_equal(feature_hashing_forward(np.ones(2), small, m), hashed_forward(np.ones(2), small, m))
    with pytest.raises(ValueError, match=r"i must be an integer in 0\.\.0, got array"):
        feature_hash(np.ones((1, 3)), m, np.array([0]))


def test_the_kernels_that_are_chosen_do_the_work(kernels):
    """Nothing else would tell: both give the same numbers."""
    assert kernel_module().__name__ == "hashnets_np.kernels." + {"numpy": "plain", "numba": "fast"}[kernels]


def test_arrays_of_one_float_type_are_not_copied():
    w, a = np.ones(3, np.float32), np.ones((2, 4), np.float32)
    assert all(ours is given for ours, given in zip(as_floats(w, a), (w, a), strict=True))
    assert [x.dtype for x in as_floats(w, a.astype(np.float64))] == [np.float64] * 2


@pytest.mark.parametrize("wrong", [np.ones((1, 4), complex), np.ones((1, 4), object), np.full((1, 4), "1")])
def test_feature_hashing_takes_real_numbers_only(wrong):
    m = SharingMap(3, 4, buckets=4)
    for name, call in (("a", lambda: feature_hash(wrong, m, 0)),
                       ("a", lambda: feature_hashing_forward(np.ones(4), wrong, m)),
                       ("w", lambda: feature_hashing_forward(wrong[0], np.ones((1, 4)), m))):
        with pytest.raises(ValueError, match=f"^{name} has dtype .*, expected real numbers"):
            call()
