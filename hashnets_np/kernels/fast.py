"""The four kernels with numba: the same names, arguments and results as `plain`, as fast as the processor allows.

V is cut into tiles that fit into the cache. Forward: hash a tile, look it up, multiply with BLAS, drop it. Backward:
multiply with BLAS, then go once through the tile, taking dV out of it and putting V into it, multiply again, drop it.
No result is kept between calls. Extra memory: a tile and a product per thread, a few copies of dw and, for kinds that
come in pieces, one of w; of this, a thread keeps what is small, to use it again. The loops over a tile are in
`fast_tiles`, what differs between kinds of map in `maps`, the threads in `support`. Maps of a kind without a compiled
line function go to `plain`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap
from ..support.threads import one_blas_thread, run_pieces
from ..types import FloatArray
from . import plain
from .fast_tiles import LONG_SIDE, SHORT_SIDE, loops_for

VECTOR = 32  # lines whose length is a multiple of this leave no remainder to be done one by one
PIECE = 2**16  # from this many virtual weights on, another thread is worth its cost
MAX_SUMS = 16  # partial sums of dw: 16, or as many as 16 MiB of float32 hold, or else 4
MAX_SUM_WEIGHTS = 2**22
FEW_ADDENDS = 1024  # per bucket and partial sum: up to so many are added in the gradient's dtype, more in float64


def pieces_of(whole: slice, size: int) -> list[slice]:
    """Cut a slice into slices of `size`, the last one shorter."""
    return [slice(start, min(start + size, whole.stop)) for start in range(whole.start, whole.stop, size)]


def row_pieces(m: SharingMap) -> list[slice]:
    """Cut V into the pieces of forward: blocks of rows, each of which owns its outputs."""
    return pieces_of(slice(0, m.n_out), max(SHORT_SIDE, PIECE // m.n_cols))


def column_pieces(m: SharingMap, dtype: np.dtype, length: int) -> tuple[list[slice], NDArray]:
    """Cut V into the pieces of backward, blocks of columns, and make room for a sum of dw of that length for each.

    All of this depends on sizes, never on the number of threads. The larger K is, the fewer sums: they must not need
    more memory than V. Very many addends to a bucket are added in float64, because float32 would lose digits
    (test_many_addends_keep_their_digits).
    """
    virtual = m.n_out * m.n_cols
    worth = min(MAX_SUMS, virtual // PIECE, -(-m.n_cols // SHORT_SIDE))
    room = min(virtual // m.buckets, max(4, min(virtual // 2, MAX_SUM_WEIGHTS) // m.buckets))
    width = -(-m.n_cols // max(1, min(worth, room)))
    pieces = pieces_of(slice(0, m.n_cols), width + -width % VECTOR)
    few = virtual <= FEW_ADDENDS * m.buckets * len(pieces)
    return pieces, np.empty((len(pieces), length), dtype if few else np.float64)


def tiles(m: SharingMap, cols: slice) -> Iterator[tuple[slice, slice]]:
    """Cut a piece of backward into tiles."""
    for tile_cols in pieces_of(cols, max(SHORT_SIDE, PIECE // m.n_out)):
        for tile_rows in pieces_of(slice(0, m.n_out), LONG_SIDE):
            yield tile_rows, tile_cols


def hash_gather(w: FloatArray, m: SharingMap) -> FloatArray:
    """Look up all of V in w (Eq. 7)."""
    loops = loops_for(w, m)
    if loops is None:
        return plain.hash_gather(w, m)
    rows = row_pieces(m)
    V = np.empty((m.n_out, m.n_cols), w.dtype)
    run_pieces(lambda n: loops.scatter_gather(V[rows[n]], rows[n], slice(0, m.n_cols)), len(rows))
    return V


def hash_scatter_add(dV: FloatArray, m: SharingMap) -> FloatArray:
    """Add the gradient of every virtual weight, times its sign, to that of its bucket (Eq. 12)."""
    loops = loops_for(np.empty(0, dV.dtype), m)
    if loops is None:
        return plain.hash_scatter_add(dV, m)
    cols, dw = column_pieces(m, dV.dtype, loops.length)

    def piece(n: int) -> None:
        dw[n] = 0  # here, not before: this brings the sum into the cache of the core that needs it
        for tile_rows, tile_cols in tiles(m, cols[n]):
            tile = loops.new_tile(tile_rows, tile_cols, dV.dtype)
            tile[:] = dV[tile_rows, tile_cols]
            loops.scatter_gather(tile, tile_rows, tile_cols, dw[n], gather=False)

    run_pieces(piece, len(cols))
    return loops.fold_back(dw.sum(axis=0)).astype(dV.dtype, copy=False)


def hashed_forward(w: FloatArray, a: FloatArray, m: SharingMap) -> FloatArray:
    """Multiply by V, a tile at a time (Eq. 8)."""
    loops = loops_for(w, m)
    if loops is None:
        with one_blas_thread():
            return plain.hashed_forward(w, a, m)
    rows = row_pieces(m)
    z = np.zeros((len(a), m.n_out), w.dtype)
    a = np.ascontiguousarray(a)

    def piece(n: int) -> None:
        for cols in pieces_of(slice(0, m.n_cols), LONG_SIDE):
            loops.forward(z, a, rows[n], cols)

    run_pieces(piece, len(rows) if len(a) else 0)
    return z


def hashed_backward(
    w: FloatArray, a: FloatArray, dz: FloatArray, m: SharingMap, input_grad: bool = True
) -> tuple[FloatArray, FloatArray | None]:
    """Send the error term dz back to the real weights and, if asked, to the input, a tile at a time."""
    loops = loops_for(w, m)
    if loops is None:
        with one_blas_thread():
            return plain.hashed_backward(w, a, dz, m, input_grad)
    cols, dw = column_pieces(m, w.dtype, loops.length)
    da = np.zeros(a.shape, w.dtype) if input_grad else None
    a = np.ascontiguousarray(a)
    dz = np.ascontiguousarray(dz)

    def piece(n: int) -> None:
        dw[n] = 0  # here, not before: this brings the sum into the cache of the core that needs it
        for tile_rows, tile_cols in tiles(m, cols[n]):
            loops.backward(dw[n], da, a, dz, tile_rows, tile_cols)

    run_pieces(piece, len(cols))
    return loops.fold_back(dw.sum(axis=0)).astype(w.dtype, copy=False), da
