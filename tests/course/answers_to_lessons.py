"""Right and wrong answers to the exercises of lessons 1, 2, 3, 5 and 8.

RIGHT: answers written in unusual ways, which must be accepted. WRONG: answers with words that the reason must contain
("" if any reason will do). `test_answers.py` puts them through the checks and counts that no check is left out.
"""

from collections import namedtuple
from decimal import Decimal
from fractions import Fraction
from math import ceil, exp, factorial, floor, sqrt

import numpy as np

import hashnets_np as hn
from hashnets_np.course import checks
from hashnets_np.experiments.sizes import equal_size_widths

RIGHT: dict = {}
WRONG: dict = {}


# ---------------------------------------------------------------- 1.1
def features_in_place(x, bucket, sign, buckets):
    x *= sign
    return np.bincount(bucket, x, buckets)


def features_by_loop(x, bucket, sign, buckets):
    print("working on it")
    phi = [0.0] * buckets
    for j in range(len(x)):
        phi[bucket[j]] += x[j] * sign[j]
    return phi


def features_by_add_at(x, bucket, sign, buckets):
    phi = np.zeros(buckets)
    np.add.at(phi, bucket, x * sign)
    return phi


def features_one_hot(x, bucket, sign, buckets):
    return (np.eye(buckets)[bucket] * (sign * x)[:, None]).sum(0)


def features_fancy(x, bucket, sign, buckets):
    phi = np.zeros(buckets)
    phi[bucket] += x * sign
    return phi


def features_assigned(x, bucket, sign, buckets):
    phi = np.zeros(buckets)
    phi[bucket] = x * sign
    return phi


RIGHT[checks.hashed_features] = [
    features_in_place, features_by_loop, features_by_add_at, features_one_hot,
    lambda x, bucket, sign, buckets: tuple(sum(x[bucket == k] * sign[bucket == k]) for k in range(buckets)),
    lambda x, bucket, sign, buckets: np.bincount(bucket, (x * sign).astype(np.float32), buckets).astype(np.float32),
    lambda x, bucket, sign, buckets: (float(np.sum((x * sign)[bucket == k])) for k in range(buckets)),
]
WRONG[checks.hashed_features] = [
    (lambda x, bucket, sign, buckets: np.bincount(bucket, x, buckets), "signs are missing"),
    (features_fancy, "adds once per bucket"), (features_assigned, "adds once per bucket"),
    (lambda x, bucket, sign, buckets: np.bincount(bucket, sign * x), "minlength"),
    (lambda x, bucket, sign, buckets: np.bincount(bucket, sign, buckets), "x are missing"),
    (lambda x, bucket, sign, buckets: np.bincount(bucket, sign * x, buckets)
     / np.maximum(np.bincount(bucket, minlength=buckets), 1), "mean"),
    (lambda x, bucket, sign, buckets: sign * x, "added up"),
    (lambda x, bucket, sign, buckets: np.abs(np.bincount(bucket, sign * x, buckets)), "not right"),
    (lambda x, bucket, sign, buckets: np.bincount(bucket, sign * x, buckets).astype(int), "not right"),
    (lambda x, bucket, sign, buckets: 2 * np.bincount(bucket, sign * x, buckets), "every entry is 2 times"),
    (lambda x, bucket, sign, buckets: print(x), "returned None"),
    (lambda x, bucket, sign, buckets: "phi", "expected numbers"),
    (lambda x, bucket, sign, buckets: 1 / 0, "ZeroDivisionError"),
    (lambda x, bucket, sign: x, "TypeError"),
    (None, "your function itself"),
]

# ---------------------------------------------------------------- 1.2, 1.3
RIGHT[checks.mean_without_signs] = [
    lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) / K,
    lambda x, y, K: sum(x[i] * y[j] * (1 if i == j else 1 / K) for i in range(len(x)) for j in range(len(y))),
    lambda x, y, K: float(np.sum(np.outer(x, y) * (np.eye(len(x)) * (1 - 1 / K) + 1 / K))),
    lambda x, y, K: np.dot(x, y) * (1 - 1 / K) + sum(x) * sum(y) / K,
]
WRONG[checks.mean_without_signs] = [
    (lambda x, y, K: x @ y, "independent signs"), (lambda x, y, K: x.sum() * y.sum() / K, "always meet"),
    (lambda x, y, K: x @ y + x.sum() * y.sum() / K, "counted twice"), (lambda x, y, K: x.sum() * y.sum(), "1/K only"),
    (lambda x, y, K: (x.sum() * y.sum() - x @ y) / K, "are missing"),
    (lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) / 3, "(4|3) indices"),
    (lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) / K**2, ""),
    (lambda x, y, K: x * y, "shape"), (lambda x, y, K: float("nan"), "nan"), (lambda x, y, K: None, "returned None"),
]


def variance_by_loops(x, y, K):
    total = 0
    for i in range(len(x)):
        for j in range(i):
            total += (x[i] * y[j] + x[j] * y[i]) ** 2
    return total / K


RIGHT[checks.variance_with_signs] = [
    variance_by_loops,
    lambda x, y, K: ((x @ x) * (y @ y) + (x @ y) ** 2 - 2 * np.sum(x**2 * y**2)) / K,
    lambda x, y, K: np.sum((np.outer(x, y) + np.outer(y, x))[np.triu_indices(len(x), 1)] ** 2) / K,
    lambda x, y, K: np.sum(np.tril(np.outer(x, y) + np.outer(y, x), -1) ** 2) / K,
]
WRONG[checks.variance_with_signs] = [
    (lambda x, y, K: variance_by_loops(x, y, K) * (1 - 1 / K), "without signs"),
    (lambda x, y, K: np.sum((np.outer(x, y) - np.diag(x * y)) ** 2) / K, "one random event"),
    (lambda x, y, K: sqrt(variance_by_loops(x, y, K)), "standard deviation"),
    (lambda x, y, K: K * variance_by_loops(x, y, K), "divide by K"),
    (lambda x, y, K: 2 * variance_by_loops(x, y, K), "counted twice"),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) + np.outer(y, x)) ** 2) / K, "diagonal"),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) + np.outer(y, x), 1)) ** 2 / K, "square each pair"),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y), 1) ** 2) / K, "same pair"),
    (lambda x, y, K: np.var(x * y), ""), (lambda x, y, K: [1.0], "shape"), (lambda x, y, K: ..., "missing"),
]


