"""Checks of exercise 12: maps that lay neighbours next to each other, their loads, their noise and their memory."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hashing import xxh32_pair
from ...maps import SharingMap
from ..marking import Example, call_pair, done, mark, numbers, require

FOLDED = ((6, 7, 10, 3), (5, 4, 20, 1), (3, 9, 4, 8), (4, 5, 7, 2))  # n_out, n_cols, K, seed; one with K = n
CHUNKED = ((4, 12, 50, 7, 4), (3, 10, 23, 1, 3), (5, 16, 11, 2, 8), (2, 9, 40, 5, 2))  # ..., Z

TABLES = ("bucket", "sign")
UNSIGNED = "the hash is unsigned, and 1 - 2 becomes 4294967295; use .astype(int) first"


def both(function: Callable) -> Callable:
    """Join the bucket and the sign table that a function returns into one array (2, n_out, n_cols)."""

    @wraps(function)
    def joined(*arguments: Any) -> NDArray:
        n_out, n_cols = arguments[:2]
        tables = []
        for table, what in zip(call_pair(function, *arguments), TABLES, strict=True):
            values = numbers(table, what)
            require(values.shape == (n_out, n_cols), f"{what} has shape {values.shape}, expected {(n_out, n_cols)}: "
                                                     "one entry for each virtual weight")
            tables.append(values)
        return np.stack(tables)

    return joined if callable(function) else function


def signs(x: NDArray) -> NDArray:
    """Return -1 where bit 0 of a hash is set, otherwise +1."""
    return 1 - 2 * (x & 1).astype(int)


def fold_map(function: Callable) -> None:
    """Check `fold`: function(n_out, n_cols, K, seed) -> bucket, sign, both (n_out, n_cols)."""
    examples = []
    for n_out, n_cols, K, seed in FOLDED:
        bucket, sign = SharingMap(n_out, n_cols, buckets=K, seed=seed, kind="fold").table()
        i, j = np.indices((n_out, n_cols))
        q, p = np.divmod(i * n_cols + j, K)
        q2, p2 = np.divmod(j * n_out + i, K)
        x = xxh32_pair(i, j, seed)
        strip = xxh32_pair(0, q, seed).astype(np.int64)
        wrong = [
            ("the strips are not rotated: add the hash of the strip", p, sign),
            ("a strip is rotated as a whole: by the hash of its number q, not of (i, j)", (p + (x >> 1)) % K, sign),
            ("each strip has a rotation of its own: hash its number q", (p + (xxh32_pair(0, 0, seed) >> 1)) % K, sign),
            ("each weight has a sign of its own: bit 0 of the hash of (i, j), not of the strip", bucket, signs(strip)),
            ("quotient and remainder have changed places", (q + (xxh32_pair(0, p, seed) >> 1)) % K, sign),
            ("number the weights row by row: i n_cols + j", (p2 + (xxh32_pair(0, q2, seed) >> 1)) % K, sign),
            ("bit 0 belongs to the sign: shift the hash by one before you use it", (p + strip) % K, sign),
            ("wrap around at the end: what you add can lead beyond K - 1", p + (strip >> 1) % K, sign),
            ("the signs are the wrong way round: -1 where bit 0 is set", bucket, -sign),
            ("the hash of a strip is that of the pair (0, q)", (p + (xxh32_pair(q, 0, seed) >> 1)) % K, sign),
            ("the signs are missing", bucket, np.ones_like(sign)),
            (UNSIGNED, bucket, sign.astype(np.int64) % 2**32),
            ("the order is (bucket, sign)", sign, bucket),
        ]
        mistakes = [(reason, np.stack([b, s])) for reason, b, s in wrong]
        examples.append(Example((n_out, n_cols, K, seed), np.stack([bucket, sign]), mistakes,
                                f"{n_out} x {n_cols}, K = {K}"))
    mark(both(function), examples, "(bucket, sign)", tables=TABLES)
    done("Each strip of K weights uses every real weight once.")


def chunk_map(function: Callable) -> None:
    """Check `chunk`: function(n_out, n_cols, K, seed, Z) -> bucket, sign, both (n_out, n_cols)."""
    examples = []
    for n_out, n_cols, K, seed, Z in CHUNKED:
        bucket, sign = SharingMap(n_out, n_cols, buckets=K, seed=seed, kind="chunk", size=Z).table()
        i, j = np.indices((n_out, n_cols))
        x = xxh32_pair(i, j // Z, seed).astype(np.int64)
        inside = j % Z
        single = xxh32_pair(i, j, seed).astype(np.int64)
        swapped = xxh32_pair(i, j % Z, seed).astype(np.int64)
        wrong = [
            ("the bug is still there: two neighbours get one bucket", ((x + inside) >> 1) % K, sign),
            ("all weights of a piece get one bucket: add the place inside the piece", (x >> 1) % K, sign),
            ("wrap around at the end: what you add can lead beyond K - 1", (x >> 1) % K + inside, sign),
            ("one hash places a piece: hash the number of the piece, j div Z", ((single >> 1) + inside) % K, sign),
            ("a piece has one sign: bit 0 of its own hash", bucket, signs(single)),
            ("the piece and the place inside it have changed places", ((swapped >> 1) + j // Z) % K, signs(swapped)),
            ("bit 0 belongs to the sign: shift the hash by one before you add", (x + inside) % K, sign),
            ("add the place inside the piece, j mod Z, not the column", ((x >> 1) + j) % K, sign),
            ("the signs are the wrong way round: -1 where bit 0 is set", bucket, -sign),
            ("the sign is that of the hash before anything is added to it", bucket, signs(x + inside)),
            (UNSIGNED, bucket, sign.astype(np.int64) % 2**32),
        ]
        mistakes = [(reason, np.stack([b, s])) for reason, b, s in wrong]
        examples.append(Example((n_out, n_cols, K, seed, Z), np.stack([bucket, sign]), mistakes,
                                f"{n_out} x {n_cols}, K = {K}, pieces of {Z}"))
    mark(both(function), examples, "(bucket, sign)", tables=TABLES)
    done("Neighbours of a row are neighbours in w.")


def load_variance(function: Callable) -> None:
    """Check the variance of a load: function(n, K, Z) -> variance, for pieces of Z weights."""
    examples = []
    for n, K, Z in ((16_384, 2_048, 16), (16_384, 2_048, 1024), (1_000, 500, 1), (4_096, 64, 32), (900, 300, 10)):
        right = n / K * (1 - Z / K)
        examples.append(Example((n, K, Z), right, [
            ("this is the mean; a binomial variance has a factor 1 - probability", n / K),
            ("this is for pieces of one weight: a piece covers a bucket with probability Z / K", n / K * (1 - 1 / K)),
            ("this is the standard deviation", right**0.5),
            ("count the pieces: n / Z of them, not n, and each adds one to a load", n * (Z / K) * (1 - Z / K)),
            ("a piece covers Z of the K buckets, not one", n / Z / K * (1 - 1 / K)),
            ("the factor is 1 - Z / K: the probability that a piece misses the bucket", n / K * Z / K),
        ], f"n = {n}, K = {K}, Z = {Z}"))
    mark(function, examples, "the variance")
    done("Short pieces are as uneven as single weights.")


def two_places(function: Callable) -> None:
    """Check the mean variance of pieces of two correlated places: function(rho, P, K) -> variance."""
    examples = []
    for rho, P, K in ((0.0, 10, 100), (1.0, 10, 100), (0.5, 7, 64), (-0.5, 4, 32), (0.9, 100, 1000)):
        pairs = P * (P - 1) / 2
        right = pairs * (8 + 4 * rho**2) / K
        within = P * (2 + 2 * rho**2) / K
        examples.append(Example((rho, P, K), right, [
            ("this is for independent signs, as in xxhash, without the pairs inside a piece: pairs at one distance "
             "add up before they are squared", pairs * 8 / K),
            ("this is xxhash: there the two places of a piece can meet, too, and pairs do not add up",
             pairs * 8 / K + within),
            ("the two places of one piece never meet: leave those pairs out", right + within),
            ("the factor 1 / K is missing", pairs * (8 + 4 * rho**2)),
            ("the correlation enters twice, once from each vector: as a square", pairs * (8 + 4 * rho) / K),
            ("count each pair of pieces once", 2 * right),
            ("the pairs at distance +1 and -1 are missing", pairs * (4 + 4 * rho**2) / K),
            ("one of the two mixed terms is missing: there is one from g and g' and one from g' and g",
             pairs * (8 + 2 * rho**2) / K),
            ("how many pairs of pieces are there? P (P - 1) / 2", P * P / 2 * (8 + 4 * rho**2) / K),
        ], f"rho = {rho:g}, P = {P}, K = {K}"))
    mark(function, examples, "the variance")
    done("Neighbours that are alike add up, whatever the sign of their correlation.")


def lines_touched(function: Callable) -> None:
    """Check how many lines of memory a run touches on average: function(Z, line) -> lines."""
    examples = []
    for Z, line in ((1, 16), (16, 16), (32, 16), (5, 8), (100, 16), (3, 4)):
        examples.append(Example((Z, line), 1 + (Z - 1) / line, [
            ("this holds only for a run that begins with a line", np.ceil(Z / line)),
            ("these are the weights over the length of a line; a run rarely begins with one", Z / line),
            ("the first weight touches a line for certain; only the Z - 1 others can reach the next", 1 + Z / line),
            ("this is the most it can be; take the average over all beginnings", 1 + np.ceil((Z - 1) / line)),
            ("the line of the first weight is missing", (Z - 1) / line),
            ("a line holds several weights; this counts weights", Z),
        ], f"Z = {Z}, {line} weights in a line"))
    mark(function, examples, "the number of lines")
    done("A run of 16 touches two lines, nearly always; 16 single weights touch 16.")
