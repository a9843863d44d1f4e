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
STRIP = 512  # weights looked at together: what is known of them stays in the first level of the cache
LANES = 16  # partial sums of a dot product: one vector register


def divisor(buckets: int) -> tuple[np.uint32, np.uint64]:
    """Find (multiplier, shift) such that y // buckets == (y * multiplier) >> shift for every y below 2**31.

    With s = ceil(log2 K), m = floor(2**(31+s) / K) + 1 exceeds 2**(31+s) / K by a fraction of at most 2**-31 / y, too
    little to reach the next integer (Granlund and Montgomery 1994). m < 2**32, so y * m fits into 64 bits.

    >>> multiplier, shift = divisor(7)
    >>> [(y * int(multiplier)) >> int(shift) for y in (6, 7, 2**31 - 1)] == [0, 1, (2**31 - 1) // 7]
    True
    """
    bits = (buckets - 1).bit_length()
    return uint32((1 << (31 + bits)) // buckets + 1), uint64(31 + bits)


@njit(cache=True, nogil=True)
def hash_lines(x, outer, inner):
    """Finish XXH32 for some lines: x[r, c] = hash from the lane outer[r] of the line and the lane inner[c].

    XXH32 of (i, j) starts as lane_i + lane_j, the first a function of i only, the second of j only (`fast.lanes`).
    """
    for r in range(outer.size):
        for c in range(inner.size):
            h = uint32(outer[r] + inner[c])
            h = uint32(uint32(uint32(h << UP) | uint32(h >> DOWN)) * P4)
            h = uint32(uint32(h ^ uint32(h >> SHIFT_1)) * P2)
            h = uint32(uint32(h ^ uint32(h >> SHIFT_2)) * P3)
            x[r, c] = h ^ uint32(h >> SHIFT_3)


@njit(cache=True, nogil=True)
def bucket_line(bucket, x, buckets, multiplier, shift):
    """Turn hashes into bucket numbers, (x >> 1) mod K without a division: y mod K = y - (y // K) K (see `divisor`)."""
    for c in range(x.size):
        y = uint32(x[c] >> ONE)
        quotient = uint32((uint64(y) * uint64(multiplier)) >> shift)
        bucket[c] = uint32(y - uint32(quotient * buckets))


@njit(cache=True, nogil=True)
def flip_line(bits, x, top):
    """Multiply floats, seen as integers, by the signs: bit 0 of the hash, moved to the top, is the float's sign bit.

    A branch on a random sign is mispredicted every other time, and costs two or three times as much.
    """
    for c in range(bits.size):
        bits[c] ^= x[c] << top


@njit(cache=True, nogil=True)
def add_line(dw, bucket, dv):
    """Add each gradient to that of its bucket."""
    for c in range(dv.size):
        dw[bucket[c]] += dv[c]


@njit(cache=True, nogil=True)
def look_up_line(v, w, bucket):
    """Copy the real weight of each bucket."""
    for c in range(v.size):
        v[c] = w[bucket[c]]


@njit(cache=True, nogil=True)
def walk_tile(tile, bits, w, dw, outer, inner, division, top, scatter, gather):
    """Walk through a tile of V: with `scatter`, add what it holds (dV) to dw; with `gather`, leave V in it.

    tile: (lines * weights,), changed in place; bits, w: the tile and the real weights as unsigned integers of its
    itemsize; dw: (K,). Each hash is computed once for both. Lines are taken STRIP weights at a time, or one by one.
    """
    buckets, multiplier, shift = division
    lines = max(1, min(STRIP // inner.size, outer.size))
    x_lines = np.empty((lines, inner.size), np.uint32)
    x, bucket = x_lines.reshape(-1), np.empty(x_lines.size, np.uint32)
    for first in range(0, outer.size, lines):
        hash_lines(x_lines, outer[first : first + lines], inner)
        bucket_line(bucket, x, buckets, multiplier, shift)
        strip = slice(first * inner.size, (first + lines) * inner.size)
        if scatter:
            flip_line(bits[strip], x, top)
            add_line(dw, bucket, tile[strip])
        if gather:
            look_up_line(bits[strip], w, bucket)
            flip_line(bits[strip], x, top)


@njit(cache=True, nogil=True)
def dot(v, a):
    """Multiply and add with LANES running sums: a single one would have to wait for itself, weight after weight."""
    sums = np.zeros(LANES, v.dtype)
    whole = v.size - v.size % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            sums[lane] += v[start + lane] * a[start + lane]
    for c in range(whole, v.size):
        sums[c - whole] += v[c] * a[c]
    return sums.sum()


@njit(cache=True, nogil=True)
def forward_lines(z, a, line, bits, w, outer, inner, division, top):
    """Add a V^T to z (batch, rows), a row of V at a time in `line`: for batches too small to be worth a tile."""
    for r in range(outer.size):
        walk_tile(line, bits, w, line, outer[r : r + 1], inner, division, top, False, True)
        for e in range(len(a)):
            z[e, r] += dot(line, a[e])


@njit(cache=True, nogil=True)
def backward_lines(dw, da, a, dz, line, bits, w, outer, inner, division, top, input_grad):
    """Add to dw and da, a row of V at a time."""
    for r in range(outer.size):
        line[:] = 0
        for e in range(len(a)):
            for c in range(inner.size):
                line[c] += dz[e, r] * a[e, c]  # Eq. 10
        walk_tile(line, bits, w, dw, outer[r : r + 1], inner, division, top, True, input_grad)
        if input_grad:
            for e in range(len(a)):
                for c in range(inner.size):
                    da[e, c] += dz[e, r] * line[c]  # Eq. 9
