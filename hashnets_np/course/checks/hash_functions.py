"""Checks of exercise 2: hash functions."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ... import hashing
from ...maps import SharingMap, bucket_count
from ..marking import MAP, call, call_pair, done, number, numbers, require


def avalanche(function: Callable) -> None:
    """Check the last five lines of XXH32 on Python integers."""
    for word in (0, 1, 0x63D621E4, 2**32 - 1):
        found = int(number(call(function, word), f"avalanche(0x{word:08x})"))
        expected = int(hashing.avalanche(np.array([word], np.uint32))[0])
        require(found < 2**32, f"avalanche(0x{word:08x}) has more than 32 bits; cut it off with & 0xFFFFFFFF")
        require(found == expected, f"avalanche(0x{word:08x}) is 0x{found:08x}, expected 0x{expected:08x}")
    done("The avalanche of XXH32, bit for bit.")


def bucket_and_sign(function: Callable) -> None:
    """Check bucket and sign made from one hash: function(x, buckets) -> (bucket, sign)."""
    # 7 as well: modulo 4 is also `& 3`, and an answer could have the 4 built in
    for m, i, j in itertools.product((MAP, SharingMap(6, 5, buckets=7, seed=7)), range(6), range(5)):
        x, (k, xi) = int(hashing.xxh32_pair(i, j, 7)), (int(value) for value in m.lookup(i, j))
        bucket, sign = call_pair(function, x, m.buckets)
        number(bucket, "the bucket"), number(sign, "the sign")
        shared = m.buckets == 4 and bucket == x % 4 != k
        require(not shared, "bucket and sign share bit 0 of the hash: they are not independent")
        require(sign != -xi, "the sign is the wrong way round: bit 0 equal to 0 means +1")
        right = (bucket, sign) == (k, xi)
        require(right, f"for x = {x}, buckets = {m.buckets} came ({bucket}, {sign}), expected ({k}, {xi})")
    done("The same as hn.SharingMap.")


def used_once(function: Callable) -> None:
    """Check the share of buckets with exactly one virtual weight, as a function of the compression."""
    for c in (1.0, 0.5, 0.125):
        found, expected = number(call(function, c), "the share"), np.exp(-1 / c) / c
        require(c == 1 or abs(found - np.exp(-1 / c)) > 1e-6, "this is the share of empty buckets")
        bucket, _ = SharingMap(500, 500, buckets=int(c * 250_000), seed=1).table()
        counted = float(np.mean(np.bincount(bucket.ravel(), minlength=int(c * 250_000)) == 1))
        near = abs(found - expected) < 1e-3
        require(near, f"at c = {c} you say {found:.4f}; counted in a layer of 500 x 500: {counted:.4f}")
    done("As counted, at compressions 1, 1/2 and 1/8.")


def count_buckets(function: Callable) -> None:
    """Check K from compression and layer size, where floats round wrongly."""
    # 7/100: 0.07 * 100 is a little more than 7 in floats, so that rounding up gives 8
    cases = [("1/8", 785_000), ("1/3", 100), ("1/10", 100), ("1/64", 10_010), ("1/1000", 7), ("3/10", 10),
             ("7/100", 100), ("14/25", 25)]
    for c, n in cases:
        found, expected = call(function, c, n), bucket_count(c, n)
        right = number(found, "K") == expected
        require(right, f"compression {c} of {n} virtual weights: {found} buckets, expected {expected}")
    done("Exact, rounded up, and never zero.")


def _buckets(function: Callable, n_out: int, K: int, seed: int) -> NDArray[np.int64]:
    """Ask a map for the buckets of n_out rows of 65 columns."""
    found = numbers(call(function, np.arange(n_out)[:, None], np.arange(65)[None, :], K, seed), "bucket")
    require(found.shape == (n_out, 65), f"bucket has shape {found.shape}, expected {(n_out, 65)}")
    require((found == np.round(found)).all(), "buckets should be whole numbers; divide with // or np.divmod")
    return found.astype(np.int64)


def balanced_map(function: Callable) -> None:
    """Check a balanced map: function(i, j, buckets, seed) for n_cols = 65 -> bucket; even loads, random looks."""
    for n_out, K in ((100, 1000), (64, 65 * 64), (30, 7)):
        bucket = _buckets(function, n_out, K, 1)
        low, high = bucket.min(), bucket.max()
        require(low >= 0 and high < K, f"buckets must be 0..{K - 1}, got {low}..{high}")
        loads = np.bincount(bucket.ravel(), minlength=K)
        low, high = loads.min(), loads.max()
        require(high - low <= 1, f"with {K} buckets the loads go from {low} to {high}; at most 1 apart is balanced")
        require((bucket == _buckets(function, n_out, K, 1)).all(), "the map changes from call to call")
        require((bucket != _buckets(function, n_out, K, 2)).any(), "another seed must give another map")
    rows = np.sort(_buckets(function, 100, 650, 1), axis=1)
    require(len(np.unique(rows, axis=0)) > 50, "many rows have the same set of buckets; shift each fold by a hash")
    first = _buckets(function, 100, 7, 1).ravel()[::7]  # of each piece of 7: where its first weight lies
    pairs = len(set(itertools.pairwise(first)))  # 928 pieces: with a hash all of the 7 x 7 pairs come
    require(pairs == 49, f"with 7 buckets, the rotations of a piece and the next make {pairs} of 49 pairs: "
            "the one follows from the other; take them from a hash")
    done("Even loads; at compression 1 every weight has a bucket of its own.")
