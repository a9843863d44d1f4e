"""Right and wrong answers to what a reviewer found: answers that passed and should not, and mistakes without a reason.

See `answers_to_lessons` for the form.
"""

from itertools import product

import numpy as np

import hashnets_np as hn
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}
P2 = 0x85EBCA77
P3 = 0xC2B2AE3D
MASK = 0xFFFFFFFF


# ---------------------------------------------------------------- 1.3, 7.4: how often the diagonal counts, and the 2
def variance_less(x, y, K, diagonals):
    return ((x @ x) * (y @ y) + (x @ y) ** 2 - diagonals * np.sum(x**2 * y**2)) / K


def noise_without_2(g, K):
    i, j = np.triu_indices(len(g), 1)
    return np.sqrt(np.sum((g[i] * g[j]) ** 2) / K) / (g @ g)


WRONG[checks.variance_with_signs] = [
    (lambda x, y, K: variance_less(x, y, K, 1), "take them out twice"),
    (lambda x, y, K: variance_less(x, y, K, 0), "do not vary: take them out"),
]
WRONG[checks.noise_of_length] = [(noise_without_2, "the 2 is missing")]


# ---------------------------------------------------------------- 2.1, 2.2
def masked_at_the_end(h):
    h = (h ^ h >> 15) * P2
    h = (h ^ h >> 13) * P3
    return (h ^ h >> 16) & MASK


def masked_second(h):
    h = (h ^ h >> 15) * P2
    h = (h ^ h >> 13) * P3 & MASK
    return h ^ h >> 16


def masked_first(h):
    h = (h ^ h >> 15) * P2 & MASK
    h = (h ^ h >> 13) * P3
    return (h ^ h >> 16) & MASK


def undone(rounds_of_13, rounds_of_15):
    def undo_shift(y, shift, rounds):
        x = y
        for _ in range(rounds):
            x = y ^ x >> shift
        return x

    def undo(h):
        h = undo_shift(h, 16, 1) * pow(P3, -1, 2**32) & MASK
        h = undo_shift(h, 13, rounds_of_13) * pow(P2, -1, 2**32) & MASK
        return undo_shift(h, 15, rounds_of_15)
    return undo


WRONG[checks.avalanche] = [
    (masked_at_the_end, "after each product"), (masked_second, "product with P2"), (masked_first, "product with P3"),
]
RIGHT[checks.undo_avalanche] = [undone(2, 2), undone(5, 7)]
WRONG[checks.undo_avalanche] = [
    (undone(2, 1), "y >> 15 is right in the upper 30"), (undone(1, 2), "y >> 13 is right in the upper 26"),
    (undone(1, 1), "y >> 13 is right in the upper 26"),
]
WRONG[checks.bucket_and_sign] = [(lambda x, buckets: (x % buckets, 1 - 2 * (x >> 31)), "both should be otherwise")]


# ---------------------------------------------------------------- 3.4: measured, not derived
def derived(loss, w, direction, step):
    return 3 * w**2 @ direction


def looks_without_measuring(loss, w, direction, step):
    loss(w)
    return derived(loss, w, direction, step)


RIGHT[checks.slope] = [
    lambda loss, w, u, step: (loss((w + step * u)[None]) - loss((w - step * u)[None])) / (2 * step),
]
WRONG[checks.slope] = [(derived, "never called"), (looks_without_measuring, "measured 0 from w")]


# ---------------------------------------------------------------- 4.2: V in memory after all, and maps asked otherwise
def tile_by_tile_into_V(w, a, m, size):
    V = np.zeros((m.n_out, m.n_cols), np.float32)
    for i in range(0, m.n_out, size):
        for j in range(0, m.n_cols, size):
            rows, cols = slice(i, min(i + size, m.n_out)), slice(j, min(j + size, m.n_cols))
            bucket, sign = m.tile(rows, cols)
            V[rows, cols] = w[bucket] * sign
    return a @ V.T


def all_tiles_first(w, a, m, size):
    places = product(range(0, m.n_out, size), range(0, m.n_cols, size))
    blocks = [(slice(i, i + size), slice(j, j + size)) for i, j in places]
    tiles = [m.tile(rows, cols) for rows, cols in blocks]
    z = np.zeros((len(a), m.n_out))
    for (rows, cols), (bucket, sign) in zip(blocks, tiles, strict=True):
        z[:, rows] += a[:, cols] @ (w[bucket] * sign).T
    return z


WRONG[checks.tiled_forward] = [
    (tile_by_tile_into_V, "was in memory at once"), (all_tiles_first, "was in memory at once"),
    (lambda w, a, m, size: m.tile(0, 0), "takes two slices, got 0 and 0.*lookup"),
    (lambda w, a, m, size: m.tile(slice(0, 1), 0), "takes two slices"),
    (lambda w, a, m, size: np.zeros((len(a), m.n_in)), "has no n_in; it has n_out, n_cols"),
]


