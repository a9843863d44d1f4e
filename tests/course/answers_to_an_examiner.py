"""Right and wrong answers to the checks that an examiner found too strict, too lenient or untrue (see `test_answers`).

The examiner wrote about ten wrong and six right answers to every task from the text of the exercises alone. What the
checks judged wrongly then stands here, with answers near to it.
"""

from decimal import Decimal
from math import ceil, exp, expm1, log

import numpy as np

import hashnets_np as hn
from hashnets_np.conformance import Adapter
from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}


# ---------------------------------------------------------------- 1.1: = keeps the last number of a bucket, as fancy +=
def assigned(x, bucket, sign, buckets):
    phi = np.zeros(buckets)
    for j, k in enumerate(bucket):
        phi[k] = sign[j] * x[j]
    return phi


RIGHT[checks.hashed_features] = [
    lambda x, bucket, sign, buckets: np.bincount(bucket[sign > 0], x[sign > 0], buckets)
    - np.bincount(bucket[sign < 0], x[sign < 0], buckets),
]
WRONG[checks.hashed_features] = [
    (assigned, "only the last is left"),
    (lambda x, bucket, sign, buckets: np.bincount(bucket, sign * x, 16), "shape"),
]


# ---------------------------------------------------------------- 2.4: a small number subtracted before rounding up
RIGHT[checks.count_buckets] = [lambda c, n: -(-int(c.split("/")[0]) * n // int((c + "/1").split("/")[1])) or 1]
WRONG[checks.count_buckets] = [
    (lambda c, n: max(1, ceil(eval(c) * n - 1e-3)), "1/1009.*too few"),
    (lambda c, n: max(1, ceil(eval(c) * n - 1e-9)), "1/2147483647.*too few"),
    (lambda c, n: max(1, int(eval(c) * n + 0.999)), "1/1009.*too few"),
    (lambda c, n: max(1, ceil(round(eval(c) * n, 6))), "1/2147483647.*too few"),
    (lambda c, n: max(1, ceil(Decimal(str(eval(c))) * n)), "5/9.*too many"),
]


# ---------------------------------------------------------------- 2.6: what the seed and the rotations change
def rotated(rotation):
    def balanced(i, j, buckets, seed):
        piece, place = np.divmod(65 * i + j, buckets)
        return (place + rotation(piece, seed)) % buckets
    return balanced


def shuffled(i, j, buckets, seed):
    """Order the buckets anew for each piece, by their hashes."""
    g = 65 * np.asarray(i) + j
    bucket = np.zeros(g.shape, int)
    for piece in range(g.max() // buckets + 1):
        order = np.argsort(hn.xxh32_pair(piece, np.arange(buckets), seed))
        here = g // buckets == piece
        bucket[here] = order[g[here] % buckets]
    return bucket


RIGHT[checks.balanced_map] = [
    shuffled,
    rotated(lambda piece, seed: hn.xxh32_pair(0, piece, seed).astype(np.int64)),
    rotated(lambda piece, seed: -(hn.xxh32_pair(piece, 0, seed) >> 1).astype(np.int64)),
]
WRONG[checks.balanced_map] = [
    (rotated(lambda piece, seed: hn.xxh32_pair(piece, 0, 0).astype(np.int64) + seed), "the same weights share"),
    (rotated(lambda piece, seed: int(hn.xxh32_pair(0, 0, seed))), "rotate each piece"),
    (rotated(lambda piece, seed: hn.xxh32_pair(piece, 0, 1).astype(np.int64)), "another seed must give"),
    (rotated(lambda piece, seed: piece * seed), "one determines the other"),
]


# ---------------------------------------------------------------- 3.4: what a measurement must not touch or ignore
def restoring(loss, w, direction, step):
    saved = w.copy()
    w += step * direction
    ahead = loss(w)
    w[:] = saved - step * direction
    behind = loss(w)
    w[:] = saved
    return (ahead - behind) / (2 * step)


def shrinking(loss, w, direction, step):
    direction *= step
    return (loss(w + direction) - loss(w - direction)) / (2 * step)


def own_step(loss, w, direction, step):
    step = 1e-6
    return (loss(w + step * direction) - loss(w - step * direction)) / (2 * step)


def half_steps(loss, w, direction, step):
    return (loss(w + step / 2 * direction) - loss(w - step / 2 * direction)) / step


def of_length_1(loss, w, direction, step):
    move = step * direction / np.linalg.norm(direction)
    return (loss(w + move) - loss(w - move)) / (2 * step)


def absolute(loss, w, direction, step):
    return abs(loss(w + step * direction) - loss(w - step * direction)) / (2 * step)


RIGHT[checks.slope] = [restoring, half_steps, of_length_1]
WRONG[checks.slope] = [
    (shrinking, "direction was changed"), (own_step, "the step asked for"), (absolute, "sign is lost"),
]


# ---------------------------------------------------------------- 3.5, 5.4: an unused last bucket, weights that move
def backward_with(gradient, move=0.0):
    class MyLayer(hn.HashedLinear):
        def backward(self, dz, input_grad=True):
            bucket, sign = self.map.table()
            V = self.params["w"][bucket] * sign
            self.grads["w"] = gradient(bucket.ravel(), (dz.T @ self.a * sign).ravel(), self.map.buckets)
            if move:
                self.params["w"] = self.params["w"] - move * self.grads["w"]
            return (dz @ V)[:, 1:] if self.bias == "column" else dz @ V
    return MyLayer


RIGHT[checks.layer_gradients] = [
    backward_with(np.bincount), backward_with(lambda k, v, K: [v[k == n].sum() for n in range(K)]),
]
WRONG[checks.layer_gradients] = [
    (backward_with(lambda k, v, K: np.bincount(k, v)), "0 where no place uses it"),
    (backward_with(lambda k, v, K: [v[k == n].sum() for n in range(k.max() + 1)]), "0 where no place uses it"),
    (backward_with(np.bincount, move=0.1), "changes the weights"),
]


def stopped_early(valid_errors, test_errors):
    """Stop where the error does not fall, although it may fall again later."""
    epoch = 1
    while epoch < len(valid_errors) and valid_errors[epoch] < valid_errors[epoch - 1]:
        epoch += 1
    return epoch, test_errors[epoch - 1]


RIGHT[checks.best_epoch] = [
    lambda v, t: (int(np.argsort(v, kind="stable")[0]) + 1, t[np.argsort(v, kind="stable")[0]]),
    lambda v, t: next((n, test) for n, (valid, test) in enumerate(zip(v, t, strict=True), 1) if valid == min(v)),
]
WRONG[checks.best_epoch] = [(stopped_early, "rises for the first time")]


class DividedWeights(hn.HashedLinear):
    def backward(self, dz, input_grad=True):
        da = super().backward(dz, input_grad)
        places = np.maximum(self.map.loads(), 1)
        self.grads["w"] = self.grads["w"] / places
        self.params["w"] = self.params["w"] / places
        return da


WRONG[checks.occupancy_layer] = [(DividedWeights, "weights themselves were changed")]


# ---------------------------------------------------------------- 8.6: exactly 2 is not beyond 2
def verdict_with(agrees, contradicts):
    def claim_verdict(apart):
        n = len(apart)
        against = sum(map(contradicts, apart))
        chances = [1.0]
        for _ in range(n):  # the binomial distribution, one comparison after the other
            chances = np.convolve(chances, [1 - 0.02275, 0.02275])
        if against and sum(chances[against:]) < 0.05:
            return "not supported"
        return "supported" if 2 * sum(map(agrees, apart)) > n else "cannot tell"
    return claim_verdict


RIGHT[checks.claim_verdict] = [verdict_with(lambda z: z > 2, lambda z: z < -2)]
WRONG[checks.claim_verdict] = [
    (verdict_with(lambda z: z >= 2, lambda z: z < -2), "exactly 2"),
    (verdict_with(lambda z: z > 2, lambda z: z <= -2), "exactly 2"),
]


# ---------------------------------------------------------------- 9: the column of ones, the second call, whole numbers
class OnesLast(NumpyLayer):
    """Put the column of ones behind the input."""

    def __init__(self, spec, w, b):
        super().__init__(spec, w, b)
        self.has_column = spec.bias == "column"

    def forward(self, a):
        right = super().forward(a)
        V = np.asarray(self.gather())
        return np.asarray(a @ V[:, :-1].T + V[:, -1], dtype=V.dtype) if self.has_column else right


class LargerEachTime(NumpyLayer):
    """Give another V in every call."""

    calls = 0

    def gather(self):
        self.calls += 1
        return np.asarray(super().gather()) * self.calls


class HalfPrecision(NumpyLayer):
    """Round V to 16 bits, which the golden vectors' short numbers survive."""

    def gather(self):
        V = np.asarray(super().gather())
        return V.astype(np.float16).astype(V.dtype)


class AddingUp(NumpyLayer):
    """Add each gradient to those of the calls before."""

    total = 0.0

    def scatter_add(self, dV):
        self.total = self.total + np.asarray(super().scatter_add(dV))
        return self.total


class AnySeed(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        return NumpyLayer.derive_seed(int(seed), int(n))


class LastBitFlipped(Adapter):
    @staticmethod
    def hash(i, j, seed):
        x = np.asarray(NumpyLayer.hash(i, j, seed), dtype=np.int64)
        return x ^ 1


class AnyWholePart(Adapter):
    @staticmethod
    def hash(i, j, seed):
        return NumpyLayer.hash(i, j, int(seed))


WRONG[checks.rung] = [
    ((OnesLast, "forward"), "with a bias column"),
    ((LargerEachTime, "gather"), "changes the layer's weights"),
    ((HalfPrecision, "gather"), "golden vectors|rounded"),
    ((AddingUp, "scatter-add"), "called a second time"),
    ((AnySeed, "derived-seed"), r"derive_seed\(True, 0\)"),
    ((AnyWholePart, "hash"), "seed 1.5 is no unsigned"),
    ((LastBitFlipped, "hash"), "golden vectors fail"),
]


# ---------------------------------------------------------------- 10.2, 10.4
def word_assigned(dz, bucket, sign, K):
    dW = np.zeros((dz.shape[1], K))
    for c in range(len(dW)):
        dW[c, bucket] = dz[:, [c]] * sign
    return dW


WRONG[checks.word_gradient] = [(word_assigned, "only the last is left")]
RIGHT[checks.least_buckets] = [
    lambda words, share: ceil(-1 / expm1(log(share) / (words - 1))),
    lambda words, share: ceil(1 / (1 - exp(log(share) / (words - 1)))),
]
WRONG[checks.least_buckets] = [
    (lambda words, share: round(1 / (1 - share ** (1 / (words - 1)))), "K is 13 .*too small"),
    (lambda words, share: int(1 / (1 - share ** (1 / (words - 1)))) + 1, "too large"),
]


# ---------------------------------------------------------------- 11.4: bytes are bytes
def packed(codes):
    halves = [int(code) % 16 for code in codes] + [0] * (len(codes) % 2)
    return bytes(16 * high + low for high, low in zip(halves[::2], halves[1::2], strict=True))


RIGHT[checks.packed_pairs] = [packed, lambda codes: bytearray(packed(codes)), lambda codes: list(packed(codes))]
WRONG[checks.packed_pairs] = [(lambda codes: packed(codes).hex(), "expected numbers")]


# ---------------------------------------------------------------- 12.1: one table of two
def folded(n_out, n_cols, K, seed):
    g = np.arange(n_out * n_cols).reshape(n_out, n_cols)
    i, j = np.divmod(g, n_cols)
    bucket = (g % K + (hn.xxh32_pair(0, g // K, seed) >> 1)) % K
    return bucket, np.where(hn.xxh32_pair(i, j, seed) % 2, -1, 1)


RIGHT[checks.fold_map] = [folded, lambda *arguments: np.array(folded(*arguments)).tolist()]
WRONG[checks.fold_map] = [
    (lambda *arguments: folded(*arguments)[::-1], r"order is \(bucket, sign\)"),
    (lambda *arguments: (folded(*arguments)[0], -1), "sign has shape"),
    (lambda *arguments: [table.ravel() for table in folded(*arguments)], "bucket has shape"),
]
