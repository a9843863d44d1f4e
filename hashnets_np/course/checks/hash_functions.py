"""Checks of exercise 2: hash functions."""

import itertools
from collections.abc import Callable
from math import ceil, exp, floor

import numpy as np
from numpy.typing import NDArray

from ... import hashing
from ...maps import SharingMap, bucket_count, exact_fraction
from ..marking import Example, call, call_pair, done, mark, number, numbers, require, whole

MASK = 0xFFFFFFFF
P2 = hashing.PRIME_2
P3 = hashing.PRIME_3


def _avalanche(word: int, shifts: tuple[int, int, int] = (15, 13, 16), primes: tuple[int, int] = (P2, P3),
               masks: tuple[int, int] = (MASK, MASK)) -> int:
    """Compute the last five steps of XXH32 with other shifts, primes or masks (-1: none), as mistakes do."""
    for shift, prime, mask in zip(shifts, (*primes, 1), (*masks, MASK), strict=True):
        word = (word ^ word >> shift) * prime & mask
    return word


AVALANCHES: dict[str, Callable[[int], int]] = {
    "the last step, the xor with itself shifted by 16, is missing":
        lambda word: (((word ^ word >> 15) * P2 & MASK) ^ ((word ^ word >> 15) * P2 & MASK) >> 13) * P3 & MASK,
    "keep 32 bits after each product: what is above them comes back with the next shift":
        lambda word: _avalanche(word, masks=(-1, -1)),
    "keep 32 bits after the product with P2, too: what is above them comes back with the next shift":
        lambda word: _avalanche(word, masks=(-1, MASK)),
    "keep 32 bits after the product with P3, too: what is above them comes back with the next shift":
        lambda word: _avalanche(word, masks=(MASK, -1)),
    "P2 and P3 are exchanged": lambda word: _avalanche(word, primes=(P3, P2)),
    "the shifts are exchanged": lambda word: _avalanche(word, shifts=(13, 15, 16)),
    "P2 is used twice": lambda word: _avalanche(word, primes=(P2, P2)),
    "P3 is used twice": lambda word: _avalanche(word, primes=(P3, P3)),
}


def avalanche(function: Callable) -> None:
    """Check the last five lines of XXH32 on Python integers."""
    words = [1, 0x63D621E4, MASK, 0x80000000, *map(int, np.random.default_rng(0).integers(0, 2**32, 20)), 0]
    expected = [int(hashing.avalanche(np.array([word], np.uint32))[0]) for word in words]
    found = []
    for word in words:
        value = whole(call(function, word), f"avalanche(0x{word:08x})")
        require(value < 2**32, f"avalanche(0x{word:08x}) has more than 32 bits; cut it off with & 0xFFFFFFFF")
        require(value >= 0, f"avalanche(0x{word:08x}) is negative; words are unsigned, 0 to 2**32 - 1")
        found.append(value)
    if found != expected:
        for reason, wrong in AVALANCHES.items():
            require(found != [wrong(word) for word in words], reason)
        word, value = next((w, f) for w, f, e in zip(words, found, expected, strict=True) if f != e)
        require(False, f"avalanche(0x{word:08x}) is 0x{value:08x}, which is not right; follow the five steps with "
                       "`show` from the lesson")
    done("The avalanche of XXH32, bit for bit.")


