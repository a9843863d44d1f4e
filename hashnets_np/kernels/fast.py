"""The four kernels with numba: the same names, arguments and results as `plain`, as fast as the processor allows.

V is cut into tiles that fit into the cache. Forward: hash a tile, look it up, multiply with BLAS, drop it. Backward:
multiply with BLAS, then walk once through the tile, taking dV out of it and putting V into it, multiply again, drop it.
No result is kept between calls. Extra memory: a tile per thread and a few copies of dw. The inner loops are in
`fast_lines`, what differs between kinds of map in `maps`, the threads in `threads`. Maps of a kind without a compiled
line function go to `plain`.
"""

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..maps import Lines, SharingMap
from ..threads import one_blas_thread, run_pieces
from . import plain
from .fast_lines import backward_lines, forward_lines, scatter_gather_tile

SHORT_SIDE, LONG_SIDE = 256, 1024  # of a tile: 1 MiB of float32 at most stays in a core's own cache
VECTOR = 32  # lines of a multiple of this many weights leave no rest that is done one by one
PIECE = 2**16  # virtual weights that are worth the handing over to another thread
SMALL_BATCH = 1  # up to here, multiplying line by line is faster than making tiles for BLAS
MAX_SUMS, MAX_SUM_WEIGHTS = 16, 2**22  # partial sums of dw: 16, or as many as 16 MiB of float32 hold, or else 4
FEW_ADDENDS = 1024  # per bucket and partial sum: so many are added in the dtype of the gradient, more in float64

own_memory = threading.local()


def pieces_of(whole: slice, size: int) -> list[slice]:
    """Cut a slice into slices of `size`, the last one shorter."""
    return [slice(start, min(start + size, whole.stop)) for start in range(whole.start, whole.stop, size)]


