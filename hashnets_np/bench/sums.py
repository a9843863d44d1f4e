"""The digits that a scatter-add in float32 keeps, beside one running sum per bucket; float64 sums are the reference."""

import numpy as np
from numpy.typing import NDArray

from ..kernels import hash_scatter_add, plain
from ..maps import SharingMap

SIDE = 2**11  # of V
ADDENDS = tuple(2**log2 for log2 in (6, 10, 14, 17, 20))  # per bucket, on average
SEED = 7


def sum_errors(addends: int, one_sign: bool) -> dict[str, float]:
    """Return the errors of one running sum and of ours, for random gradients or for addends that are all positive."""
    m = SharingMap(SIDE, SIDE, buckets=SIDE**2 // addends, seed=SEED)
    bucket, sign = m.tile(slice(0, SIDE))
    rng = np.random.default_rng(SEED)
    dV = (rng.random(sign.shape) * sign if one_sign else rng.normal(size=sign.shape)).astype(np.float32)
    reference = plain.hash_scatter_add(dV.astype(np.float64), m)
    running = np.zeros(m.buckets, np.float32)
    np.add.at(running, bucket, dV * sign.astype(np.float32))
    return {"running": error(running, reference), "ours": error(hash_scatter_add(dV, m), reference)}


def error(dw: NDArray, reference: NDArray) -> float:
    """Return max |difference| / max |reference|."""
    return float(np.abs(dw - reference).max() / np.abs(reference).max())