def undo_avalanche(function: Callable) -> None:
    """Check the inverse of the avalanche: function(avalanche(word)) -> word."""
    words = [1, 0x63D621E4, MASK, 0x80000000, *map(int, np.random.default_rng(5).integers(0, 2**32, 20)), 0]
    hashes = [int(hashing.avalanche(np.array([word], np.uint32))[0]) for word in words]
    found = []
    for h in hashes:
        value = whole(call(function, h), f"undo_avalanche(0x{h:08x})")
        require(0 <= value < 2**32, f"undo_avalanche(0x{h:08x}) is {value:#x}, which is no word of 32 bits")
        found.append(value)
    if found != words:
        inverse = {prime: pow(prime, -1, 2**32) for prime in (P2, P3)}
        backwards = inverse[P3], inverse[P2]
        mistakes = [
            ("this is the avalanche itself", [_avalanche(h) for h in hashes]),
            ("nothing is undone yet", hashes),
            ("y ^ y >> 13 is right in the upper 26 bits only; repeat it until all 32 are",
             [_undo(h, backwards, rounds=(1, 1, 1)) for h in hashes]),
            ("y ^ y >> 13 is right in the upper 26 bits only; repeat it until all 32 are",
             [_undo(h, backwards, rounds=(1, 1, 2)) for h in hashes]),
            ("y ^ y >> 15 is right in the upper 30 bits only; repeat it until all 32 are",
             [_undo(h, backwards, rounds=(1, 2, 1)) for h in hashes]),
            ("the primes are inverted in the wrong order: the last step comes first",
             [_undo(h, (inverse[P2], inverse[P3])) for h in hashes]),
            ("multiply by the inverses of P2 and P3, not by the primes", [_undo(h, (P3, P2)) for h in hashes]),
            ("the shifts are undone in the wrong order: the last step comes first",
             [_undo(h, backwards, (15, 13, 16)) for h in hashes]),
        ]
        for reason, wrong in mistakes:
            require(found != wrong, reason)
        at = next(n for n, word in enumerate(words) if found[n] != word)
        require(False, f"undo_avalanche(0x{hashes[at]:08x}) is 0x{found[at]:08x}, whose avalanche is another word")
    done("No word is lost: the avalanche is a permutation of all 2**32 words.")


def _undo(word: int, inverses: tuple[int, int], shifts: tuple[int, int, int] = (16, 13, 15),
          rounds: tuple[int, int, int] = (2, 2, 2)) -> int:
    """Undo the avalanche with these inverses, shifts and numbers of rounds for each shift, as mistakes do."""
    for shift, count, inverse in zip(shifts, rounds, (*inverses, 1), strict=True):
        x = word
        for _ in range(count):
            x = word ^ x >> shift
        word = x * inverse & MASK
    return word


def equal_hashes(function: Callable) -> None:
    """Check the expected number of pairs of equal hashes of 32 bits: function(n) -> number."""
    examples = []
    for n in (2, 10, 1000, 785_000, 2**20):
        pairs = n * (n - 1) / 2
        p = 2.0**-32
        examples.append(Example((n,), pairs * p, [
            ("each pair is counted twice: (a, b) is (b, a)", 2 * pairs * p),
            ("a key makes no pair with itself", n * n / 2 * p),
            ("each pair is counted twice, and a key makes no pair with itself", n * n * p),
            ("this counts keys, not pairs", n * p),
            ("that is the number of pairs; how likely is it that the two are equal?", pairs),
            ("this is the probability of at least one pair; the number of pairs is asked for", -np.expm1(-pairs * p)),
            ("a hash has 32 bits here; only the bucket loses bit 0", pairs * 2 * p),
            ("equal with probability 1 / 2**32, not 1 / 32", pairs / 32),
        ], f"n = {n}"))
    mark(function, examples, "the number of pairs")
    done("The same for any good hash of 32 bits; now predict, then measure.")


def _split(x: int, buckets: int) -> tuple[int, int]:
    """Make bucket and sign from one hash."""
    return (x >> 1) % buckets, -1 if x & 1 else 1


SPLITS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "the sign is the wrong way round: bit 0 equal to 0 means +1": lambda x, K: (_split(x, K)[0], -_split(x, K)[1]),
    "bucket and sign share bit 0 of the hash: they are not independent": lambda x, K: (x % K, _split(x, K)[1]),
    "the sign comes from the highest bit; it should come from bit 0":
        lambda x, K: (_split(x, K)[0], -1 if x >> 31 else 1),
    "the sign comes from bit 1, which the bucket uses": lambda x, K: (_split(x, K)[0], -1 if x >> 1 & 1 else 1),
    "the sign comes from the bucket; then the two are not independent":
        lambda x, K: (_split(x, K)[0], -1 if _split(x, K)[0] & 1 else 1),
    "bit 0 is in the bucket, and the sign comes from the highest bit: both should be otherwise":
        lambda x, K: (x % K, -1 if x >> 31 else 1),
    "the sign is +1 or -1, not the bit itself": lambda x, K: (_split(x, K)[0], x & 1),
    "the order is (bucket, sign)": lambda x, K: _split(x, K)[::-1],
}