# ---------------------------------------------------------------- 1.4
def view_by_table(w, a, m):
    bucket, sign = m.table()
    z = np.zeros((len(a), m.n_out))
    for i in range(m.n_out):
        for j in range(m.n_cols):
            z[:, i] += w[bucket[i, j]] * sign[i, j] * a[:, j]
    return z


RIGHT[checks.features_view] = [
    lambda w, a, m: np.stack([hn.feature_hash(a, m, i) @ w for i in range(m.n_out)], axis=1),
    lambda w, a, m: np.transpose([hn.feature_hash(a, m, i) @ w for i in range(m.n_out)]),
    view_by_table,
    lambda w, a, m: hn.hashed_forward(w, a, m),
    lambda w, a, m: [[float(hn.feature_hash(row[None], m, i)[0] @ w) for i in range(m.n_out)] for row in a],
]
WRONG[checks.features_view] = [
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, 0) @ w for _ in range(m.n_out)], axis=1), "compute the same"),
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, -1) @ w for _ in range(m.n_out)], axis=1), ""),
    (lambda w, a, m: [hn.feature_hash(a, m, i) @ w for i in range(m.n_out)], "other way round"),
    (lambda w, a, m: a @ w[m.table()[0]].T, "signs are missing"),
    (lambda w, a, m: hn.feature_hash(a, m, 0), "shape"),
    (lambda w, a, m: hn.hashed_forward(w, a, m)[:, ::-1], "not right"),
    (lambda w, a, m: ([1.0], [1.0, 2.0]), "expected numbers, got a tuple"),
    (lambda w, a, m: a @ hn.hash_gather(w, m), "shapes don't fit"),
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, i + 1) @ w for i in range(m.n_out)], axis=1), ""),
]

# ---------------------------------------------------------------- 1.5: two arguments
Z1, Z2 = [2.7, 4.3, 2.2, -1.0], [2.2, 14.6]
RIGHT[checks.figure_1] = [
    (Z1, Z2), (tuple(Z1), np.array(Z2)), (np.array(Z1, np.float32), np.array(Z2, np.float32)),
    ([Fraction(27, 10), 4.3, 2.2, -1], (Decimal("2.2"), Decimal("14.6"))),
    ([0 + 3.2 - 0.5, 1.1 + 3.2, 1.1 + 1.1, -0.5 - 0.5], [2.5 * 2.7 - 0.7 * 4.3 - 0.7 * 2.2, 1.3 * 7 + 2.5 * 2.2]),
]
WRONG[checks.figure_1] = [
    ((None, None), "z1 is still missing"), ((Z1, None), "z2 is still missing"), ((Z1, ...), "z2 is still missing"),
    (([2.7, 4.3, 2.2, 0.0], Z2), "before the ReLU"), ((Z1, [0.9, 12.1]), "negative sum"),
    ((Z1, [3.5, 17.1]), "negative sum"), ((Z1, [14.6, 2.2]), "wrong order"), ((Z2, Z1), "shape"),
    (([2.7, 4.3, 2.1, -1.0], Z2), r"z1\[2\] is not right"), ((Z1, [2.2, 14.5]), r"z2\[1\] is not right"),
    ((["a"] * 4, Z2), "expected numbers"), ((Z1, 2.2), "shape"), (([2.7, 4.3, 2.2, 1.0], Z2), r"z1\[3\]"),
]


# ---------------------------------------------------------------- 2.1
def xorshift(h, shift):
    return h ^ (h >> shift)


def avalanche(h):
    h = xorshift(h, 15) * 0x85EBCA77 % 2**32
    h = xorshift(h, 13) * 0xC2B2AE3D % 2**32
    return xorshift(h, 16)


def avalanche_numpy(h):
    with np.errstate(over="ignore"):
        h = np.uint32(h)
        h ^= h >> np.uint32(15)
        h *= np.uint32(0x85EBCA77)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE3D)
        return h ^ h >> np.uint32(16)


def shuffled(shifts, primes):
    def function(h):
        for shift, prime in zip(shifts, primes, strict=True):
            h = xorshift(h, shift) * prime & 0xFFFFFFFF
        return h
    return function


P2, P3 = 0x85EBCA77, 0xC2B2AE3D
RIGHT[checks.avalanche] = [
    avalanche, avalanche_numpy, lambda h: int(hn.hashing.avalanche(np.array([h], np.uint32))[0]),
    lambda h: np.uint64(avalanche(h)), lambda h: float(avalanche(h)), lambda h: np.array(avalanche(h)),
]
WRONG[checks.avalanche] = [
    (lambda h: [h], "should be a number, got a list"), (lambda h: h, "not right"),
    (shuffled((15, 13), (P2, P3)), "last step"), (shuffled((15, 13, 16), (P3, P2, 1)), "exchanged"),
    (shuffled((13, 15, 16), (P2, P3, 1)), "shifts are exchanged"),
    (shuffled((15, 13, 16), (P2, P2, 1)), "P2 is used twice"),
    (lambda h: xorshift(xorshift(xorshift(h, 15) * P2, 13) * P3, 16), "more than 32 bits"),
    (lambda h: -avalanche(h), "negative"), (lambda h: avalanche(h) + 0.5, "whole number"), (lambda h: str(h), "number"),
    (shuffled((15, 13, 15), (P2, P3, 1)), "not right"), (lambda h: avalanche(h) | 1, "not right"),
    (lambda h: hex(avalanche(h)), "expected numbers"),
]

