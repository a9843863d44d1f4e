"""The inner loop of `fast`, for numba, where the pieces of V are slices of w ("chunk" and "tile").

A piece is hashed once, and copied or added back as a whole. Indices are unsigned: numba checks signed ones for being
negative, which takes four times as long here.
"""

import numpy as np

from ..maps.pieces_fast import piece_start
from ..maps.xxhash_fast import hash_of_lanes
from ..support.compiling import njit

uint32 = np.uint32
uint64 = np.uint64


@njit(cache=True, nogil=True)
def copy_run(out, at, w, start, size, flip):
    """out[at:at+size] = w[start:start+size], floats seen as integers, with their sign bits flipped by `flip`."""
    for n in range(size):
        c = uint64(n)  # for NUMBA_DISABLE_JIT=1 with NumPy 1, which makes a float of uint64 + int
        out[at + c] = w[start + c] ^ flip


@njit(cache=True, nogil=True)
def add_run(dw, start, dv, at, size, sign):
    """dw[start:start+size] += sign * dv[at:at+size]."""
    for n in range(size):
        c = uint64(n)
        dw[start + c] += sign * dv[at + c]


@njit(cache=True, nogil=True)
def scatter_gather_pieces(tile, bits, w, dw, lines, first_row, first_col, signs, flips, scatter, gather):
    """Go through a tile of V, run by run: with `scatter`, add what it holds (dV) to dw; with `gather`, leave V in it.

    tile: (rows, cols), changed in place; bits, w: the tile and the extended real weights as unsigned integers; dw: as
    long as w; signs, flips: +1 and -1, and what flips a float's sign bit, by bit 0 of the hash.
    """
    n = uint64(tile.shape[1])
    for r in range(uint64(tile.shape[0])):
        i = uint64(first_row) + uint64(r)
        piece_row = i // lines.height
        above = (i - piece_row * lines.height) * lines.width  # weights of the piece in the rows above this one
        piece_col = uint64(first_col) // lines.width
        left = uint64(first_col) - piece_col * lines.width
        lane = lines.rows[piece_row]
        line = tile[r]
        line_bits = bits[r]
        c = uint64(0)
        while c < n:
            x = hash_of_lanes(lane, lines.cols[piece_col])
            start = piece_start(x, lines) + above + left
            size = min(lines.width - left, n - c)
            if scatter:
                add_run(dw, start, line, c, size, signs[x & uint32(1)])
            if gather:
                copy_run(line_bits, c, w, start, size, flips[x & uint32(1)])
            c += size
            left = uint64(0)
            piece_col += uint64(1)
