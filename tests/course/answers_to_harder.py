"""Right and wrong answers to the tasks that go beyond their lessons; in the form of `answers_to_lessons`."""

from fractions import Fraction
from math import comb, sqrt

import numpy as np

from hashnets_np.conformance.numpy_layer import NumpyLayer
from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}
P2, P3, MASK = 0x85EBCA77, 0xC2B2AE3D, 0xFFFFFFFF
I2, I3 = pow(P2, -1, 2**32), pow(P3, -1, 2**32)


# ---------------------------------------------------------------- 2.1
def unshift(y, shift):
    x = y
    while shift < 32:
        x, shift = x ^ x >> shift, 2 * shift
    return x


def undo(h):
    return unshift(unshift(unshift(h, 16) * I3 & MASK, 13) * I2 & MASK, 15)


def undo_bit_by_bit(h):
    def back(y, shift):
        x = 0
        for bit in range(31, -1, -1):
            above = x >> bit + shift & 1
            x |= ((y >> bit & 1) ^ above) << bit
        return x

    h = back(h, 16) * I3 % 2**32
    h = back(h, 13) * I2 % 2**32
    return back(h, 15)


def undo_with_euler(h):
    inverse = [pow(prime, 2**31 - 1, 2**32) for prime in (P2, P3)]  # the group has 2**31 elements
    h = (h ^ h >> 16) * inverse[1] & MASK
    h = (h ^ h >> 13 ^ h >> 26) * inverse[0] & MASK
    return h ^ h >> 15 ^ h >> 30


