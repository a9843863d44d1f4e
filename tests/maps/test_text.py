"""The compatibility kinds: bit for bit what the reference library and the published check values say."""

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from hashnets_np import HashedLinear, SharingMap
from hashnets_np.maps import KINDS
from hashnets_np.maps import text as text_map

KEYS = {  # written from the description of each code, one pair at a time
    "authors2015": lambda i, j: (f"{i+1}{i+2}{i+3}_{j+1}{j+2}{j+3}idxW", f"{i+1}{i+2}{i+3}_{j+1}{j+2}{j+3}xi_W"),
    "authors2015_bias": lambda i, j: (f"{i+1}{i+2}{i+3}_123idxB", f"{i+1}{i+2}{i+3}_123xi_B"),
    "pytorch2019": lambda i, j: (f"{i}_{j}idxW", f"{i}_{j}xiW"),
    "pytorch2019_bias": lambda i, j: (f"{i}_0idxB", f"{i}_0xiB"),
    "keras": lambda i, j: (f"{j}_{i}", None),
}
TEXT = b"100010011002_784785786idxW and more of it"


def expected(kind: str, i: int, j: int, buckets: int, seed: int) -> tuple[int, int]:
    index, sign = KEYS[kind](i, j)
    odd = sign is None or xxhash.xxh32(sign.encode(), seed=seed).intdigest() % 2
    return xxhash.xxh32(index.encode(), seed=seed).intdigest() % buckets, 1 if odd else -1


@pytest.mark.parametrize("length", [0, 1, 3, 4, 15, 16, 17, 26, 31, 32, 33, 40])
@pytest.mark.parametrize("seed", [0, 2, 1691, 2**32 - 1])
def test_xxh32_of_text_agrees_with_the_library_around_its_stripes(length, seed, kernels):
    text = TEXT[:length]
    assert text_map.plain_xxh32(text, seed) == xxhash.xxh32(text, seed=seed).intdigest()
    for cut in {0, length // 2, length}:
        found = text_map.hash_texts(np.array([text[:cut]]), np.array([text[cut:]]), seed)
        assert found.tolist() == [xxhash.xxh32(text, seed=seed).intdigest()]


@pytest.mark.parametrize("kind", list(KEYS))
@given(i=st.integers(0, 2**32 - 1), j=st.integers(0, 2**32 - 1), buckets=st.integers(1, 2**31 - 1),
       seed=st.integers(0, 2**32 - 1))
def test_one_virtual_weight_anywhere(kind, i, j, buckets, seed):
    m = SharingMap(2**32, 2**32, buckets=buckets, seed=seed, kind=kind)
    bucket, sign = m.lookup([i], [j])
    assert (bucket[0], sign[0]) == expected(kind, i, j, buckets, seed)


@pytest.mark.parametrize("kind", list(KEYS))
def test_a_tile_across_lengths_of_numbers(kind, kernels):
    m = SharingMap(120, 12, buckets=50, kind=kind)
    bucket, sign = m.tile(slice(7, 120, 1), slice(5, 12))
    assert bucket.dtype == np.intp and sign.dtype == np.int8 and bucket.shape == (113, 7)
    for i in range(7, 120):
        for j in range(5, 12):
            assert (bucket[i - 7, j - 5], sign[i - 7, j - 5]) == expected(kind, i, j, 50, KINDS[kind].default_seed)


def test_plain_and_fast_agree_on_every_shape(monkeypatch):
    rows, cols = np.array([b"1_", b"", b"123456789"])[:, None], np.array([b"77", b"x", b"", b"9" * 30])[None, :]
    shapes = [(rows, cols), (cols, rows), (rows[:, 0], cols[0, :3]), (rows[:0], cols), (rows[::2], cols),
              (rows.T, np.array([[b"same"]]))]
    pytest.importorskip("numba")
    from hashnets_np.maps import text_fast

    monkeypatch.setenv("HASHNETS_KERNELS", "numba")
    for piece in (text_fast.PIECE, 1, 5):  # keys for a thread: all, a row of them, and rows of some shapes
        monkeypatch.setattr(text_fast, "PIECE", piece)
        for first, second in shapes:
            fast = text_map.hash_texts(first, second, 5)
            assert fast.dtype == np.uint32
            assert np.array_equal(fast, text_map.text_hashes(first, second, 5))


def test_the_released_codes_check_values():
    m = SharingMap(1000, 784, buckets=98000, kind="authors2015")
    bucket, sign = m.lookup([0, 1, 0, 9, 999], [0, 0, 1, 9, 783])
    assert (bucket + 1).tolist() == [96821, 27033, 97160, 74488, 28236]  # 1-based in Lua
    assert sign.tolist() == [-1, -1, -1, 1, -1]


@pytest.mark.parametrize("kind", ["authors2015", "pytorch2019"])
def test_a_layer_hashes_its_bias_by_a_kind_of_its_own_with_the_same_seed_everywhere(kind):
    first, second = (HashedLinear(4, 6, "1/2", bias="hashed", kind=kind) for _ in range(2))
    assert first.map == second.map and first.map.seed == KINDS[kind].default_seed
    assert first.bias_map == SharingMap(6, 1, buckets=3, seed=KINDS[kind].default_seed, kind=kind + "_bias")


@pytest.mark.parametrize(("kind", "bias"), [("authors2015", "column"), ("pytorch2019", "column"), ("keras", "column"),
                                            ("keras", "hashed")])
def test_a_bias_that_the_kind_does_not_have_is_refused(kind, bias):
    with pytest.raises(ValueError, match="bias must be one of"):
        HashedLinear(4, 6, "1/2", bias=bias, kind=kind)


def test_keras_has_no_signs():
    assert (SharingMap(9, 9, buckets=4, kind="keras").table()[1] == 1).all()


def test_a_layer_of_a_text_kind_takes_its_turn_inside_the_kernels_turn(kernels):
    layer = HashedLinear(40, 30, "1/4", bias="hashed", kind="authors2015")  # a lock that isn't reentrant waits for ever
    z = layer.forward(np.ones((3, 40), np.float32))
    assert z.shape == (3, 30) and layer.backward(z).shape == (3, 40)


def test_each_kind_of_text_has_its_seed_and_what_a_layer_may_have_as_bias():
    facts = {kind: (KINDS[kind].default_seed, KINDS[kind].biases) for kind in KEYS}
    assert facts == {
        "authors2015": (1691, ("hashed", "dense", None)), "authors2015_bias": (1691, ()),
        "pytorch2019": (2, ("hashed", "dense", None)), "pytorch2019_bias": (2, ()), "keras": (2, ("dense", None)),
    }
    assert SharingMap(3, 4, buckets=5, kind="keras") == SharingMap(3, 4, buckets=5, kind="keras", seed=2)


def test_the_plain_version_hashes_where_it_is_chosen(kernels, monkeypatch):
    """Nothing else would tell: both give the same integers."""
    used = []
    monkeypatch.setattr(text_map, "text_hashes", lambda *texts: used.append("numpy"))
    if kernels == "numba":
        from hashnets_np.maps import text_fast

        monkeypatch.setattr(text_fast, "text_hashes", lambda *texts: used.append("numba"))
    text_map.hash_texts(np.array([b"a"]), np.array([b"b"]), 1)
    assert used == [kernels]
