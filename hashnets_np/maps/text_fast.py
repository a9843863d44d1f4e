"""XXH32 of text in numba: the same name, arguments and result as `text.text_hashes`, for a whole tile of V.

A row's text is written into a buffer once, each column's text after it, and the buffer is hashed. Rows are shared out
over threads. numba widens uint32 arithmetic to 64 bits, so every step is brought back to 32.
"""

import numpy as np
from numpy.typing import NDArray

from ..hashing import PRIME_1, PRIME_2, PRIME_3, PRIME_4, PRIME_5
from ..support.compiling import njit
from ..support.threads import run_pieces

MASK = np.uint64(0xFFFFFFFF)
P1, P2, P3, P4, P5 = (np.uint64(p) for p in (PRIME_1, PRIME_2, PRIME_3, PRIME_4, PRIME_5))
PIECE = 2**14  # from this many keys on, another thread is worth its cost


@njit(cache=True, nogil=True, inline="always")
def rotate(x, bits):
    """Rotate 32 bits, kept in 64, to the left; what is above them is dropped first."""
    x &= MASK
    return (x << np.uint64(bits) | x >> np.uint64(32 - bits)) & MASK


@njit(cache=True, nogil=True, inline="always")
def word(key, at):
    """Read four bytes, least significant first."""
    low = np.uint64(key[at]) | np.uint64(key[at + 1]) << np.uint64(8)
    return low | np.uint64(key[at + 2]) << np.uint64(16) | np.uint64(key[at + 3]) << np.uint64(24)


@njit(cache=True, nogil=True)
def xxh32(key, length, seed):
    """Hash the first `length` bytes of key; in uint64, of which 32 bits count."""
    at = 0
    h = seed + P5
    if length >= 16:
        v1 = seed + P1 + P2
        v2 = seed + P2
        v3 = seed
        v4 = seed - P1
        while at + 16 <= length:
            v1 = rotate(v1 + word(key, at) * P2, 13) * P1
            v2 = rotate(v2 + word(key, at + 4) * P2, 13) * P1
            v3 = rotate(v3 + word(key, at + 8) * P2, 13) * P1
            v4 = rotate(v4 + word(key, at + 12) * P2, 13) * P1
            at += 16
        h = rotate(v1, 1) + rotate(v2, 7) + rotate(v3, 12) + rotate(v4, 18)
    h += np.uint64(length)
    while at + 4 <= length:
        h = rotate(h + word(key, at) * P3, 17) * P4
        at += 4
    while at < length:
        h = rotate(h + np.uint64(key[at]) * P5, 11) * P1
        at += 1
    h &= MASK
    h = (h ^ h >> np.uint64(15)) * P2 & MASK
    h = (h ^ h >> np.uint64(13)) * P3 & MASK
    return h ^ h >> np.uint64(16)


@njit(cache=True, nogil=True)
def hash_pairs(out, first, first_length, second, second_length, a, b, seed):
    """Hash the texts first[a[r, c]] + second[b[r, c]] into out[r, c]; texts are rows of bytes with their lengths."""
    key = np.empty(first.shape[1] + second.shape[1], np.uint8)
    written = -1
    n = 0
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            if a[r, c] != written:  # along a row of V the first text mostly stays the same
                written = a[r, c]
                n = first_length[written]
                for k in range(n):
                    key[k] = first[written, k]
            m = second_length[b[r, c]]
            for k in range(m):
                key[n + k] = second[b[r, c], k]
            out[r, c] = np.uint32(xxh32(key, n + m, seed))


def as_bytes(texts: NDArray[np.bytes_]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Turn n texts into (n, width) bytes and their (n,) lengths."""
    flat = np.ascontiguousarray(texts).reshape(-1)
    return flat.view(np.uint8).reshape(flat.size, -1), np.char.str_len(flat)


def positions(texts: NDArray[np.bytes_], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return, as a matrix, which of the texts belongs to each entry of the result."""
    where = np.broadcast_to(np.arange(texts.size).reshape(texts.shape), shape)
    return where if where.ndim == 2 else where.reshape(1, -1)


def text_hashes(first: NDArray[np.bytes_], second: NDArray[np.bytes_], seed: int) -> NDArray[np.uint32]:
    """Hash first + second, which broadcast: (n, 1) and (1, m) texts -> (n, m) uint32."""
    out = np.empty(np.broadcast(first, second).shape, np.uint32)
    if out.size == 0:
        return out
    a = positions(first, out.shape)
    b = positions(second, out.shape)
    texts = (*as_bytes(first), *as_bytes(second))
    grid = out.reshape(a.shape)
    step = max(1, PIECE // a.shape[1])
    rows = [slice(start, start + step) for start in range(0, len(a), step)]
    run_pieces(lambda n: hash_pairs(grid[rows[n]], *texts, a[rows[n]], b[rows[n]], np.uint64(seed)), len(rows))
    return out
