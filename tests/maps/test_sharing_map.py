"""Sharing maps: the number of buckets is exact, maps are values, and their statistics are those of a random map."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashnets_np import SharingMap, bucket_count, derive_seed
from hashnets_np.maps import KINDS


def chi2_limit(k):
    """The 99.9 % quantile of chi-square, k degrees of freedom, by Wilson and Hilferty: good to 1 % from k = 3 on."""
    return k * (1 - 2 / (9 * k) + 3.0902 * np.sqrt(2 / (9 * k))) ** 3


def chi2(observed, expected):
    return float(((observed - expected) ** 2 / expected).sum())


@pytest.mark.parametrize(
    ("compression", "n", "K"),
    [("1/8", 785_000, 98_125), ("1/64", 785_000, 12_266), (0.1, 100, 10), (0.1, 30, 3), (0.07, 100, 7), (1, 7, 7),
     (Fraction(1, 3), 10, 4), (Decimal("0.1"), 30, 3), (np.float32(0.1), 30, 3), (np.float64(0.1), 30, 3),
     ("1e-9", 10, 1), ("0.5", 5, 3), (np.int64(1), 7, 7), (".5", 5, 3), ("1.", 5, 5), ("1E-1", 30, 3),
     ("01/010", 30, 3)],
)
def test_buckets_are_counted_in_exact_arithmetic(compression, n, K):
    assert bucket_count(compression, n) == K


@given(st.integers(1, 64), st.integers(0, 64), st.integers(1, 10**9))
def test_K_is_the_smallest_integer_not_below_c_times_n(p, extra, n):
    q = p + extra
    K = bucket_count(f"{p}/{q}", n)
    assert K * q >= p * n > (K - 1) * q


@pytest.mark.parametrize("bad", [0, -1, 2, "2", 1.5, "1/0", "x", None, float("nan"), float("inf"), True, "", [1],
                                 "1 / 8", " 1/8", "1_0/80", "1e-99999999", Decimal("1e-99999999"), "\u0661/\u0668"])
def test_a_compression_outside_0_to_1_is_refused(bad):
    with pytest.raises(ValueError, match="compression must be"):
        bucket_count(bad, 100)


def test_tiles_are_parts_of_the_table():
    m = SharingMap(13, 7, buckets=5, seed=3)
    bucket, sign = m.table()
    assert (bucket.shape, bucket.dtype, sign.dtype) == ((13, 7), np.intp, np.int8)
    b, s = m.tile(slice(4, 9), slice(2, 100))
    np.testing.assert_array_equal(b, bucket[4:9, 2:])
    np.testing.assert_array_equal(s, sign[4:9, 2:])
    assert m.lookup(8, 3) == (bucket[8, 3], sign[8, 3])


def test_a_block_of_a_table_is_what_looking_up_gives(rng):
    m = SharingMap.from_table(rng.integers(0, 9, (12, 7)), rng.choice([-1, 1], (12, 7)), buckets=9)
    for rows, cols in ((slice(3, 10), slice(2, 5)), (slice(None, None, 2), slice(None)), (slice(-4, 99), slice(3))):
        i = np.arange(12)[rows]
        j = np.arange(7)[cols]
        for found, expected in zip(m.tile(rows, cols), m.lookup(i[:, None], j), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_maps_are_values():
    assert SharingMap(3, 4, buckets=2, seed=1) == SharingMap(3, 4, buckets=2, seed=1)
    assert SharingMap(3, 4, buckets=2, seed=1) != SharingMap(3, 4, buckets=2, seed=2)
    table = SharingMap.from_table([[0, 1]], buckets=2)
    assert table == SharingMap.from_table(np.array([[0, 1]]), [[1, 1]], buckets=2)
    assert table != SharingMap.from_table([[1, 0]], buckets=2)
    assert len({table, SharingMap.from_table([[0, 1]], buckets=2), SharingMap.from_table([[0, 1]], buckets=3)}) == 2
    assert len(repr(SharingMap.from_table(np.zeros((100, 100), int), buckets=2))) < 100
    with pytest.raises(ValueError, match="unknown kind of sharing map 'table'"):
        SharingMap(1, 2, buckets=2, kind="table")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_out": 0}, "n_out"), ({"n_out": 2.0}, "n_out"), ({"n_out": 2**32 + 1}, "n_out"),
        ({"n_cols": 0}, "n_cols"), ({"n_cols": True}, "n_cols"),
        ({"buckets": 0}, "buckets"), ({"buckets": 2**31}, "buckets"),
        ({"seed": -1}, "seed"), ({"seed": 2**32}, "seed"),
        ({"kind": "md5"}, "known kinds: xxhash"),
        ({"size": 4}, "maps of kind 'xxhash' have no size"), ({"kind": "tile", "size": 0}, "size"),
        ({"kind": "tile", "size": 2**15 + 1}, "size"), ({"signed": 1}, "signed must be True or False"),
    ],
)
def test_an_impossible_map_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SharingMap(**{"n_out": 3, "n_cols": 3, "buckets": 2} | arguments)


@pytest.mark.parametrize(
    ("bucket", "sign", "message"),
    [([[0, 2]], None, "1-based"), ([[-1, 0]], None, "1-based"), ([0, 1], None, "matrices"), ([[0.0]], None, "matrices"),
     ([[0]], [[0]], r"\+1 or -1"), ([[0, 1]], [[1, 0]], r"\+1 or -1"), ([[0]], [[1, 1]], "the same shape")],
)
def test_an_impossible_table_is_refused(bucket, sign, message):
    with pytest.raises(ValueError, match=message):
        SharingMap.from_table(bucket, sign, buckets=2)


@pytest.mark.parametrize(("i", "j"), [(2, 0), (0, 3), ([0, 2], 0), (0, [0, 3])])
def test_an_index_outside_the_matrix_is_refused(i, j):
    with pytest.raises(ValueError, match="2 x 3; indices are 0-based"):
        SharingMap(2, 3, buckets=2).lookup(i, j)


def test_every_kind_gives_buckets_and_signs_in_range():
    for kind in KINDS:
        bucket, sign = SharingMap(20, 1 if kind.endswith("_bias") else 30, buckets=7, kind=kind).table()
        assert set(np.unique(bucket)) <= set(range(7)), kind
        assert set(np.unique(sign)) <= {-1, 1}, kind


@pytest.mark.parametrize("K", [7, 98, 1000])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_bucket_loads_and_signs_are_uniform_and_independent(K, seed):
    bucket, sign = SharingMap(500, 400, buckets=K, seed=seed).table()
    n = bucket.size
    assert chi2(np.bincount(bucket.ravel(), minlength=K), n / K) < chi2_limit(K - 1)
    assert abs(int(sign.sum(dtype=np.int64))) < 3.5 * np.sqrt(n)
    cells = np.bincount(2 * bucket.ravel() + (sign.ravel() > 0), minlength=2 * K)  # (bucket, sign) together
    assert chi2(cells, n / (2 * K)) < chi2_limit(2 * K - 1)


def test_the_sign_of_a_naive_map_is_caught_by_the_independence_test():
    bucket, _ = SharingMap(500, 400, buckets=98, seed=0).table()
    sign = np.where(bucket % 2, 1, -1)  # a sign from the bucket's own bits: +-1 equally often, and yet no use
    cells = np.bincount(2 * bucket.ravel() + (sign.ravel() > 0), minlength=2 * 98)
    assert chi2(cells, bucket.size / (2 * 98)) > chi2_limit(2 * 98 - 1)


def test_at_compression_one_a_share_of_1_over_e_of_the_buckets_is_empty():
    bucket, _ = SharingMap(500, 400, buckets=200_000, seed=5).table()
    empty = 1 - len(np.unique(bucket)) / 200_000
    assert abs(empty - np.exp(-1)) < 0.005


def test_layers_of_one_shape_have_maps_of_their_own():
    first, second = (SharingMap(100, 100, buckets=50, seed=derive_seed(1, layer)).table() for layer in (0, 1))
    assert abs((first[0] == second[0]).mean() - 1 / 50) < 0.01
    assert abs((first[1] == second[1]).mean() - 1 / 2) < 0.03


def test_duplicates_are_counted():
    assert SharingMap.from_table([[0, 2], [2, 2]], buckets=4).loads().tolist() == [1, 0, 3, 0]


def test_loads_of_many_blocks_are_those_of_the_table(monkeypatch):
    m = SharingMap(90, 70, buckets=101, seed=4)
    expected = np.bincount(m.table()[0].ravel(), minlength=101)
    monkeypatch.setattr(type(m), "row_blocks", lambda self: [slice(0, 1), slice(1, 50), slice(50, 90)])
    np.testing.assert_array_equal(m.loads(), expected)


def test_bucket_numbers_have_the_index_type_of_the_platform():
    for kind in KINDS:
        bucket, sign = SharingMap(3, 1, buckets=2, kind=kind).table()
        assert (bucket.dtype, sign.dtype) == (np.intp, np.int8), kind


def test_blocks_of_rows_cover_the_map_once():
    m = SharingMap(7, 3, buckets=2)
    for weights, rows in ((1, 1), (3, 1), (5, 1), (6, 2), (20, 6), (21, 7), (1000, 7)):
        blocks = m.row_blocks(weights)
        assert [n for block in blocks for n in range(7)[block]] == list(range(7))
        assert [block.stop - block.start for block in blocks[:-1]] == [rows] * (len(blocks) - 1)
        assert blocks[0] == slice(0, rows) and blocks[-1].stop == 7


def test_a_table_keeps_its_signs_and_has_no_seed_and_no_size():
    m = SharingMap.from_table([[0, 1]], [[1, -1]], buckets=2)
    assert m.table()[1].tolist() == [[1, -1]] and (m.seed, m.size, m.signed, m.kind) == (0, None, True, "table")
    assert m.piece_shape() == (1, 1) and m.lines() is None


@pytest.mark.parametrize("kind", ["xxhash", "fold", "chunk", "tile", "authors2015"])
def test_a_map_without_signs_has_the_same_buckets(kind):
    signed = SharingMap(99, 70, buckets=9, seed=1, kind=kind)
    plain = SharingMap(99, 70, buckets=9, seed=1, kind=kind, signed=False)
    np.testing.assert_array_equal(plain.table()[0], signed.table()[0])
    assert (plain.table()[1] == 1).all() and (signed.table()[1] == -1).any() and plain != signed
    assert not plain.bias_map(4, 5).signed and signed.bias_map(4, 5).signed


def test_a_hashed_bias_has_a_map_of_the_same_kind_and_size_with_the_seed_that_it_is_given():
    m = SharingMap(6, 4, buckets=9, seed=1, kind="chunk", size=3)
    assert m.bias_map(4, 5) == SharingMap(6, 1, buckets=4, seed=5, kind="chunk", size=3)
    authors = SharingMap(6, 4, buckets=9, seed=1, kind="authors2015")
    assert authors.bias_map(4, 5) == SharingMap(6, 1, buckets=4, seed=1, kind="authors2015_bias")


@pytest.mark.parametrize(("bucket", "sign", "buckets", "message"), [
    ([[0.0, 1.0]], None, 2, r"integer matrices of the same shape, got float64 of shape \(1, 2\) and int8"),
    ([[0, 1]], [[0, 1]], 2, r"signs must be \+1 or -1, got 0\.\.1"),
    ([[0, 1]], [["+", "-"]], 2, r"integer matrices of the same shape, got int\d\d of shape \(1, 2\) and <U1 of shape"),
    ([[0, 1]], [[1, None]], 2, r"integer matrices of the same shape, .* and object of shape"),
    ([[0, 1]], [[1, 1j]], 2, r"integer matrices of the same shape, .* and complex128 of shape"),
    ([[0, 1], [1]], None, 2, "bucket cannot be turned into an array"),
    ([[0, 1]], None, None, "buckets must be an integer in .*, got None"),
    ([[0, 1]], None, "2", "buckets must be an integer in .*, got '2'"),
])
def test_a_table_that_is_refused_is_told_what_came(bucket, sign, buckets, message):
    with pytest.raises(ValueError, match=message):
        SharingMap.from_table(bucket, sign, buckets=buckets)


@pytest.mark.parametrize("kind", ["xxhash", "fold", "keras", None])
def test_rows_and_columns_that_do_not_broadcast_are_named(kind):
    table = SharingMap.from_table(np.zeros((4, 3), int), buckets=3)
    m = table if kind is None else SharingMap(4, 3, buckets=3, kind=kind)
    with pytest.raises(ValueError, match=r"^i of shape \(2,\) and j of shape \(3,\) do not broadcast; to pair each i"):
        m.lookup([0, 1], [0, 1, 2])
    assert m.lookup([[0], [1]], [0, 1, 2])[0].shape == (2, 3)
