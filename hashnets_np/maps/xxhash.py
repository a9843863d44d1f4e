"""The kind "xxhash": bucket and sign from disjoint bits of one hash of (i, j). Specification 1, section 2.

The bucket comes from bits 1 to 31, the sign from bit 0. So the two are independent, and one hash serves both.
"""

from functools import cache
from typing import Any

import numpy as np

from ..hashing import xxh32_pair
from .kind import BucketArray, IndexArray, Kind, Lines, MapFacts, SignArray, register_kind


def sign_of(x: IndexArray) -> SignArray:
    """Read the sign from bit 0 of a hash: set means -1."""
    return np.where(x & np.uint32(1), -1, 1).astype(np.int8)  # Eq. 7: xi(i, j)


def xxhash_rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """Bucket (x >> 1) mod K and sign from bit 0, for x = XXH32 of (i, j)."""
    x = xxh32_pair(i, j, m.seed)
    bucket = (x >> np.uint32(1)) % np.uint32(m.buckets)  # Eq. 3: h(i, j)
    return bucket.astype(np.intp), sign_of(x)


def xxhash_lines(m: MapFacts) -> Lines:
    """Prepare the compiled line function."""
    return line_class().of(m)


@cache
def line_class() -> Any:
    """Import the numba part, once."""
    from .xxhash_fast import XxhashLines

    return XxhashLines


def xxhash_derivation(m: MapFacts, i: int, j: int) -> list[str]:
    """Show key, hash, bucket and sign."""
    key = i.to_bytes(4, "little") + j.to_bytes(4, "little")
    x = int(xxh32_pair(i, j, m.seed))
    bucket, sign = m.lookup(i, j)
    return [
        f"key     {key.hex(' ')}   (i, then j, little-endian)",
        f"hash    0x{x:08x} = {x}   (XXH32, seed {m.seed})",
        f"bucket  {x} >> 1 = {x >> 1}, {x >> 1} mod {m.buckets} = {bucket}",
        f"sign    bit 0 of the hash is {x & 1}: {sign:+d}",
    ]


XXHASH = register_kind(Kind("xxhash", xxhash_rule, lines=xxhash_lines, derivation=xxhash_derivation))
