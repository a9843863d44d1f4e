"""The four kernels with numba: the same names, arguments and results as `plain`, as fast as the processor allows.

V is cut into tiles that fit into the cache. Forward: hash a tile, look it up, multiply with BLAS, drop it. Backward:
multiply with BLAS, then walk once through the tile, taking dV out of it and putting V into it, multiply again, drop it.
No result is kept between calls. Extra memory: a tile per thread and a few copies of dw. The inner loops are in
`fast_lines`, the threads in `threads`. Left out: maps of other kinds than xxhash, which go to `plain`.
"""

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..hashing import KEY_BYTES, MAX_UINT32, PRIME_3, PRIME_4, PRIME_5, rotate_left
from ..maps.sharing_map import SharingMap
from ..threads import one_blas_thread, run
from . import plain
from .fast_lines import backward_lines, divisor, forward_lines, walk_tile

SHORT_SIDE, LONG_SIDE = 256, 1024  # of a tile: 1 MiB of float32 at most stays in a core's own cache
VECTOR = 32  # lines of a multiple of this many weights leave no rest that is done one by one
PIECE = 2**16  # virtual weights that are worth the handing over to another thread
SMALL_BATCH = 1  # up to here, multiplying line by line is faster than making tiles for BLAS
MAX_SUMS, MAX_SUM_WEIGHTS = 16, 2**22  # partial sums of dw: 16, or as many as 16 MiB of float32 hold, or else 4
FEW_ADDENDS = 1024  # per bucket and partial sum: so many are added in the dtype of the gradient, more in float64

own_memory = threading.local()


def row_lanes(i: NDArray[np.uint32], seed: int) -> NDArray[np.uint32]:
    """Do the part of XXH32 of (i, j) that needs only i. The rest starts from row lane + column lane."""
    start = np.uint32((seed + PRIME_5 + KEY_BYTES) & MAX_UINT32)
    return rotate_left(start + i * np.uint32(PRIME_3), 17) * np.uint32(PRIME_4)