# ---------------------------------------------------------------- 7.6
def over_images(p, y):
    truth = np.eye(p.shape[2])[y]
    average = p.mean(axis=1, keepdims=True)
    return np.mean(np.sum((average - truth) ** 2, axis=1)), np.mean(np.sum((p - average) ** 2, axis=2))


def over_images_by_class(p, y):
    truth = np.eye(p.shape[2])[y]
    average = p.mean(axis=1, keepdims=True)
    return np.mean(np.sum((average - truth) ** 2, axis=2)), np.mean(np.sum((p - average) ** 2, axis=2))


def half_repaired(p, y):
    truth = np.eye(p.shape[2])[y]
    average = p.mean(axis=0, keepdims=True)
    return np.mean(np.sum((average - truth) ** 2, axis=1)), np.mean(np.sum((p - average) ** 2, axis=2))


WRONG[checks.bias_and_variance] = [
    (over_images, "axis 1 is the images"), (over_images_by_class, "not over the images"),
    (half_repaired, "with keepdims"),
]


# ---------------------------------------------------------------- 9.1: what is not a whole number
class HalfIndices(NumpyLayer):
    @staticmethod
    def hash(i, j, seed):
        return NumpyLayer.hash(np.array(i).astype(np.int64), np.array(j).astype(np.int64), seed)


class HalfColumns(NumpyLayer):
    @staticmethod
    def hash(i, j, seed):
        return NumpyLayer.hash(i, np.array(j).astype(np.int64), seed)


WRONG[checks.rung] = [
    ((HalfIndices, "hash"), r"hash\(\[1.5\], \[0\], 0\) should be rejected"),
    ((HalfColumns, "hash"), r"hash\(\[0\], \[1.5\], 0\) should be rejected"),
]


# ---------------------------------------------------------------- 10.3: estimates may be negative
def corrected(phi_x, phi_y):
    K = len(phi_x)
    return (K * (phi_x @ phi_y) - phi_x.sum() * phi_y.sum()) / (K - 1)


WRONG[checks.without_accidents] = [
    (lambda x, y: max(0.0, corrected(x, y)), "cut off at 0"),
    (lambda x, y: abs(corrected(x, y)), "the sign is lost"),
    (lambda x, y: corrected(x, y) if x @ y else 0.0, "too large"),
]


# ---------------------------------------------------------------- 11.2, and what is called by its name
def gaps_by(step):
    def gaps_of_places(places, largest):
        gaps = []
        for way in np.diff(places, prepend=0):
            gaps += step(int(way), largest)
        return gaps
    return gaps_of_places


WRONG[checks.gaps_of_places] = [
    (gaps_by(lambda way, largest: [largest] * (way // largest) + [way % largest]), "adds a gap of 0"),
    (gaps_by(lambda way, largest: [largest, way - largest] if way > largest else [way]), "repeat it"),
    (lambda places, largest: [1.0, 2.0], "the result has shape"),
]
WRONG[checks.pruned_bits] = [(lambda n, kept, bits: np.nan, "the number of bits is nan|number of bits has")]
WRONG[checks.table_bytes] = [("13 MB", "the number of bytes: expected numbers")]


# ---------------------------------------------------------------- 12.1, 12.2: signs of an unsigned hash
def fold(n_out, n_cols, K, seed):
    i, j = np.indices((n_out, n_cols))
    q, p = np.divmod(i * n_cols + j, K)
    return (p + (hn.xxh32_pair(0, q, seed) >> 1)) % K, 1 - 2 * (hn.xxh32_pair(i, j, seed) & 1)


def with_one_wrong_sign(n_out, n_cols, K, seed):
    bucket, sign = fold(n_out, n_cols, K, seed)
    sign = sign.astype(np.int32)
    sign[0, 2] = 0
    return bucket, sign


def chunk(n_out, n_cols, K, seed, Z):
    i, j = np.indices((n_out, n_cols))
    x = hn.xxh32_pair(i, j // Z, seed)
    return ((x >> 1) + j % Z) % K, 1 - 2 * (x & 1)


WRONG[checks.fold_map] = [(fold, "the hash is unsigned"), (with_one_wrong_sign, r"^sign\[0, 2\] is 0 ")]
WRONG[checks.chunk_map] = [(chunk, "the hash is unsigned")]


# ---------------------------------------------------------------- puzzle 4: the planted line
WRONG[checks.puzzle, "balanced"] = [
    (lambda n_out, n_cols, shift: (np.arange(n_out * n_cols).reshape(n_out, n_cols) + shift[
        np.arange(n_out * n_cols).reshape(n_out, n_cols) % len(shift)]) % len(shift), "moved as a whole"),
]