def bucket_and_sign(function: Callable) -> None:
    """Check bucket and sign made from one hash: function(x, buckets) -> (bucket, sign)."""
    hashes = [int(x) for x in np.random.default_rng(1).integers(0, 2**32, 30)]
    # 7 and 98 as well: modulo 4 is also `& 3`, and an answer could have the 4 built in
    questions = [*itertools.product(hashes, (4,)), *itertools.product(hashes, (7, 98, 1))]
    found = []
    expected = [_split(x, K) for x, K in questions]
    for x, K in questions:
        bucket, sign = call_pair(function, x, K)
        found.append((number(bucket, "the bucket"), number(sign, "the sign")))
    if found != expected:
        for reason, wrong in SPLITS.items():
            require(found != [wrong(x, K) for x, K in questions], reason)
        (x, K), came, right = next(z for z in zip(questions, found, expected, strict=True) if z[1] != z[2])
        which = "the bucket" if came[0] != right[0] else "the sign"
        only = "" if K == 4 else "; with buckets = 4 everything is right"
        require(False, f"for x = {x}, buckets = {K} came ({came[0]:g}, {came[1]:g}): {which} is not right{only}")
    done("The same as hn.SharingMap.")


def used_once(function: Callable) -> None:
    """Check the share of buckets with exactly one virtual weight, as a function of the compression."""
    shares = {  # by c: the right one first
        "": lambda c: exp(-1 / c) / c,
        "this is the share of empty buckets": lambda c: exp(-1 / c),
        "this is the share of buckets that are used at all": lambda c: 1 - exp(-1 / c),
        "the mean number in a bucket is 1/c, not c": lambda c: exp(-c) * c,
        "this is the probability of one or fewer": lambda c: exp(-1 / c) * (1 + 1 / c),
        "this is the probability of two": lambda c: exp(-1 / c) / (2 * c * c),
        "the mean appears in the formula twice: in the exponent, and as a factor": lambda c: exp(-1 / c) * c,
    }
    compressions = (1.0, 0.5, 0.125, 0.3, 0.8)
    found = [number(call(function, c), "the share") for c in compressions]
    if not np.allclose(found, [shares[""](c) for c in compressions], rtol=0, atol=3e-3):  # a count is accepted
        for reason, wrong in shares.items():
            require(not np.allclose(found, [wrong(c) for c in compressions], rtol=0, atol=1e-6), reason)
        for c, value in zip(compressions, found, strict=True):
            bucket, _ = SharingMap(500, 500, buckets=int(c * 250_000), seed=1).table()
            counted = float(np.mean(np.bincount(bucket.ravel(), minlength=int(c * 250_000)) == 1))
            require(abs(value - counted) < 4e-3, f"at c = {c} you say {value:.4f}; counted in a layer of 500 x 500, "
                    f"{'fewer' if value > counted else 'more'} buckets are used once")
        require(False, "close, but further from the formula than chance allows")
    done("As counted, at compressions between 1/8 and 1.")


