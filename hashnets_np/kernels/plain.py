"""The four kernels in NumPy: gather, scatter-add, forward, backward. The specification, written from the equations.

A layer's V is looked at a block of rows at a time and never built whole. Arguments have been checked by `kernels`. The
fast version, with the same names, arguments and results, is `fast.py`.
"""

import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap
from ..types import BucketArray, FloatArray, SignArray

BLOCK = 2**18  # virtual weights looked at together: 2 MiB of bucket numbers


def hash_gather(w: FloatArray, m: SharingMap) -> FloatArray:
    """Look up all of V in w."""
    bucket, sign = m.table()
    return w[bucket] * sign  # Eq. 7: V_ij = w_h(i,j) xi(i,j)   (n_out, n_cols)


def hash_scatter_add(dV: FloatArray, m: SharingMap) -> FloatArray:
    """Add the gradient of every virtual weight, times its sign, to that of its bucket."""
    bucket, sign = m.table()
    return add_to_buckets(dV, bucket, sign, m.buckets).astype(dV.dtype)


def add_to_buckets(dV: FloatArray, bucket: BucketArray, sign: SignArray, buckets: int) -> NDArray:
    """Sum dV * sign by bucket, in float64: dw_k = sum of dV_ij xi(i,j) over all (i,j) with h(i,j) = k."""
    weights = dV * sign  # Eq. 11: the chain rule, with dV_ij/dw_k = xi(i,j) where h(i,j) = k
    # bincount, not `dw[bucket] += weights`, which adds once per distinct bucket (test_duplicates_are_added)
    return np.bincount(bucket.ravel(), weights.ravel(), minlength=buckets)  # Eq. 12   (K,)


def hashed_forward(w: FloatArray, a: FloatArray, m: SharingMap) -> FloatArray:
    """Multiply by V, a block of its rows at a time."""
    z = np.empty((len(a), m.n_out), dtype=w.dtype)
    for rows in m.row_blocks(BLOCK):
        bucket, sign = m.tile(rows)
        V = w[bucket] * sign  # (rows, n_cols)
        z[:, rows] = a @ V.T  # Eq. 8: z_i = sum_j w_h(i,j) xi(i,j) a_j; all signs +1: Eq. 4
    return z


def hashed_backward(
    w: FloatArray, a: FloatArray, dz: FloatArray, m: SharingMap, input_grad: bool = True
) -> tuple[FloatArray, FloatArray | None]:
    """Send the error term dz back to the real weights and, if asked, to the input."""
    dw = np.zeros(m.buckets)  # float64 until the end
    da = np.zeros(a.shape, dtype=w.dtype) if input_grad else None
    for rows in m.row_blocks(BLOCK):
        bucket, sign = m.tile(rows)
        dV = dz[:, rows].T @ a  # Eq. 10: dL/dV_ij = a_j delta_i   (rows, n_cols)
        dw += add_to_buckets(dV, bucket, sign, m.buckets)  # Eq. 12
        if da is not None:
            V = w[bucket] * sign
            da += dz[:, rows] @ V  # Eq. 9: sum_i xi(i,j) w_h(i,j) delta_i
    return dw.astype(w.dtype), da
