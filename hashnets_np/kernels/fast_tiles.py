"""The loops of `fast` over a tile of V, for the three ways to go through a map.

`TileLoops` takes virtual weights one by one, `PieceLoops` copies the pieces of a map that has them ("chunk", "tile"),
`ViewLoops` copies nothing: it multiplies with large pieces in place, inside w. All have the same methods.
"""

import math
import os
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap
from .fast_lines import backward_lines, forward_lines, scatter_gather_tile
from .fast_pieces import scatter_gather_pieces

SHORT_SIDE = 256  # of a tile: 1 MiB of float32 at most stays in a core's own cache
LONG_SIDE = 1024
SMALL_BATCH = 1  # up to here, multiplying line by line is faster than making tiles for BLAS
MAX_EXTENSION = 2**20  # w is extended by at most this many weights; larger pieces are handled one by one
VIEW_SIDE = 128  # pieces of at least this size are worth a multiplication of their own
STEPPED = 2**8  # virtual weights: larger maps go to `plain` where these loops are not compiled

MAX_KEPT = 2**20  # numbers: larger memory is not kept

own_memory = threading.local()


def kept_memory(use: str, size: int, dtype: np.dtype) -> NDArray:
    """Return memory for `size` numbers that this thread keeps for one use, if it is not too much; what it held is lost.

    Asking the system for it again and again costs a tenth of a step, and a quarter where it takes the memory back
    each time.
    """
    if size > MAX_KEPT:
        return np.empty(size, dtype)
    name = f"{use} {dtype.char}"
    memory = getattr(own_memory, name, None)
    if memory is None or memory.size < size:
        memory = np.empty(size, dtype)
        setattr(own_memory, name, memory)
    return memory[:size]


def new_tile(rows: slice, cols: slice, dtype: np.dtype, rows_only: bool) -> NDArray:
    """Make room for V[rows, cols], with lines of memory along its shorter side, unless that is very short.

    A thread has one tile at a time.
    """
    height = rows.stop - rows.start
    width = cols.stop - cols.start
    room = kept_memory("tile", height * width, dtype)
    short_lines = min(height, width) >= SHORT_SIDE // 2
    lines_are_columns = (height < width) == short_lines and not rows_only
    return room.reshape((height, width), order="F" if lines_are_columns else "C")


def product(x: NDArray, y: NDArray) -> NDArray:
    """Return x @ y, in memory that this thread uses for its next product again."""
    shape = len(x), y.shape[1]
    return np.matmul(x, y, out=kept_memory("product", math.prod(shape), x.dtype).reshape(shape))


def multiply_add(x: NDArray, y: NDArray, out: NDArray, first: bool) -> None:
    """Add x @ y to out, or write it there if it is the first contribution."""
    if first:
        np.matmul(x, y, out=out)
    else:
        out += product(x, y)


def multiply_subtract(x: NDArray, y: NDArray, out: NDArray, first: bool) -> None:
    """Subtract x @ y from out, or write -(x @ y) there if it is the first contribution."""
    if first:
        np.matmul(x, y, out=out)
        np.negative(out, out=out)
    else:
        out -= product(x, y)


def own(x: NDArray) -> NDArray:
    """Give numba the contiguous, writable array that it is compiled for: x itself if it is one, otherwise a copy."""
    return np.require(x, requirements=["C", "A", "W"])


