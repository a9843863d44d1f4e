"""XXH32 of index pairs is the reference library's, bit for bit, and wrong input is refused."""

import csv
import struct

import numpy as np
import pytest
import xxhash

from hashnets_np import SharingMap, derive_seed, xxh32_pair

TOP = 2**32 - 1


def reference(i, j, seed):
    return xxhash.xxh32(struct.pack("<II", i, j), seed).intdigest()


def test_a_hundred_thousand_random_keys_match_the_reference_library(rng):
    i, j, seed = rng.integers(0, 2**32, (3, 100_000), dtype=np.uint32)
    i[:9], j[:9:2], seed[:9:3] = TOP, TOP, TOP
    i[9:12], j[9:12], seed[9:12] = 0, 0, 0
    expected = [reference(int(a), int(b), int(c)) for a, b, c in zip(i, j, seed, strict=True)]
    np.testing.assert_array_equal(xxh32_pair(i, j, seed), expected)


def test_the_published_vectors_pass(shared):
    with open(shared / "hash_vectors.csv") as file:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert len(rows) > 50
    for row in rows:
        assert xxh32_pair(row["i"], row["j"], row["seed"]) == row["xxh32"], row
        for K in (9, 98125, 2147483647):
            bucket, sign = SharingMap(2**32, 2**32, buckets=K, seed=row["seed"]).lookup(row["i"], row["j"])
            assert (bucket, sign) == (row[f"bucket_K{K}"], row["sign"]), (K, row)


def test_arguments_broadcast():
    table = xxh32_pair(np.arange(3)[:, None], np.arange(4)[None, :], 7)
    assert table.shape == (3, 4) and table.dtype == np.uint32
    assert table[2, 1] == xxh32_pair(2, 1, 7) == reference(2, 1, 7)
    assert xxh32_pair(np.empty((0, 3), int), 1, 2).shape == (0, 3)
    assert xxh32_pair([], [], 7).shape == (0,)  # a list of nothing is of floats


@pytest.mark.parametrize("bad", [-1, 2**32, 2**70, 1.0, "3", None, True, np.array([1.5])])
def test_anything_but_32_bit_integers_is_refused(bad):
    for arguments in ((bad, 0, 0), (0, bad, 0), (0, 0, bad)):
        with pytest.raises(ValueError, match=r"0\.\.2\*\*32-1"):
            xxh32_pair(*arguments)


def test_derived_seeds_are_the_hash_of_seed_and_number():
    assert derive_seed(1, 0) == reference(1, 0, 0)
    assert derive_seed(TOP, TOP) == reference(TOP, TOP, 0)
    assert len({derive_seed(5, n) for n in range(1000)}) == 1000
    with pytest.raises(ValueError, match=r"seed must be an integer in 0..2\*\*32-1, got -1"):
        derive_seed(-1, 0)


def test_one_number_that_is_out_of_range_is_shown_as_it_is():
    with pytest.raises(ValueError, match=r"^i must be in 0\.\.2\*\*32-1, got -1$"):
        xxh32_pair(-1, 5, 0)
    with pytest.raises(ValueError, match=r"got values from -1 to 3$"):
        xxh32_pair([-1, 3], 5, 0)


def test_indices_under_a_mask_are_refused():
    masked = np.ma.array([1, 2], mask=[False, True])
    with pytest.raises(ValueError, match="j has masked entries"):
        xxh32_pair(0, masked, 7)
    with pytest.raises(ValueError, match="i has masked entries"):
        SharingMap(4, 4, buckets=3).lookup(masked, 0)


def test_arrays_that_do_not_broadcast_are_named():
    for arguments, message in ((([0, 1], [0, 1, 2], 0), r"^i of shape \(2,\) and j of shape \(3,\) do not broadcast"),
                               ((3, [0, 1, 2], [0, 1]), r"^j of shape \(3,\) and seed of shape \(2,\) do not")):
        with pytest.raises(ValueError, match=message):
            xxh32_pair(*arguments)
