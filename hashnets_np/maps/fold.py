"""The kind "fold": V is folded into w, K weights at a time, each fold shifted by a random amount. Specification 1.1.

V is read row by row as one long line. Cut this line into pieces of K weights: each whole piece uses every real weight
exactly once. So the loads of any two buckets differ by at most 1. At K = n_out n_cols the map is a signed permutation:
the dense network.

Source: RANDOMFOLD, Desai and Shrivastava, ICLR 2024.
"""

from functools import cache
from typing import Any

import numpy as np

from ..hashing import MAX_UINT32, xxh32_pair
from .kind import BucketArray, IndexArray, Kind, Lines, MapFacts, SignArray, register_kind
from .xxhash import sign_of


def fold_rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """Bucket (p + shift of fold q) mod K, for the p-th weight of the q-th fold; the sign as in "xxhash"."""
    K = np.uint64(m.buckets)
    g = i.astype(np.uint64) * np.uint64(m.n_cols) + j  # the position in V, row by row
    q = g // K  # the fold
    p = g % K  # the position in it
    fold_hash = xxh32_pair(q >> np.uint64(32), q & np.uint64(MAX_UINT32), m.seed)
    bucket = (p + (fold_hash >> np.uint32(1))) % K
    return bucket.astype(np.intp), sign_of(xxh32_pair(i, j, m.seed))


def fold_lines(m: MapFacts) -> Lines:
    """Prepare the compiled line function."""
    return line_class().of(m)


@cache
def line_class() -> Any:
    """Import the numba part, once."""
    from .fold_fast import FoldLines

    return FoldLines


def fold_derivation(m: MapFacts, i: int, j: int) -> list[str]:
    """Show the fold, its shift, the bucket and the sign."""
    g = i * m.n_cols + j
    q, p = divmod(g, m.buckets)
    shift = int(xxh32_pair(q >> 32, q & MAX_UINT32, m.seed)) >> 1
    x = int(xxh32_pair(i, j, m.seed))
    bucket, sign = m.lookup(i, j)
    return [
        f"place   {i} * {m.n_cols} + {j} = {g}: number {p} of fold {q}, as {g} = {q} * {m.buckets} + {p}",
        f"shift   of fold {q}: XXH32 of ({q >> 32}, {q & MAX_UINT32}), seed {m.seed}, >> 1 = {shift}",
        f"bucket  {p} + {shift} = {p + shift}, mod {m.buckets} = {bucket}",
        f"sign    bit 0 of XXH32 of ({i}, {j}), 0x{x:08x}, is {x & 1}: {sign:+d}",
    ]


FOLD = register_kind(Kind("fold", fold_rule, lines=fold_lines, derivation=fold_derivation))
