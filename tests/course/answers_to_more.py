"""Right and wrong answers to the exercises of lessons 4, 6, 7 and 9 and to the sharing puzzles; see answers_to_lessons.

Keys of the puzzles are pairs of the check and the puzzle's name.
"""

from functools import partial
from math import exp

import numpy as np

from hashnets_np.conformance import Adapter, NotCovered
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}

# ---------------------------------------------------------------- 4.1, 7.5: numbers
N = 2000 * 500
RIGHT[checks.table_bytes] = [13 * N, 13e6, np.float64(13_000_000), np.array(13 * N)]
WRONG[checks.table_bytes] = [
    (9 * N, "V itself"),
    (4 * N, "V alone"),
    (12 * N, "sign table"),
    (20 * N, "1 byte, not 8"),
    (13, "megabytes"),
    (N, "number of"),
    (8 * 13 * N, "bits"),
    (None, "missing"),
    ("13 MB", "numbers"),
    (7 * N, "is not"),
    ([13 * N], "shape"),
    (16 * N, "not 4"),
]
RIGHT[checks.weights_needed] = [1600, (2 / 0.05) ** 2, np.int64(1600), np.round(4 / 0.0025)]
WRONG[checks.weights_needed] = [
    (40, "square root"),
    (400, "1 / sqrt"),
    (0.16, "0.05"),
    (6400, "half of 5 %"),
    (4160, "width"),
    (None, "missing"),
    (1000, "is not"),
    ([1600], "shape"), (..., "missing"),
]


# ---------------------------------------------------------------- 4.2
def blocks(n, size):
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def tiled(w, a, m, size):
    z = np.zeros((len(a), m.n_out))
    for rows in blocks(m.n_out, size):
        for cols in blocks(m.n_cols, size):
            bucket, sign = m.tile(rows, cols)
            z[:, rows] += a[:, cols] @ (w[bucket] * sign).T
    return z


def tiled_in_place(w, a, m, size):
    z = []
    for rows in blocks(m.n_out, size):
        z.append(sum(np.dot(a[:, cols], np.multiply(w[m.tile(rows, cols)[0]], m.tile(rows, cols)[1]).T)
                     for cols in blocks(m.n_cols, size)))
    a *= 0
    return np.hstack(z)


def one_by_one(w, a, m, size):
    z = [[0.0] * m.n_out for _ in a]
    for i in range(m.n_out):
        for j in range(m.n_cols):
            k, xi = m.lookup(i, j)
            for b in range(len(a)):
                z[b][i] += w[k] * xi * a[b, j]
    return z


def row_by_row(w, a, m, size):
    bucket, sign = zip(*(m.tile(slice(i, i + 1)) for i in range(m.n_out)), strict=True)
    return a @ (w[np.vstack(bucket)] * np.vstack(sign)).T


def overwriting(w, a, m, size):
    z = np.zeros((len(a), m.n_out))
    for rows in blocks(m.n_out, size):
        for cols in blocks(m.n_cols, size):
            bucket, sign = m.tile(rows, cols)
            z[:, rows] = a[:, cols] @ (w[bucket] * sign).T
    return z


def unsigned_tiles(w, a, m, size):
    z = np.zeros((len(a), m.n_out))
    for rows in blocks(m.n_out, size):
        for cols in blocks(m.n_cols, size):
            z[:, rows] += a[:, cols] @ w[m.tile(rows, cols)[0]].T
    return z


