"""Right and wrong answers to the exercises of lesson 12; see answers_to_lessons."""

from math import ceil

import numpy as np

import hashnets_np as hn
from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}


# ---------------------------------------------------------------- 12.1: fold
def fold(n_out, n_cols, K, seed):
    i, j = np.indices((n_out, n_cols))
    q, p = np.divmod(i * n_cols + j, K)
    bucket = (p + (hn.xxh32_pair(0, q, seed) >> 1)) % K
    return bucket, 1 - 2 * (hn.xxh32_pair(i, j, seed) & 1).astype(int)


def fold_in_loops(n_out, n_cols, K, seed):
    bucket, sign = [[[0] * n_cols for _ in range(n_out)] for _ in range(2)]
    for i in range(n_out):
        for j in range(n_cols):
            g = i * n_cols + j
            bucket[i][j] = (g % K + (int(hn.xxh32_pair(0, g // K, seed)) >> 1)) % K
            sign[i][j] = -1 if int(hn.xxh32_pair(i, j, seed)) % 2 else 1
    return [bucket, sign]


def fold_by_rolling(n_out, n_cols, K, seed):
    strips = [np.roll(np.arange(K), -(int(hn.xxh32_pair(0, q, seed)) >> 1)) for q in range(-(-n_out * n_cols // K))]
    sign = np.array([[1.0 - 2 * (int(hn.xxh32_pair(i, j, seed)) & 1) for j in range(n_cols)] for i in range(n_out)])
    return np.concatenate(strips)[: n_out * n_cols].reshape(n_out, n_cols), sign


def fold_from_the_package(n_out, n_cols, K, seed):
    return hn.SharingMap(n_out, n_cols, buckets=K, seed=seed, kind="fold").table()


def changed_fold(bucket=None, sign=None):
    def answer(n_out, n_cols, K, seed):
        i, j = np.indices((n_out, n_cols))
        b, s = fold(n_out, n_cols, K, seed)
        b = b if bucket is None else bucket(i, j, n_out, n_cols, K, seed)
        return b, s if sign is None else sign(i, j, n_cols, K, seed)
    return answer


def x(i, j, seed):
    return hn.xxh32_pair(i, j, seed).astype(np.int64)


RIGHT[checks.fold_map] = [fold, fold_in_loops, fold_by_rolling, fold_from_the_package]
WRONG[checks.fold_map] = [
    (changed_fold(lambda i, j, n_out, n, K, s: (i * n + j) % K), "not rotated"),
    (changed_fold(lambda i, j, n_out, n, K, s: ((i * n + j) % K + (x(i, j, s) >> 1)) % K), "as a whole"),
    (changed_fold(lambda i, j, n_out, n, K, s: ((i * n + j) % K + (x(0, 0, s) >> 1)) % K), "rotation of its own"),
    (changed_fold(sign=lambda i, j, n, K, s: 1 - 2 * (x(0, (i * n + j) // K, s) & 1)), "sign of its own"),
    (changed_fold(lambda i, j, n_out, n, K, s: ((i * n + j) // K + (x(0, (i * n + j) % K, s) >> 1)) % K), "changed"),
    (changed_fold(lambda i, j, n_out, n, K, s: ((j * n_out + i) % K + (x(0, (j * n_out + i) // K, s) >> 1)) % K),
     "row by row"),
    (changed_fold(lambda i, j, n_out, n, K, s: ((i * n + j) % K + x(0, (i * n + j) // K, s)) % K), "shift"),
    (changed_fold(lambda i, j, n_out, n, K, s: (i * n + j) % K + (x(0, (i * n + j) // K, s) >> 1) % K), "wrap around"),
    (changed_fold(sign=lambda i, j, n, K, s: 2 * (x(i, j, s) & 1) - 1), "wrong way round"),
    (changed_fold(lambda i, j, n_out, n, K, s: ((i * n + j) % K + (x((i * n + j) // K, 0, s) >> 1)) % K), r"\(0, q\)"),
    (changed_fold(sign=lambda i, j, n, K, s: np.ones(i.shape)), "signs are missing"),
    (lambda n_out, n_cols, K, seed: fold(n_out, n_cols, K, seed)[0], "two values"),
    (lambda n_out, n_cols, K, seed: [t.T for t in fold(n_out, n_cols, K, seed)], "shape"),
    (lambda n_out, n_cols, K, seed: (fold(n_out, n_cols, K, seed)[0], 1), r"sign has shape \(\)"),
    (lambda n_out, n_cols, K, seed: None, "None"),
    (fold(2, 3, 4, 0), "function itself"),
]


# ---------------------------------------------------------------- 12.2: the bug in a chunk
def chunk(n_out, n_cols, K, seed, Z):
    i, j = np.indices((n_out, n_cols))
    h = hn.xxh32_pair(i, j // Z, seed)
    return ((h >> 1) + j % Z) % K, 1 - 2 * (h & 1).astype(int)


def chunk_by_repeating(n_out, n_cols, K, seed, Z):
    pieces = -(-n_cols // Z)
    h = hn.xxh32_pair(np.arange(n_out)[:, None], np.arange(pieces)[None, :], seed).astype(int)
    first = np.repeat(h >> 1, Z, axis=1) + np.tile(np.arange(Z), pieces)
    return (first % K)[:, :n_cols], np.where(np.repeat(h, Z, axis=1)[:, :n_cols] % 2, -1, 1)


def chunk_halved(n_out, n_cols, K, seed, Z):
    i, j = np.indices((n_out, n_cols))
    h = hn.xxh32_pair(i, j // Z, seed).astype(float)
    return np.mod(np.floor(h / 2) + j % Z, K), np.where(h % 2 == 1, -1.0, 1.0)


def changed_chunk(bucket=None, sign=None):
    def answer(n_out, n_cols, K, seed, Z):
        i, j = np.indices((n_out, n_cols))
        b, s = chunk(n_out, n_cols, K, seed, Z)
        h = x(i, j // Z, seed)
        b = b if bucket is None else bucket(h, i, j, K, Z, seed)
        return b, s if sign is None else sign(h, i, j, Z, seed)
    return answer


RIGHT[checks.chunk_map] = [chunk, chunk_by_repeating, chunk_halved]
WRONG[checks.chunk_map] = [
    (changed_chunk(lambda h, i, j, K, Z, s: ((h + j % Z) >> 1) % K), "still there"),
    (changed_chunk(lambda h, i, j, K, Z, s: (h >> 1) % K), "place inside"),
    (changed_chunk(lambda h, i, j, K, Z, s: (h >> 1) % K + j % Z), "wrap around"),
    (changed_chunk(lambda h, i, j, K, Z, s: ((x(i, j, s) >> 1) + j % Z) % K), "j div Z"),
    (changed_chunk(sign=lambda h, i, j, Z, s: 1 - 2 * (x(i, j, s) & 1)), "one sign"),
    (changed_chunk(lambda h, i, j, K, Z, s: ((x(i, j % Z, s) >> 1) + j // Z) % K,
                   lambda h, i, j, Z, s: 1 - 2 * (x(i, j % Z, s) & 1)), "changed places"),
    (changed_chunk(lambda h, i, j, K, Z, s: (h + j % Z) % K), "shift"),
    (changed_chunk(lambda h, i, j, K, Z, s: ((h >> 1) + j) % K), "not the column"),
    (changed_chunk(sign=lambda h, i, j, Z, s: 2 * (h & 1) - 1), "wrong way round"),
    (changed_chunk(sign=lambda h, i, j, Z, s: 1 - 2 * ((h + j % Z) & 1)), "before anything"),
    (lambda n_out, n_cols, K, seed, Z: 0, "two values"),
    (lambda n_out, n_cols, K, seed: 0, "TypeError"),
]


# ---------------------------------------------------------------- 12.3: loads
RIGHT[checks.load_variance] = [
    lambda n, K, Z: n / K * (1 - Z / K),
    lambda n, K, Z: n / Z * (Z / K) - n / Z * (Z / K) ** 2,
    lambda n, K, Z: np.float64(n) * (K - Z) / K / K,
    lambda n, K, Z: np.array((n / Z) * (Z / K) * ((K - Z) / K)),
]
WRONG[checks.load_variance] = [
    (lambda n, K, Z: n / K, "mean"),
    (lambda n, K, Z: n / K * (1 - 1 / K), "one weight"),
    (lambda n, K, Z: (n / K * (1 - Z / K)) ** 0.5, "standard deviation"),
    (lambda n, K, Z: n * Z / K * (1 - Z / K), "n / Z"),
    (lambda n, K, Z: n / Z / K * (1 - 1 / K), "not one"),
    (lambda n, K, Z: n / K * Z / K, "misses"),
    (lambda n, K, Z: n / K * (1 + Z / K), "too large"),
    (lambda n, K, Z: 0.0, "too small"),
    (lambda n, K, Z: [n / K * (1 - Z / K)], "shape"),
    (lambda n, K, Z: "8", "numbers"),
]


# ---------------------------------------------------------------- 12.4: two correlated places
def counted_out(rho, P, K):
    total = 0.0
    for A in range(P):
        for _ in range(A):
            total += 4 + 2 * rho * rho + 2 * rho * rho + 2 + 2
    return total / K


RIGHT[checks.two_places] = [
    lambda rho, P, K: P * (P - 1) / 2 * (8 + 4 * rho**2) / K,
    lambda rho, P, K: 2 * P * (P - 1) * (2 + rho * rho) / K,
    counted_out,
    lambda rho, P, K: np.sum([8, 4 * np.square(rho)]) * np.arange(P).sum() / K,
]
WRONG[checks.two_places] = [
    (lambda rho, P, K: P * (P - 1) / 2 * 8 / K, "add up before"),
    (lambda rho, P, K: (P * (P - 1) / 2 * 8 + P * (2 + 2 * rho**2)) / K, "this is xxhash"),
    (lambda rho, P, K: (P * (P - 1) / 2 * (8 + 4 * rho**2) + P * (2 + 2 * rho**2)) / K, "never meet"),
    (lambda rho, P, K: P * (P - 1) / 2 * (8 + 4 * rho**2), "1 / K"),
    (lambda rho, P, K: P * (P - 1) / 2 * (8 + 4 * rho) / K, "as a square"),
    (lambda rho, P, K: P * (P - 1) * (8 + 4 * rho**2) / K, "once"),
    (lambda rho, P, K: P * (P - 1) / 2 * (4 + 4 * rho**2) / K, r"distance \+1"),
    (lambda rho, P, K: P * (P - 1) / 2 * (8 + 2 * rho**2) / K, "mixed terms"),
    (lambda rho, P, K: P * P / 2 * (8 + 4 * rho**2) / K, "how many pairs"),
    (lambda rho, P, K: 0.0, "too small"),
]


# ---------------------------------------------------------------- 12.5: lines of memory
def average_over_beginnings(Z, line):
    return np.mean([(start + Z - 1) // line + 1 for start in range(line)])


RIGHT[checks.lines_touched] = [
    lambda Z, line: 1 + (Z - 1) / line,
    average_over_beginnings,
    lambda Z, line: (Z + line - 1) / line,
    lambda Z, line: sum(len({(start + k) // line for k in range(Z)}) for start in range(line)) / line,
]
WRONG[checks.lines_touched] = [
    (lambda Z, line: ceil(Z / line), "begins with a line"),
    (lambda Z, line: Z / line, "rarely"),
    (lambda Z, line: 1 + Z / line, "Z - 1 others"),
    (lambda Z, line: 1 + (Z - 1) // line, "begins with a line"),
    (lambda Z, line: 1 + ceil((Z - 1) / line), "the most"),
    (lambda Z, line: (Z - 1) / line, "first weight is missing"),
    (lambda Z, line: Z, "counts weights"),
    (lambda Z, line: 2, "is not right|too"),
]
