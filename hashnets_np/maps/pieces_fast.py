"""The kinds "chunk" and "tile" in numba: a piece of V is hashed once, and is a slice of w with a sign.

w is extended by its own beginning (`PieceLoops` does it), so that no slice has to wrap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..support.compiling import njit
from .kind import MapFacts, TileLines
from .xxhash_fast import bucket_of, column_lanes, divisor, hash_of_lanes, row_lanes

uint32 = np.uint32
uint64 = np.uint64


@njit(cache=True, nogil=True)
def piece_line(bucket, x, outer, inner, numbers, n):
    """Fill buckets and hashes of the n-th row of a tile, weight by weight."""
    i = numbers.first_row + uint64(n)
    row = i // numbers.height
    above = (i - row * numbers.height) * numbers.width
    for c in range(x.size):
        j = numbers.first_col + uint64(c)
        col = j // numbers.width
        x[c] = hash_of_lanes(outer[row], inner[col])
        start = uint64(bucket_of(x[c], numbers.buckets, numbers.multiplier, numbers.shift))
        place = start + above + (j - col * numbers.width)
        bucket[c] = uint32(place % uint64(numbers.buckets))


class PieceNumbers(NamedTuple):
    """What the loops need: where a tile begins, the shape of a piece, and how to divide by K."""

    first_row: np.uint64
    first_col: np.uint64
    height: np.uint64
    width: np.uint64
    buckets: np.uint32
    multiplier: np.uint32
    shift: np.uint64

    @staticmethod
    def fill_function() -> Callable[..., None]:
        """Return the compiled line function."""
        return piece_line


@dataclass(frozen=True)
class PieceLines:
    """What the loops need of a map: the lanes of all its pieces, and its numbers."""

    rows: NDArray[np.uint32]
    cols: NDArray[np.uint32]
    numbers: PieceNumbers
    rows_only: ClassVar[bool] = True

    @classmethod
    def of(cls, m: MapFacts, height: int, width: int) -> "PieceLines":
        """Prepare the lanes and the numbers of a map whose pieces have this shape."""
        rows = row_lanes(np.arange(-(-m.n_out // height), dtype=np.uint32), m.seed)
        cols = column_lanes(np.arange(-(-m.n_cols // width), dtype=np.uint32))
        multiplier, shift = divisor(m.buckets)
        numbers = PieceNumbers(
            uint64(0), uint64(0), uint64(height), uint64(width), uint32(m.buckets), multiplier, shift
        )
        return cls(rows, cols, numbers)

    def of_tile(self, rows: slice, cols: slice, by_rows: bool) -> TileLines:
        """Note where a tile begins; the lanes are those of all pieces."""
        numbers = self.numbers._replace(first_row=uint64(rows.start), first_col=uint64(cols.start))
        return TileLines(self.rows, self.cols, numbers)