# ---------------------------------------------------------------- 2.2
Answer = namedtuple("Answer", "bucket sign")
RIGHT[checks.bucket_and_sign] = [
    lambda x, buckets: ((x >> 1) % buckets, -1 if x & 1 else +1),
    lambda x, buckets: np.array([x // 2 % buckets, 1 - 2 * (x % 2)]),
    lambda x, buckets: [x // 2 % buckets, (-1) ** x],
    lambda x, buckets: Answer(divmod(x // 2, buckets)[1], 1 if x % 2 == 0 else -1),
    lambda x, buckets: (np.int64((x & 0xFFFFFFFE) // 2 % buckets), np.int8([1, -1][x & 1])),
    lambda x, buckets: (value for value in ((x >> 1) % buckets, -1 if x & 1 else 1)),
]
WRONG[checks.bucket_and_sign] = [
    (lambda x, buckets: x % buckets, "should return two values"),
    (lambda x, buckets: (np.arange(3), 1), "should be a number"),
    (lambda x, buckets: ((x >> 1) & (buckets - 1), -1 if x & 1 else +1), "buckets = 7"),
    (lambda x, buckets: ((x >> 1) % 4, -1 if x & 1 else +1), "buckets = 7"),
    (lambda x, buckets: (x % buckets, -1 if x & 1 else +1), "share bit 0"),
    (lambda x, buckets: ((x >> 1) % buckets, 1 if x & 1 else -1), "wrong way round"),
    (lambda x, buckets: ((x >> 1) % buckets, -1 if x >> 31 else 1), "highest bit"),
    (lambda x, buckets: ((x >> 1) % buckets, -1 if (x >> 1) % buckets % 2 else 1), "from the bucket"),
    (lambda x, buckets: ((x >> 1) % buckets, x & 1), "not the bit itself"),
    (lambda x, buckets: (-1 if x & 1 else 1, (x >> 1) % buckets), "order"),
    (lambda x, buckets: ((x >> 1) % buckets, 1), "sign is not right"),
    (lambda x, buckets: ((x >> 1) % buckets, -1 if x >> 1 & 1 else 1), "bit 1"),
    (lambda x, buckets: ((x >> 1) % buckets,), "two values, got 1"), (lambda x, buckets: ((x >> 1) / buckets, 1), ""),
    (lambda x, buckets: {"bucket": (x >> 1) % buckets, "sign": 1}, "two values"),
]

# ---------------------------------------------------------------- 2.3
RIGHT[checks.used_once] = [
    lambda c: exp(-1 / c) / c, lambda c: np.exp(-1 / c) * (1 / c) ** 1 / factorial(1),
    lambda c: (1 - 1 / 10**8) ** (10**8 / c - 1) / c, lambda c: np.float32(np.exp(-1 / c) / c),
    lambda c: float(np.mean(np.bincount(np.random.default_rng(0).integers(0, 10**6, int(10**6 / c)),
                                        minlength=10**6) == 1)),
]
WRONG[checks.used_once] = [
    (lambda c: [c], "should be a number, got a list"),
    (lambda c: exp(-1 / c), "empty"),
    (lambda c: 1 - exp(-1 / c), "at all"),
    (lambda c: exp(-c) * c, "not c"),
    (lambda c: exp(-1 / c) * (1 + 1 / c), "fewer"),
    (lambda c: exp(-1 / c) / (2 * c * c), "two"),
    (lambda c: 0.368, "counted in a layer"), (lambda c: exp(-1 / c) * c, "twice"), (lambda c: None, "returned None"),
    (lambda c: 100 * exp(-1 / c) / c, "fewer buckets"),
]


# ---------------------------------------------------------------- 2.4
def count_by_integers(c, n):
    numerator, _, denominator = c.partition("/")
    return max(1, -(-int(numerator) * n // int(denominator or 1)))


RIGHT[checks.count_buckets] = [
    lambda c, n: max(1, ceil(Fraction(c) * n)), count_by_integers, hn.bucket_count,
    lambda c, n: float(ceil(Fraction(c) * n)),
    lambda c, n: np.int64(floor(Fraction(c) * n) + (Fraction(c) * n != floor(Fraction(c) * n))),
]
WRONG[checks.count_buckets] = [
    (lambda c, n: int(float(Fraction(c)) * n), "rounds down"), (lambda c, n: max(1, round(Fraction(c) * n)), ""),
    (lambda c, n: max(1, ceil(float(Fraction(c)) * n)), "7/100 of 100 virtual weights: 8 buckets is too many; .*float"),
    (lambda c, n: floor(Fraction(c) * n) + 1, "one too many"),
    (lambda c, n: Fraction(c) * n, ""),
    (lambda c, n: n, "too many"),
    (lambda c, n: max(1, floor(Fraction(c) * n)), "rounds down"), (lambda c, n: ceil(Fraction(c)) * n, "too many"),
    (lambda c, n: str(n), "number"), (lambda c, n: float(c) * n, "ValueError"),
]


# ---------------------------------------------------------------- 2.5
def rotation(piece, seed):
    return hn.xxh32_pair(piece, 0, seed).astype(np.int64)


def balanced(i, j, buckets, seed):
    piece, place = np.divmod(np.asarray(i, np.int64) * 65 + j, buckets)
    return (place + rotation(piece, seed)) % buckets


def balanced_by_permutations(i, j, buckets, seed):
    g = np.asarray(i, np.int64) * 65 + j
    found = np.empty(g.shape, int)
    for piece in np.unique(g // buckets):
        permutation = np.random.default_rng([seed, piece]).permutation(buckets)
        found[g // buckets == piece] = permutation[g[g // buckets == piece] % buckets]
    return found


def no_hash(i, j, buckets, seed):
    piece, place = np.divmod(np.asarray(i, np.int64) * 65 + j, buckets)
    return (place + (piece + 1) * seed) % buckets


RIGHT[checks.balanced_map] = [
    balanced, balanced_by_permutations,
    lambda i, j, buckets, seed: (i * 65 + j - rotation((i * 65 + j) // buckets, seed)) % buckets,
    lambda i, j, buckets, seed: balanced(i, j, buckets, seed).tolist(),
    lambda i, j, buckets, seed: buckets - 1 - balanced(i, j, buckets, seed).astype(float),
]
WRONG[checks.balanced_map] = [
    (no_hash, "7 of 49 pairs"), (lambda i, j, buckets, seed: (i * 65 + j + seed) % buckets, "rotate each piece"),
    (lambda i, j, buckets, seed: ([1], [1, 2]), "expected numbers, got a tuple"),
    (lambda i, j, buckets, seed: (i * 65 + j) / buckets, "should be whole numbers"),
    (lambda i, j, buckets, seed: (i * 65 + j) % buckets, "rotate each piece"),
    (lambda i, j, buckets, seed: hn.xxh32_pair(i, j, seed).astype(int) % buckets, "loads go from"),
    (lambda i, j, buckets, seed: balanced(i, j, buckets, seed) + 1, "buckets must be 0"),
    (lambda i, j, buckets, seed: balanced(0 * i, j, buckets, seed), "loads go from"),
    (lambda i, j, buckets, seed: (i * 65 + j + np.random.default_rng().integers(10**6)) % buckets, "call to call"),
    (lambda i, j, buckets, seed: balanced(i, j, buckets, seed).ravel(), "shape"),
    (lambda i, j, buckets, seed: None, "returned None"),
]


# ---------------------------------------------------------------- 3.1
def gather_in_place(w, bucket, sign):
    V = w[bucket]
    V *= sign
    return V


RIGHT[checks.gather] = [
    gather_in_place, lambda w, bucket, sign: np.take(w, bucket) * sign,
    lambda w, bucket, sign: np.where(sign > 0, w[bucket], -w[bucket]),
    lambda w, bucket, sign: [[w[k] * s for k, s in zip(*row, strict=True)] for row in zip(bucket, sign, strict=True)],
    lambda w, bucket, sign: (np.eye(len(w))[bucket] @ w * sign).astype(np.float32),
]
WRONG[checks.gather] = [
    (lambda w, bucket, sign: w[bucket], "signs are missing"),
    (lambda w, bucket, sign: (w[bucket] * sign).T, "transposed"),
    (lambda w, bucket, sign: w[bucket] + sign, "adds it"),
    (lambda w, bucket, sign: abs(w[bucket] * sign), "without their signs"),
    (lambda w, bucket, sign: abs(w)[bucket] * sign, "loses"),
    (lambda w, bucket, sign: -w[bucket] * sign, "wrong way round"),
    (lambda w, bucket, sign: w * sign, "shapes don't fit|shape"), (lambda w, bucket, sign: w[sign] * bucket, ""),
    (lambda w, bucket, sign: bucket * sign, "not right"), (lambda w, bucket, sign: 3 * w[bucket] * sign, "3 times"),
]


# ---------------------------------------------------------------- 3.2
def scatter_loops(dV, bucket, sign, buckets):
    dw = np.zeros(buckets)
    for i, j in np.ndindex(*dV.shape):
        dw[bucket[i, j]] += dV[i, j] * sign[i, j]
    return dw


def scatter_in_place(dV, bucket, sign, buckets):
    dV *= sign
    return np.bincount(bucket.flatten(), dV.flatten(), buckets)


def scatter_add_at(dV, bucket, sign, buckets):
    dw = np.zeros(buckets)
    np.add.at(dw, bucket, dV * sign)
    return dw


def scatter_fancy(dV, bucket, sign, buckets):
    dw = np.zeros(buckets)
    dw[bucket] += dV * sign
    return dw


def scatter_mean(dV, bucket, sign, buckets):
    with np.errstate(invalid="ignore"):
        return scatter_loops(dV, bucket, sign, buckets) / np.bincount(bucket.ravel(), minlength=buckets)


RIGHT[checks.scatter_add] = [
    scatter_loops, scatter_in_place, scatter_add_at,
    lambda dV, bucket, sign, buckets: [np.sum(dV * sign * (bucket == k)) for k in range(buckets)],
    lambda dV, bucket, sign, buckets: np.einsum("ij,ijk->k", dV * sign, np.eye(buckets)[bucket]),
    lambda dV, bucket, sign, buckets: scatter_loops(dV, bucket, sign, buckets).astype(np.float32),
]
WRONG[checks.scatter_add] = [
    (lambda dV, bucket, sign, buckets: np.bincount(bucket.ravel(), dV.ravel(), buckets), "signs are missing"),
    (scatter_fancy, "adds once per bucket"), (scatter_mean, "the gradient is the sum"),
    (lambda dV, bucket, sign, buckets: scatter_loops(dV, bucket, sign, buckets)
     / np.maximum(1, np.bincount(bucket.ravel(), minlength=buckets)), "the gradient is the sum"),
    (lambda dV, *_: dV, "has shape"), (lambda *_: None, "returned None"), (lambda *_: 1 / 0, "ZeroDivisionError"),
    (lambda dV, bucket, sign, buckets: np.bincount(bucket.ravel(), (dV * sign).ravel()), "minlength"),
    (lambda dV, bucket, sign, buckets: -scatter_loops(dV, bucket, sign, buckets), "wrong way round"),
    (lambda dV, bucket, sign, buckets: np.bincount(bucket, dV * sign, buckets), "flat"),
    (lambda dV, bucket, sign, buckets: np.bincount(bucket.ravel(), sign.ravel(), buckets), "dV is missing"),
    (lambda dV, bucket, sign, buckets: np.bincount(bucket.ravel(), (dV * sign).T.ravel(), buckets), "not right"),
    (lambda dV, bucket, sign, buckets: dV * sign, "add them up"),
]


# ---------------------------------------------------------------- 3.3
def input_loops(dz, w, bucket, sign):
    da = np.zeros((len(dz), bucket.shape[1]))
    for b, i, j in np.ndindex(len(dz), *bucket.shape):
        da[b, j] += dz[b, i] * w[bucket[i, j]] * sign[i, j]
    return da


RIGHT[checks.input_gradient] = [
    input_loops, lambda dz, w, bucket, sign: np.dot(dz, np.multiply(w[bucket], sign)),
    lambda dz, w, bucket, sign: ((w[bucket] * sign).T @ dz.T).T,
    lambda dz, w, bucket, sign: np.einsum("bi,ij->bj", dz, w[bucket] * sign).tolist(),
    lambda dz, w, bucket, sign: (dz.astype(np.float32) @ (w[bucket] * sign).astype(np.float32)),
]
WRONG[checks.input_gradient] = [
    (lambda dz, w, bucket, sign: dz @ (w[bucket] * sign).T, "transposed"),
    (lambda dz, w, bucket, sign: dz @ w[bucket], "signs are missing"),
    (lambda dz, w, bucket, sign: dz @ w[bucket].T, "transposed"),
    (lambda dz, w, bucket, sign: (w[bucket] * sign).T @ dz.T, "da transposed"),
    (lambda dz, w, bucket, sign: (dz @ (w[bucket] * sign)).sum(0), "for dw"),
    (lambda dz, w, bucket, sign: (dz @ (w[bucket] * sign)) / len(dz), "mean over the batch"),
    (lambda dz, w, bucket, sign: w[bucket] * sign @ dz, "shapes don't fit"),
    (lambda dz, w, bucket, sign: dz, "shape|not right"),
    (lambda dz, w, bucket, sign: -dz @ (w[bucket] * sign), "-1 times"),
    (lambda dz, w, bucket, sign: dz * w, "shapes don't fit"),
]


# ---------------------------------------------------------------- 3.4
def slope_restored(loss, w, u, step):
    w += step * u
    ahead = loss(w)
    w -= 2 * step * u
    behind = loss(w)
    w += step * u
    return (ahead - behind) / (2 * step)


def slope_one_sided_in_place(loss, w, u, step):
    before = loss(w)
    w += step * u
    return (loss(w) - before) / step


def slope_in_place(loss, w, u, step):
    w += step * u
    ahead = loss(w)
    w -= 2 * step * u
    return (ahead - loss(w)) / (2 * step)


RIGHT[checks.slope] = [
    slope_restored, lambda loss, w, u, step: (loss(w + step * u) - loss(w - step * u)) / (2 * step),
    lambda loss, w, u, step: 0.5 / step * (loss(w + step * u) - loss(w - step * u)),
    lambda loss, w, u, step: np.diff([loss(w - step * u), loss(w + step * u)])[0] / (2 * step),
    lambda loss, w, u, step: (8 * (loss(w + step * u) - loss(w - step * u))
                              - loss(w + 2 * step * u) + loss(w - 2 * step * u)) / (12 * step),
    lambda loss, w, u, step: np.array(np.gradient([loss(w + s * u) for s in (-step, 0, step)], step)[1]),
]
WRONG[checks.slope] = [
    (lambda *_: [1.0, 2.0], "should be a number, got a list"), (slope_in_place, "w was changed"),
    (slope_one_sided_in_place, "w was changed"),
    (lambda loss, w, u, step: (loss(w + step * u) - loss(w)) / step, "one-sided"),
    (lambda loss, w, u, step: (loss(w) - loss(w - step * u)) / step, "one-sided"),
    (lambda loss, w, u, step: (loss(w + step * u) - loss(w)) / (2 * step), "half of it"),
    (lambda loss, w, u, step: (loss(w + step * u) - loss(w - step * u)) / step, "twice too large"),
    (lambda loss, w, u, step: (loss(w - step * u) - loss(w + step * u)) / (2 * step), "wrong way round"),
    (lambda loss, w, u, step: loss(w + step * u) - loss(w - step * u), "divided by the distance"),
    (lambda loss, w, u, step: (loss(w + step * u) - loss(w - step * u)) / 2 * step, "parentheses"),
    (lambda loss, w, u, step: (loss(w + 1e-13 * u) - loss(w - 1e-13 * u)) / 2e-13, "from w, and the step asked for"),
    (lambda loss, w, u, step: (loss(w + u) - loss(w - u)) / 2, "from w, and the step asked for"),
    (lambda loss, w, u, step: (loss(w + step) - loss(w - step)) / (2 * step), "not on the line"),
    (lambda loss, w, u, step: 0.0, "never called"), (lambda loss, w, u, step: None, "returned None"),
]


# ---------------------------------------------------------------- 3.5: classes of layers
class MyLayer(hn.HashedLinear):
    """The solution, with hooks for what can go wrong."""

    def dw(self, dz):
        bucket, sign = self.map.table()
        return np.bincount(bucket.ravel(), ((dz.T @ self.a) * sign).ravel(), minlength=self.map.buckets)

    def da(self, dz):
        bucket, sign = self.map.table()
        return (dz @ (self.params["w"][bucket] * sign))[:, 1:]

    def backward(self, dz, input_grad=True):
        self.grads["w"] = self.dw(dz)
        return self.da(dz)


def my_layer(**methods):
    return type("MyLayer", (MyLayer,), methods)


def unsigned_dw(self, dz):
    return np.bincount(self.map.table()[0].ravel(), (dz.T @ self.a).ravel(), self.map.buckets)


def fancy_dw(self, dz):
    bucket, sign = self.map.table()
    dw = np.zeros(self.map.buckets)
    dw[bucket] += (dz.T @ self.a) * sign
    return dw


def written_into(self, dz, input_grad=True):
    self.grads["w"][:] = self.dw(dz)
    return self.da(dz)


def added_to(self, dz, input_grad=True):
    self.grads["w"] = self.grads.get("w", 0) + self.dw(dz)
    return self.da(dz)


def whole_da(self, dz):
    bucket, sign = self.map.table()
    return dz @ (self.params["w"][bucket] * sign)


def without_return(self, dz, input_grad=True):
    self.grads["w"] = self.dw(dz)


def only_da(self, dz, input_grad=True):
    return self.da(dz)


def kernels_backward(self, dz, input_grad=True):
    self.grads["w"], da = hn.hashed_backward(self.params["w"], self.a, dz, self.map)
    return da[:, 1:]


def replaced_grads(self, dz, input_grad=True):
    self.grads = {"w": np.add.reduce([np.bincount(k, row, self.map.buckets) for k, row in zip(
        self.map.table()[0], (dz.T @ self.a) * self.map.table()[1], strict=True)])}
    return np.delete(whole_da(self, dz), 0, axis=1)


RIGHT[checks.layer_gradients] = [
    MyLayer, hn.HashedLinear, my_layer(backward=kernels_backward), my_layer(backward=replaced_grads),
    my_layer(dw=lambda self, dz: MyLayer.dw(self, dz).astype(self.params["w"].dtype)),
]
WRONG[checks.layer_gradients] = [
    (my_layer(dw=unsigned_dw), r"Eq\. 12.* signs are missing"), (my_layer(dw=fancy_dw), r"Eq\. 12.*adds once"),
    (my_layer(da=lambda self, dz: whole_da(self, dz)[:, :-1]), r"Eq\. 9.*column 0"),
    (my_layer(da=whole_da), "column too many"),
    (my_layer(dw=unsigned_dw, da=lambda self, dz: whole_da(self, dz)[:, :-1]), r"Eq\. 12"),
    (my_layer(da=lambda self, dz: 0.5 * MyLayer.da(self, dz)), r"Eq\. 9"),
    (my_layer(backward=without_return), "returned None"),
    (my_layer(backward=written_into), "assign a new array"), (my_layer(backward=only_da), "did not set"),
    (my_layer(da=lambda self, dz: dz @ whole_da(self, np.eye(4)).T), "shapes don't fit"),
    (my_layer(backward=added_to), "second time"), (my_layer(dw=lambda self, dz: dz.T @ self.a), "shape"),
    (my_layer(dw=lambda self, dz: MyLayer.dw(self, dz) / len(dz)), "not averaged"),
    (MyLayer(3, 2, "1/2", seed=1), "class itself"),
    (my_layer(backward=lambda self, dz: 0), "returns has shape|did not set"), (int, "class itself"),
    (my_layer(backward=lambda self, dz, input_grad=True: (_ for _ in ()).throw(NotImplementedError)), "still empty"),
]


# ---------------------------------------------------------------- 3.6
def parts(w, x, dz2, m1, m2):
    second, da1 = hn.hashed_backward(w, hn.hashed_forward(w, x, m1), dz2, m2)
    first, _ = hn.hashed_backward(w, x, da1, m1)
    return first, second


def tied_in_place(w, x, dz2, m1, m2):
    first, second = parts(w, x, dz2, m1, m2)
    first += second
    return first


def tied_by_slopes(w, x, dz2, m1, m2):
    def loss(w):
        return float(np.sum(dz2 * hn.hashed_forward(w, hn.hashed_forward(w, x, m1), m2)))
    return [(loss(w + e) - loss(w - e)) / 2e-5 for e in 1e-5 * np.eye(len(w))]


def tied_by_matrices(w, x, dz2, m1, m2):
    V1, V2 = hn.hash_gather(w, m1), hn.hash_gather(w, m2)
    return hn.hash_scatter_add(dz2.T @ (x @ V1.T), m2) + hn.hash_scatter_add((dz2 @ V2).T @ x, m1)


RIGHT[checks.tied_gradient] = [tied_in_place, tied_by_slopes, tied_by_matrices, lambda *a: np.sum(parts(*a), axis=0)]
WRONG[checks.tied_gradient] = [
    (lambda w, x, dz2, m1, m2: hn.hashed_backward(w, hn.hashed_forward(w, x, m1), dz2, m2),
     "expected numbers, got a tuple"),
    (lambda *a: parts(*a)[1], "second layer's part"), (lambda *a: parts(*a)[0], "first layer's part"),
    (lambda *a: np.mean(parts(*a), axis=0), "mean"), (lambda *a: parts(*a)[0] - parts(*a)[1], "difference"),
    (lambda *a: parts(*a), "shape"),
    (lambda *a: np.concatenate(parts(*a)), "shape"),
    (lambda *a: np.prod(parts(*a), 0), "product"),
    (lambda w, x, dz2, m1, m2: w, "not right"), (lambda *a: 2 * np.sum(parts(*a), 0), "2 times"),
]


# ---------------------------------------------------------------- 5.1
def momentum_in_place(w, v, g, lr, mu):
    v *= mu
    v += g
    w -= lr * v
    return w, v


def momentum_flat(w, v, g, lr, mu):
    new = [[], []]
    for a, b, c in zip(w.ravel(), v.ravel(), g.ravel(), strict=True):
        new[1].append(mu * b + c)
        new[0].append(a - lr * new[1][-1])
    return [np.reshape(n, w.shape) for n in new]


RIGHT[checks.momentum_step] = [
    momentum_in_place, momentum_flat, lambda w, v, g, lr, mu: np.array([w - lr * (mu * v + g), mu * v + g]),
    lambda w, v, g, lr, mu: [w - lr * mu * v - lr * g, g + mu * v],
    lambda w, v, g, lr, mu: ((w - lr * (mu * v + g)).astype(np.float32), (mu * v + g).astype(np.float32)),
]
WRONG[checks.momentum_step] = [
    (lambda w, v, *_: w, "should return two values"),
    (lambda w, v, g, lr, mu: (w - (mu * v + lr * g), mu * v + lr * g), "does not contain the learning rate"),
    (lambda w, v, g, lr, mu: (w + (mu * v - lr * g), mu * v - lr * g), "does not contain the learning rate"),
    (lambda w, v, g, lr, mu: (w - lr * v, mu * v + g), "not the old one"),
    (lambda w, v, g, lr, mu: (w - lr * g, g), "plain SGD"),
    (lambda w, v, g, lr, mu: (w - lr * (mu * v + (1 - mu) * g), mu * v + (1 - mu) * g), "enters in full"),
    (lambda w, v, g, lr, mu: (w + lr * (mu * v + g), mu * v + g), "downhill"),
    (lambda w, v, g, lr, mu: (mu * v + g, w - lr * (mu * v + g)), "comes first"),
    (lambda w, v, g, lr, mu: (w - lr * (mu * v + g), v), "not updated"),
    (lambda w, v, g, lr, mu: (w, mu * v + g), "not updated"),
    (lambda w, v, g, lr, mu: (w - lr * (mu * (mu * v + g) + g), mu * v + g), "Nesterov"),
    (lambda w, v, g, lr, mu: (w - lr * (mu * v + g), 0), "v has shape"),
    (lambda w, v, g, lr, mu: (w - 0.1 * (mu * v + g), v), ""),
]


# ---------------------------------------------------------------- 5.2
def dropout_in_place(x, mask, rate):
    x *= mask
    x /= 1 - rate
    return x


def dropout_by_index(x, mask, rate):
    x[~mask] = 0
    return x / (1 - rate)


RIGHT[checks.inverted_dropout] = [
    dropout_in_place, dropout_by_index, lambda x, mask, rate: np.where(mask, x / (1 - rate), 0.0),
    lambda x, mask, rate: [[v * m / (1 - rate) for v, m in zip(*r, strict=True)] for r in zip(x, mask, strict=True)],
    lambda x, mask, rate: (x * (mask / (1 - rate))).astype(np.float32),
]
WRONG[checks.inverted_dropout] = [
    (lambda x, mask, rate: x * mask, "survivors must be divided"),
    (lambda x, mask, rate: x * ~mask / (1 - rate), "true where"),
    (lambda x, mask, rate: x * mask / rate, "not by the rate"),
    (lambda x, mask, rate: x * mask * (1 - rate), "multiplies"),
    (lambda x, mask, rate: x / (1 - rate), "all units"), (lambda x, mask, rate: x, "nothing is dropped"),
    (lambda x, mask, rate: x[mask] / (1 - rate), "shape"), (lambda x, mask, rate: x * ~mask, "true where"),
    (lambda x, mask, rate: x * mask / mask.mean(), "share of this mask"),
    (lambda x, mask, rate: x * (np.random.default_rng(0).random(x.shape) > rate) / (1 - rate), "not right"),
    (lambda x, mask, rate: np.where(mask, x / (1 - rate), x), "keep their value"),
]


# ---------------------------------------------------------------- 5.3
def best_by_loop(valid, test):
    best = 0
    for epoch, error in enumerate(valid):
        if error < valid[best]:
            best = epoch
    return best + 1, test[best]


RIGHT[checks.best_epoch] = [
    best_by_loop, lambda valid, test: (np.argmin(valid) + 1, test[np.argmin(valid)]),
    lambda valid, test: [valid.index(min(valid)) + 1, test[valid.index(min(valid))]],
    lambda valid, test: np.array([np.argmin(valid) + 1, test[np.argmin(valid)]]),
    lambda valid, test: min(zip(valid, range(1, 99), test, strict=False), key=lambda t: t[:2])[1:],
    lambda valid, test: (float(np.argmin(valid)) + 1, np.float32(test[int(np.argmin(valid))])),
]
WRONG[checks.best_epoch] = [
    (lambda valid, test: 3, "should return two values"),
    (lambda valid, test: (np.argmin(test) + 1, min(test)), "chosen by the test error"),
    (lambda valid, test: (np.argmin(valid), test[np.argmin(valid)]), "counted from 1"),
    (lambda valid, test: (np.argmin(valid) + 1, min(valid)), "not the validation error"),
    (lambda valid, test: (np.argmin(valid) + 1, min(test)), "not the lowest"),
    (lambda valid, test: (len(valid) - np.argmin(valid[::-1]), test[len(valid) - 1 - np.argmin(valid[::-1])]),
     "the earliest"),
    (lambda valid, test: (lambda t: (t[2], t[1]))(min(zip(valid, test, range(1, 99), strict=False))), "the earliest"),
    (lambda valid, test: (len(valid), test[-1]), "last epoch"), (lambda valid, test: (3, 6.5), "not right"),
    (lambda valid, test: (np.argmax(valid) + 1, test[np.argmax(valid)]), "highest"),
    (lambda valid, test: (test[np.argmin(valid)], np.argmin(valid) + 1), ""),
    (lambda valid, test: (None, 1), "missing"),
]


# ---------------------------------------------------------------- 5.4: classes of layers
def occupancy(divide):
    class OccupancyLinear(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            da = super().backward(dz, input_grad)
            load = np.bincount(self.map.table()[0].ravel(), minlength=self.map.buckets)
            self.grads["w"] = divide(self.grads["w"], load)
            return da
    return OccupancyLinear


def occupancy_where(g, load):
    return np.divide(g, load, out=np.zeros_like(g), where=load > 0)


def occupancy_nan_to_num(g, load):
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(g / load)


def occupancy_raw(g, load):
    with np.errstate(invalid="ignore"):
        return g / load


class ScaledInput(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        load = np.bincount(self.map.table()[0].ravel(), minlength=self.map.buckets)
        da = super().backward(dz, input_grad)
        self.grads["w"] = self.grads["w"] / np.maximum(load, 1)
        return da / load.mean()


class NoReturn(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        super().backward(dz, input_grad)


class InPlace(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        da = super().backward(dz, input_grad)
        unsigned = hn.SharingMap.from_table(self.map.table()[0], buckets=self.map.buckets)
        self.grads["w"] /= np.maximum(hn.hash_scatter_add(np.ones((self.map.n_out, self.map.n_cols)), unsigned), 1)
        return da


RIGHT[checks.occupancy_layer] = [
    occupancy(lambda g, load: g / np.maximum(load, 1)), occupancy(occupancy_where), InPlace,
    occupancy(occupancy_nan_to_num),
    occupancy(lambda g, load: [a / b if b else 0 for a, b in zip(g, load, strict=True)]),
]
WRONG[checks.occupancy_layer] = [
    (hn.HashedLinear, "not divided yet"), (occupancy(occupancy_raw), "0 / 0"),
    (occupancy(lambda g, load: g / load.mean()), "same number"),
    (occupancy(lambda g, load: g / load.max()), "same number"),
    (occupancy(lambda g, load: g / np.sqrt(np.maximum(load, 1))), "root"),
    (occupancy(lambda g, load: g / (load + 1)), "one more"),
    (occupancy(lambda g, load: g * load), "multiplies"), (ScaledInput, "da is not"), (NoReturn, "returned None"),
    (occupancy(lambda g, load: g[:3]), "shape"), (np.ndarray, "class itself"),
    (occupancy(lambda g, load: g / np.maximum(load, 1) ** 2), "twice"),
]

# ---------------------------------------------------------------- 5.5: maps
PERMUTATION = np.random.default_rng(0).permutation(6500).reshape(100, 65)
RIGHT[checks.permutation_map] = [
    hn.SharingMap.from_table(PERMUTATION, buckets=6500),
    hn.SharingMap.from_table(np.arange(6500).reshape(100, 65), buckets=6500),
    hn.SharingMap.from_table(PERMUTATION, np.where(PERMUTATION % 3, 1, -1), buckets=6500),
]
WRONG[checks.permutation_map] = [
    (hn.SharingMap(100, 65, buckets=6500, seed=1), "are empty"),
    (hn.SharingMap(100, 65, buckets=1000, seed=1), "not compression 1"),
    (hn.SharingMap.from_table([[0]], buckets=1), "1 x 1"),
    (hn.SharingMap.from_table(np.arange(1010).reshape(10, 101), buckets=1010), "10 x 101"),
    (hn.SharingMap.from_table(PERMUTATION.T, buckets=6500), "transposed"),
    (PERMUTATION, "expected a SharingMap"),
    (None, "SharingMap"),
    (hn.SharingMap.from_table(np.arange(6400).reshape(100, 64), buckets=6400), "bias"),
    (hn.SharingMap.from_table(PERMUTATION, buckets=7000), "not compression 1"),
]


# ---------------------------------------------------------------- 8.1
def nearest(n_in, hidden, classes, stored):
    return min(range(1, hidden + 1), key=lambda h: abs((n_in + 1) * h + (h + 1) * classes - stored))


def solved(n_in, hidden, classes, stored):
    return round((stored - classes) / (n_in + classes + 1))


RIGHT[checks.equal_size_width] = [
    nearest, lambda n_in, hidden, classes, stored: min(hidden, max(1, solved(n_in, hidden, classes, stored))),
    lambda n_in, hidden, classes, stored: np.clip(np.rint((stored - classes) / (n_in + classes + 1)), 1, hidden),
    lambda *question: np.float32(nearest(*question)),
    lambda n_in, hidden, classes, stored: equal_size_widths([n_in, hidden, classes], stored)[1],
]
WRONG[checks.equal_size_width] = [
    (solved, "100 stored"),
    (lambda *q: min(q[1], solved(*q)), "100 stored"),
    (lambda *q: max(1, solved(*q)), "5000 stored"),
    (lambda n, h, c, s: min(h, max(1, round(s / (n + c)))), "biases are missing"),
    (lambda n, h, c, s: min(h, max(1, round((s - c) / (n + c)))), "hidden units are missing"),
    (lambda n, h, c, s: min(h, max(1, round(s / (n + c + 1)))), "classes are missing"),
    (lambda n, h, c, s: min(h, max(1, (s - c) // (n + c + 1))), "round"), (lambda n, h, c, s: h, "too large"),
    (lambda n, h, c, s: min(h, max(1, ceil((s - c) / (n + c + 1)))), "not up"),
    (lambda n, h, c, s: min(h, max(1, round(s / (n + 1)))), "output layer"), (lambda *q: (nearest(*q), 1), "shape"),
]

# ---------------------------------------------------------------- 8.2: dictionaries
COUNTS = {("1/8", 3): 5, ("1/8", 5): 6, ("1/64", 3): 8, ("1/64", 5): 7}
RIGHT[checks.wins] = [
    COUNTS, {key: np.int64(n) for key, n in COUNTS.items()}, {key: float(n) for key, n in COUNTS.items()},
    COUNTS | {("1", 3): 4}, dict(reversed(COUNTS.items())),
]
WRONG[checks.wins] = [
    (dict.fromkeys(COUNTS, 8), "don't say 8"), ({key: 8 - n for key, n in COUNTS.items()}, "NN is below"),
    ({("1/8", 3): 5}, "is missing"),
    ([5, 6, 8, 7], "dictionary"),
    ({(c, str(n)): k for (c, n), k in COUNTS.items()}, "is missing"),
    (COUNTS | {("1/64", 5): 8}, "don't say 8"), (COUNTS | {("1/8", 5): None}, "still missing"), ({}, "is missing"),
    (COUNTS | {("1/8", 3): "5"}, "number"), (None, "dictionary"),
]


# ---------------------------------------------------------------- 8.3, 8.4
def error_of(percent, n):
    p = percent / 100
    return 100 * sqrt(p * (1 - p) / n)


RIGHT[checks.standard_error] = [
    error_of, lambda p, n: np.sqrt(p * (100 - p) / n), lambda p, n: (p * (100 - p)) ** 0.5 / n**0.5,
    lambda p, n: 100 * np.std(np.r_[1, 0]) * 2 * sqrt(p / 100 * (1 - p / 100)) / sqrt(n),
    lambda p, n: np.float32(error_of(p, n)),
]
WRONG[checks.standard_error] = [
    (lambda p, n: 100 * np.sqrt(abs(p * (1 - p)) / n), "the error is in percent, and you took it for a fraction"),
    (lambda p, n: np.sqrt(abs(p * (1 - p)) / n), "the error is in percent, and you took it for a fraction"),
    (lambda p, n: error_of(p, n) / 100, "should be in percent"),
    (lambda p, n: error_of(p, n) ** 2 / 100, "root is missing"),
    (lambda p, n: error_of(p, 1) / n, "under the root"), (lambda p, n: error_of(p, 1), "one image"),
    (lambda p, n: 100 * sqrt(p / 100 / n), "not p"), (lambda p, n: error_of(p, n - 1), "n - 1"),
    (lambda p, n: 1.96 * error_of(p, n), "1.96"),
    (lambda p, n: 2 * error_of(p, n), "two standard"),
    (lambda p, n: sqrt(p), ""),
    (lambda p, n: sqrt(p * (1 - p)), "ValueError"),
]
RIGHT[checks.difference_in_errors] = [
    lambda a, b, n: (a - b) / np.hypot(error_of(a, n), error_of(b, n)),
    lambda a, b, n: (a - b) * sqrt(n) / sqrt(a * (100 - a) + b * (100 - b)),
    lambda a, b, n: -(b - a) / (error_of(a, n) ** 2 + error_of(b, n) ** 2) ** 0.5,
    lambda a, b, n: np.float64((a - b) / np.linalg.norm([error_of(a, n), error_of(b, n)])),
]
WRONG[checks.difference_in_errors] = [
    (lambda a, b, n: (a - b) / (error_of(a, n) + error_of(b, n)), "not the two standard errors"),
    (lambda a, b, n: (b - a) / np.hypot(error_of(a, n), error_of(b, n)), "sign"),
    (lambda a, b, n: abs(a - b) / np.hypot(error_of(a, n), error_of(b, n)), "sign"),
    (lambda a, b, n: (a - b) / error_of(a, n), "not only that of a"),
    (lambda a, b, n: (a - b) / error_of(b, n), "not only that of b"),
    (lambda a, b, n: (a - b) / error_of((a + b) / 2, n) / sqrt(2), "own variance"), (lambda a, b, n: a - b, "itself"),
    (lambda a, b, n: (a - b) / np.hypot(error_of(a, n), error_of(b, n)) / 100, "in percent"),
    (lambda a, b, n: (a - b) / sqrt(abs(error_of(a, n) ** 2 - error_of(b, n) ** 2)), "even for a difference"),
    (lambda a, b, n: (a > b), "too"), (lambda a, b, n: sqrt(a - b), ""),
]
