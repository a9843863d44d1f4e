"""More right and wrong answers to every check, as different students would write them (see `answers_to_lessons`).

They were written without looking at the checks, so that they test whether the checks know the ways in which people
write, and not the other way round.
"""

from fractions import Fraction
from functools import reduce
from itertools import product
from math import ceil, comb, exp, lgamma, log, sqrt

import numpy as np

import hashnets_np as hn
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}

# ---------------------------------------------------------------- 1
RIGHT[checks.hashed_features] = [
    lambda x, bucket, sign, buckets: np.histogram(bucket, bins=np.arange(buckets + 1) - 0.5, weights=x * sign)[0],
    lambda x, b, s, K: [np.dot(x, np.where(b == k, s, 0)) for k in range(K)],
    lambda x, b, s, K: reduce(lambda phi, j: phi + np.eye(K)[b[j]] * s[j] * x[j], range(x.size), np.zeros(K)),
    lambda x, b, s, K: np.bincount(np.concatenate([b, [K - 1]]), np.concatenate([x * s, [0]])),
]
WRONG[checks.hashed_features] = [
    (lambda x, b, s, K: np.bincount(b, s * x, K)[::-1], ""),
    (lambda x, b, s, K: np.bincount(b, -s * x, K), ""),
    (lambda x, b, s, K: np.bincount(s * x, b, K), ""),
    (lambda x, b, s, K: np.bincount(b, s * x, K + 1), "shape"),
    (lambda x, b, s, K: np.bincount(b[1:], (s * x)[1:], K), ""),
    (lambda x, b, s, K: np.bincount(np.unique(b), s * x, K), ""),
    (lambda x, b, s, K: np.bincount(b, s * np.abs(x), K), ""),
    (lambda x, b, s, K: np.bincount(b, s * x, K) / len(x), ""),
    (lambda x, b, s, K: np.bincount((b + 1) % K, s * x, K), ""),
]
RIGHT[checks.mean_without_signs] = [
    lambda x, y, K: np.mean([np.bincount(h, x, K) @ np.bincount(h, y, K) for h in product(range(K), repeat=len(x))]),
    lambda x, y, K: (np.sum(x) * np.sum(y) + (K - 1) * np.sum(x * y)) / K,
    lambda x, y, K: (
        sum(a * b for a, b in zip(x, y, strict=True))
        + sum(x[i] * y[j] for i in range(len(x)) for j in range(len(y)) if i != j) / K
    ),
    lambda x, y, K: np.array([x @ y]).item() * (1 - K**-1) + np.outer(x, y).sum() * K**-1,
]
WRONG[checks.mean_without_signs] = [
    (lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) / (K - 1), ""),
    (lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) * K, ""),
    (lambda x, y, K: x @ y + 2 * (x.sum() * y.sum() - x @ y) / K, ""),
    (lambda x, y, K: x @ y + np.sum(np.triu(np.outer(x, y), 1)) / K, ""),
    (lambda x, y, K: x @ y - (x.sum() * y.sum() - x @ y) / K, ""),
    (lambda x, y, K: abs(x) @ abs(y) + (abs(x).sum() * abs(y).sum() - abs(x) @ abs(y)) / K, ""),
    (lambda x, y, K: x @ y + (x.sum() * y.sum() - x @ y) // K, ""),
    (lambda x, y, K: np.round(x @ y + (x.sum() * y.sum() - x @ y) / K, 1), ""),
]
RIGHT[checks.variance_with_signs] = [
    lambda x, y, K: np.var(
        [
            np.bincount(h, x * xi, K) @ np.bincount(h, y * xi, K)
            for h in product(range(K), repeat=len(x))
            for xi in product((1, -1), repeat=len(x))
        ]
    ),
    lambda x, y, K: 0.5 * np.sum((np.outer(x, y) + np.outer(y, x) - 2 * np.diag(x * y)) ** 2) / K,
    lambda x, y, K: sum((x[i] * y[j] + y[i] * x[j]) ** 2 for i in range(len(x)) for j in range(i + 1, len(x))) / K,
    lambda x, y, K: (lambda c: (c[~np.eye(len(c), dtype=bool)] ** 2).sum() / 2 / K)(np.outer(x, y) + np.outer(y, x)),
]
WRONG[checks.variance_with_signs] = [
    (lambda x, y, K: np.sum((np.outer(x, y) + np.outer(y, x)) ** 2) / K, ""),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) + np.outer(y, x), 1) ** 2) / K**2, ""),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) - np.outer(y, x), 1) ** 2) / K, ""),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) + np.outer(y, x), 1)) / K, ""),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) + np.outer(y, x), 1) ** 2) / sqrt(K), ""),
    (lambda x, y, K: ((x @ x) * (y @ y) - (x @ y) ** 2) / K, ""),
    (lambda x, y, K: ((x @ x) * (y @ y) + (x @ y) ** 2) / K, ""),
    (lambda x, y, K: np.sum(np.triu(np.outer(x, y) + np.outer(y, x), 2) ** 2) / K, ""),
]
RIGHT[checks.features_view] = [
    lambda w, a, m: np.column_stack([hn.feature_hash(a, m, row) @ w for row in range(m.n_out)]),
    lambda w, a, m: a @ hn.hash_gather(w, m).T,
    lambda w, a, m: [[float(hn.feature_hash(x[None], m, i)[0] @ w) for i in range(m.n_out)] for x in a],
    lambda w, a, m: hn.feature_hashing_forward(w, a, m),
    lambda w, a, m: np.array([w @ hn.feature_hash(a, m, i).T for i in range(m.n_out)]).T,
]
WRONG[checks.features_view] = [
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, i) @ w for i in range(m.n_out)], axis=0), ""),
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, m.n_out - 1 - i) @ w for i in range(m.n_out)], axis=1), ""),
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, i) @ w for i in range(1, m.n_out)], axis=1), "shape"),
    (lambda w, a, m: np.stack([np.abs(hn.feature_hash(a, m, i)) @ w for i in range(m.n_out)], axis=1), ""),
    (lambda w, a, m: np.maximum(a @ hn.hash_gather(w, m).T, 0), ""),
    (lambda w, a, m: np.stack([hn.feature_hash(a[:1], m, i) @ w for i in range(m.n_out)], axis=1), "shape"),
    (lambda w, a, m: np.stack([hn.feature_hash(a, m, i).sum(axis=1) for i in range(m.n_out)], axis=1), ""),
    (lambda w, a, m: hn.feature_hash(a, m, 0), ""),
]
RIGHT[checks.figure_1] = [
    (np.array([2.7, 4.3, 2.2, -1.0], dtype=np.float32).astype(float).round(4), [2.2, 14.6]),
    ((3.2 - 0.5, 1.1 + 3.2, 1.1 + 1.1, -0.5 - 0.5), (2.5 * 2.7 - 0.7 * 4.3 - 0.7 * 2.2, 1.3 * 7.0 + 2.5 * 2.2)),
    ([Fraction(27, 10), Fraction(43, 10), Fraction(22, 10), -1], [Fraction(11, 5), Fraction(73, 5)]),
    (iter([2.7, 4.3, 2.2, -1]) and [2.7, 4.3, 2.2, -1], np.array([2.2, 14.6])),
]
WRONG[checks.figure_1] = [
    (([2.7, 4.3, 2.2, 1.0], [2.2, 14.6]), "z1"),
    (([2.7, 4.3, 2.2, -1.0], [2.2, 12.1]), "z2"),
    (([3, 4, 2, -1], [2, 15]), "z1"),
    (([2.7, 4.3, 2.2, -1.0], 2.2), "z2"),
    (([[2.7, 4.3, 2.2, -1.0]], [[2.2, 14.6]]), "shape"),
    (([2.7, 4.3, 2.2, -1.0], None), "missing"),
    (([2.7, 4.3, 2.2], [2.2, 14.6]), "shape"),
    (("2.7 4.3 2.2 -1", "2.2 14.6"), "number"),
]

# ---------------------------------------------------------------- 2
P2, P3, MASK = 0x85EBCA77, 0xC2B2AE3D, 0xFFFFFFFF


def avalanche(h):
    h = (h ^ (h >> 15)) * P2 % 2**32
    h = (h ^ (h >> 13)) * P3 % 2**32
    return h ^ (h >> 16)


def avalanche_in_uint32(h):
    with np.errstate(over="ignore"):
        h = np.uint32(h)
        h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(P2))
        h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(P3))
        return h ^ (h >> np.uint32(16))


def avalanche_by_bits(h):
    for shift, prime in ((15, P2), (13, P3), (16, 1)):
        bits = f"{h:032b}"
        shifted = int("0" * shift + bits[:-shift], 2)
        h = int(f"{(h ^ shifted) * prime:064b}"[-32:], 2)
    return h


