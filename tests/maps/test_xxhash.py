"""The kind "xxhash": its definition in Python's integers, and how it explains itself."""

import numpy as np
import pytest
import xxhash

from hashnets_np import SharingMap


def reference_hash(i, j, seed):
    return xxhash.xxh32(i.to_bytes(4, "little") + j.to_bytes(4, "little"), seed=seed).intdigest()


def definition(i, j, K, seed):
    """Specification 1, section 4, one virtual weight at a time."""
    h = reference_hash(i, j, seed)
    return (h >> 1) % K, -1 if h & 1 else 1


@pytest.mark.parametrize("K", [1, 2, 7, 2**31 - 1])
@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_table_is_the_definition(K, seed):
    bucket, sign = SharingMap(9, 5, buckets=K, seed=seed).table()
    found = [(bucket[i, j], sign[i, j]) for i in range(9) for j in range(5)]
    assert found == [definition(i, j, K, seed) for i in range(9) for j in range(5)]
    assert (bucket.dtype, sign.dtype) == (np.intp, np.int8)


@pytest.mark.parametrize(("i", "j"), [(2, 1), (2**32 - 1, 2**31), (513, 0)])
def test_explain_shows_key_hash_bucket_and_sign(i, j):
    m = SharingMap(2**32, 2**32, buckets=1000, seed=7)
    h = reference_hash(i, j, 7)
    bucket, sign = definition(i, j, 1000, 7)
    key = " ".join(f"{byte:02x}" for byte in i.to_bytes(4, "little") + j.to_bytes(4, "little"))
    assert m.derivation(i, j) == [
        f"key     {key}   (i, then j, little-endian)",
        f"hash    0x{h:08x} = {h}   (XXH32, seed 7)",
        f"bucket  {h} >> 1 = {h >> 1}, {h >> 1} mod 1000 = {bucket}",
        f"sign    bit 0 of the hash is {int(sign < 0)}: {sign:+d}",
    ]


def test_a_map_without_a_seed_has_seed_0():
    assert SharingMap(3, 4, buckets=5) == SharingMap(3, 4, buckets=5, seed=0)