class TileLoops:
    """The inner loops for one map and its real weights: w as integers, and what the map's line function needs.

    `length`: of a partial sum of dw, K here.
    """

    def __init__(self, w: NDArray, m: SharingMap, lines: Any) -> None:
        self.integer = np.dtype(f"u{w.dtype.itemsize}")
        self.w = own(w).view(self.integer)
        self.lines = lines
        self.sign_bits = np.uint32(1 if m.signed else 0)
        self.length = m.buckets

    def new_tile(self, rows: slice, cols: slice, dtype: np.dtype) -> NDArray:
        """Make room for V[rows, cols], in an order that the line function can fill."""
        return new_tile(rows, cols, dtype, self.lines.rows_only)

    def scatter_gather(
        self, V: NDArray, rows: slice, cols: slice, dw: NDArray | None = None, gather: bool = True
    ) -> NDArray:
        """Go through the tile V[rows, cols] along its memory: add it to dw, if given; then gather into it."""
        by_rows = V.flags.c_contiguous
        tile = V if by_rows else V.T
        sums = np.empty(0, V.dtype) if dw is None else dw
        scatter = dw is not None
        bits = tile.view(self.integer)
        lines = self.lines.of_tile(rows, cols, by_rows)
        scatter_gather_tile(tile, bits, self.w, sums, *lines, self.sign_bits, scatter, gather)
        return V

    def by_lines(self, batch: int) -> bool:
        """Tell whether a batch is so small that multiplying line by line is faster than making tiles for BLAS."""
        return batch <= SMALL_BATCH and not self.lines.rows_only

    def forward(self, z: NDArray, a: NDArray, rows: slice, cols: slice) -> None:
        """Add a V^T to z for the tile V[rows, cols]; the first columns put it there instead (Eq. 8)."""
        if self.by_lines(len(a)):
            self.forward_lines(z, a, rows, cols)
            return
        tile = self.new_tile(rows, cols, z.dtype)
        V = self.scatter_gather(tile, rows, cols)
        multiply_add(a[:, cols], V.T, z[:, rows], cols.start == 0)

    def backward(
        self, dw: NDArray, da: NDArray | None, a: NDArray, dz: NDArray, rows: slice, cols: slice
    ) -> None:
        """Add the tile's gradients to dw and da; the first rows put them into da instead."""
        if self.by_lines(len(a)):
            self.backward_lines(dw, da, a, dz, rows, cols)
            return
        tile = self.new_tile(rows, cols, a.dtype)
        dV = np.matmul(dz[:, rows].T, a[:, cols], out=tile)  # Eq. 10
        V = self.scatter_gather(dV, rows, cols, dw, gather=da is not None)  # Eq. 12
        if da is not None:
            multiply_add(dz[:, rows], V, da[:, cols], rows.start == 0)  # Eq. 9

    def fold_back(self, dw: NDArray) -> NDArray:
        """Return the (K,) gradient from a sum of length `length`."""
        return dw

    def forward_lines(self, z: NDArray, a: NDArray, rows: slice, cols: slice) -> None:
        """Add a V^T to z, for a small batch, line by line."""
        part = np.zeros((len(a), rows.stop - rows.start), z.dtype)
        line = np.empty(rows.stop - rows.start, z.dtype)
        bits = line.view(self.integer)
        lines = self.lines.of_tile(rows, cols, by_rows=False)
        forward_lines(part, own(a[:, cols]), line, bits, self.w, *lines, self.sign_bits)
        z[:, rows] += part

    def backward_lines(
        self, dw: NDArray, da: NDArray | None, a: NDArray, dz: NDArray, rows: slice, cols: slice
    ) -> None:
        """Add to dw and da, for a small batch, line by line."""
        part = np.zeros((len(a), cols.stop - cols.start), a.dtype)
        line = np.empty(cols.stop - cols.start, a.dtype)
        bits = line.view(self.integer)
        a = own(a[:, cols])
        dz = own(dz[:, rows])
        wanted = da is not None
        lines = self.lines.of_tile(rows, cols, by_rows=True)
        backward_lines(dw, part, a, dz, line, bits, self.w, *lines, self.sign_bits, wanted)
        if da is not None:
            da[:, cols] += part


class PieceLoops(TileLoops):
    """The loops for maps whose pieces are slices of w, which is extended by its own beginning: no piece has to wrap."""

    def __init__(self, w: NDArray, m: SharingMap, lines: Any) -> None:
        height, width = m.piece_shape()
        super().__init__(extend(w, height * width) if w.size else w, m, lines)
        self.buckets = m.buckets
        self.length = m.buckets + height * width
        top = 8 * w.dtype.itemsize - 1
        minus = 1 << top if m.signed else 0  # the float's sign bit
        self.flips = np.array([0, minus], self.integer)  # by bit 0 of the hash
        self.signs = np.array([1, -1 if m.signed else 1], w.dtype)

    def by_lines(self, batch: int) -> bool:
        """Tell that no batch is too small for a tile."""
        return False

    def scatter_gather(
        self, V: NDArray, rows: slice, cols: slice, dw: NDArray | None = None, gather: bool = True
    ) -> NDArray:
        """Go through the tile V[rows, cols] run by run: add it to dw, if given; then gather into it."""
        sums = np.empty(0, V.dtype) if dw is None else dw
        scatter = dw is not None
        bits = V.view(self.integer)
        lines = self.lines.of_tile(rows, cols, by_rows=True)
        scatter_gather_pieces(V, bits, self.w, sums, *lines, self.signs, self.flips, scatter, gather)
        return V

    def fold_back(self, dw: NDArray) -> NDArray:
        """Add the entries beyond K to the beginning, where they belong."""
        whole = len(dw) - len(dw) % self.buckets
        total = dw[:whole].reshape(-1, self.buckets).sum(axis=0)
        total[: len(dw) - whole] += dw[whole:]
        return total


