"""The inner loop of `fast`, for numba, where the pieces of V are slices of w ("chunk" and "tile").

A piece is hashed once, and copied or added back a run at a time: a run is what a row of V has of a piece. Two things
make it fast. Indices are unsigned: numba checks signed ones for being negative, which takes four times as long here.
And several runs share a loop: a loop over a single run of 16 weights is too short for the vector units, because LLVM
lets them work on 32 weights or not at all.
"""

import numpy as np

from ..maps.xxhash_fast import bucket_line, hash_line
from ..support.compiling import njit

uint32 = np.uint32
uint64 = np.uint64
ONE = uint64(1)
TWO = uint64(2)
THREE = uint64(3)
FOUR = uint64(4)


@njit(cache=True, nogil=True)
def copy_run(out, at, w, start, size, flip):
    """out[at:at+size] = w[start:start+size], floats seen as integers, with their sign bits flipped by `flip`."""
    for n in range(size):
        c = uint64(n)  # for NUMBA_DISABLE_JIT=1 with NumPy 1, which makes a float of uint64 + int
        out[at + c] = w[start + c] ^ flip


@njit(cache=True, nogil=True)
def copy_four_runs(out, at, w, starts, size, flips):
    """Copy four runs of w, each to the place behind the one before."""
    at_1 = at + size
    at_2 = at_1 + size
    at_3 = at_2 + size
    start_0, start_1, start_2, start_3 = starts
    flip_0, flip_1, flip_2, flip_3 = flips
    for n in range(size):
        c = uint64(n)
        out[at + c] = w[start_0 + c] ^ flip_0
        out[at_1 + c] = w[start_1 + c] ^ flip_1
        out[at_2 + c] = w[start_2 + c] ^ flip_2
        out[at_3 + c] = w[start_3 + c] ^ flip_3


@njit(cache=True, nogil=True)
def add_run(dw, start, dv, at, size, sign):
    """dw[start:start+size] += sign * dv[at:at+size]."""
    for n in range(size):
        c = uint64(n)
        dw[start + c] += sign * dv[at + c]


@njit(cache=True, nogil=True)
def add_two_runs(dw, starts, dv, at, size, signs):
    """Add two runs of dv, the second behind the first, to theirs of dw. Where these overlap, c after c is added."""
    at_1 = at + size
    start_0, start_1 = starts
    sign_0, sign_1 = signs
    for n in range(size):
        c = uint64(n)
        dw[start_0 + c] += sign_0 * dv[at + c]
        dw[start_1 + c] += sign_1 * dv[at_1 + c]


@njit(cache=True, nogil=True, inline="always")
def copy_line(line, w, start, x, flips, left, width):
    """Fill a row of a tile with its runs of w.

    line: (cols,), floats seen as integers; start, x: where the run of each piece begins in w, and the hash of the
    piece; flips: what flips a float's sign bit, by bit 0 of the hash. left: columns of the first piece before the row.
    """
    n = uint64(line.size)
    p = uint64(0)
    c = uint64(0)
    if left:
        c = min(width - left, n)
        copy_run(line, uint64(0), w, start[p] + left, c, flips[x[p] & uint32(1)])
        p += ONE
    while c + FOUR * width <= n:
        q = p + ONE
        r = p + TWO
        s = p + THREE
        starts = start[p], start[q], start[r], start[s]
        four_flips = (
            flips[x[p] & uint32(1)], flips[x[q] & uint32(1)], flips[x[r] & uint32(1)], flips[x[s] & uint32(1)],
        )
        copy_four_runs(line, c, w, starts, width, four_flips)
        p += FOUR
        c += FOUR * width
    while c < n:
        size = min(width, n - c)
        copy_run(line, c, w, start[p], size, flips[x[p] & uint32(1)])
        p += ONE
        c += size


@njit(cache=True, nogil=True, inline="always")
def add_line(dw, line, start, x, signs, left, width):
    """Add a row of a tile to its runs of dw: the reverse of `copy_line`; signs: +1 and -1, by bit 0 of the hash."""
    n = uint64(line.size)
    p = uint64(0)
    c = uint64(0)
    if left:
        c = min(width - left, n)
        add_run(dw, start[p] + left, line, uint64(0), c, signs[x[p] & uint32(1)])
        p += ONE
    while c + TWO * width <= n:
        q = p + ONE
        add_two_runs(
            dw, (start[p], start[q]), line, c, width, (signs[x[p] & uint32(1)], signs[x[q] & uint32(1)])
        )
        p += TWO
        c += TWO * width
    while c < n:
        size = min(width, n - c)
        add_run(dw, start[p], line, c, size, signs[x[p] & uint32(1)])
        p += ONE
        c += size


@njit(cache=True, nogil=True)
def scatter_gather_pieces(tile, bits, w, dw, outer, inner, numbers, signs, flips, scatter, gather):
    """Go through a tile of V, row by row: with `scatter`, add what it holds (dV) to dw; with `gather`, leave V in it.

    tile: (rows, cols), changed in place; bits, w: the tile and the extended real weights as unsigned integers; dw: as
    long as w; outer, inner, numbers: see `TileLines`, here the lanes of all pieces of V; signs, flips: +1 and -1, and
    what flips a float's sign bit, by bit 0 of the hash.
    """
    width = numbers.width
    first = numbers.first_col // width
    left = numbers.first_col - first * width
    end = (numbers.first_col + uint64(tile.shape[1]) + width - ONE) // width
    lanes = inner[first:end]
    x = np.empty(lanes.size, np.uint32)
    bucket = np.empty(lanes.size, np.uint32)
    start = np.empty(lanes.size, np.uint64)
    hashed = uint64(outer.size)  # the row of pieces whose hashes x holds: none yet
    for r in range(uint64(tile.shape[0])):
        i = numbers.first_row + uint64(r)
        piece_row = i // numbers.height
        if piece_row != hashed:
            hash_line(x, outer[piece_row], lanes)
            bucket_line(bucket, x, numbers.buckets, numbers.multiplier, numbers.shift)
            hashed = piece_row
        above = (i - piece_row * numbers.height) * width  # weights of a piece in the rows above this one
        for p in range(uint64(start.size)):
            start[p] = uint64(bucket[p]) + above
        if scatter:
            add_line(dw, tile[r], start, x, signs, left, width)
        if gather:
            copy_line(bits[r], w, start, x, flips, left, width)
