"""The numba kernels against the plain ones: integers bit for bit, floats within 1e-5 (float32) and 1e-12 (float64)."""

import numpy as np
import pytest

pytest.importorskip("numba")
from hashnets_np.kernels import fast, plain
from hashnets_np.sharing import SharingMap

BOUND = {np.float32: 1e-5, np.float64: 1e-12}
# n_out, n_cols, buckets, batch: narrow, wide, one bucket, more buckets than weights, several tiles and pieces
SIZES = [
    (1, 1, 1, 1), (3, 5, 4, 2), (10, 1001, 157, 50), (1000, 65, 1000, 7), (30, 70, 2**17, 20), (300, 700, 3277, 3),
    (1000, 785, 98125, 50), (2300, 40, 77, 6), (64, 4100, 2**12, 5), (64, 4100, 1, 1), (4100, 64, 2**12, 4),
]  # fmt: skip


def difference(result, expected):
    assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
    return np.abs(result - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_out", "n_cols", "buckets", "batch"), SIZES)
def test_all_four_kernels_agree_with_the_plain_version(n_out, n_cols, buckets, batch, dtype):
    rng = np.random.default_rng(1)
    m = SharingMap(n_out, n_cols, buckets=buckets, seed=2**32 - 1)
    w, a, dz, dV = (
        rng.normal(size=s).astype(dtype) for s in (buckets, (batch, n_cols), (batch, n_out), (n_out, n_cols))
    )
    np.testing.assert_array_equal(fast.hash_gather(w, m), plain.hash_gather(w, m))
    assert difference(fast.hash_scatter_add(dV, m), plain.hash_scatter_add(dV, m)) <= BOUND[dtype]
    assert difference(fast.hashed_forward(w, a, m), plain.hashed_forward(w, a, m)) <= BOUND[dtype]
    dw, da = plain.hashed_backward(w, a, dz, m)
    fast_dw, fast_da = fast.hashed_backward(w, a, dz, m)
    assert difference(fast_dw, dw) <= BOUND[dtype]
    assert difference(fast_da, da) <= BOUND[dtype]
    only_dw, nothing = fast.hashed_backward(w, a, dz, m, input_grad=False)
    assert nothing is None
    np.testing.assert_array_equal(only_dw, fast_dw)
