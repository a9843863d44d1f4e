"""The kinds "chunk" and "tile": neighbours in V are neighbours in w. Specification 1.1.

One hash places a whole piece of V: `size` neighbours of a row ("chunk"), or a square of `size` by `size` ("tile"). A
processor that fetches one weight of a piece gets the others with it, which is what hashing single weights gives away.

Sources: ROBE-Z, Desai, Chou and Shrivastava, MLSys 2022 (chunk); ROAST, Desai, Zhou and Shrivastava, ICML 2023 (tile).
"""

import numpy as np

from ..hashing import xxh32_pair
from .kind import BucketArray, IndexArray, Kind, SignArray, register_kind
from .sharing_map import SharingMap
from .xxhash import sign_of

CHUNK_SIZE, TILE_SIZE = 16, 32


def piece_size(m: SharingMap) -> np.uint32:
    """Return the size of a piece of a map that has one."""
    assert m.size is not None
    return np.uint32(m.size)


def place_in_w(m: SharingMap, x: IndexArray, inside: IndexArray) -> tuple[BucketArray, SignArray]:
    """Bucket ((x >> 1) + place inside the piece) mod K, and the piece's sign from bit 0, for its hash x."""
    bucket = ((x >> np.uint32(1)).astype(np.uint64) + inside) % np.uint64(m.buckets)
    sign = np.broadcast_to(sign_of(x), bucket.shape)
    return bucket.astype(np.intp), sign


def chunk_rule(m: SharingMap, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """Z neighbours of a row, beginning at a multiple of Z, are neighbours in w and have one sign."""
    Z = piece_size(m)
    x = xxh32_pair(i, j // Z, m.seed)
    return place_in_w(m, x, j % Z)


def tile_rule(m: SharingMap, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """T x T neighbours are T * T neighbours in w, row by row, and have one sign."""
    T = piece_size(m)
    x = xxh32_pair(i // T, j // T, m.seed)
    return place_in_w(m, x, (i % T) * T + j % T)


CHUNK = register_kind(Kind("chunk", chunk_rule, default_size=CHUNK_SIZE))
TILE = register_kind(Kind("tile", tile_rule, default_size=TILE_SIZE))