def count_buckets(function: Callable) -> None:
    """Check K from compression and layer size, where floats round wrongly."""
    # 7/100: 0.07 * 100 is a little more than 7 in floats, so that rounding up gives 8
    cases = [("1/8", 785_000), ("1/3", 100), ("1/10", 100), ("1/64", 10_010), ("1/1000", 7), ("3/10", 10),
             ("7/100", 100), ("14/25", 25), ("2/3", 99), ("1", 12), ("29/100", 100), ("1/7", 10),
             ("5/9", 9),  # 0.5555555555555556 as a decimal is a little more than 5/9
             # a little more than 700 and 1: subtracting a small number before rounding up is not exact
             ("1/1009", 706_301), ("1/2147483647", 2_147_483_648)]
    found = [number(call(function, c, n), "K") for c, n in cases]
    exact = [exact_fraction(c) * n for c, n in cases]
    expected = [bucket_count(c, n) for c, n in cases]
    if found != expected:
        as_floats = [float(exact_fraction(c)) * n for c, n in cases]
        mistakes = [
            ("round up: this rounds down", [floor(x) for x in exact]),
            ("round up: this rounds down", [max(1, floor(x)) for x in exact]),
            ("round up: this rounds down", [floor(x) for x in as_floats]),
            ("round up: this rounds down", [max(1, floor(x)) for x in as_floats]),
            ("round up, always: this rounds to the nearest", [round(x) for x in exact]),
            ("round up, always: this rounds to the nearest", [max(1, round(x)) for x in exact]),
            ("where c n is a whole number already, this is one too many", [floor(x) + 1 for x in exact]),
        ]
        (c, n), value, right = next(z for z in zip(cases, found, expected, strict=True) if z[1] != z[2])
        here = f"compression {c} of {n} virtual weights: {value:g} buckets is too {'many' if value > right else 'few'}"
        for reason, wrong in mistakes:
            require(found != wrong, f"{here}; {reason}")
        require(ceil(float(exact_fraction(c)) * n) != value, f"{here}; {c} is not exact as a float: 7/100 is stored as "
                "a little more than 7/100; calculate with fractions.Fraction")
        require(False, here)
    done("Exact, rounded up, and never zero.")


def _buckets(function: Callable, n_out: int, K: int, seed: int) -> NDArray[np.int64]:
    """Ask a map for the buckets of n_out rows of 65 columns."""
    found = numbers(call(function, np.arange(n_out)[:, None], np.arange(65)[None, :], K, seed), "bucket")
    require(found.shape == (n_out, 65), f"bucket has shape {found.shape}, expected {(n_out, 65)}")
    require((found == np.round(found)).all(), "buckets should be whole numbers; divide with // or np.divmod")
    return found.astype(np.int64)


def balanced_map(function: Callable) -> None:
    """Check a balanced map: function(i, j, buckets, seed) for n_cols = 65 -> bucket; even loads, random looks."""
    came = {}
    for n_out, K in ((100, 1000), (64, 65 * 64), (30, 7)):
        bucket = came[n_out, K] = _buckets(function, n_out, K, 1)
        low = bucket.min()
        high = bucket.max()
        require(low >= 0 and high < K, f"buckets must be 0..{K - 1}, got {low}..{high}")
        loads = np.bincount(bucket.ravel(), minlength=K)
        low = loads.min()
        high = loads.max()
        require(high - low <= 1, f"with {K} buckets the loads go from {low} to {high}; at most 1 apart is balanced")
    again = _buckets(function, 64, 65 * 64, 1)  # not the one with 7 buckets, where chance may repeat itself
    require((came[64, 65 * 64] == again).all(), "the map changes from call to call")
    rows = np.sort(_buckets(function, 100, 650, 1), axis=1)
    require(len(np.unique(rows, axis=0)) > 50, "many rows have the same set of buckets; rotate each piece by the hash "
            "of its number")
    first = _buckets(function, 100, 7, 1).ravel()[::7]  # of each piece of 7: where its first weight lies
    pairs = len(set(itertools.pairwise(first)))  # 928 pieces: with a hash all of the 7 x 7 pairs come
    require(pairs == 49, f"with 7 buckets, the rotations of a piece and the next make {pairs} of 49 pairs: "
            "one determines the other; take them from a hash")
    for n_out, K in ((64, 65 * 64), (100, 1000)):
        moved = (_buckets(function, n_out, K, 2) - came[n_out, K]) % K
        require(moved.any(), "another seed must give another map")
        require(K > 1000 or len(np.unique(moved)) > 1, "another seed moves all buckets by the same number, so that the "
                "same weights share; the seed belongs into the hash")
    done("Even loads; at compression 1 every weight has a bucket of its own.")