RIGHT[checks.undo_avalanche] = [
    undo,
    undo_bit_by_bit,
    undo_with_euler,
    lambda h: np.int64(undo(int(h))),
    lambda h: float(undo(h)),
]
WRONG[checks.undo_avalanche] = [
    (lambda h: h, "nothing is undone"),
    (
        lambda h: (lambda a: a ^ a >> 16)(((h ^ h >> 15) * P2 & MASK ^ ((h ^ h >> 15) * P2 & MASK) >> 13) * P3 & MASK),
        "avalanche itself",
    ),
    (lambda h: (lambda a: a ^ a >> 15)((lambda b: (b ^ b >> 13) * I2 & MASK)((h ^ h >> 16) * I3 & MASK)), "repeat"),
    (lambda h: unshift(unshift(unshift(h, 16) * I2 & MASK, 13) * I3 & MASK, 15), "wrong order"),
    (lambda h: unshift(unshift(unshift(h, 16) * P3 & MASK, 13) * P2 & MASK, 15), "inverses of P2 and P3"),
    (lambda h: unshift(unshift(unshift(h, 15) * I3 & MASK, 13) * I2 & MASK, 16), "wrong order"),
    (lambda h: undo(h) + 2**32, "no word"),
    (lambda h: -undo(h) - 1, "no word"),
    (lambda h: undo(h) ^ 1, "another word"),
    (lambda h: undo(h) / 3, "whole number|no word"),
    (lambda h: hex(undo(h)), "number"),
    (lambda h: h // P3 // P2, "another word|nothing"),
]

# ---------------------------------------------------------------- 2.5
RIGHT[checks.equal_hashes] = [
    lambda n: comb(n, 2) / 2**32,
    lambda n: Fraction(n * (n - 1), 2**33),
    lambda n: (n**2 - n) * 2.0**-33,
    lambda n: sum(range(n)) / 2**32,
    lambda n: np.float64(n) * (n - 1) / 2 / 4294967296,
]
WRONG[checks.equal_hashes] = [
    (lambda n: n**2 / 2**33, "with itself"),
    (lambda n: n / 2**32, "keys, not pairs"),
    (lambda n: comb(n, 2), "number of pairs"),
    (lambda n: n * (n - 1) / 2**32, "twice"),
    (lambda n: 1 - np.exp(-comb(n, 2) / 2**32), "at least one pair"),
    (lambda n: comb(n, 2) / 2**31, "32 bits|twice"),
    (lambda n: comb(n, 2) / 32, "32"),
    (lambda n: n * n / 2**32, ""),
    (lambda n: 0, ""),
    (lambda n: round(comb(n, 2) / 2**32), ""),
    (lambda n: comb(n, 2) * 2**32, ""),
]

# ---------------------------------------------------------------- 7.1
HALF = 0.6275
RIGHT[checks.half_lost] = [0.6275, 0.628, np.float32(0.6275), Fraction(6275, 10_000), np.array(0.62750)]
WRONG[checks.half_lost] = [
    (0.5, "balanced"),
    (62.75, "percent"),
    (1.594, "1 / c"),
    (1.0, "1 / e"),
    (0.6, ""),
    (0.63212, ""),
    (0.7, ""),
    ("0.6275", "number"),
    ([0.6275], "number"),
    (None, "missing"),
    (-0.6275, ""),
]


# ---------------------------------------------------------------- 8.5
def mcnemar(first, second):
    b, c = int((first > second).sum()), int((second > first).sum())
    return (b - c) / sqrt(b + c) if b + c else 0


def mcnemar_by_loop(first, second):
    b = c = 0
    for one, two in zip(first, second, strict=True):
        b += bool(one) and not two
        c += bool(two) and not one
    return 0.0 if b == c else (b - c) / (b + c) ** 0.5


RIGHT[checks.paired_errors] = [
    mcnemar,
    mcnemar_by_loop,
    lambda f, s: (lambda d: d.sum() / np.sqrt(max(np.abs(d).sum(), 1)))(f.astype(int) - s.astype(int)),
    lambda f, s: np.nan_to_num(
        np.sum(f ^ s & f) * 0 + (np.sum(f & ~s) - np.sum(s & ~f)) / np.linalg.norm((f ^ s).astype(float))
    ),
    lambda f, s: (np.sum(f) - np.sum(s)) / np.sqrt(max(1, np.count_nonzero(f != s))),
]
WRONG[checks.paired_errors] = [
    (lambda f, s: -mcnemar(f, s), "positive"),
    (lambda f, s: abs(mcnemar(f, s)), "sign"),
    (lambda f, s: mcnemar(f, s) ** 2, "square"),
    (lambda f, s: (f & ~s).sum() - (s & ~f).sum(), "not in units"),
    (lambda f, s: 2 * mcnemar(f, s), "fair coin"),
    (lambda f, s: (f.sum() - s.sum()) / np.sqrt((f | s).sum() or 1), "both got wrong"),
    (lambda f, s: (f.sum() * 1.0 - s.sum()) / np.sqrt(len(f)), "both got right"),
    (lambda f, s: f.mean() - s.mean(), "rates"),
    (lambda f, s: (int(f.sum()) - int(s.sum())) / max(1, int((f ^ s).sum())), "root"),
    (lambda f, s: (f & ~s).sum() / (s & ~f).sum() if (s & ~f).sum() else 0.0, ""),
    (lambda f, s: f - s, ""),
    (lambda f, s: (np.sum(f & ~s) - np.sum(s & ~f)) / np.sqrt(np.sum(f ^ s)), "nan"),
    (lambda f, s: mcnemar(f, s) > 2, ""),
]


# ---------------------------------------------------------------- 8.6
def judged(apart, p=0.02275, rare=0.05, share=0.5, sure=2):
    apart = np.asarray(apart, dtype=float)
    contradict = int((apart < -sure).sum())
    fewer = sum(comb(len(apart), k) * p**k * (1 - p) ** (len(apart) - k) for k in range(contradict))
    if contradict > 0 and 1 - fewer < rare:
        return "not supported"
    return "supported" if (apart > sure).sum() > share * len(apart) else "cannot tell"


def judged_by_table(apart):
    bad = len([z for z in apart if z < -2])
    allowed = {0: 0, 1: 0, 2: 0, 3: 1, 4: 1, 8: 1, 16: 2, 32: 2}[len(apart)]
    if bad > allowed:
        return "not supported"
    return ["cannot tell", "supported"][len([z for z in apart if z > 2]) * 2 > len(apart)]


RIGHT[checks.claim_verdict] = [judged, judged_by_table, lambda apart: np.str_(judged(apart))]
WRONG[checks.claim_verdict] = [
    (lambda apart: "supported", "is not right"),
    (lambda apart: "cannot tell", "more than half"),
    (lambda apart: judged(apart, share=0.49), ""),
    (lambda apart: judged(apart, rare=0.001), "so many"),
    (lambda apart: judged(apart, p=0.0455), ""),
    (lambda apart: judged(apart, sure=1), ""),
    (lambda apart: judged(apart, sure=3), ""),
    (lambda apart: "not supported" if min(apart, default=0) < -2 else judged(apart), "chance can"),
    (lambda apart: judged(apart) == "supported", "text"),
    (lambda apart: judged(apart).upper(), "one of"),
    (lambda apart: "supported" if np.mean(apart or [0]) > 2 else "cannot tell", ""),
    (lambda apart: judged(np.abs(apart)), ""),
    (lambda apart: print(judged(apart)), "None"),
    (lambda apart: "in part", "one of"),
    (lambda apart: {"supported": "not supported"}.get(judged(apart), "supported"), ""),
]


# ---------------------------------------------------------------- 9.7, 9.8
class SeedsOfLayers(NumpyLayer):
    @staticmethod
    def derive_seed(seed, n):
        return seed + n


class CountsInFloats(NumpyLayer):
    @staticmethod
    def bucket_counts(compression, n_in, n_out, bias):
        return max(1, int(float(compression) * n_in * n_out)), 0


RIGHT[checks.rung] = [(NumpyLayer, "derived-seed"), (NumpyLayer, "bucket-count"), (NumpyLayer, "large-layer")]
WRONG[checks.rung] = [
    ((SeedsOfLayers, "derived-seed"), "golden vectors fail"),
    ((CountsInFloats, "bucket-count"), "bucket-count"),
]
