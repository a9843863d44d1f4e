"""The kind "fold" in numba: the buckets of a piece of a row are a few runs of consecutive numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hashing import KEY_BYTES, MAX_UINT32, PRIME_5
from ..support.compiling import njit
from .kind import MapFacts, TileLines
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


@njit(cache=True, nogil=True, inline="always")
def fold_line(bucket, x, outer, inner, numbers, n):
    """Fill buckets and sign hashes of the n-th row of a tile."""
    hash_line(x, outer[n], inner)
    K = numbers.buckets
    g = (numbers.first_row + uint64(n)) * numbers.n_cols + numbers.first_col  # the position in V
    q = g // K  # the fold
    p = g - q * K  # the position in it
    done = 0
    while done < x.size:
        bucket_of_p = (p + fold_shift(q, numbers.start)) % K
        end = min(x.size, done + int(K - p))  # where this fold ends
        wrap = min(end, done + int(K - bucket_of_p))  # where bucket K - 1 is followed by bucket 0
        count_up(bucket[done:wrap], uint32(bucket_of_p))
        count_up(bucket[wrap:end], uint32(0))
        done = end
        q += uint64(1)
        p = uint64(0)


class FoldNumbers(NamedTuple):
    """What `fold_line` needs: where a tile begins, the shape of the map, and XXH32 before its first lane."""

    first_row: np.uint64
    first_col: np.uint64
    n_cols: np.uint64
    buckets: np.uint64
    start: np.uint32

    @staticmethod
    def fill_function() -> Callable[..., None]:
        """Return the compiled line function."""
        return fold_line


@dataclass(frozen=True)
class FoldLines:
    """What `fold_line` needs of a map: the lanes of all rows and columns, and its numbers."""

    rows: NDArray[np.uint32]
    cols: NDArray[np.uint32]
    numbers: FoldNumbers
    rows_only: ClassVar[bool] = True

    @classmethod
    def of(cls, m: MapFacts) -> "FoldLines":
        """Prepare the lanes and the numbers of a map."""
        rows = row_lanes(np.arange(m.n_out, dtype=np.uint32), m.seed)
        cols = column_lanes(np.arange(m.n_cols, dtype=np.uint32))
        start = uint32((m.seed + PRIME_5 + KEY_BYTES) & MAX_UINT32)
        return cls(rows, cols, FoldNumbers(uint64(0), uint64(0), uint64(m.n_cols), uint64(m.buckets), start))

    def of_tile(self, rows: slice, cols: slice, by_rows: bool) -> TileLines:
        """Take the lanes of a tile and note where it begins."""
        numbers = self.numbers._replace(first_row=uint64(rows.start), first_col=uint64(cols.start))
        return TileLines(self.rows[rows], self.cols[cols], numbers)