def column_lanes(j: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Do the part of XXH32 of (i, j) that needs only j."""
    return j * np.uint32(PRIME_3)


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


def new_tile(rows: slice, cols: slice, dtype: np.dtype) -> NDArray:
    """Make room for V[rows, cols], with lines of memory along its shorter side, unless that is very short.

    A thread has one tile at a time, and keeps its memory: asking the system for it anew costs a tenth of a step.
    """
    if not hasattr(own_memory, dtype.char):
        setattr(own_memory, dtype.char, np.empty(SHORT_SIDE * LONG_SIDE, dtype))
    height, width = rows.stop - rows.start, cols.stop - cols.start
    room = getattr(own_memory, dtype.char)[: height * width]
    short_lines = min(height, width) >= SHORT_SIDE // 2
    return room.reshape((height, width), order="F" if (height < width) == short_lines else "C")


def multiply_add(x: NDArray, y: NDArray, out: NDArray, first: bool) -> None:
    """Add x @ y to out, or put it there if it is the first to come."""
    if first:
        np.matmul(x, y, out=out)
    else:
        out += x @ y


def own(x: NDArray) -> NDArray:
    """Give numba what it is compiled for, a contiguous writable array: x itself, or else a copy."""
    return np.require(x, requirements=["C", "A", "W"])


class Walker:
    """A map and its real weights, as the inner loops want them: lanes, the bits of w, how to divide by K."""

    def __init__(self, w: NDArray, m: SharingMap) -> None:
        self.rows = row_lanes(np.arange(m.n_out, dtype=np.uint32), m.seed)
        self.cols = column_lanes(np.arange(m.n_cols, dtype=np.uint32))
        self.integer = np.dtype(f"u{w.dtype.itemsize}")
        self.w = own(w).view(self.integer)
        self.division = (np.uint32(m.buckets), *divisor(m.buckets))

    def walk(self, V: NDArray, rows: slice, cols: slice, dw: NDArray | None = None, gather: bool = True) -> NDArray:
        """Walk through the tile V[rows, cols] along its memory: add it to dw, if given; then gather into it."""
        outer, inner, lines = self.rows[rows], self.cols[cols], V
        if not V.flags.c_contiguous:
            outer, inner, lines = inner, outer, V.T
        sums = np.empty(0, V.dtype) if dw is None else dw
        walk_tile(lines, lines.view(self.integer), self.w, sums, outer, inner, self.division, dw is not None, gather)
        return V

    def forward_lines(self, z: NDArray, a: NDArray, rows: slice, cols: slice) -> None:
        """Add a V^T to z, for a small batch, line by line."""
        part = np.zeros((len(a), rows.stop - rows.start), z.dtype)
        line = np.empty(rows.stop - rows.start, z.dtype)
        lanes = self.rows[rows], self.cols[cols]
        forward_lines(part, own(a[:, cols]), line, line.view(self.integer), self.w, *lanes, self.division)
        z[:, rows] += part

    def backward_lines(
        self, dw: NDArray, da: NDArray | None, a: NDArray, dz: NDArray, rows: slice, cols: slice
    ) -> None:
        """Add to dw and da, for a small batch, line by line."""
        part = np.zeros((len(a), cols.stop - cols.start), a.dtype)
        line = np.empty(cols.stop - cols.start, a.dtype)
        lanes, bits = (self.rows[rows], self.cols[cols]), line.view(self.integer)
        a, dz = own(a[:, cols]), own(dz[:, rows])
        backward_lines(dw, part, a, dz, line, bits, self.w, *lanes, self.division, da is not None)
        if da is not None:
            da[:, cols] += part


def hash_gather(w: NDArray, m: SharingMap) -> NDArray:
    """Look up all of V in w (Eq. 7)."""
    if m.kind != "xxhash":
        return plain.hash_gather(w, m)
    V, walker, rows = np.empty((m.n_out, m.n_cols), w.dtype), Walker(w, m), row_pieces(m)
    run(lambda n: walker.walk(V[rows[n]], rows[n], slice(None)), len(rows))
    return V


def hash_scatter_add(dV: NDArray, m: SharingMap) -> NDArray:
    """Add the gradient of every virtual weight, times its sign, to that of its bucket (Eq. 12)."""
    if m.kind != "xxhash":
        return plain.hash_scatter_add(dV, m)
    walker, cols, dw = Walker(np.empty(0, dV.dtype), m), *column_pieces(m, dV.dtype)

    def piece(n: int) -> None:
        dw[n] = 0  # here, not before: this brings the sum into the cache of the core that needs it
        for tile_rows, tile_cols in tiles(m, cols[n]):
            tile = new_tile(tile_rows, tile_cols, dV.dtype)
            tile[:] = dV[tile_rows, tile_cols]
            walker.walk(tile, tile_rows, tile_cols, dw[n], gather=False)

    run(piece, len(cols))
    return dw.sum(axis=0).astype(dV.dtype, copy=False)


def hashed_forward(w: NDArray, a: NDArray, m: SharingMap) -> NDArray:
    """Multiply by V, a tile at a time (Eq. 8)."""
    if m.kind != "xxhash":
        with one_blas_thread():
            return plain.hashed_forward(w, a, m)
    walker, rows, z = Walker(w, m), row_pieces(m), np.zeros((len(a), m.n_out), w.dtype)
    a = np.ascontiguousarray(a)

    def piece(n: int) -> None:
        for cols in pieces_of(slice(0, m.n_cols), LONG_SIDE):
            if len(a) <= SMALL_BATCH:
                walker.forward_lines(z, a, rows[n], cols)
            else:
                V = walker.walk(new_tile(rows[n], cols, w.dtype), rows[n], cols)
                multiply_add(a[:, cols], V.T, z[:, rows[n]], cols.start == 0)

    run(piece, len(rows) if len(a) else 0)
    return z


def hashed_backward(
    w: NDArray, a: NDArray, dz: NDArray, m: SharingMap, input_grad: bool = True
) -> tuple[NDArray, NDArray | None]:
    """Send the error term dz back to the real weights and, if asked, to the input, a tile at a time."""
    if m.kind != "xxhash":
        with one_blas_thread():
            return plain.hashed_backward(w, a, dz, m, input_grad)
    walker, cols, dw = Walker(w, m), *column_pieces(m, w.dtype)
    da = np.zeros(a.shape, w.dtype) if input_grad else None
    a, dz = np.ascontiguousarray(a), np.ascontiguousarray(dz)

    def piece(n: int) -> None:
        dw[n] = 0  # here, not before: this brings the sum into the cache of the core that needs it
        for tile_rows, tile_cols in tiles(m, cols[n]):
            if len(a) <= SMALL_BATCH:
                walker.backward_lines(dw[n], da, a, dz, tile_rows, tile_cols)
                continue
            tile = new_tile(tile_rows, tile_cols, w.dtype)
            dV = np.matmul(dz[:, tile_rows].T, a[:, tile_cols], out=tile)  # Eq. 10
            V = walker.walk(dV, tile_rows, tile_cols, dw[n], gather=input_grad)  # Eq. 12
            if da is not None:
                multiply_add(dz[:, tile_rows], V, da[:, tile_cols], tile_rows.start == 0)  # Eq. 9

    run(piece, len(cols))
    return dw.sum(axis=0).astype(w.dtype, copy=False), da
