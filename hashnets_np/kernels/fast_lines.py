"""The inner loops of `fast`, for numba: one line of virtual weights is hashed, looked up, added to its buckets.

A line is a piece of a row or of a column of V. All integer arithmetic is modulo 2**32, as XXH32 wants it: numba widens
uint32 to 64 bits, which halves the speed of the vector units, so `uint32(...)` brings back every intermediate and
LLVM then computes in 32 bits. Each loop is short enough to be vectorised. Left out: where lines come from (`fast`).
"""

import numpy as np
from numba import njit

from ..hashing import PRIME_2, PRIME_3, PRIME_4

uint32, uint64 = np.uint32, np.uint64
P2, P3, P4 = uint32(PRIME_2), uint32(PRIME_3), uint32(PRIME_4)
ONE, UP, DOWN = uint32(1), uint32(17), uint32(32 - 17)
SHIFT_1, SHIFT_2, SHIFT_3 = uint32(15), uint32(13), uint32(16)
TOP_OF_32, TOP_OF_64 = uint32(31), uint64(63)


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
def hash_line(x, outer, inner):
    """Finish XXH32 for one line: x[c] = hash from the lane `outer` of the line and the lane inner[c] of each weight.

    XXH32 of (i, j) starts as lane_i + lane_j, the first a function of i only, the second of j only (`fast.row_lanes`).
    """
    for c in range(x.size):
        h = uint32(outer + inner[c])
        h = uint32(uint32(uint32(h << UP) | uint32(h >> DOWN)) * P4)
        h = uint32(uint32(h ^ uint32(h >> SHIFT_1)) * P2)
        h = uint32(uint32(h ^ uint32(h >> SHIFT_2)) * P3)
        x[c] = h ^ uint32(h >> SHIFT_3)


@njit(cache=True, nogil=True)
def bucket_line(bucket, x, buckets, multiplier, shift):
    """Turn hashes into bucket numbers, (x >> 1) mod K without a division: y mod K = y - (y // K) K (see `divisor`)."""
    for c in range(x.size):
        y = uint32(x[c] >> ONE)
        quotient = uint32((uint64(y) * uint64(multiplier)) >> shift)
        bucket[c] = uint32(y - uint32(quotient * buckets))


@njit(cache=True, nogil=True)
def flip_line(bits, x):
    """Multiply floats, seen as integers, by the signs: bit 0 of the hash, moved to the top, is the float's sign bit.

    A branch on a random sign is mispredicted every other time, and costs two or three times as much.
    """
    if bits.dtype == x.dtype:  # known when compiled: 32 bits for float32, 64 for float64
        for c in range(x.size):
            bits[c] ^= uint32(x[c] << TOP_OF_32)
    else:
        for c in range(x.size):
            bits[c] ^= uint64(x[c]) << TOP_OF_64


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
def walk_tile(tile, bits, w, dw, outer, inner, division, scatter, gather):
    """Walk through a tile of V: with `scatter`, add what it holds (dV) to dw; with `gather`, leave V in it.

    tile: (lines, weights), changed in place; bits, w: the tile and the real weights as unsigned integers of its
    itemsize; dw: (K,). Each hash is computed once for both.
    """
    x, bucket = np.empty(inner.size, np.uint32), np.empty(inner.size, np.uint32)
    for r in range(outer.size):
        hash_line(x, outer[r], inner)
        bucket_line(bucket, x, *division)
        line = bits[r]
        if scatter:
            flip_line(line, x)
            add_line(dw, bucket, tile[r])
        if gather:
            look_up_line(line, w, bucket)
            flip_line(line, x)


@njit(cache=True, nogil=True)
def multiply_line(out, factor, line):
    """Add factor * line to out: no sum runs along the line, so this is vectorised without changing any order."""
    for c in range(line.size):
        out[c] += factor * line[c]


@njit(cache=True, nogil=True)
def forward_lines(z, a, line, bits, w, rows, cols, division):
    """Add a V^T to z (batch, rows), a column of V at a time in `line` (rows,), for batches too small for a tile."""
    x, bucket = np.empty(rows.size, np.uint32), np.empty(rows.size, np.uint32)
    for c in range(cols.size):
        hash_line(x, cols[c], rows)
        bucket_line(bucket, x, *division)
        look_up_line(bits, w, bucket)
        flip_line(bits, x)
        for e in range(len(a)):
            multiply_line(z[e], a[e, c], line)  # Eq. 8


@njit(cache=True, nogil=True)
def backward_lines(dw, da, a, dz, line, bits, w, rows, cols, division, input_grad):
    """Add to dw and da, a row of V at a time in `line` (cols,)."""
    x, bucket = np.empty(cols.size, np.uint32), np.empty(cols.size, np.uint32)
    for r in range(rows.size):
        hash_line(x, rows[r], cols)
        bucket_line(bucket, x, *division)
        line[:] = 0
        for e in range(len(a)):
            multiply_line(line, dz[e, r], a[e])  # Eq. 10
        flip_line(bits, x)
        add_line(dw, bucket, line)  # Eq. 12
        if input_grad:
            look_up_line(bits, w, bucket)
            flip_line(bits, x)
            for e in range(len(a)):
                multiply_line(da[e], dz[e, r], line)  # Eq. 9
