"""Compatibility kinds: the maps of published code, which hashes text such as "12_34idxW".

XXH32 of ASCII text, bucket = hash mod K, sign = +1 where the hash of a second text is odd. A key is two parts, one that
depends on i and one that depends on j, so a tile of V needs a text for each row and each column, not one for each
virtual weight. `text_hashes` here joins and hashes them in plain Python, as the specification; `text_fast` in
numba. One seed serves every layer, so layers of equal shape share one map: faithful, and not what the paper says.

Source: the released Torch7 code and the known PyTorch and Keras ports, described in data/vectors/SPEC.md, section 8.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..hashing import MAX_UINT32, PRIME_1, PRIME_2, PRIME_3, PRIME_4, PRIME_5
from ..support.backend import uses_numba
from .kind import BIASES, BucketArray, IndexArray, Kind, MapFacts, Rule, SignArray, register_kind

Texts = NDArray[np.bytes_]
Part = Callable[[NDArray[np.int64]], Texts]


def digits(n: NDArray[np.int64]) -> Texts:
    """Write integers in decimal: 12 -> b"12"."""
    return n.astype("S11")


def join(*parts: Any) -> Texts:
    """Join texts, element by element."""
    text = parts[0]
    for part in parts[1:]:
        text = np.char.add(text, part)
    return text


def triple(n: NDArray[np.int64]) -> Texts:
    """Write n, n + 1, n + 2 counted from 1, as the released code does: 0 -> b"123"."""
    return join(digits(n + 1), digits(n + 2), digits(n + 3))


def plain_xxh32(key: bytes, seed: int) -> int:
    """XXH32 of bytes of any length; the plain version, in Python's integers.

    >>> hex(plain_xxh32(b"abc", 0))
    '0x32d153ff'
    """
    at = 0
    h = seed + PRIME_5
    if len(key) >= 16:  # stripes of 16 bytes, four lanes each
        lanes = [seed + PRIME_1 + PRIME_2, seed + PRIME_2, seed, seed - PRIME_1]
        while at + 16 <= len(key):
            words = np.frombuffer(key, "<u4", 4, at).tolist()
            lanes = [rotate(v + word * PRIME_2, 13) * PRIME_1 for v, word in zip(lanes, words, strict=True)]
            at += 16
        h = sum(rotate(v, bits) for v, bits in zip(lanes, (1, 7, 12, 18), strict=True))
    h += len(key)
    for start in range(at, len(key) - 3, 4):  # whole words
        h = rotate(h + int.from_bytes(key[start : start + 4], "little") * PRIME_3, 17) * PRIME_4
    for byte in key[len(key) - len(key) % 4 :]:
        h = rotate(h + byte * PRIME_5, 11) * PRIME_1
    h &= MAX_UINT32
    h = (h ^ h >> 15) * PRIME_2 & MAX_UINT32
    h = (h ^ h >> 13) * PRIME_3 & MAX_UINT32
    return h ^ h >> 16


def rotate(x: int, bits: int) -> int:
    """Bring x back to 32 bits and rotate them to the left."""
    x &= MAX_UINT32
    return (x << bits | x >> (32 - bits)) & MAX_UINT32


def text_hashes(first: Texts, second: Texts, seed: int) -> NDArray[np.uint32]:
    """Hash first + second, which broadcast: (n, 1) and (1, m) texts -> (n, m) uint32. The plain version."""
    pairs = np.broadcast(first, second)
    return np.array([plain_xxh32(a + b, seed) for a, b in pairs], np.uint32).reshape(pairs.shape)


def hash_texts(first: Texts, second: Texts, seed: int) -> NDArray[np.uint32]:
    """Hash with numba where it is used, else with the plain version."""
    if not uses_numba():
        return text_hashes(first, second, seed)
    from . import text_fast

    return text_fast.text_hashes(first, second, seed)


def bucket_and_sign(index: NDArray, sign: NDArray | None, buckets: int) -> tuple[BucketArray, SignArray]:
    """Take the bucket from the index hash and the sign from the sign hash: odd is +1; without one, all are +1."""
    bucket = (index % np.uint32(buckets)).astype(np.intp)
    if sign is None:
        return bucket, np.ones(index.shape, np.int8)
    return bucket, (sign & np.uint32(1)).astype(np.int8) * np.int8(2) - np.int8(1)


def two_texts(rows: Part, cols: Part, index_end: str, sign_end: str) -> Rule:
    """Make a rule whose two keys are rows(i) + "_" + cols(j), each with its own ending."""

    def rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
        first = join(rows(i.astype(np.int64)), b"_")
        second = cols(j.astype(np.int64))
        index = hash_texts(first, join(second, index_end.encode()), m.seed)
        sign = hash_texts(first, join(second, sign_end.encode()), m.seed)
        return bucket_and_sign(index, sign, m.buckets)

    return rule


def always(text: str) -> Part:
    """Make a part of a key that is the same text for every index."""
    return lambda n: np.full(n.shape, text.encode())


def keras_rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """Make the map of the Keras port: key "{j}_{i}", input first, and no signs."""
    first = join(digits(j.astype(np.int64)), b"_")
    second = digits(i.astype(np.int64))
    return bucket_and_sign(hash_texts(first, second, m.seed), None, m.buckets)


# "123_123idxW": the indices of three neighbours, counted from 1
AUTHORS_2015_BIAS = register_kind(
    Kind("authors2015_bias", two_texts(triple, always("123"), "idxB", "xi_B"), default_seed=1691, biases=())
)
AUTHORS_2015 = register_kind(
    Kind("authors2015", two_texts(triple, triple, "idxW", "xi_W"), default_seed=1691, biases=BIASES[1:],
         bias_kind=AUTHORS_2015_BIAS)
)
# "0_0idxW"
PYTORCH_2019_BIAS = register_kind(
    Kind("pytorch2019_bias", two_texts(digits, always("0"), "idxB", "xiB"), default_seed=2, biases=())
)
PYTORCH_2019 = register_kind(
    Kind("pytorch2019", two_texts(digits, digits, "idxW", "xiW"), default_seed=2, biases=BIASES[1:],
         bias_kind=PYTORCH_2019_BIAS)
)
KERAS = register_kind(Kind("keras", keras_rule, default_seed=2, biases=BIASES[2:]))
