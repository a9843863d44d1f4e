"""The inner loops of `fast`, for numba: a line of virtual weights is looked up, or added to its buckets.

A line is a row or a column of a tile of V. The kind of the map fills in the buckets of a line and, in bit 0 of x, the
signs (`fill_line`); everything here is the same for every kind. Each loop is short enough to be vectorised.
"""

import numpy as np
from numba.extending import overload

from ..support.compiling import njit

uint32 = np.uint32
uint64 = np.uint64
TOP_OF_32 = uint32(31)
TOP_OF_64 = uint64(63)


def fill_line(bucket, x, outer, inner, numbers, n):
    """Call the line function of the map's kind, see `maps.kind.LineNumbers`."""
    numbers.fill_function()(bucket, x, outer, inner, numbers, n)


@overload(fill_line, inline="always")
def compile_fill_line(bucket, x, outer, inner, numbers, n):
    """Choose the line function when a loop is compiled: the class of the NamedTuple `numbers` tells which it is.

    It becomes a part of the loop, because a call for each line costs a tenth of the time.
    """
    fill = numbers.instance_class.fill_function()

    def compiled(bucket, x, outer, inner, numbers, n):
        fill(bucket, x, outer, inner, numbers, n)

    return compiled


@njit(cache=True, nogil=True)
def flip_line(bits, x, signs):
    """Multiply floats, seen as integers, by the signs: bit 0 of the hash, moved to the top, is the float's sign bit.

    A branch on a random sign is mispredicted every other time, and costs two or three times as much. signs: 1, or 0
    for a map without signs, where all bits stay.
    """
    if bits.dtype == x.dtype:  # known when compiled: 32 bits for float32, 64 for float64
        for c in range(x.size):
            bits[c] ^= uint32((x[c] & signs) << TOP_OF_32)
    else:
        for c in range(x.size):
            bits[c] ^= uint64(x[c] & signs) << TOP_OF_64


@njit(cache=True, nogil=True)
def add_line(dw, bucket, dv):
    """Add each gradient to that of its bucket."""
    for c in range(bucket.size):
        dw[bucket[c]] += dv[c]


@njit(cache=True, nogil=True)
def look_up_line(v, w, bucket):
    """Copy the real weight of each bucket."""
    for c in range(bucket.size):
        v[c] = w[bucket[c]]


@njit(cache=True, nogil=True)
def scatter_gather_tile(tile, bits, w, dw, outer, inner, numbers, signs, scatter, gather):
    """Go through a tile of V, line by line: with `scatter`, add what it holds (dV) to dw; with `gather`, leave V in it.

    tile: (lines, weights), changed in place; bits, w: the tile and the real weights as unsigned integers of its
    itemsize; dw: (K,). outer, inner, numbers: see `TileLines`. signs: 1, or 0 for a map without signs. Both share what
    is computed of the map.
    """
    x = np.empty(tile.shape[1], np.uint32)
    bucket = np.empty(tile.shape[1], np.uint32)
    for r in range(tile.shape[0]):
        fill_line(bucket, x, outer, inner, numbers, r)
        line = bits[r]
        if scatter:
            flip_line(line, x, signs)
            add_line(dw, bucket, tile[r])
        if gather:
            look_up_line(line, w, bucket)
            flip_line(line, x, signs)


@njit(cache=True, nogil=True)
def multiply_line(out, factor, line):
    """Add factor * line to out: no sum runs along the line, so this is vectorised without changing any order."""
    for c in range(line.size):
        out[c] += factor * line[c]


@njit(cache=True, nogil=True)
def forward_lines(z, a, line, bits, w, outer, inner, numbers, signs):
    """Add a V^T to z (batch, rows), a column of V at a time in `line` (rows,), for batches too small for a tile."""
    x = np.empty(line.size, np.uint32)
    bucket = np.empty(line.size, np.uint32)
    for c in range(a.shape[1]):
        fill_line(bucket, x, outer, inner, numbers, c)
        look_up_line(bits, w, bucket)
        flip_line(bits, x, signs)
        for e in range(len(a)):
            multiply_line(z[e], a[e, c], line)  # Eq. 8


@njit(cache=True, nogil=True)
def backward_lines(dw, da, a, dz, line, bits, w, outer, inner, numbers, signs, input_grad):
    """Add to dw and da, a row of V at a time in `line` (cols,)."""
    x = np.empty(line.size, np.uint32)
    bucket = np.empty(line.size, np.uint32)
    for r in range(dz.shape[1]):
        fill_line(bucket, x, outer, inner, numbers, r)
        line[:] = 0
        for e in range(len(a)):
            multiply_line(line, dz[e, r], a[e])  # Eq. 10
        flip_line(bits, x, signs)
        add_line(dw, bucket, line)  # Eq. 12
        if input_grad:
            look_up_line(bits, w, bucket)
            flip_line(bits, x, signs)
            for e in range(len(a)):
                multiply_line(da[e], dz[e, r], line)  # Eq. 9
