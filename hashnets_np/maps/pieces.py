"""The kinds "chunk" and "tile": neighbours in V are neighbours in w. Specification 1.1.

One hash places a whole piece of V: `size` neighbours of a row ("chunk"), or a square of `size` by `size` ("tile"). A
processor that fetches one weight of a piece gets the others with it; hashing single weights loses that advantage.

Sources: ROBE-Z, Desai, Chou and Shrivastava, MLSys 2022 (chunk); ROAST, Desai, Zhou and Shrivastava, ICML 2023 (tile).
"""

from functools import cache
from typing import Any

import numpy as np

from ..hashing import xxh32_pair
from .kind import BucketArray, IndexArray, Kind, Lines, MapFacts, SignArray, register_kind
from .xxhash import sign_of

CHUNK_SIZE = 16
TILE_SIZE = 32


def piece_size(m: MapFacts) -> np.uint32:
    """Return the size of a piece of a map that has one."""
    assert m.size is not None
    return np.uint32(m.size)


def place_in_w(m: MapFacts, x: IndexArray, inside: IndexArray) -> tuple[BucketArray, SignArray]:
    """Bucket ((x >> 1) + place inside the piece) mod K, and the piece's sign from bit 0, for its hash x."""
    bucket = ((x >> np.uint32(1)).astype(np.uint64) + inside) % np.uint64(m.buckets)
    sign = np.broadcast_to(sign_of(x), bucket.shape)
    return bucket.astype(np.intp), sign


def chunk_rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """Z neighbours of a row, beginning at a multiple of Z, are neighbours in w and have one sign."""
    Z = piece_size(m)
    x = xxh32_pair(i, j // Z, m.seed)
    return place_in_w(m, x, j % Z)


def tile_rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """T x T neighbours are T * T neighbours in w, row by row, and have one sign."""
    T = piece_size(m)
    x = xxh32_pair(i // T, j // T, m.seed)
    return place_in_w(m, x, (i % T) * T + j % T)


def chunk_shape(m: MapFacts) -> tuple[int, int]:
    """A chunk is a piece of a row."""
    return 1, int(piece_size(m))


def tile_shape(m: MapFacts) -> tuple[int, int]:
    """A tile is a square."""
    return int(piece_size(m)), int(piece_size(m))


def piece_lines(m: MapFacts) -> Lines:
    """Prepare the compiled line function."""
    return line_class().of(m, *m.piece_shape())


@cache
def line_class() -> Any:
    """Import the numba part, once."""
    from .pieces_fast import PieceLines

    return PieceLines


def piece_derivation(m: MapFacts, i: int, j: int) -> list[str]:
    """Show the piece, its hash, the place in it, the bucket and the sign."""
    height, width = m.piece_shape()
    row = i // height
    col = j // width
    x = int(xxh32_pair(row, col, m.seed))
    inside = (i % height) * width + j % width
    bucket, sign = m.lookup(i, j)
    return [
        f"piece   ({row}, {col}), {height} x {width} weights; this one is number {inside} in it",
        f"hash    0x{x:08x} = {x}   (XXH32 of ({row}, {col}), seed {m.seed})",
        f"bucket  ({x} >> 1) + {inside} = {(x >> 1) + inside}, mod {m.buckets} = {bucket}",
        f"sign    bit 0 of the hash is {x & 1}: {sign:+d}, the same for the whole piece",
    ]


CHUNK = register_kind(
    Kind("chunk", chunk_rule, default_size=CHUNK_SIZE, piece_shape=chunk_shape, lines=piece_lines,
         derivation=piece_derivation)
)
TILE = register_kind(
    Kind("tile", tile_rule, default_size=TILE_SIZE, piece_shape=tile_shape, lines=piece_lines,
         derivation=piece_derivation)
)
