"""The kind "xxhash" in numba: a line of virtual weights is hashed and gets its buckets.

A line is a row or a column of a tile of V. All integer arithmetic is modulo 2**32, as XXH32 requires: numba widens
uint32 to 64 bits, which halves the speed of the vector units, so `uint32(...)` brings back every intermediate and
LLVM then computes in 32 bits. Each loop is short enough to be vectorised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hashing import KEY_BYTES, MAX_UINT32, PRIME_2, PRIME_3, PRIME_4, PRIME_5, rotate_left
from ..support.compiling import njit
from .kind import MapFacts, TileLines

uint32 = np.uint32
uint64 = np.uint64
P2 = uint32(PRIME_2)
P3 = uint32(PRIME_3)
P4 = uint32(PRIME_4)
ONE = uint32(1)
UP = uint32(17)
DOWN = uint32(32 - 17)
SHIFT_1 = uint32(15)
SHIFT_2 = uint32(13)
SHIFT_3 = uint32(16)


def row_lanes(i: NDArray[np.uint32], seed: int) -> NDArray[np.uint32]:
    """Do the part of XXH32 of (i, j) that needs only i. The rest starts from row lane + column lane."""
    start = np.uint32((seed + PRIME_5 + KEY_BYTES) & MAX_UINT32)
    return rotate_left(start + i * np.uint32(PRIME_3), 17) * np.uint32(PRIME_4)


def column_lanes(j: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Do the part of XXH32 of (i, j) that needs only j."""
    return j * np.uint32(PRIME_3)


def divisor(buckets: int) -> tuple[np.uint32, np.uint64]:
    """Find (multiplier, shift) such that y // buckets == (y * multiplier) >> shift for every y below 2**31.

    With 2**(s-1) < K <= 2**s, multiplier / 2**(31+s) exceeds 1/K by at most 2**-(31+s). Times y, that is less than
    2**-s <= 1/K: too little to reach the next integer (Granlund and Montgomery 1994). All of it fits into 64 bits.

    >>> multiplier, shift = divisor(7)
    >>> [(y * int(multiplier)) >> int(shift) for y in (6, 7, 2**31 - 1)] == [0, 1, (2**31 - 1) // 7]
    True
    """
    bits = (buckets - 1).bit_length()
    return uint32((1 << (31 + bits)) // buckets + 1), uint64(31 + bits)


@njit(cache=True, nogil=True)
def hash_of_lanes(row, col):
    """Finish XXH32 of (i, j) from the lane of row i and the lane of column j."""
    h = uint32(row + col)
    h = uint32(uint32(uint32(h << UP) | uint32(h >> DOWN)) * P4)
    h = uint32(uint32(h ^ uint32(h >> SHIFT_1)) * P2)
    h = uint32(uint32(h ^ uint32(h >> SHIFT_2)) * P3)
    return uint32(h ^ uint32(h >> SHIFT_3))


@njit(cache=True, nogil=True)
def hash_line(x, outer, inner):
    """Hash one line: x[c] = XXH32 from the lane `outer` of the line and the lane inner[c] of each weight.

    XXH32 of (i, j) starts as lane_i + lane_j, the first a function of i only, the second of j only (`row_lanes`).
    """
    for c in range(x.size):
        x[c] = hash_of_lanes(outer, inner[c])


@njit(cache=True, nogil=True)
def bucket_of(x, buckets, multiplier, shift):
    """Turn a hash into a bucket number, (x >> 1) mod K without a division: y mod K = y - (y // K) K (see `divisor`)."""
    y = uint32(x >> ONE)
    quotient = uint32((uint64(y) * uint64(multiplier)) >> shift)
    return uint32(y - uint32(quotient * buckets))


@njit(cache=True, nogil=True)
def bucket_line(bucket, x, buckets, multiplier, shift):
    """Turn the hashes of a line into bucket numbers."""
    for c in range(x.size):
        bucket[c] = bucket_of(x[c], buckets, multiplier, shift)


@njit(cache=True, nogil=True, inline="always")
def xxhash_line(bucket, x, outer, inner, numbers, n):
    """Fill buckets and hashes of the n-th line: x = hash of (i, j), bucket = (x >> 1) mod K."""
    hash_line(x, outer[n], inner)
    bucket_line(bucket, x, numbers.buckets, numbers.multiplier, numbers.shift)


class XxhashNumbers(NamedTuple):
    """How `xxhash_line` divides by K, see `divisor`."""

    buckets: np.uint32
    multiplier: np.uint32
    shift: np.uint64

    @staticmethod
    def fill_function() -> Callable[..., None]:
        """Return the compiled line function."""
        return xxhash_line


@dataclass(frozen=True)
class XxhashLines:
    """What `xxhash_line` needs of a map: the lanes of all rows and columns, and how to divide by K."""

    rows: NDArray[np.uint32]
    cols: NDArray[np.uint32]
    numbers: XxhashNumbers
    rows_only: ClassVar[bool] = False

    @classmethod
    def of(cls, m: MapFacts) -> "XxhashLines":
        """Prepare the lanes and the numbers of a map."""
        rows = row_lanes(np.arange(m.n_out, dtype=np.uint32), m.seed)
        cols = column_lanes(np.arange(m.n_cols, dtype=np.uint32))
        return cls(rows, cols, XxhashNumbers(uint32(m.buckets), *divisor(m.buckets)))

    def of_tile(self, rows: slice, cols: slice, by_rows: bool) -> TileLines:
        """Take the lanes of a tile."""
        if by_rows:
            return TileLines(self.rows[rows], self.cols[cols], self.numbers)
        return TileLines(self.cols[cols], self.rows[rows], self.numbers)