def whole_tiles_only(w, a, m, size):
    z = np.zeros((len(a), m.n_out))
    for top in range(m.n_out // size):
        for left in range(m.n_cols // size):
            rows, cols = (slice(k * size, (k + 1) * size) for k in (top, left))
            bucket, sign = m.tile(rows, cols)
            z[:, rows] += a[:, cols] @ (w[bucket] * sign).T
    return z


RIGHT[checks.tiled_forward] = [
    tiled, tiled_in_place, one_by_one,
    lambda w, a, m, size: tiled(w, a, m, max(1, size - 1)), lambda *args: tiled(*args).astype(np.float32),
]
WRONG[checks.tiled_forward] = [
    (lambda w, a, m, size: a @ (w[m.table()[0]] * m.table()[1]).T, "whole table"), (overwriting, "overwrites"),
    (lambda w, a, m, size: tiled(w, a, m, 2 * size), "a tile of"), (row_by_row, "a tile of"), (unsigned_tiles, "signs"),
    (whole_tiles_only, "last rows or columns"), (lambda *args: tiled(*args).T, "shape"), (lambda *args: None, "None"),
    (lambda *args: 2 * tiled(*args), "not right"), (lambda w, a, m, size: a @ w, "shapes don't fit"),
]


# ---------------------------------------------------------------- 4.3
def flat_sum(dV, bucket, sign, buckets):
    return np.bincount(bucket.ravel(), (dV * sign).ravel(), minlength=buckets)


def in_chunks(dV, bucket, sign, buckets, chunks, parts=None):
    dw = np.zeros(buckets)
    for rows in np.array_split(np.arange(len(dV)), chunks) if parts is None else parts:
        dw += flat_sum(dV[rows], bucket[rows], sign[rows], buckets)
    return dw


def planted(dV, bucket, sign, buckets, chunks):
    step = len(dV) // chunks
    return in_chunks(dV, bucket, sign, buckets, chunks, [np.arange(c * step, (c + 1) * step) for c in range(chunks)])


def last_only(dV, bucket, sign, buckets, chunks):
    rows = np.array_split(np.arange(len(dV)), chunks)[-1]
    return flat_sum(dV[rows], bucket[rows], sign[rows], buckets)


def fancy_chunks(dV, bucket, sign, buckets, chunks):
    dw = np.zeros(buckets)
    for rows in np.array_split(np.arange(len(dV)), chunks):
        dw[bucket[rows]] += (dV * sign)[rows]
    return dw


def strided(dV, bucket, sign, buckets, chunks):
    return in_chunks(dV, bucket, sign, buckets, chunks, [np.arange(c, len(dV), chunks) for c in range(chunks)])


RIGHT[checks.chunked_scatter] = [
    in_chunks, strided, lambda dV, bucket, sign, buckets, chunks: flat_sum(dV, bucket, sign, buckets).tolist(),
    lambda dV, k, s, K, chunks: sum(
        flat_sum(*part, K) for part in zip(*(np.array_split(x, chunks) for x in (dV, k, s)), strict=True)),
]
WRONG[checks.chunked_scatter] = [
    (planted, "rows are lost"), (last_only, "only the last chunk"), (fancy_chunks, "adds once"),
    (lambda dV, bucket, sign, buckets, chunks: np.bincount(bucket.ravel(), dV.ravel(), buckets), "signs"),
    (lambda *args: in_chunks(*args) / args[-1], "mean"), (lambda *args: args[0], "shape"), (lambda *args: None, "None"),
    (lambda dV, bucket, sign, buckets, chunks: np.bincount(bucket, dV, buckets), "flat"),
]


# ---------------------------------------------------------------- 4.4
def divisor(K, extra=31, up=1):
    shift = extra + (K - 1).bit_length()
    return (2**shift + up * (K - 1)) // K, shift


RIGHT[checks.division_by_multiplication] = [
    divisor, lambda K: [-(-(1 << divisor(K)[1]) // K), divisor(K)[1]],
    lambda K: (float(s) if s < 99 else s for s in (divisor(K))),
    lambda K: tuple(map(np.uint64, divisor(K))),
]
WRONG[checks.division_by_multiplication] = [
    (lambda K: divisor(K, up=0), "round the multiplier up"), (lambda K: divisor(K, extra=16), "is not y // K"),
    (lambda K: divisor(K, extra=80), "64 bits"),
    (lambda K: (1, K.bit_length() - 1), "is not"),
    (lambda K: 1 / K, "two values"),
    (lambda K: (1 / K, 0), "whole number"), (lambda K: (0, 0), "is not"), (lambda K: (2**31 // K, 31), "is not"),
    (lambda K: (-1, 3), "came"), (lambda K: divisor(K)[::-1], ""),
]


# ---------------------------------------------------------------- 6.1, 6.2
def S_of(bucket, sign, buckets):
    return np.eye(buckets)[bucket.ravel()] * sign.reshape(-1, 1)


def S_by_loops(bucket, sign, buckets):
    S = [[0] * buckets for _ in range(bucket.size)]
    for row, (k, xi) in enumerate(zip(bucket.flat, sign.flat, strict=True)):
        S[row][k] = int(xi)
    return S


RIGHT[checks.sharing_matrix] = [
    S_of, S_by_loops, lambda k, s, K: (k.ravel()[:, None] == np.arange(K)) * s.ravel()[:, None],
    lambda bucket, sign, buckets: S_of(bucket, sign, buckets).astype(np.int8),
]
WRONG[checks.sharing_matrix] = [
    (lambda bucket, sign, buckets: abs(S_of(bucket, sign, buckets)), "signs are missing"),
    (lambda *a: S_of(*a).T, "transposed"),
    (lambda bucket, sign, buckets: S_of(bucket.T, sign.T, buckets), "column by column"),
    (lambda bucket, sign, buckets: S_of(bucket, sign, buckets).reshape(*bucket.shape, -1), "S is a matrix"),
    (lambda *a: -S_of(*a), "wrong way round"),
    (lambda bucket, sign, buckets: bucket * sign, "shape"),
    (lambda *a: None, "None"),
    (lambda *a: S_of(*a) / np.maximum(abs(S_of(*a)).sum(0), 1), "loads"), (lambda *a: 2 * S_of(*a), "2 times"),
]


def S_conv(n_in, size):
    i, j = np.divmod(np.arange((n_in - size + 1) * n_in), n_in)
    return (j - i)[:, None] == np.arange(size)


def S_conv_loops(n_in, size):
    S = np.zeros((n_in - size + 1, n_in, size), np.float32)
    for i in range(n_in - size + 1):
        S[i, i : i + size] = np.eye(size)
    return S.reshape(-1, size)


def circular(n_in, size):
    i, j = np.divmod(np.arange(n_in * n_in), n_in)
    return (j - i)[:, None] % n_in == np.arange(size)


RIGHT[checks.convolution_matrix] = [S_conv, S_conv_loops, lambda *a: S_conv(*a).astype(int).tolist()]
WRONG[checks.convolution_matrix] = [
    (lambda *a: S_conv(*a)[:, ::-1], "flipped|not right"), (circular, "wraps around"),
    (lambda n, k: S_conv(n, k).T, "transposed"), (lambda n, k: S_conv(n, k).reshape(-1, n, k), "S is a matrix"),
    (lambda n, k: np.tile(np.eye(n, k), (n - k + 1, 1)), "does not move"),
    (lambda n, k: np.eye(k), "shape"),
    (lambda n, k: None, "None"),
    (lambda n, k: S_conv(n, k).reshape(-1, n, k).transpose(1, 0, 2).reshape(-1, k), "column by column"),
]

# ---------------------------------------------------------------- 6.3 to 6.5
RIGHT[checks.low_rank_gradient] = [
    lambda dV, R: dV @ R.T, lambda dV, R: np.einsum("ij,rj->ir", dV, R), lambda dV, R: (R @ dV.T).T,
    lambda dV, R: [[float(row @ r) for r in R] for row in dV],
]
WRONG[checks.low_rank_gradient] = [
    (lambda dV, R: dV @ R, "R is transposed"),
    (lambda dV, R: dV.T @ R.T, "dV is transposed"),
    (lambda dV, R: R @ dV.T, "dU transposed"),
    (lambda dV, R: dV @ np.linalg.pinv(R), "inverse"),
    (lambda dV, R: dV @ R.T / len(R), "rank"),
    (lambda dV, R: dV, "shape|not right"),
    (lambda dV, R: -dV @ R.T, "-1 times"),
    (lambda dV, R: dV @ R.T / R.shape[1], "inputs"),
    (lambda dV, R: None, "None"),
]


def softmax(z):
    odds = np.exp(z - z.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def dark(z, q, T):
    return T * (softmax(z / T) - q) / len(z)


def dark_in_place(z, q, T):
    z /= T
    z -= z.max(axis=1)[:, None]
    np.exp(z, out=z)
    z /= z.sum(axis=1)[:, None]
    z -= q
    z *= T / len(z)
    return z


def dark_by_slopes(z, q, T):
    def loss(z):
        return -(T**2) * np.mean(np.sum(q * np.log(softmax(z / T)), axis=1))
    dz = np.zeros_like(z)
    for at in np.ndindex(*z.shape):
        e = np.zeros_like(z)
        e[at] = 1e-4
        dz[at] = (8 * (loss(z + e) - loss(z - e)) - loss(z + 2 * e) + loss(z - 2 * e)) / 12e-4
    return dz


RIGHT[checks.dark_gradient] = [
    dark, dark_in_place, dark_by_slopes, lambda z, q, T: [(T * (softmax(row[None] / T)[0] - p) / len(z)).tolist()
                                                          for row, p in zip(z, q, strict=True)],
]
WRONG[checks.dark_gradient] = [
    (lambda z, q, T: (softmax(z / T) - q) / len(z), "T is left"), (lambda z, q, T: T * dark(z, q, T), "T is T"),
    (lambda z, q, T: dark(z, q, T) / T**2, "factor"), (lambda z, q, T: dark(z, q, T) * len(z), "mean over the batch"),
    (lambda z, q, T: -dark(z, q, T), "wrong way round"),
    (lambda z, q, T: T * (softmax(z) - q) / len(z), "divided by T, too"),
    (lambda z, q, T: T * (softmax(z * T) - q) / len(z), "multiplies"), (lambda z, q, T: dark(z, q, T).sum(), "shape"),
    (lambda z, q, T: dark(z, q, T) * len(z) / z.shape[1], "classes"),
]
RIGHT[checks.units_without_edges] = [
    lambda n, p: (1 - p) ** n, lambda n, p: exp(n * np.log1p(-p)), lambda n, p: np.prod(np.full(n, 1 - p)),
    lambda n, p: float(np.power(1.0 - p, n)),
]
WRONG[checks.units_without_edges] = [
    (lambda n, p: 1 - (1 - p) ** n, "at least one"),
    (lambda n, p: p**n, "all connections"),
    (lambda n, p: exp(-n * p), "limit"),
    (lambda n, p: n * p, "mean number"),
    (lambda n, p: 1 - p, "one connection is lost"),
    (lambda n, p: 1 - n * p, "multiplied"),
    (lambda n, p: n * p * (1 - p) ** (n - 1), "exactly one"), (lambda n, p: None, "None"), (lambda n, p: 0.5, "too"),
]


# ---------------------------------------------------------------- 7
def kept(c):
    return c * (1 - np.exp(-1 / c))


RIGHT[checks.lost_share] = [
    lambda c: 1 - kept(c), lambda c: 1 - c + c * exp(-1 / c), lambda c: 1 + c * np.expm1(-1 / c),
    lambda c: np.float32(1 - kept(c)),
]
WRONG[checks.lost_share] = [
    (kept, "kept"), (lambda c: 1 - c, "empty buckets"), (lambda c: 1 - exp(-1 / c), "used, not of dimensions"),
    (lambda c: exp(-1 / c), "share of empty"),
    (lambda c: 100 * (1 - kept(c)), "percent"),
    (lambda c: 1 - c * exp(-1 / c), "not empty"),
    (lambda c: 1 - c * (1 - exp(-c)), "exp"),
    (lambda c: None, "None"),
    (lambda c: [0.5], "shape"),
    (lambda c: 0.875, "too"),
]


def nearest_by_least_squares(V, bucket, sign, buckets):
    return np.linalg.lstsq(S_of(bucket, sign, buckets), V.ravel(), rcond=None)[0]


def mean_of_bucket(V, bucket, sign, buckets):
    return [float(np.mean((V * sign)[bucket == k])) if (bucket == k).any() else 0.0 for k in range(buckets)]


def where_divided(V, bucket, sign, buckets):
    load = np.bincount(bucket.ravel(), minlength=buckets)
    V *= sign
    return np.divide(flat_sum(V, bucket, 1, buckets), load, out=np.zeros(buckets), where=load > 0)


def load_of(bucket, buckets):
    return np.maximum(np.bincount(bucket.ravel(), minlength=buckets), 1)


RIGHT[checks.projected_weights] = [nearest_by_least_squares, mean_of_bucket, where_divided]
WRONG[checks.projected_weights] = [
    (flat_sum, "sum over each bucket"), (lambda V, k, s, K: flat_sum(V, k, 1, K) / load_of(k, K), "signs are missing"),
    (lambda V, k, s, K: flat_sum(V, k, s, K) / np.bincount(k.ravel(), minlength=K), "empty bucket"),
    (lambda V, k, s, K: flat_sum(V, k, s, K) / K, "by K"),
    (lambda V, k, s, K: flat_sum(V, k, s, K) / (V.size / K), "same number"),
    (lambda V, k, s, K: flat_sum(V, k, s, K) / np.sqrt(load_of(k, K)), "root"), (lambda V, k, s, K: V * s, "shape"),
    (lambda V, k, s, K: flat_sum(V, k, 1, K), "signs are missing"), (lambda *a: None, "None"),
]


def kernel(g, bucket, sign, buckets):
    f = np.stack([flat_sum(one, bucket, sign, buckets) for one in g])
    return f @ f.T


RIGHT[checks.hashed_kernel] = [
    kernel, lambda g, k, s, K: (g.reshape(len(g), -1) @ S_of(k, s, K)) @ (g.reshape(len(g), -1) @ S_of(k, s, K)).T,
    lambda g, k, s, K: [[float(flat_sum(a, k, s, K) @ flat_sum(b, k, s, K)) for b in g] for a in g],
    lambda g, k, s, K: kernel(g, k, s, K).astype(np.float32),
]
WRONG[checks.hashed_kernel] = [
    (lambda g, k, s, K: np.einsum("aij,bij->ab", g, g), "exact|signs alone"),
    (lambda g, k, s, K: kernel(g, k, 1, K), "signs are missing"),
    (lambda g, k, s, K: np.stack([flat_sum(one, k, s, K) for one in g]), "take their inner products|not right|shape"),
    (lambda g, k, s, K: kernel(g, k, s, K) / K, "averaged"), (lambda g, k, s, K: kernel(g, k, s, K) ** 2, "not right"),
    (lambda g, k, s, K: np.corrcoef(g.reshape(len(g), -1)), "not right"), (lambda g, k, s, K: None, "None"),
    (lambda g, k, s, K: kernel(g, k, s, K) / np.sqrt(np.outer(*[np.diag(kernel(g, k, s, K))] * 2)), "cosines"),
    (lambda g, k, s, K: flat_sum(g, k, s, K), "length|shapes|stopped"),
]


def noise(g, K):
    return np.sqrt(2 * ((g @ g) ** 2 - (g**2) @ (g**2)) / K) / (g @ g)


RIGHT[checks.noise_of_length] = [
    noise, lambda g, K: np.sqrt(np.sum(np.triu(2 * np.outer(g, g), 1) ** 2) / K) / np.sum(g**2),
    lambda g, K: (4 * sum((g[i] * g[j]) ** 2 for i in range(len(g)) for j in range(i)) / K) ** 0.5 / (g @ g),
    lambda g, K: np.linalg.norm(np.tril(np.outer(g, g) + np.outer(g, g), -1)) / K**0.5 / np.linalg.norm(g) ** 2,
]
WRONG[checks.noise_of_length] = [
    (lambda g, K: noise(g, K) ** 2, "variance"),
    (lambda g, K: np.sqrt(2 / K), "do not vary"),
    (lambda g, K: np.sqrt(((g @ g) ** 2 - g**2 @ g**2) / K) / (g @ g), "meet together"),
    (lambda g, K: noise(g, 1), "1/K"),
    (lambda g, K: noise(g, 1) / K, "root of 1/K"), (lambda g, K: noise(g, K) * (g @ g), "divide by the squared"),
    (lambda g, K: (noise(g, K) * (g @ g)) ** 2, "take the root"),
    (lambda g, K: noise(g, K) * np.linalg.norm(g), "not by the length"),
    (lambda g, K: 2 / np.sqrt(K), "angle"),
    (lambda g, K: g, "shape"),
    (lambda g, K: np.sum(g**4) / (g @ g) ** 2, "share"),
    (lambda g, K: np.sqrt((2 * (g @ g) ** 2 - g**2 @ g**2) / K) / (g @ g), "twice"),
]


def parts(p, y):
    truth, mean = np.eye(p.shape[2])[y], p.mean(0)
    return np.mean(np.sum((mean - truth) ** 2, 1)), np.mean(np.sum((p - mean) ** 2, 2))


def parts_by_difference(p, y):
    truth = np.eye(p.shape[2])[y]
    bias = ((p.mean(0) - truth) ** 2).sum() / len(y)
    return [bias, ((p - truth) ** 2).sum() / len(y) / len(p) - bias]


def whole_error(p, y):
    return np.mean(np.sum((p - np.eye(p.shape[2])[y]) ** 2, 2))


RIGHT[checks.bias_and_variance] = [
    parts, parts_by_difference, lambda p, y: np.array(parts(p, y)),
    lambda p, y: (parts(p, y)[0], np.var(p, axis=0).sum(1).mean()),
]
WRONG[checks.bias_and_variance] = [
    (lambda p, y: (whole_error(p, y), parts(p, y)[1]), "whole squared error"),
    (lambda p, y: parts(p, y)[::-1], "order"),
    (lambda p, y: (parts(p, y)[0] / p.shape[2], parts(p, y)[1] / p.shape[2]), "over the classes"),
    (lambda p, y: (parts(p, y)[0], np.var(p, axis=0, ddof=1).sum(1).mean()), "number of runs"),
    (lambda p, y: np.sqrt(parts(p, y)), "roots"),
    (lambda p, y: parts(p, y)[0], "two values"),
    (lambda p, y: (0.1, 0.2), "not right"),
    (lambda p, y: (parts(p, y)[0], 0.0), "the variance is"),
    (lambda p, y: (parts(p, y)[0], parts(p, y)[0]), "twice"),
    (None, "itself"),
]


# ---------------------------------------------------------------- 9: an adapter and a topic
class Bare(Adapter):
    """Nothing but the hash, right."""

    hash = staticmethod(NumpyLayer.hash)


class Exchanged(NumpyLayer):
    @staticmethod
    def hash(i, j, seed):
        return NumpyLayer.hash(j, i, seed)


class Crashing(NumpyLayer):
    def forward(self, a):
        return a.no_such_thing


class Accepting(NumpyLayer):
    @staticmethod
    def hash(i, j, seed):
        return NumpyLayer.hash(i & 0xFFFFFFFF, j & 0xFFFFFFFF, seed & 0xFFFFFFFF)


class Lazy(NumpyLayer):
    def gather(self):
        raise NotCovered("later")


class Mean(NumpyLayer):
    def backward(self, a, dz):
        dw, db, da = super().backward(a, dz)
        return dw / len(a), db, da


class Unsigned(NumpyLayer):
    @staticmethod
    def bucket_sign(i, j, kind, buckets, seed):
        bucket, sign = NumpyLayer.bucket_sign(i, j, kind, buckets, seed)
        return bucket, np.abs(sign)


class Lists(NumpyLayer):
    def gather(self):
        return np.asarray(super().gather()).tolist()


RIGHT[checks.rung] = [(Bare, "hash"), (NumpyLayer, "gradients"), (Lists, "gather"), (Crashing, "scatter-add")]
WRONG[checks.rung] = [
    ((Exchanged, "hash"), "golden vectors fail"),
    ((Bare, "bucket-sign"), "not covered"),
    ((Crashing, "forward"), "stopped"),
    ((Lazy, "gather"), "not covered"),
    ((Mean, "gradients"), "golden vectors fail"),
    ((Unsigned, "gather"), "bucket-sign"),
    ((Accepting, "hash"), "should raise"),
    ((Bare(None, None, None), "hash"), "class itself"),
    ((Bare, "top"), "no rung"),
    ((int, "hash"), "class itself"), ((Adapter, "hash"), "not covered"),
]


# ---------------------------------------------------------------- the puzzles
def by_loops(name):
    """The specification itself: slow, and right."""
    return checks.puzzles.PUZZLES[name].specification


def two_pieces(n, m, shift):
    K, g = len(shift), np.arange(n * m)
    return (g + shift[g // K % K]).reshape(n, m) % K


def two_pieces_in_loops(n, m, shift):
    K = len(shift)
    return [[(i * m + j + int(shift[(i * m + j) // K % K])) % K for j in range(m)] for i in range(n)]


def by_kron(n, m, s):
    across = -(-m // s)
    return np.kron(np.arange(-(-n // s) * across).reshape(-1, across), np.ones((s, s)))[:n, :m]


PUZZLES = {  # two answers for each; more right and wrong answers are made from them
    "dense_table": [lambda n, m: np.arange(n * m).reshape(n, m), lambda n, m: np.arange(n)[:, None] * m + np.arange(m)],
    "circulant": [lambda n, m: (np.arange(m) - np.arange(n)[:, None]) % m,
                  lambda n, m: np.stack([np.roll(np.arange(m), i) for i in range(n)])],
    "squares": [lambda n, m, s: np.arange(n)[:, None] // s * -(-m // s) + np.arange(m) // s, by_kron],
    "balanced": [two_pieces, two_pieces_in_loops],
    "gather": [lambda w, bucket, sign: w[bucket] * sign, lambda w, k, s: np.where(s > 0, w[k], -w[k])],
    "scatter_add": [flat_sum, lambda dV, k, s, K: np.einsum("ij,ijk", dV * s, k[..., None] == np.arange(K))],
    "loads": [lambda bucket, K: np.bincount(bucket.ravel(), minlength=K),
              lambda bucket, K: (bucket[..., None] == np.arange(K)).sum((0, 1))],
    "mates": [lambda bucket, i, j: bucket == bucket[i, j], lambda k, i, j: np.equal(k, k[i][j]).astype(int)],
    "features": [lambda a, bucket, K: a @ (bucket[..., None] == np.arange(K)),
                 lambda a, bucket, K: np.stack([np.bincount(row, a, K) for row in bucket])],
    "forward": [lambda w, bucket, sign, a: a @ (w[bucket] * sign).T,
                lambda w, k, s, a: np.einsum("ij,bj->bi", w[k] * s, a)],
    "input_gradient": [lambda dz, w, bucket, sign: dz @ (w[bucket] * sign),
                       lambda dz, w, k, s: np.einsum("ij,bi->bj", w[k] * s, dz)],
    "bias_column": [lambda a: np.insert(a, 0, 1.0, axis=1), lambda a: np.c_[np.ones(len(a)), a]],
}


def changed(answer, change, *arguments):
    return change(np.asarray(answer(*arguments), dtype=float))


MISTAKES = [  # what is done to a right answer, and the reason due
    (lambda x: x.T if x.ndim == 2 else x[::-1], "transpose|opposite order|not right"),
    (lambda x: x + 1, "one too large|not right"),
    (lambda x: x[:-1], "shape"),
    (lambda x: x[None], "shape"),
    (lambda x: 3 * x, "3 times"),
    (lambda x: np.zeros_like(x), "not right|times"),
    (lambda x: x * np.nan, "nan"), (lambda x: -x, "wrong way round"),
]
for name, answers in PUZZLES.items():
    RIGHT[checks.puzzle, name] = [*answers, by_loops(name), partial(changed, answers[0], np.ndarray.tolist)]
    WRONG[checks.puzzle, name] = [(partial(changed, answers[0], change), why) for change, why in MISTAKES]
    WRONG[checks.puzzle, name] += [(lambda *_: None, "None"),
    (lambda *_: 1 / 0, "ZeroDivision"),
    (lambda: 0, "TypeError")]