def row_pieces(m: SharingMap) -> list[slice]:
    """Cut V into the pieces of forward: blocks of rows, each of which owns its outputs."""
    return pieces_of(slice(0, m.n_out), max(SHORT_SIDE, PIECE // m.n_cols))


def column_pieces(m: SharingMap, dtype: np.dtype) -> tuple[list[slice], NDArray]:
    """Cut V into the pieces of backward, blocks of columns, and make room for a partial sum of dw for each.

    All that depends on sizes only, never on the number of threads. The larger K is, the fewer sums: they must not need
    more memory than V. Very many addends to a bucket are added in float64, for float32 would lose digits
    (test_many_addends_keep_their_digits).
    """
    virtual = m.n_out * m.n_cols
    worth = min(MAX_SUMS, virtual // PIECE, -(-m.n_cols // SHORT_SIDE))
    room = min(virtual // m.buckets, max(4, min(virtual // 2, MAX_SUM_WEIGHTS) // m.buckets))
    width = -(-m.n_cols // max(1, min(worth, room)))
    pieces = pieces_of(slice(0, m.n_cols), width + -width % VECTOR)
    few = virtual <= FEW_ADDENDS * m.buckets * len(pieces)
    return pieces, np.empty((len(pieces), m.buckets), dtype if few else np.float64)


def tiles(m: SharingMap, cols: slice) -> Iterator[tuple[slice, slice]]:
    """Cut a piece of backward into tiles."""
    for tile_cols in pieces_of(cols, max(SHORT_SIDE, PIECE // m.n_out)):
        for tile_rows in pieces_of(slice(0, m.n_out), LONG_SIDE):
            yield tile_rows, tile_cols


def new_tile(rows: slice, cols: slice, dtype: np.dtype, rows_only: bool) -> NDArray:
    """Make room for V[rows, cols], with lines of memory along its shorter side, unless that is very short.

    A thread has one tile at a time, and keeps its memory: asking the system for it anew costs a tenth of a step.
    """
    if not hasattr(own_memory, dtype.char):
        setattr(own_memory, dtype.char, np.empty(SHORT_SIDE * LONG_SIDE, dtype))
    height = rows.stop - rows.start
    width = cols.stop - cols.start
    room = getattr(own_memory, dtype.char)[: height * width]
    short_lines = min(height, width) >= SHORT_SIDE // 2
    lines_are_columns = (height < width) == short_lines and not rows_only
    return room.reshape((height, width), order="F" if lines_are_columns else "C")


def multiply_add(x: NDArray, y: NDArray, out: NDArray, first: bool) -> None:
    """Add x @ y to out, or put it there if it is the first to come."""
    if first:
        np.matmul(x, y, out=out)
    else:
        out += x @ y


def own(x: NDArray) -> NDArray:
    """Give numba what it is compiled for, a contiguous writable array: x itself, or else a copy."""
    return np.require(x, requirements=["C", "A", "W"])


class TileLoops:
    """The inner loops for one map and its real weights: w as integers, and what the map's line function needs."""

    def __init__(self, w: NDArray, lines: Lines) -> None:
        self.integer = np.dtype(f"u{w.dtype.itemsize}")
        self.w = own(w).view(self.integer)
        self.lines = lines

    def new_tile(self, rows: slice, cols: slice, dtype: np.dtype) -> NDArray:
        """Make room for V[rows, cols], in an order that the line function can fill."""
        return new_tile(rows, cols, dtype, self.lines.rows_only())

    def scatter_gather(
        self, V: NDArray, rows: slice, cols: slice, dw: NDArray | None = None, gather: bool = True
    ) -> NDArray:
        """Go through the tile V[rows, cols] along its memory: add it to dw, if given; then gather into it."""
        by_rows = V.flags.c_contiguous
        start, first, tile = (rows.start, cols.start, V) if by_rows else (cols.start, rows.start, V.T)
        sums = np.empty(0, V.dtype) if dw is None else dw
        scatter = dw is not None
        bits = tile.view(self.integer)
        scatter_gather_tile(tile, bits, self.w, sums, self.lines, start, first, by_rows, scatter, gather)
        return V

    def by_lines(self, batch: int) -> bool:
        """Tell whether so small a batch is multiplied line by line, which is faster than making tiles for BLAS."""
        return batch <= SMALL_BATCH and not self.lines.rows_only()

    def forward_lines(self, z: NDArray, a: NDArray, rows: slice, cols: slice) -> None:
        """Add a V^T to z, for a small batch, line by line."""
        part = np.zeros((len(a), rows.stop - rows.start), z.dtype)
        line = np.empty(rows.stop - rows.start, z.dtype)
        bits = line.view(self.integer)
        forward_lines(part, own(a[:, cols]), line, bits, self.w, self.lines, rows.start, cols.start)
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
        backward_lines(dw, part, a, dz, line, bits, self.w, self.lines, rows.start, cols.start, wanted)
        if da is not None:
            da[:, cols] += part


def hash_gather(w: NDArray, m: SharingMap) -> NDArray:
    """Look up all of V in w (Eq. 7)."""
    lines = m.lines()
    if lines is None:
        return plain.hash_gather(w, m)
    loops = TileLoops(w, lines)
    rows = row_pieces(m)
    V = np.empty((m.n_out, m.n_cols), w.dtype)
    run_pieces(lambda n: loops.scatter_gather(V[rows[n]], rows[n], slice(0, m.n_cols)), len(rows))
    return V


def hash_scatter_add(dV: NDArray, m: SharingMap) -> NDArray:
    """Add the gradient of every virtual weight, times its sign, to that of its bucket (Eq. 12)."""
    lines = m.lines()
    if lines is None:
        return plain.hash_scatter_add(dV, m)
    loops = TileLoops(np.empty(0, dV.dtype), lines)
    cols, dw = column_pieces(m, dV.dtype)

    def piece(n: int) -> None:
        dw[n] = 0  # here, not before: this brings the sum into the cache of the core that needs it
        for tile_rows, tile_cols in tiles(m, cols[n]):
            tile = loops.new_tile(tile_rows, tile_cols, dV.dtype)
            tile[:] = dV[tile_rows, tile_cols]
            loops.scatter_gather(tile, tile_rows, tile_cols, dw[n], gather=False)

    run_pieces(piece, len(cols))
    return dw.sum(axis=0).astype(dV.dtype, copy=False)


def hashed_forward(w: NDArray, a: NDArray, m: SharingMap) -> NDArray:
    """Multiply by V, a tile at a time (Eq. 8)."""
    lines = m.lines()
    if lines is None:
        with one_blas_thread():
            return plain.hashed_forward(w, a, m)
    loops = TileLoops(w, lines)
    rows = row_pieces(m)
    z = np.zeros((len(a), m.n_out), w.dtype)
    a = np.ascontiguousarray(a)

    def piece(n: int) -> None:
        for cols in pieces_of(slice(0, m.n_cols), LONG_SIDE):
            if loops.by_lines(len(a)):
                loops.forward_lines(z, a, rows[n], cols)
            else:
                tile = loops.new_tile(rows[n], cols, w.dtype)
                V = loops.scatter_gather(tile, rows[n], cols)
                multiply_add(a[:, cols], V.T, z[:, rows[n]], cols.start == 0)

    run_pieces(piece, len(rows) if len(a) else 0)
    return z


def hashed_backward(
    w: NDArray, a: NDArray, dz: NDArray, m: SharingMap, input_grad: bool = True
) -> tuple[NDArray, NDArray | None]:
    """Send the error term dz back to the real weights and, if asked, to the input, a tile at a time."""
    lines = m.lines()
    if lines is None:
        with one_blas_thread():
            return plain.hashed_backward(w, a, dz, m, input_grad)
    loops = TileLoops(w, lines)
    cols, dw = column_pieces(m, w.dtype)
    da = np.zeros(a.shape, w.dtype) if input_grad else None
    a = np.ascontiguousarray(a)
    dz = np.ascontiguousarray(dz)

    def piece(n: int) -> None:
        dw[n] = 0  # here, not before: this brings the sum into the cache of the core that needs it
        for tile_rows, tile_cols in tiles(m, cols[n]):
            if loops.by_lines(len(a)):
                loops.backward_lines(dw[n], da, a, dz, tile_rows, tile_cols)
                continue
            tile = loops.new_tile(tile_rows, tile_cols, w.dtype)
            dV = np.matmul(dz[:, tile_rows].T, a[:, tile_cols], out=tile)  # Eq. 10
            V = loops.scatter_gather(dV, tile_rows, tile_cols, dw[n], gather=input_grad)  # Eq. 12
            if da is not None:
                multiply_add(dz[:, tile_rows], V, da[:, tile_cols], tile_rows.start == 0)  # Eq. 9

    run_pieces(piece, len(cols))
    return dw.sum(axis=0).astype(w.dtype, copy=False), da
