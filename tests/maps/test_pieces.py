"""The kinds "chunk" and "tile": their definitions in Python's integers, and that neighbours stay neighbours."""

import numpy as np
import pytest
import xxhash

from hashnets_np import SharingMap
from hashnets_np.maps import KINDS


def reference_hash(i, j, seed):
    return xxhash.xxh32(i.to_bytes(4, "little") + j.to_bytes(4, "little"), seed=seed).intdigest()


def chunk(i, j, K, seed, Z):
    """Specification 1.1, one virtual weight at a time."""
    h = reference_hash(i, j // Z, seed)
    return ((h >> 1) + j % Z) % K, -1 if h & 1 else 1


def tile(i, j, K, seed, T):
    """Specification 1.1, one virtual weight at a time."""
    h = reference_hash(i // T, j // T, seed)
    return ((h >> 1) + (i % T) * T + j % T) % K, -1 if h & 1 else 1


DEFINITIONS = {"chunk": chunk, "tile": tile}


@pytest.mark.parametrize("kind", ["chunk", "tile"])
@pytest.mark.parametrize("size", [None, 1, 3, 256])
@pytest.mark.parametrize("K", [1, 5, 10_000])
def test_the_table_is_the_definition(kind, size, K):
    m = SharingMap(7, 40, buckets=K, seed=9, kind=kind, size=size)
    assert m.size == (size or {"chunk": 16, "tile": 32}[kind])
    bucket, sign = m.table()
    for i in range(7):
        for j in range(40):
            assert (bucket[i, j], sign[i, j]) == DEFINITIONS[kind](i, j, K, 9, m.size)


@pytest.mark.parametrize("kind", ["chunk", "tile"])
def test_the_largest_hash_does_not_wrap(kind):
    K, size = 2**31 - 1, 2**15
    m = SharingMap(2**32, 2**32, buckets=K, seed=0, kind=kind, size=size)
    for i, j in [(2**32 - 1, 2**32 - 1), (2**15 - 1, 2**15 - 1), (12345, 2**31 + 7)]:
        assert m.lookup(i, j) == DEFINITIONS[kind](i, j, K, 0, size)


def test_a_tile_of_V_is_a_piece_of_w():
    m = SharingMap(64, 64, buckets=5000, seed=1, kind="tile")
    bucket, sign = m.table()
    piece = bucket[:32, 32:].ravel()
    np.testing.assert_array_equal(piece, (piece[0] + np.arange(1024)) % 5000)
    assert len(np.unique(sign[:32, 32:])) == 1


def test_maps_of_other_sizes_are_other_maps():
    assert SharingMap(4, 4, buckets=3, kind="chunk", size=2) != SharingMap(4, 4, buckets=3, kind="chunk")
    assert KINDS["xxhash"].default_size is None


@pytest.mark.parametrize(("kind", "size", "i", "j"), [("chunk", 3, 2, 7), ("tile", 4, 9, 6), ("tile", 4, 0, 0)])
def test_explain_shows_the_piece_its_hash_the_bucket_and_the_sign(kind, size, i, j):
    m = SharingMap(12, 8, buckets=11, seed=7, kind=kind, size=size)
    height, width = m.piece_shape()
    assert (height, width) == {"chunk": (1, 3), "tile": (4, 4)}[kind]
    h = reference_hash(i // height, j // width, 7)
    number = (i % height) * width + j % width
    bucket, sign = DEFINITIONS[kind](i, j, 11, 7, size)
    assert m.derivation(i, j) == [
        f"piece   ({i // height}, {j // width}), {height} x {width} weights; this one is number {number} in it",
        f"hash    0x{h:08x} = {h}   (XXH32 of ({i // height}, {j // width}), seed 7)",
        f"bucket  ({h} >> 1) + {number} = {(h >> 1) + number}, mod 11 = {bucket}",
        f"sign    bit 0 of the hash is {int(sign < 0)}: {sign:+d}, the same for the whole piece",
    ]


def test_explain_says_that_signs_are_switched_off():
    m = SharingMap(4, 4, buckets=3, kind="chunk", signed=False)
    assert m.derivation(1, 2)[-1] == "signs   are switched off: +1"
    assert len(m.derivation(1, 2)) == 1 + len(SharingMap(4, 4, buckets=3, kind="chunk").derivation(1, 2))
