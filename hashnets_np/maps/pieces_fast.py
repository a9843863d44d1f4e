"""The kinds "chunk" and "tile" in numba: a piece of V is hashed once, and is a slice of w with a sign.

w is extended by its own beginning (`PieceLoops` does it), so that no slice has to wrap.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..support.compiling import njit
from .kind import MapFacts
from .xxhash_fast import ONE, column_lanes, divisor, hash_of_lanes, row_lanes

uint32 = np.uint32
uint64 = np.uint64


@njit(cache=True, nogil=True)
def piece_start(x, lines):
    """Find the bucket of a piece's first weight, (x >> 1) mod K, without a division (see `divisor`)."""
    y = uint32(x >> ONE)
    quotient = uint32((uint64(y) * uint64(lines.multiplier)) >> lines.shift)
    return uint64(uint32(y - uint32(quotient * lines.buckets)))


@njit(cache=True, nogil=True)
def piece_line(bucket, x, lines, line, first, by_rows):
    """Fill buckets and hashes of a piece of a row, weight by weight; by_rows is always true (`rows_only`)."""
    i = uint64(line)
    row = i // lines.height
    above = (i - row * lines.height) * lines.width
    for c in range(x.size):
        j = uint64(first + c)
        col = j // lines.width
        x[c] = hash_of_lanes(lines.rows[row], lines.cols[col])
        place = piece_start(x[c], lines) + above + (j - col * lines.width)
        bucket[c] = uint32(place % uint64(lines.buckets))


class PieceLines(NamedTuple):
    """What the loops need of a map: the lanes of all pieces, their shape, and how to divide by K."""

    rows: NDArray[np.uint32]
    cols: NDArray[np.uint32]
    height: np.uint64
    width: np.uint64
    buckets: np.uint32
    multiplier: np.uint32
    shift: np.uint64

    @staticmethod
    def fill_function() -> Callable[..., None]:
        """Return the compiled line function."""
        return piece_line

    @staticmethod
    def rows_only() -> bool:
        """The line function knows only rows of V."""
        return True

    @classmethod
    def of(cls, m: MapFacts, height: int, width: int) -> "PieceLines":
        """Prepare the numbers of a map whose pieces have this shape."""
        rows = row_lanes(np.arange(-(-m.n_out // height), dtype=np.uint32), m.seed)
        cols = column_lanes(np.arange(-(-m.n_cols // width), dtype=np.uint32))
        return cls(rows, cols, uint64(height), uint64(width), uint32(m.buckets), *divisor(m.buckets))
