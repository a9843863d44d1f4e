"""The kind "fold" in numba: the buckets of a piece of a row are a few runs of consecutive numbers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hashing import KEY_BYTES, MAX_UINT32, PRIME_5
from ..support.compiling import njit
from .kind import MapFacts
from .xxhash_fast import DOWN, ONE, P3, P4, UP, column_lanes, hash_line, hash_of_lanes, row_lanes

uint32 = np.uint32
uint64 = np.uint64
HALF = uint64(32)
MASK = uint64(MAX_UINT32)


@njit(cache=True, nogil=True)
def fold_shift(q, start):
    """Compute the shift of fold q, XXH32 of (q div 2**32, q mod 2**32) >> 1; start: XXH32 before its first lane."""
    row = uint32(start + uint32(uint32(q >> HALF) * P3))
    row = uint32(uint32(uint32(row << UP) | uint32(row >> DOWN)) * P4)
    col = uint32(uint32(q & MASK) * P3)
    return uint64(uint32(hash_of_lanes(row, col) >> ONE))


@njit(cache=True, nogil=True)
def count_up(bucket, value):
    """Fill with value, value + 1, ..."""
    for c in range(bucket.size):
        bucket[c] = value
        value = uint32(value + ONE)


@njit(cache=True, nogil=True)
def fold_line(bucket, x, lines, line, first, by_rows):
    """Fill buckets and sign hashes of a piece of row `line`; by_rows is always true (`rows_only`)."""
    hash_line(x, lines.rows[line], lines.cols[first : first + x.size])
    K = lines.buckets
    g = uint64(line) * lines.n_cols + uint64(first)  # the position in V
    q = g // K  # the fold
    p = g - q * K  # the position in it
    done = 0
    while done < x.size:
        bucket_of_p = (p + fold_shift(q, lines.start)) % K
        end = min(x.size, done + int(K - p))  # where this fold ends
        wrap = min(end, done + int(K - bucket_of_p))  # where bucket K - 1 is followed by bucket 0
        count_up(bucket[done:wrap], uint32(bucket_of_p))
        count_up(bucket[wrap:end], uint32(0))
        done = end
        q += uint64(1)
        p = uint64(0)


class FoldLines(NamedTuple):
    """What `fold_line` needs of a map."""

    rows: NDArray[np.uint32]
    cols: NDArray[np.uint32]
    n_cols: np.uint64
    buckets: np.uint64
    start: np.uint32

    @staticmethod
    def fill_function() -> Callable[..., None]:
        """Return the compiled line function."""
        return fold_line

    @staticmethod
    def rows_only() -> bool:
        """The line function knows only rows of V."""
        return True

    @classmethod
    def of(cls, m: MapFacts) -> "FoldLines":
        """Prepare the numbers of a map."""
        rows = row_lanes(np.arange(m.n_out, dtype=np.uint32), m.seed)
        cols = column_lanes(np.arange(m.n_cols, dtype=np.uint32))
        start = uint32((m.seed + PRIME_5 + KEY_BYTES) & MAX_UINT32)
        return cls(rows, cols, uint64(m.n_cols), uint64(m.buckets), start)