class ViewLoops(PieceLoops):
    """The loops for large pieces: each is multiplied with BLAS in place, inside w, and nothing is copied."""

    def __init__(self, w: NDArray, m: SharingMap, lines: Any) -> None:
        super().__init__(w, m, lines)
        self.height, self.width = m.piece_shape()
        starts, signs = piece_starts(m)
        self.starts = starts
        self.signs_of_pieces = signs
        self.floats = self.w.view(w.dtype)

    def pieces(self, rows: slice, cols: slice) -> Iterator[tuple[slice, slice, int, bool]]:
        """Cut a tile at the borders of pieces: (rows, columns, where the piece begins in w, whether its sign is -1)."""
        for r in cut(rows, self.height):
            for c in cut(cols, self.width):
                piece = r.start // self.height, c.start // self.width
                yield r, c, int(self.starts[piece]), bool(self.signs_of_pieces[piece] < 0)

    def view(self, x: NDArray, start: int, rows: slice, cols: slice) -> NDArray:
        """See some rows and columns of the piece that begins at `start` of w or dw as a matrix."""
        top = rows.start % self.height
        left = cols.start % self.width
        height = rows.stop - rows.start
        piece_rows = x[start + top * self.width : start + (top + height) * self.width].reshape(height, self.width)
        return piece_rows[:, left : left + cols.stop - cols.start]

    def forward(self, z: NDArray, a: NDArray, rows: slice, cols: slice) -> None:
        """Add a V^T to z, piece by piece (Eq. 8)."""
        for r, c, start, negative in self.pieces(rows, cols):
            V = self.view(self.floats, start, r, c)
            if negative:
                multiply_subtract(a[:, c], V.T, z[:, r], c.start == 0)
            else:
                multiply_add(a[:, c], V.T, z[:, r], c.start == 0)

    def backward(
        self, dw: NDArray, da: NDArray | None, a: NDArray, dz: NDArray, rows: slice, cols: slice
    ) -> None:
        """Add to dw and da, piece by piece (Eq. 10, 12 and 9)."""
        for r, c, start, negative in self.pieces(rows, cols):
            delta = -dz[:, r] if negative else dz[:, r]
            room = new_tile(r, c, a.dtype, rows_only=True)
            dV = np.matmul(delta.T, a[:, c], out=room)
            self.view(dw, start, r, c)[...] += dV
            if da is not None:
                V = self.view(self.floats, start, r, c)
                multiply_add(delta, V, da[:, c], r.start == 0)


def extend(w: NDArray, more: int) -> NDArray:
    """Append the first `more` weights to w, over and over if there are fewer; this thread uses the memory again."""
    extended = kept_memory("w", w.size + more, w.dtype)
    whole = extended.size - extended.size % w.size
    extended[:whole].reshape(-1, w.size)[:] = w
    extended[whole:] = w[: extended.size - whole]
    return extended


@lru_cache(maxsize=16)
def piece_starts(m: SharingMap) -> tuple[NDArray, NDArray]:
    """Find bucket and sign of the first weight of every piece; kept for a few maps, since a step asks twice."""
    height, width = m.piece_shape()
    i = np.arange(0, m.n_out, height)
    j = np.arange(0, m.n_cols, width)
    return m.lookup(i[:, None], j[None, :])


def cut(whole: slice, size: int) -> Iterator[slice]:
    """Cut a slice at the multiples of `size`."""
    start = whole.start
    while start < whole.stop:
        stop = min(whole.stop, start - start % size + size)
        yield slice(start, stop)
        start = stop


def too_slow(m: SharingMap) -> bool:
    """Tell whether NUMBA_DISABLE_JIT=1 runs the loops as Python, to be stepped through, and the map is large.

    Training would take hours. HASHNETS_KERNELS=numba insists on the loops
    (test_without_a_compiler_only_small_maps_go_through_loops).
    """
    insisted = os.environ.get("HASHNETS_KERNELS") == "numba"
    interpreted = bool(getattr(numba.config, "DISABLE_JIT", False))
    return interpreted and not insisted and m.n_out * m.n_cols > STEPPED


def loops_for(w: NDArray, m: SharingMap) -> TileLoops | None:
    """Choose the loops for a map; None for a kind without a compiled line function, and where they take too long."""
    lines = m.lines()
    if lines is None or too_slow(m):
        return None
    height, width = m.piece_shape()
    if not 1 < height * width <= MAX_EXTENSION:
        return TileLoops(w, m, lines)
    if min(height, width) < VIEW_SIDE:
        return PieceLoops(w, m, lines)
    return ViewLoops(w, m, lines)