RIGHT[checks.avalanche] = [
    avalanche_in_uint32,
    avalanche_by_bits,
    lambda h: np.int64(avalanche(int(h))),
    lambda h: np.array(avalanche(h)),
]
WRONG[checks.avalanche] = [
    (lambda h: avalanche(h << 1 & MASK), ""),
    (lambda h: avalanche(h) >> 1, ""),
    (lambda h: avalanche(avalanche(h)), ""),
    (lambda h: (h ^ h >> 15) * P2 * P3 & MASK, ""),
    (lambda h: hex(avalanche(h)), "number"),
    (lambda h: avalanche(h) - 2**32, "negative"),
    (lambda h: ((h >> 15) * P2 & MASK) ^ h, ""),
    (lambda h: (lambda g: g ^ g << 16 & MASK)((h ^ h >> 15) * P2 & MASK), ""),
    (lambda h: 0, ""),
]
RIGHT[checks.bucket_and_sign] = [
    lambda x, buckets: (*divmod(x // 2, buckets)[1:], (-1) ** (x & 1)),
    lambda x, K: [(x - x % 2) // 2 % K, 1 - 2 * (x % 2)],
    lambda x, K: (np.uint32(x) // np.uint32(2) % np.uint32(K), np.int8(1 if x % 2 == 0 else -1)),
    lambda x, K: np.array([int(bin(x)[2:-1] or "0", 2) % K, {0: 1, 1: -1}[x & 1]]),
]
WRONG[checks.bucket_and_sign] = [
    (lambda x, K: ((x >> 1) % K + 1, 1 - 2 * (x & 1)), ""),
    (lambda x, K: ((x >> 1) // K, 1 - 2 * (x & 1)), ""),
    (lambda x, K: ((x >> 1) % (K - 1 or 1), 1 - 2 * (x & 1)), ""),
    (lambda x, K: ((x >> 1) % K, 1), ""),
    (lambda x, K: ((x >> 1) & (K - 1), 1 - 2 * (x & 1)), ""),
    (lambda x, K: ((x << 1) % K, 1 - 2 * (x & 1)), ""),
    (lambda x, K: ((x >> 1) % K, bool(x & 1)), ""),
    (lambda x, K: (x >> 1) % K, "two values"),
    (lambda x, K: ((x >> 1) % 98, 1 - 2 * (x & 1)), ""),
]
RIGHT[checks.used_once] = [
    lambda c: (1 / c) / np.e ** (1 / c),
    lambda c: exp(-log(c) - 1 / c),
    lambda c: np.exp(-1 / np.array(c)) * c**-1,
    lambda c: exp(1 * log(1 / c) - 1 / c - lgamma(2)),
    lambda c: comb(10**6, 1) * (c / 1e6 / c**2) * exp(-1 / c),
]
WRONG[checks.used_once] = [
    (lambda c: exp(-1 / c) * c**2, ""),
    (lambda c: 1 / c * exp(-c), ""),
    (lambda c: 1 - exp(-1 / c) / c, ""),
    (lambda c: c * exp(-c), ""),
    (lambda c: exp(-1 / c) / c * 100, ""),
    (lambda c: exp(1 / c) / c, ""),
    (lambda c: 0.368, ""),
    (lambda c: (1 - exp(-1 / c)) / c, ""),
    (lambda c: exp(-c) / c, ""),
]
RIGHT[checks.count_buckets] = [
    lambda c, n: max(1, (lambda a, b: (a * n + b - 1) // b)(*Fraction(c).as_integer_ratio())),
    lambda c, n: max(ceil(Fraction(c) * n), 1) + 0.0,
    lambda c, n: max(1, int(Fraction(c) * n) + (Fraction(c) * n % 1 > 0)),
    lambda c, n: hn.bucket_count(c, n),
    lambda c, n: next(k for k in range(1, n + 1) if k >= Fraction(c) * n),
]
WRONG[checks.count_buckets] = [
    (lambda c, n: ceil(eval(c) * n), ""),
    (lambda c, n: int(Fraction(c) * n), ""),
    (lambda c, n: ceil(Fraction(c) * n) + 1, ""),
    (lambda c, n: max(1, n // int(c.split("/")[-1])), ""),
    (lambda c, n: max(1, -(-n // int(c.split("/")[-1]))), ""),
    (lambda c, n: Fraction(c) * n, ""),
    (lambda c, n: ceil(float(Fraction(c) * n) - 0.5), ""),
    (lambda c, n: n, ""),
    (lambda c, n: max(2, ceil(Fraction(c) * n)), ""),
]


def fold(i, j, buckets, seed):
    piece, place = np.divmod(np.asarray(i, np.int64) * 65 + j, buckets)
    return (place + hn.xxh32_pair(piece, 0, seed).astype(np.int64)) % buckets


def fold_backwards(i, j, buckets, seed):
    g = np.asarray(i, np.int64) * 65 + j
    return (buckets - 1 - g % buckets + hn.xxh32_pair(1, g // buckets, seed)) % buckets


def fold_with_a_generator(i, j, buckets, seed):
    g = np.asarray(i, np.int64) * 65 + j
    rotations = np.random.default_rng(seed).integers(0, buckets, g.max() // buckets + 1)
    return (g % buckets + rotations[g // buckets]) % buckets


def permute_each_piece(i, j, buckets, seed):
    g = np.asarray(i, np.int64) * 65 + j
    pieces = [np.random.default_rng([seed, piece]).permutation(buckets) for piece in range(g.max() // buckets + 1)]
    return np.stack(pieces)[g // buckets, g % buckets]


RIGHT[checks.balanced_map] = [
    fold_backwards,
    fold_with_a_generator,
    permute_each_piece,
    lambda *a: fold(*a).astype(float),
    lambda i, j, K, seed: [[int(fold(int(a), int(b), K, seed)) for b in np.ravel(j)] for a in np.ravel(i)],
]
WRONG[checks.balanced_map] = [
    (lambda i, j, K, seed: (i * 65 + j) % K, ""),
    (lambda i, j, K, seed: (i * 65 + j + seed) % K, ""),
    (lambda i, j, K, seed: hn.xxh32_pair(i, j, seed) % K, "loads"),
    (lambda i, j, K, seed: fold(i, j, K, 1), "seed"),
    (lambda i, j, K, seed: fold(i, j, K, seed) + 1, "must be"),
    (lambda i, j, K, seed: fold(j, i, K, seed), ""),
    (lambda i, j, K, seed: np.random.default_rng().permutation(fold(i, j, K, seed)), ""),
    (lambda i, j, K, seed: (i * 65 + j + (i * 65 + j) // K * 7 + seed) % K, ""),
    (lambda i, j, K, seed: fold(i, j, K, seed)[0], "shape"),
]

# ---------------------------------------------------------------- 3
RIGHT[checks.gather] = [
    lambda w, bucket, sign: np.tensordot(np.eye(len(w))[bucket] * sign[..., None], w, 1),
    lambda w, k, s: sum(w[n] * np.where(k == n, s, 0) for n in range(w.size)),
    lambda w, k, s: np.stack([w, -w])[(s < 0).astype(int), k],
    lambda w, k, s: np.take(w, k) * s.astype(np.int64),
    lambda w, k, s: np.array([w[k_] * s_ for k_, s_ in zip(k.flat, s.flat, strict=True)]).reshape(k.shape),
]
WRONG[checks.gather] = [
    (lambda w, k, s: w[k] * np.abs(s), ""),
    (lambda w, k, s: w[k - 1] * s, ""),
    (lambda w, k, s: (w[k] * s).ravel(), "shape"),
    (lambda w, k, s: w[k.T].T[::-1] * s, ""),
    (lambda w, k, s: w[k] / len(w) * s, ""),
    (lambda w, k, s: w[k] ** 2 * s, ""),
    (lambda w, k, s: w[::-1][k] * s, ""),
    (lambda w, k, s: np.sort(w)[k] * s, ""),
    (lambda w, k, s: k * s, ""),
    (lambda w, k, s: w[k] * s[:1], ""),
]
RIGHT[checks.scatter_add] = [
    lambda dV, bucket, sign, buckets: np.array([(dV * sign * (bucket == k)).sum() for k in range(buckets)]),
    lambda dV, k, s, K: np.histogram(k, np.arange(K + 1), weights=dV * s)[0],
    lambda dV, k, s, K: (dV * s).ravel() @ np.eye(K)[k.ravel()],
    lambda dV, k, s, K: sum(np.bincount(a, b * c, K) for a, b, c in zip(k, dV, s, strict=True)),
    lambda dV, k, s, K: [sum(dV[p] * s[p] for p in zip(*np.nonzero(k == n), strict=True)) for n in range(K)],
]
WRONG[checks.scatter_add] = [
    (lambda dV, k, s, K: np.bincount(k.ravel(), (dV * s).T.ravel(), K), ""),
    (lambda dV, k, s, K: np.bincount(k.T.ravel(), (dV * s).ravel(), K), ""),
    (lambda dV, k, s, K: np.bincount(k.ravel(), (dV * s).ravel()), ""),
    (lambda dV, k, s, K: np.bincount(k.ravel(), (dV * s).ravel(), K) * s[0, 0] * 2, ""),
    (lambda dV, k, s, K: np.bincount(k[0], (dV * s)[0], K), ""),
    (lambda dV, k, s, K: np.bincount(k.ravel(), np.abs(dV * s).ravel(), K), ""),
    (lambda dV, k, s, K: np.bincount(k.ravel(), (dV * s).ravel(), K) / dV.size, ""),
    (lambda dV, k, s, K: (dV * s)[k], ""),
]
RIGHT[checks.input_gradient] = [
    lambda dz, w, bucket, sign: np.einsum("bi,ij,ij->bj", dz, w[bucket], sign),
    lambda dz, w, k, s: [(w[k] * s).T @ row for row in dz],
    lambda dz, w, k, s: sum(np.outer(dz[:, i], w[k[i]] * s[i]) for i in range(len(k))),
    lambda dz, w, k, s: ((w[k] * s).T @ dz.T).T,
    lambda dz, w, k, s: np.inner(dz, (w[k] * s).T),
]
WRONG[checks.input_gradient] = [
    (lambda dz, w, k, s: (w[k] * s).T @ dz.T, ""),
    (lambda dz, w, k, s: -dz @ (w[k] * s), ""),
    (lambda dz, w, k, s: dz @ (w[k] * s) * (dz.sum() > 0) + 1, ""),
    (lambda dz, w, k, s: dz @ s, ""),
    (lambda dz, w, k, s: (dz @ (w[k] * s))[:, 1:], "shape"),
    (lambda dz, w, k, s: np.maximum(dz @ (w[k] * s), 0), ""),
    (lambda dz, w, k, s: dz[:1] @ (w[k] * s), ""),
    (lambda dz, w, k, s: dz @ (w[k] * s) / w.size, ""),
]
RIGHT[checks.slope] = [
    lambda loss, w, direction, step: (
        np.diff([loss(w - step * direction), loss(w + step * direction)]).item() / 2 / step
    ),
    lambda loss, w, u, h: sum(s * loss(w + s * h * u) for s in (1, -1)) / (2 * h),
    lambda loss, w, u, h: np.float64(loss(w + h * u) - loss(w - h * u)) * 0.5 / h,
    lambda loss, w, u, h: (
        (8 * (loss(w + h * u / 2) - loss(w - h * u / 2)) - loss(w + h * u) + loss(w - h * u)) / (6 * h)
    ),
]
WRONG[checks.slope] = [
    (lambda loss, w, u, h: (loss(w + h) - loss(w - h)) / (2 * h), ""),
    (lambda loss, w, u, h: (loss(w + h * u) - loss(w - h * u)) / (2 * h) ** 2, ""),
    (lambda loss, w, u, h: (loss(w + h * u) + loss(w - h * u)) / (2 * h), ""),
    (lambda loss, w, u, h: (loss(w + h * u) - 2 * loss(w) + loss(w - h * u)) / h**2, ""),
    (lambda loss, w, u, h: (loss(w + u) - loss(w - u)) / 2, ""),
    (lambda loss, w, u, h: abs(loss(w + h * u) - loss(w - h * u)) / (2 * h) + 1, ""),
    (lambda loss, w, u, h: (loss(h * u) - loss(-h * u)) / (2 * h), ""),
    (lambda loss, w, u, h: [(loss(w + h * e) - loss(w - h * e)) / (2 * h) for e in np.eye(len(w))], "number"),
]


def layer(gradient, da=lambda self, dz, V: (dz @ V)[:, 1:]):
    """Make a layer from two functions: the gradient of w, and what flows back."""

    class Layer(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            bucket, sign = self.map.table()
            self.grads["w"] = gradient(self, dz.T @ self.a, bucket, sign)
            return da(self, dz, self.params["w"][bucket] * sign)

    return Layer


def by_bincount(self, dV, bucket, sign):
    return np.bincount(bucket.ravel(), (dV * sign).ravel(), self.map.buckets)


RIGHT[checks.layer_gradients] = [
    layer(lambda self, dV, k, s: [float((dV * s)[k == n].sum()) for n in range(self.map.buckets)]),
    layer(by_bincount, lambda self, dz, V: np.delete(dz @ V, 0, axis=1)),
    layer(lambda self, dV, k, s: hn.hash_scatter_add(dV, self.map), lambda self, dz, V: dz @ V[:, 1:]),
    layer(by_bincount, lambda self, dz, V: np.stack([V[:, j + 1] @ dz.T for j in range(V.shape[1] - 1)], axis=1)),
]
WRONG[checks.layer_gradients] = [
    (layer(lambda self, dV, k, s: -by_bincount(self, dV, k, s)), "gradient of w"),
    (layer(by_bincount, lambda self, dz, V: -(dz @ V)[:, 1:]), "reaches the layer below"),
    (layer(by_bincount, lambda self, dz, V: (dz @ np.abs(V))[:, 1:]), "reaches the layer below"),
    (layer(lambda self, dV, k, s: by_bincount(self, np.insert(dV[:, 1:], 0, 0, axis=1), k, s)), "gradient of w"),
    (layer(by_bincount, lambda self, dz, V: np.zeros((len(dz), V.shape[1] - 1))), "reaches the layer below"),
    (layer(lambda self, dV, k, s: self.params["w"]), "gradient of w"),
    (layer(by_bincount, lambda self, dz, V: dz), "shape"),
    (layer(lambda self, dV, k, s: by_bincount(self, dV, k, s)[:-1]), "shape"),
]


def tied_by_one_gradient(w, x, dz2, m1, m2):
    V1, V2 = hn.hash_gather(w, m1), hn.hash_gather(w, m2)
    return hn.hash_scatter_add((dz2 @ V2).T @ x, m1) + hn.hash_scatter_add(dz2.T @ (x @ V1.T), m2)


def tied_in_loops(w, x, dz2, m1, m2):
    (k1, s1), (k2, s2) = m1.table(), m2.table()
    a1, da1 = x @ (w[k1] * s1).T, dz2 @ (w[k2] * s2)
    dw = [0.0] * len(w)
    for k, s, a, dz in ((k1, s1, x, da1), (k2, s2, a1, dz2)):
        for i in range(len(k)):
            for j in range(k.shape[1]):
                dw[k[i, j]] += s[i, j] * float(dz[:, i] @ a[:, j])
    return dw


RIGHT[checks.tied_gradient] = [
    tied_by_one_gradient,
    tied_in_loops,
    lambda *a: np.add(0, tied_by_one_gradient(*a), dtype=np.float32),
]
WRONG[checks.tied_gradient] = [
    (lambda w, x, dz2, m1, m2: hn.hashed_backward(w, x, dz2, m1)[0], ""),
    (lambda *a: 2 * tied_by_one_gradient(*a), "2 times"),
    (lambda *a: -tied_by_one_gradient(*a), ""),
    (lambda w, x, dz2, m1, m2: tied_by_one_gradient(w, np.maximum(x, 0), dz2, m1, m2), ""),
    (lambda *a: tied_by_one_gradient(*a) / len(a[1]), ""),
    (lambda w, x, dz2, m1, m2: w, ""),
    (lambda *a: np.concatenate([tied_by_one_gradient(*a)] * 2), "shape"),
    (lambda w, x, dz2, m1, m2: hn.hashed_backward(w, hn.hashed_forward(w, x, m1), dz2, m2), ""),
]

# ---------------------------------------------------------------- 4
RIGHT[checks.table_bytes] = [
    2000 * 500 * 13,
    Fraction(13_000_000),
    np.float32(13e6),
    sum([8_000_000, 1_000_000, 4_000_000]),
]
WRONG[checks.table_bytes] = [
    (2000 * 500 * 21, ""),
    (13 * 2**20, ""),
    (13_000, ""),
    (2000 * 501 * 13, ""),
    (-13_000_000, ""),
    ("13 MB", "number"),
    ([13_000_000], "number"),
    (12_999_999, ""),
]


def tiles_by_rows_of_tiles(w, a, m, size):
    z = []
    for top in range(0, m.n_out, size):
        part = 0
        for left in range(0, m.n_cols, size):
            bucket, sign = m.tile(slice(top, top + size), slice(left, left + size))
            part = part + np.einsum("bj,ij->bi", a[:, left : left + size], w[bucket] * sign)
        z.append(part)
    return np.hstack(z)


def one_weight_at_a_time(w, a, m, size):
    z = [[0.0] * m.n_out for _ in a]
    for i in range(m.n_out):
        for j in range(m.n_cols):
            bucket, sign = m.lookup(i, j)
            for b in range(len(a)):
                z[b][i] += float(w[bucket] * sign * a[b, j])
    return z


def columns_first(w, a, m, size):
    z = np.zeros((m.n_out, len(a)))
    for left in range(0, m.n_cols, size):
        for top in range(0, m.n_out, size):
            bucket, sign = m.tile(slice(top, min(top + size, m.n_out)), slice(left, min(left + size, m.n_cols)))
            z[top : top + size] += (w[bucket] * sign) @ a[:, left : left + size].T
    return z.T


def tiles_that_forget(w, a, m, size):
    z = np.zeros((len(a), m.n_out))
    for top in range(0, m.n_out, size):
        bucket, sign = m.tile(slice(top, top + size), slice(0, size))
        z[:, top : top + size] = a[:, :size] @ (w[bucket] * sign).T
    return z


def tiles_off_by_one(w, a, m, size):
    z = np.zeros((len(a), m.n_out))
    for top in range(0, m.n_out - 1, size):
        for left in range(0, m.n_cols - 1, size):
            bucket, sign = m.tile(slice(top, top + size), slice(left, left + size))
            z[:, top : top + size] += a[:, left : left + size] @ (w[bucket] * sign).T
    return z


RIGHT[checks.tiled_forward] = [tiles_by_rows_of_tiles, one_weight_at_a_time, columns_first]
WRONG[checks.tiled_forward] = [
    (lambda w, a, m, size: hn.hashed_forward(w, a, m), ""),
    (lambda w, a, m, size: columns_first(w, a, m, size).T, "shape|not"),
    (tiles_that_forget, ""),
    (tiles_off_by_one, ""),
    (lambda w, a, m, size: -columns_first(w, a, m, size), ""),
    (lambda w, a, m, size: columns_first(w, a, m, size + 1), "no more than"),
    (lambda w, a, m, size: np.zeros((len(a), m.n_out)), ""),
    (lambda w, a, m, size: columns_first(abs(w), a, m, size), ""),
]


def threads_by_stride(dV, bucket, sign, buckets, chunks):
    private = [np.bincount(bucket[c::chunks].ravel(), (dV * sign)[c::chunks].ravel(), buckets) for c in range(chunks)]
    return np.sum(private, axis=0)


def threads_by_ceiling(dV, bucket, sign, buckets, chunks):
    step = -(-len(dV) // chunks)
    dw = np.zeros(buckets)
    for c in range(chunks):
        rows = slice(c * step, (c + 1) * step)
        np.add.at(dw, bucket[rows].ravel(), (dV[rows] * sign[rows]).ravel())
    return dw


RIGHT[checks.chunked_scatter] = [
    threads_by_stride,
    threads_by_ceiling,
    lambda dV, k, s, K, chunks: sum(np.bincount(k[r], dV[r] * s[r], K) for r in range(len(dV))),
]
WRONG[checks.chunked_scatter] = [
    (lambda dV, k, s, K, chunks: threads_by_stride(dV[:-1], k[:-1], s[:-1], K, chunks), ""),
    (lambda dV, k, s, K, chunks: threads_by_stride(dV, k, s, K, chunks) * chunks, ""),
    (lambda dV, k, s, K, chunks: [np.bincount(k[c], dV[c] * s[c], K) for c in range(chunks)], ""),
    (lambda dV, k, s, K, chunks: threads_by_stride(dV, k, s, K, 2 * chunks)[::-1], ""),
    (lambda dV, k, s, K, chunks: np.bincount(k[0], dV[0] * s[0], K), ""),
    (lambda dV, k, s, K, chunks: np.max([np.bincount(r, d, K) for r, d in zip(k, dV * s, strict=True)], axis=0), ""),
    (lambda dV, k, s, K, chunks: threads_by_stride(dV, k, -s, K, chunks), ""),
    (lambda dV, k, s, K, chunks: threads_by_stride(dV, k, s, K, chunks) + 1, ""),
]
RIGHT[checks.division_by_multiplication] = [
    lambda K: ((2 ** (31 + (K - 1).bit_length()) + K - 1) // K, 31 + (K - 1).bit_length()),
    lambda K: [ceil(Fraction(2 ** (31 + (K - 1).bit_length()), K)), 31 + (K - 1).bit_length()],
    lambda K: next((-(-(2**s) // K), s) for s in range(31, 64) if 2**s >= K * 2**31),
    lambda K: next((-(-(2**s) // K), s) for s in range(31, 63) if (-(2**s) % K) * 2**31 <= 2**s),
]
WRONG[checks.division_by_multiplication] = [
    (lambda K: (2**32 // K + 1, 32), ""),
    (lambda K: (-(-(2**62) // K), 62), ""),
    (lambda K: (1 / K, 0), ""),
    (lambda K: (-(-(2**31) // K), 31), ""),
    (lambda K: (31 + K.bit_length(), -(-(2 ** (31 + K.bit_length())) // K)), ""),
    (lambda K: (round(2 ** (31 + (K - 1).bit_length()) / K), 31 + (K - 1).bit_length()), ""),
    (lambda K: K, "two values"),
    (lambda K: (-(-(2**100) // K), 100), "fit into 64 bits"),
    (lambda K: (1, K.bit_length() - 1), ""),
]

# ---------------------------------------------------------------- 5
RIGHT[checks.momentum_step] = [
    lambda w, v, gradient, learning_rate, momentum: (
        w - learning_rate * (momentum * v + gradient),
        gradient + v * momentum,
    ),
    lambda w, v, g, lr, mu: (lambda new: [w + -lr * new, new])(np.multiply(mu, v) + g),
    lambda w, v, g, lr, mu: (w - lr * mu * v - lr * g, np.add(mu * v, g)),
    lambda w, v, g, lr, mu: np.stack([w - lr * (mu * v + g), mu * v + g]),
]
WRONG[checks.momentum_step] = [
    (lambda w, v, g, lr, mu: (w - lr * (mu * v - g), mu * v - g), ""),
    (lambda w, v, g, lr, mu: (w - lr * g - mu * v, g), ""),
    (lambda w, v, g, lr, mu: (w - (mu * v + g), mu * v + g), ""),
    (lambda w, v, g, lr, mu: w - lr * (mu * v + g), ""),
    (lambda w, v, g, lr, mu: (w - mu * (lr * v + g), lr * v + g), ""),
    (lambda w, v, g, lr, mu: (w, v), ""),
    (lambda w, v, g, lr, mu: (w - lr * (0.9 * v + g), 0.9 * v + g), ""),
    (lambda w, v, g, lr, mu: (w - 0.1 * (mu * v + g), mu * v + g), ""),
    (lambda w, v, g, lr, mu: ((w - lr * (mu * v + g)).sum(), (mu * v + g).sum()), "shape"),
]
RIGHT[checks.inverted_dropout] = [
    lambda x, mask, rate: np.multiply(x, mask, where=True) * (1 - rate) ** -1,
    lambda x, mask, rate: np.divide(x, 1 - rate, out=np.zeros_like(x), where=mask),
    lambda x, mask, rate: x * np.array([0, 1 / (1 - rate)])[mask.astype(int)],
    lambda x, mask, rate: np.ma.masked_array(x / (1 - rate), ~mask).filled(0),
]
WRONG[checks.inverted_dropout] = [
    (lambda x, mask, rate: x * mask * rate, ""),
    (lambda x, mask, rate: x * mask - rate, ""),
    (lambda x, mask, rate: x * mask / (1 + rate), ""),
    (lambda x, mask, rate: x * mask / sqrt(1 - rate), ""),
    (lambda x, mask, rate: (x / (1 - rate))[:, mask.any(axis=0)][:, :1], "shape"),
    (lambda x, mask, rate: mask, ""),
    (lambda x, mask, rate: x * mask / 0.75, ""),
    (lambda x, mask, rate: np.where(mask, x / (1 - rate), np.nan), "nan"),
]
RIGHT[checks.best_epoch] = [
    lambda valid_errors, test_errors: (
        1 + sorted(range(len(valid_errors)), key=valid_errors.__getitem__)[0],
        test_errors[np.argmin(valid_errors)],
    ),
    lambda v, t: tuple(np.array([np.argmin(v) + 1, t[np.argmin(v)]], dtype=object)),
    lambda v, t: min((error, epoch, t[epoch - 1]) for epoch, error in enumerate(v, 1))[1:],
]
WRONG[checks.best_epoch] = [
    (lambda v, t: (int(np.argmin(v)) + 2, t[int(np.argmin(v))]), ""),
    (lambda v, t: (min(v), min(t)), ""),
    (lambda v, t: (int(np.argmin(np.add(v, t))) + 1, t[int(np.argmin(np.add(v, t)))]), ""),
    (lambda v, t: (int(np.argmin(v)) + 1, np.mean(t)), ""),
    (lambda v, t: (1, t[0]), ""),
    (lambda v, t: (int(np.argmin(v)) + 1, t), "number"),
    (lambda v, t: int(np.argmin(v)) + 1, "two values"),
    (lambda v, t: (int(np.argmin(v)) + 1, t[min(int(np.argmin(v)) + 1, len(t) - 1)]), ""),
]


def occupancy(divide):
    class Layer(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            da = super().backward(dz, input_grad)
            self.grads["w"] = divide(self, self.grads["w"])
            return da

    return Layer


class FromScratch(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        bucket, sign = self.map.table()
        dV = dz.T @ self.a * sign
        self.grads["w"] = np.array(
            [dV[bucket == k].mean() if (bucket == k).any() else 0 for k in range(self.map.buckets)]
        )
        return (dz @ (self.params["w"][bucket] * sign))[:, 1:]


RIGHT[checks.occupancy_layer] = [
    FromScratch,
    occupancy(lambda self, g: g * np.where(self.map.loads() > 0, 1 / np.maximum(self.map.loads(), 1), 7)),
    occupancy(lambda self, g: np.true_divide(g, np.clip(self.map.loads(), 1, None))),
]
WRONG[checks.occupancy_layer] = [
    (occupancy(lambda self, g: g / self.map.n_out), ""),
    (occupancy(lambda self, g: g * 0), ""),
    (occupancy(lambda self, g: g / (self.map.n_out * self.map.n_cols / self.map.buckets)), ""),
    (occupancy(lambda self, g: g / np.maximum(self.map.loads(), 1)[::-1]), ""),
    (occupancy(lambda self, g: g // 1), ""),
    (occupancy(lambda self, g: g / np.maximum(self.map.loads() - 1, 1)), ""),
    (occupancy(lambda self, g: None), ""),
    (occupancy(lambda self, g: -g / np.maximum(self.map.loads(), 1)), ""),
]
RIGHT[checks.permutation_map] = [
    hn.SharingMap(100, 65, buckets=6500, seed=9, kind="fold"),
    hn.HashedLinear(64, 100, "1", seed=3, kind="fold").map,
    hn.SharingMap.from_table(np.arange(6500)[::-1].reshape(100, 65), np.full((100, 65), -1), buckets=6500),
]
WRONG[checks.permutation_map] = [
    (hn.SharingMap(100, 64, buckets=6400, seed=1, kind="fold"), "bias"),
    (hn.HashedLinear(64, 100, "1", seed=1), "SharingMap"),
    (hn.SharingMap(65, 100, buckets=6500, seed=1, kind="fold"), "transposed"),
    ("fold", "SharingMap"),
    (hn.SharingMap(100, 65, buckets=813, seed=1, kind="fold"), "not compression 1"),
    (hn.SharingMap.from_table(np.arange(6500).reshape(100, 65) // 2 * 2, buckets=6500), "empty"),
    (hn.SharingMap(100, 65, buckets=6499, seed=1, kind="fold"), "not compression 1"),
]

# ---------------------------------------------------------------- 6
RIGHT[checks.sharing_matrix] = [
    lambda bucket, sign, buckets: (bucket.reshape(-1, 1) == np.arange(buckets)) * sign.reshape(-1, 1),
    lambda k, s, K: np.eye(K, dtype=int)[k].reshape(-1, K) * np.repeat(s.ravel(), K).reshape(-1, K),
    lambda k, s, K: [[int(s_) if k_ == n else 0 for n in range(K)] for k_, s_ in zip(k.flat, s.flat, strict=True)],
    lambda k, s, K: np.stack([np.where(k == n, s, 0).ravel() for n in range(K)], axis=1),
]
WRONG[checks.sharing_matrix] = [
    (lambda k, s, K: np.stack([np.where(k == n, s, 0).ravel() for n in range(K)]), ""),
    (lambda k, s, K: np.eye(K)[k].reshape(-1, K), ""),
    (lambda k, s, K: np.eye(K)[k.ravel()] * s.T.reshape(-1, 1), ""),
    (lambda k, s, K: np.eye(K)[k.ravel() - 1] * s.reshape(-1, 1), ""),
    (lambda k, s, K: np.eye(K + 1)[k.ravel()] * s.reshape(-1, 1), "shape"),
    (lambda k, s, K: k * s, ""),
    (lambda k, s, K: np.eye(k.max() + 1)[k.ravel()] * s.reshape(-1, 1), ""),
    (lambda k, s, K: np.zeros((k.size, K)), ""),
]
RIGHT[checks.convolution_matrix] = [
    lambda n_in, size: (
        np.eye(n_in * size).reshape(n_in, size, -1)[:0].reshape(0, size)
        if n_in < size
        else np.array([[float(j - i == k) for k in range(size)] for i in range(n_in - size + 1) for j in range(n_in)])
    ),
    lambda n, size: np.vstack([np.eye(n, size, -i) for i in range(n - size + 1)]),
    lambda n, size: (np.arange(n) - np.arange(n - size + 1)[:, None]).ravel()[:, None] == np.arange(size),
]
WRONG[checks.convolution_matrix] = [
    (lambda n, size: np.vstack([np.eye(n, size, -i) for i in range(n - size)]), ""),
    (lambda n, size: np.vstack([np.eye(n, size, i) for i in range(n - size + 1)]), ""),
    (lambda n, size: np.vstack([np.eye(n, size, -i)[:, ::-1] for i in range(n - size + 1)]), ""),
    (lambda n, size: np.vstack([np.roll(np.eye(n, size), i, axis=0) for i in range(n)]), "shape|outputs"),
    (lambda n, size: np.vstack([np.eye(n, size, -i) for i in range(n - size + 1)]).T, ""),
    (lambda n, size: np.vstack([np.eye(n, size, -i) for i in range(n - size + 1)]) / size, ""),
    (lambda n, size: np.stack([np.eye(n, size, -i) for i in range(n - size + 1)]), ""),
    (lambda n, size: np.eye(n), ""),
]
RIGHT[checks.low_rank_gradient] = [
    lambda dV, R: np.einsum("ij,rj->ir", dV, R),
    lambda dV, R: (R @ dV.T).T,
    lambda dV, R: np.inner(dV, R),
    lambda dV, R: [[float(np.dot(row, r)) for r in R] for row in dV],
]
WRONG[checks.low_rank_gradient] = [
    (lambda dV, R: R @ dV.T, ""),
    (lambda dV, R: -dV @ R.T, ""),
    (lambda dV, R: dV @ np.linalg.pinv(R), ""),
    (lambda dV, R: dV @ R.T / len(R), ""),
    (lambda dV, R: dV[:, : len(R)] * 1.0, ""),
    (lambda dV, R: dV.T @ dV, ""),
    (lambda dV, R: dV @ R.T @ R, ""),
    (lambda dV, R: np.abs(dV) @ R.T, ""),
    (lambda dV, R: (dV @ R.T).sum(axis=0), "shape"),
]


def dark(logits, soft, T):
    odds = np.exp(logits / T)
    return T * (odds / odds.sum(axis=1, keepdims=True) - soft) / len(logits)


def dark_by_slopes(logits, soft, T):
    def loss(z):
        scaled = z / T
        return T**2 * np.mean(np.sum(soft * (np.log(np.exp(scaled).sum(1, keepdims=True)) - scaled), axis=1))

    slopes = np.zeros(logits.shape)
    for place in np.ndindex(*logits.shape):
        e = np.zeros(logits.shape)
        e[place] = 1e-5
        slopes[place] = (loss(logits + e) - loss(logits - e)) / 2e-5
    return slopes


RIGHT[checks.dark_gradient] = [
    dark,
    lambda z, q, T: [
        (T / len(z) * (np.exp(r / T) / np.exp(r / T).sum() - p)).tolist() for r, p in zip(z, q, strict=True)
    ],
    lambda z, q, T: T**2 * (np.exp(z / T - np.log(np.exp(z / T).sum(1))[:, None]) - q) / (T * z.shape[0]),
    dark_by_slopes,
]
WRONG[checks.dark_gradient] = [
    (lambda z, q, T: dark(z, q, 1), ""),
    (lambda z, q, T: dark(z, q, T) / T, ""),
    (lambda z, q, T: dark(z, q, T).mean(axis=0), "shape"),
    (lambda z, q, T: T * (np.exp(z / T) / np.exp(z / T).sum(axis=0) - q) / len(z), ""),
    (lambda z, q, T: T * (np.exp(z / T) / np.exp(z / T).sum() - q) / len(z), ""),
    (lambda z, q, T: T * (np.exp(z / T) - q) / len(z), ""),
    (lambda z, q, T: T**2 * dark(z, q, T), ""),
    (lambda z, q, T: T * (z / T - q) / len(z), ""),
    (lambda z, q, T: dark(z, q, T).T, ""),
    (lambda z, q, T: dark(z, np.eye(q.shape[1])[q.argmax(axis=1)], T), ""),
]
RIGHT[checks.units_without_edges] = [
    lambda n_in, share_kept: reduce(lambda a, _: a * (1 - share_kept), range(n_in), 1.0),
    lambda n, p: comb(n, 0) * p**0 * (1 - p) ** n,
    lambda n, p: np.exp(n * np.log(1 - p)),
    lambda n, p: pow(1 - p, n),
]
WRONG[checks.units_without_edges] = [
    (lambda n, p: (1 - p) ** (n + 1), ""),
    (lambda n, p: (1 - p) ** (n - 1), ""),
    (lambda n, p: 1 - p**n, ""),
    (lambda n, p: (1 - p) * n, ""),
    (lambda n, p: n ** (1 - p), ""),
    (lambda n, p: (1 - p) ** n * n, ""),
    (lambda n, p: (1 - p) ** 64, ""),
    (lambda n, p: 100 * (1 - p) ** n, ""),
    (lambda n, p: 0.0, ""),
]

# ---------------------------------------------------------------- 7
RIGHT[checks.lost_share] = [
    lambda c: (1 - c) + c * np.exp(-1 / c),
    lambda c: 1 + c * (exp(-1 / c) - 1),
    lambda c: 1 - c * -np.expm1(-1 / c),
    lambda c: float(np.subtract(1, np.multiply(c, 1 - np.exp(-(c**-1))))),
]
WRONG[checks.lost_share] = [
    (lambda c: c * exp(-1 / c), ""),
    (lambda c: 1 - c * (1 - exp(1 / c)), ""),
    (lambda c: (1 - c) * (1 - exp(-1 / c)), ""),
    (lambda c: 1 - c - c * exp(-1 / c), ""),
    (lambda c: sqrt(1 - c), ""),
    (lambda c: 1 - c**2, ""),
    (lambda c: c, ""),
    (lambda c: 1 - (1 - exp(-1 / c)) / c, ""),
    (lambda c: 1 - c * exp(-c), ""),
]
RIGHT[checks.projected_weights] = [
    lambda V, bucket, sign, buckets: np.linalg.pinv(np.eye(buckets)[bucket.ravel()] * sign.reshape(-1, 1)) @ V.ravel(),
    lambda V, k, s, K: [
        np.average(V[k == n], weights=np.ones((k == n).sum())) * 0 + (V * s)[k == n].mean() if np.any(k == n) else 0
        for n in range(K)
    ],
    lambda V, k, s, K: np.nan_to_num(np.bincount(k.ravel(), (V * s).ravel(), K) / np.bincount(k.ravel(), minlength=K)),
]
WRONG[checks.projected_weights] = [
    (lambda V, k, s, K: [np.median((V * s)[k == n]) if np.any(k == n) else 0 for n in range(K)], ""),
    (lambda V, k, s, K: [np.abs((V * s)[k == n]).mean() if np.any(k == n) else 0 for n in range(K)], ""),
    (lambda V, k, s, K: [(V * s)[k == n].mean() if np.any(k == n) else V.mean() for n in range(K)], ""),
    (lambda V, k, s, K: -np.array([(V * s)[k == n].mean() if np.any(k == n) else 0 for n in range(K)]), ""),
    (lambda V, k, s, K: [(V * s)[k == n].mean() for n in np.unique(k)], ""),
    (lambda V, k, s, K: np.bincount(k.ravel(), (V * s).ravel(), K) / (np.bincount(k.ravel(), minlength=K) + 1), ""),
    (lambda V, k, s, K: np.bincount(k.ravel(), (V * s).ravel(), K) / V.size, ""),
    (lambda V, k, s, K: V, ""),
    (lambda V, k, s, K: [(V * s)[k == n].max() if np.any(k == n) else 0 for n in range(K)], ""),
]
RIGHT[checks.hashed_kernel] = [
    lambda gradients, bucket, sign, buckets: (lambda F: np.einsum("ak,bk->ab", F, F))(
        np.array([[(g * sign)[bucket == k].sum() for k in range(buckets)] for g in gradients])
    ),
    lambda g, k, s, K: (lambda F: F @ F.T)((g * s).reshape(len(g), -1) @ np.eye(K)[k.ravel()]),
    lambda g, k, s, K: (lambda F: np.inner(F, F))([np.bincount(k.flat, (one * s).flat, K) for one in g]),
    lambda g, k, s, K: np.array(
        [
            [np.vdot(np.bincount(k.ravel(), (a * s).ravel(), K), np.bincount(k.ravel(), (b * s).ravel(), K)) for a in g]
            for b in g
        ]
    ),
]
WRONG[checks.hashed_kernel] = [
    (lambda g, k, s, K: (lambda F: F.T @ F)((g * s).reshape(len(g), -1) @ np.eye(K)[k.ravel()]), ""),
    (lambda g, k, s, K: (lambda F: (F**2).sum(axis=1))((g * s).reshape(len(g), -1) @ np.eye(K)[k.ravel()]), "shape"),
    (lambda g, k, s, K: (lambda F: F @ F.T / len(g))((g * s).reshape(len(g), -1) @ np.eye(K)[k.ravel()]), ""),
    (lambda g, k, s, K: (lambda F: np.abs(F) @ np.abs(F).T)((g * s).reshape(len(g), -1) @ np.eye(K)[k.ravel()]), ""),
    (
        lambda g, k, s, K: (lambda F: F @ F.T - np.diag(np.diag(F @ F.T)))(
            (g * s).reshape(len(g), -1) @ np.eye(K)[k.ravel()]
        ),
        "",
    ),
    (lambda g, k, s, K: np.eye(len(g)), ""),
    (lambda g, k, s, K: g[0] @ g[1].T, ""),
    (lambda g, k, s, K: (lambda F: F - F.T + 1)(np.ones((len(g), len(g)))), ""),
]
RIGHT[checks.noise_of_length] = [
    lambda g, K: sqrt(
        sum((2 * g[i] * g[j]) ** 2 for i in range(len(g)) for j in range(i + 1, len(g))) / K
    ) / sum(v * v for v in g),
    lambda g, K: (2 / K * (1 - np.sum((g * g / (g @ g)) ** 2))) ** 0.5,
    lambda g, K: np.linalg.norm((2 * np.outer(g, g))[np.triu_indices(len(g), 1)]) / np.sqrt(K) / (g @ g),
]
WRONG[checks.noise_of_length] = [
    (lambda g, K: np.sqrt(abs((g @ g) ** 2 - (g @ g) ** 2) / K), ""),
    (lambda g, K: np.sqrt((2 * (g @ g) + (g @ g) ** 2) / K), ""),
    (lambda g, K: np.linalg.norm(g) / K, ""),
    (lambda g, K: 1 / np.sqrt(K), ""),
    (lambda g, K: np.linalg.norm(2 * np.outer(g, g)) / np.sqrt(K) / (g @ g), ""),
    (lambda g, K: np.linalg.norm(np.triu(2 * np.outer(g, g), 1)) / (g @ g), ""),
    (lambda g, K: np.sqrt(2 - 2 * np.sum(g**4) / (g @ g) ** 2 / K), ""),
    (lambda g, K: np.sqrt(2 * (1 + np.sum(g**4) / (g @ g) ** 2) / K), ""),
    (lambda g, K: np.sqrt(2 * abs(1 - np.sum(g**4) / (g @ g)) / K), ""),
    (lambda g, K: np.sqrt(2 * (1 - 1 / len(g)) / K), ""),
]
RIGHT[checks.weights_needed] = [4 / 0.05**2, 40**2, Fraction(1600), np.array(1600.0)]
WRONG[checks.weights_needed] = [
    (16, ""),
    (1599, ""),
    (2 / 0.05**2, ""),
    (0.05, ""),
    (160, ""),
    ([1600], "number"),
    (1e9, ""),
]
RIGHT[checks.bias_and_variance] = [
    lambda p, y: (((p.mean(0) - np.eye(p.shape[-1])[y]) ** 2).sum(-1).mean(), ((p - p.mean(0)) ** 2).sum(-1).mean()),
    lambda p, y: [
        sum(np.sum((p.mean(0)[n] - (np.arange(p.shape[2]) == y[n])) ** 2) for n in range(len(y))) / len(y),
        float(np.var(p, axis=0).sum() / len(y)),
    ],
    lambda p, y: (
        np.mean(1 - 2 * p.mean(0)[np.arange(len(y)), y] + (p.mean(0) ** 2).sum(1)),
        np.mean((p**2).sum(2)) - np.mean((p.mean(0) ** 2).sum(1)),
    ),
]
WRONG[checks.bias_and_variance] = [
    (lambda p, y: (np.mean(p.mean(0)[np.arange(len(y)), y]), np.var(p)), ""),
    (lambda p, y: (np.mean((p.mean(0) - np.eye(p.shape[2])[y]) ** 2), np.var(p, axis=0).mean()), ""),
    (lambda p, y: (((p.mean(0) - np.eye(p.shape[2])[y]) ** 2).sum(), np.var(p, axis=0).sum()), ""),
    (lambda p, y: (((p.mean(0) - np.eye(p.shape[2])[y]).sum(1) ** 2).mean(), np.var(p, axis=0).sum(1).mean()), ""),
    (lambda p, y: (((p.mean(0) - np.eye(p.shape[2])[y]) ** 2).sum(1).mean(), np.std(p, axis=0).sum(1).mean()), ""),
    (lambda p, y: (((p[0] - np.eye(p.shape[2])[y]) ** 2).sum(1).mean(), np.var(p, axis=0).sum(1).mean()), ""),
    (lambda p, y: (((p.mean(0) - np.eye(p.shape[2])[y]) ** 2).sum(1), np.var(p, axis=0).sum(1)), "number"),
]

# ---------------------------------------------------------------- 8
RIGHT[checks.equal_size_width] = [
    lambda n_in, hidden, classes, stored: (
        1 + np.argmin([abs((n_in + 1) * h + (h + 1) * classes - stored) for h in range(1, hidden + 1)])
    ),
    lambda n, hidden, c, stored: sorted(range(1, hidden + 1), key=lambda h: (stored - c - h * (n + c + 1)) ** 2)[0],
    lambda n, hidden, c, stored: max(1, min(hidden, (2 * (stored - c) + n + c + 1) // (2 * (n + c + 1)))),
]
WRONG[checks.equal_size_width] = [
    (
        lambda n, hidden, c, stored: max(
            h for h in range(1, hidden + 1) if h == 1 or (n + 1) * h + (h + 1) * c <= stored
        ),
        "",
    ),
    (lambda n, hidden, c, stored: min(hidden, stored // n), ""),
    (lambda n, hidden, c, stored: stored, ""),
    (lambda n, hidden, c, stored: max(1, min(hidden, round(stored / (n + c + 1)))), ""),
    (
        lambda n, hidden, c, stored: np.argmin([abs((n + 1) * h + (h + 1) * c - stored) for h in range(1, hidden + 1)]),
        "",
    ),
    (lambda n, hidden, c, stored: max(1, min(hidden, (stored - c) / (n + c + 1))), ""),
    (
        lambda n, hidden, c, stored: max(
            1, min(hidden, round(stored * hidden / ((n + 1) * hidden + (hidden + 1) * c)))
        ),
        "",
    ),
    (lambda n, hidden, c, stored: max(1, min(hidden, round((stored - c) / (784 + c + 1)))), ""),
]
COUNTS = {("1/8", 3): 5, ("1/8", 5): 6, ("1/64", 3): 8, ("1/64", 5): 7}
RIGHT[checks.wins] = [
    {key: np.array(n) for key, n in COUNTS.items()},
    {(c, np.int64(layers)): n for (c, layers), n in COUNTS.items()},
    type("Counts", (dict,), {})(COUNTS),
    {key: Fraction(n) for key, n in COUNTS.items()},
]
WRONG[checks.wins] = [
    ({key: n / 8 for key, n in COUNTS.items()}, ""),
    ({key: n + 1 for key, n in COUNTS.items()}, ""),
    ({key: [n] for key, n in COUNTS.items()}, "number"),
    (COUNTS | {("1/8", 3): 6}, ""),
    (list(COUNTS.items()), "dictionary"),
    ({(layers, c): n for (c, layers), n in COUNTS.items()}, "missing"),
    (COUNTS | {("1/8", 5): True}, ""),
    (COUNTS | {("1/64", 3): float("nan")}, ""),
]
RIGHT[checks.standard_error] = [
    lambda error_percent, n: 100 * ((error_percent / 100) * (1 - error_percent / 100) / n) ** 0.5,
    lambda e, n: np.std(np.r_[np.ones(1), np.zeros(1)]) * 200 * np.sqrt(e / 100 * (1 - e / 100) / n),
    lambda e, n: exp(0.5 * (log(e) + log(100 - e) - log(n))),
    lambda e, n: np.hypot(0, sqrt(e * (100 - e))) / np.sqrt(n),
]
WRONG[checks.standard_error] = [
    (lambda e, n: sqrt(e / 100 * (1 - e / 100) / n), ""),
    (lambda e, n: e / sqrt(n), ""),
    (lambda e, n: 100 / sqrt(n), ""),
    (lambda e, n: 50 / sqrt(n), ""),
    (lambda e, n: e * (1 - e / 100) / n, ""),
    (lambda e, n: sqrt(e * (100 - e) * n), ""),
    (lambda e, n: 100 * sqrt((1 - e / 100) / n), ""),
    (lambda e, n: sqrt(e * (100 - e) / 10_000), ""),
    (lambda e, n: sqrt(e * (100 + e) / n), ""),
]


def z_of(a, b, n):
    return (a - b) * sqrt(n / (a * (100 - a) + b * (100 - b)))


RIGHT[checks.difference_in_errors] = [
    z_of,
    lambda a, b, n: ((a - b) / 100) / (a / 100 * (1 - a / 100) / n + b / 100 * (1 - b / 100) / n) ** 0.5,
    lambda a, b, n: np.float32(z_of(a, b, n)),
    lambda a, b, n: np.sign(a - b) * np.sqrt(z_of(a, b, n) ** 2),
]
WRONG[checks.difference_in_errors] = [
    (lambda a, b, n: z_of(a, b, n) ** 2, ""),
    (lambda a, b, n: z_of(a, b, 10_000), ""),
    (lambda a, b, n: z_of(a, b, n) / 2, ""),
    (lambda a, b, n: z_of(a, b, n) > 2, ""),
    (lambda a, b, n: (a - b) / n, ""),
    (lambda a, b, n: (a - b) / sqrt(n), ""),
    (lambda a, b, n: round(z_of(a, b, n)), ""),
    (lambda a, b, n: (a - b) / b, ""),
    (lambda a, b, n: z_of(a, b, 2 * n), ""),
    (lambda a, b, n: z_of(a, b, sqrt(n)), ""),
]


# ---------------------------------------------------------------- 9
class PlainPython(NumpyLayer):
    """The hash in plain Python integers."""

    @staticmethod
    def hash(i, j, seed):
        i, j = np.ravel(i).tolist(), np.ravel(j).tolist()
        if not all(0 <= value < 2**32 for value in [*i, *j, seed]):
            raise ValueError("seed and indices must be in 0..2**32-1")
        hashes = []
        for lanes in zip(i, j, strict=True):
            h = (seed + 0x165667B1 + 8) & MASK
            for lane in lanes:
                h = (h + lane * P3) & MASK
                h = ((h << 17 | h >> 15) & MASK) * 0x27D4EB2F & MASK
            hashes.append(avalanche(h))
        return hashes


class Einsum(NumpyLayer):
    def forward(self, a):
        super().forward(a)
        ones = np.insert(a, 0, 1, axis=1) if self.spec.bias == "column" else a
        return np.einsum("bj,ij->bi", ones, np.asarray(self.gather())).astype(a.dtype) + (
            0 if getattr(self, "b", None) is None else self.b
        )


class SlowHash(NumpyLayer):
    @staticmethod
    def hash(i, j, seed):
        return np.array(PlainPython.hash(i, j, seed), dtype=object)


class SwappedShifts(NumpyLayer):
    @staticmethod
    def hash(i, j, seed):
        return NumpyLayer.hash(i, j, seed) ^ np.uint32(1)


class NegatedGather(NumpyLayer):
    def gather(self):
        return -np.asarray(super().gather())


class FancyScatter(NumpyLayer):
    def scatter_add(self, dV):
        return np.asarray(super().scatter_add(dV)) * 2


class TransposedForward(NumpyLayer):
    def forward(self, a):
        return np.asarray(super().forward(a)).T


class PrintedForward(NumpyLayer):
    def forward(self, a):
        print(super().forward(a))


class NoInputGradient(NumpyLayer):
    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        return dw, db, np.zeros_like(da)


RIGHT[checks.rung] = [(PlainPython, "hash"), (SlowHash, "hash"), (NumpyLayer, "forward")]
WRONG[checks.rung] = [
    ((SwappedShifts, "hash"), "golden vectors fail"),
    ((NegatedGather, "gather"), "golden vectors fail"),
    ((FancyScatter, "scatter-add"), "golden vectors fail"),
    ((TransposedForward, "forward"), ""),
    ((PrintedForward, "forward"), ""),
    ((NoInputGradient, "gradients"), "golden vectors fail"),
    ((NumpyLayer, "Hash"), "no rung"),
]

# ---------------------------------------------------------------- the puzzles
MORE_PUZZLES = {  # right answers, and wrong ones
    "dense_table": (
        [
            lambda n, m: np.ogrid[:n, :m][0] * m + np.ogrid[:n, :m][1],
            lambda n, m: np.reshape(range(n * m), (n, m)),
            lambda n, m: np.add.outer(m * np.arange(n), np.arange(m)),
        ],
        [
            lambda n, m: np.arange(n * m).reshape(m, n).T,
            lambda n, m: np.arange(n)[:, None] * n + np.arange(m),
            lambda n, m: np.arange(n)[:, None] + np.arange(m),
            lambda n, m: np.arange(n * m),
            lambda n, m: np.ones((n, m)),
            lambda n, m: np.arange(1, n * m + 1).reshape(n, m),
        ],
    ),
    "circulant": (
        [
            lambda n, m: np.subtract.outer(-np.arange(n), -np.arange(m)) % m,
            lambda n, m: np.mod(np.arange(m)[None] + (m - 1) * np.arange(n)[:, None], m),
            lambda n, m: np.fromfunction(lambda i, j: (j - i) % m, (n, m)),
        ],
        [
            lambda n, m: (np.arange(m) + np.arange(n)[:, None]) % m,
            lambda n, m: (np.arange(n)[:, None] - np.arange(m)) % m,
            lambda n, m: np.arange(m) - np.arange(n)[:, None],
            lambda n, m: np.abs(np.arange(m) - np.arange(n)[:, None]) % m,
            lambda n, m: (np.arange(m) - np.arange(n)[:, None]) % n,
            lambda n, m: np.tile(np.arange(m), (n, 1)),
        ],
    ),
    "squares": (
        [
            lambda n, m, s: np.fromfunction(lambda i, j: i // s * ((m + s - 1) // s) + j // s, (n, m)),
            lambda n, m, s: np.repeat(
                np.repeat(np.arange(-(-n // s) * -(-m // s)).reshape(-(-n // s), -1), s, 0), s, 1
            )[:n, :m],
            lambda n, m, s: np.add.outer(np.arange(n) // s * int(np.ceil(m / s)), np.arange(m) // s),
        ],
        [
            lambda n, m, s: np.arange(n)[:, None] // s * (m // s) + np.arange(m) // s,
            lambda n, m, s: np.arange(n)[:, None] // s + np.arange(m) // s,
            lambda n, m, s: np.arange(n)[:, None] // s * -(-n // s) + np.arange(m) // s,
            lambda n, m, s: np.arange(n)[:, None] / s * -(-m // s) + np.arange(m) / s,
            lambda n, m, s: np.arange(n * m).reshape(n, m) // s,
            lambda n, m, s: np.arange(n)[:, None] % s * -(-m // s) + np.arange(m) % s,
        ],
    ),
    "balanced": (
        [
            lambda n, m, shift: np.fromfunction(
                lambda i, j: (i * m + j + shift[(i * m + j) // len(shift) % len(shift)]) % len(shift), (n, m), dtype=int
            ),
            lambda n, m, shift: (
                (np.arange(n * m) % len(shift) + np.resize(np.repeat(shift, len(shift)), n * m)).reshape(n, m)
                % len(shift)
            ),
        ],
        [
            lambda n, m, shift: (np.arange(n * m) + shift[0]).reshape(n, m) % len(shift),
            lambda n, m, shift: (
                (np.arange(n * m) - shift[np.arange(n * m) // len(shift) % len(shift)]).reshape(n, m) % len(shift)
            ),
            lambda n, m, shift: np.arange(n * m).reshape(n, m) % len(shift),
            lambda n, m, shift: (
                (np.arange(n * m) + shift[np.arange(n * m) // m % len(shift)]).reshape(n, m) % len(shift)
            ),
            lambda n, m, shift: (
                np.arange(n * m).reshape(n, m) + shift[np.arange(n * m).reshape(n, m) // len(shift) % len(shift)]
            ),
            lambda n, m, shift: shift[np.arange(n * m).reshape(n, m) % len(shift)],
        ],
    ),
    "gather": (
        [
            lambda w, k, s: np.copysign(w[k], w[k] * s),
            lambda w, k, s: np.take(w * 1.0, k) * s,
            lambda w, k, s: (np.eye(len(w))[k] @ w) * s,
        ],
        [
            lambda w, k, s: w[k],
            lambda w, k, s: w[k * s],
            lambda w, k, s: w[np.abs(k - 1)] * s,
            lambda w, k, s: k * s,
            lambda w, k, s: (w[k] * s)[::-1],
            lambda w, k, s: w[k] * s[::-1],
        ],
    ),
    "scatter_add": (
        [
            lambda dV, k, s, K: [(dV * s)[k == n].sum() for n in range(K)],
            lambda dV, k, s, K: np.eye(K)[:, k.ravel()] @ (dV * s).ravel(),
        ],
        [
            lambda dV, k, s, K: np.bincount(k.ravel(), dV.ravel(), K),
            lambda dV, k, s, K: np.bincount(k.ravel(), (dV * s).ravel()),
            lambda dV, k, s, K: np.bincount(k.T.ravel(), (dV * s).ravel(), K),
            lambda dV, k, s, K: np.bincount(k.ravel(), s.ravel(), K),
            lambda dV, k, s, K: np.bincount(k[0], (dV * s)[0], K),
            lambda dV, k, s, K: (dV * s).sum(axis=0),
        ],
    ),
    "loads": (
        [
            lambda k, K: np.histogram(k, np.arange(K + 1))[0],
            lambda k, K: [int((k == n).sum()) for n in range(K)],
            lambda k, K: np.sum(np.eye(K)[k], axis=(0, 1)),
        ],
        [
            lambda k, K: np.bincount(k.ravel()),
            lambda k, K: np.bincount(k[0], minlength=K),
            lambda k, K: np.unique(k, return_counts=True)[1],
            lambda k, K: np.full(K, k.size / K),
            lambda k, K: np.bincount(k.ravel(), minlength=K) > 0,
            lambda k, K: np.bincount(k.ravel(), minlength=K) / k.size,
        ],
    ),
    "mates": (
        [
            lambda k, i, j: np.isin(k, k[i, j]),
            lambda k, i, j: ~(k - k[i, j]).astype(bool),
            lambda k, i, j: np.where(k - k[i][j], 0, 1),
        ],
        [
            lambda k, i, j: k == k[j % len(k), i % len(k[0])] + 1,
            lambda k, i, j: k != k[i, j],
            lambda k, i, j: k == k[i],
            lambda k, i, j: k == k[-1, 1],
            lambda k, i, j: k == k[i, 1],
            lambda k, i, j: k == k[-1, j],
            lambda k, i, j: np.argwhere(k == k[i, j]),
            lambda k, i, j: k == i,
        ],
    ),
    "features": (
        [
            lambda a, k, K: np.einsum("j,ijk->ik", a, np.eye(K)[k]),
            lambda a, k, K: ((k[..., None] == np.arange(K)) * a[None, :, None]).sum(1),
            lambda a, k, K: [np.bincount(row, a, K).tolist() for row in k],
        ],
        [
            lambda a, k, K: np.bincount(k.ravel(), np.tile(a, len(k)), K),
            lambda a, k, K: (k[..., None] == np.arange(K)).sum(axis=1),
            lambda a, k, K: np.array([np.bincount(row, a, K) for row in k]).T,
            lambda a, k, K: a[k % len(a)],
            lambda a, k, K: np.array([np.bincount(row, a[::-1], K) for row in k]),
            lambda a, k, K: np.array([np.bincount(k[0], a, K) for _ in k]),
        ],
    ),
    "forward": (
        [
            lambda w, k, s, a: ((w[k] * s) @ a.T).T,
            lambda w, k, s, a: np.inner(a, w[k] * s),
            lambda w, k, s, a: [(w[k] * s) @ x for x in a],
        ],
        [
            lambda w, k, s, a: (w[k] * s) @ a.T,
            lambda w, k, s, a: a @ w[k].T,
            lambda w, k, s, a: np.maximum(a @ (w[k] * s).T, 0),
            lambda w, k, s, a: a[:1] @ (w[k] * s).T,
            lambda w, k, s, a: a @ (w[k] * s).T / len(a),
            lambda w, k, s, a: a @ s.T,
        ],
    ),
    "input_gradient": (
        [
            lambda dz, w, k, s: ((w[k] * s).T @ dz.T).T,
            lambda dz, w, k, s: np.inner(dz, (w[k] * s).T),
            lambda dz, w, k, s: [row @ (w[k] * s) for row in dz],
        ],
        [
            lambda dz, w, k, s: (w[k] * s).T @ dz.T,
            lambda dz, w, k, s: dz @ w[k],
            lambda dz, w, k, s: dz @ (w[k] * s) / len(dz),
            lambda dz, w, k, s: (dz @ (w[k] * s)).sum(axis=0),
            lambda dz, w, k, s: dz @ s,
            lambda dz, w, k, s: dz[::-1] @ (w[k] * s),
        ],
    ),
    "bias_column": (
        [
            lambda a: np.pad(a, ((0, 0), (1, 0)), constant_values=1),
            lambda a: np.hstack([np.ones((len(a), 1)), a]),
            lambda a: [[1, *row] for row in a],
        ],
        [
            lambda a: np.append(a, np.ones((len(a), 1)), axis=1),
            lambda a: np.insert(a, 0, 1, axis=0),
            lambda a: np.insert(a, 0, 0, axis=1),
            lambda a: np.insert(a, 0, 1),
            lambda a: np.insert(a[:, 1:], 0, 1, axis=1),
            lambda a: a + 1,
        ],
    ),
}
for name, (right, wrong) in MORE_PUZZLES.items():
    RIGHT[checks.puzzle, name] = right
    WRONG[checks.puzzle, name] = [(answer, "") for answer in wrong]
