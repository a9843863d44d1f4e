"""The numba kernels against the plain ones: integers bit for bit, floats within 1e-5 (float32) and 1e-12 (float64)."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numba")
from hashnets_np.hashing import xxh32_pair
from hashnets_np.kernels import fast, fast_lines, fast_tiles, plain
from hashnets_np.maps import KINDS, MAX_BUCKETS, SharingMap, fold_fast, xxhash_fast
from hashnets_np.support import threads as fast_threads

BOUND = {np.float32: 1e-5, np.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
KINDS_AND_SIZES = pytest.mark.parametrize(("kind", "size"), [
    ("xxhash", None), ("fold", None), ("chunk", None), ("tile", None), ("tile", 256),
])
# n_out, n_cols, buckets, batch: narrow, wide, one bucket, more buckets than weights, several tiles and pieces
SIZES = [
    (1, 1, 1, 1), (3, 5, 4, 2), (10, 1001, 157, 50), (1000, 65, 1000, 7), (30, 70, 2**17, 20), (300, 700, 3277, 3),
    (1000, 785, 98125, 50), (2300, 40, 77, 6), (64, 4100, 2**12, 5), (64, 4100, 1, 1), (4100, 64, 2**12, 1),
    (2300, 300, 2**12, 5),
]  # fmt: skip


def difference(result, expected):
    assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
    return np.abs(result - expected).max() / np.abs(expected).max()


def example(n_out, n_cols, buckets, batch, dtype, seed=1, kind="xxhash", size=None):
    """A map, and w, a, dz, dV to go with it."""
    rng = np.random.default_rng(seed)
    shapes = buckets, (batch, n_cols), (batch, n_out), (n_out, n_cols)
    m = SharingMap(n_out, n_cols, buckets=buckets, seed=2**32 - 1, kind=kind, size=size)
    return m, *(rng.normal(size=s).astype(dtype) for s in shapes)


def all_four(m, w, a, dz, dV):
    forward, backward = fast.hashed_forward(w, a, m), fast.hashed_backward(w, a, dz, m)
    return fast.hash_gather(w, m), fast.hash_scatter_add(dV, m), forward, *backward


@DTYPES
@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.lines is not None])
@pytest.mark.parametrize("sizes", SIZES)
def test_all_four_kernels_agree_with_the_plain_version(sizes, kind, dtype):
    m, w, a, dz, dV = example(*sizes, dtype, kind=kind)
    V, scattered, z, dw, da = all_four(m, w, a, dz, dV)
    np.testing.assert_array_equal(V, plain.hash_gather(w, m))
    assert difference(scattered, plain.hash_scatter_add(dV, m)) <= BOUND[dtype]
    assert difference(z, plain.hashed_forward(w, a, m)) <= BOUND[dtype]
    plain_dw, plain_da = plain.hashed_backward(w, a, dz, m)
    assert difference(dw, plain_dw) <= BOUND[dtype]
    assert difference(da, plain_da) <= BOUND[dtype]
    only_dw, nothing = fast.hashed_backward(w, a, dz, m, input_grad=False)
    assert nothing is None
    np.testing.assert_array_equal(only_dw, dw)


@DTYPES
@pytest.mark.parametrize("sizes", [(300, 700, 3277, 3), (64, 4100, 500, 1), (1030, 1030, 5000, 4), (10, 1001, 1, 5)])
@pytest.mark.parametrize(("kind", "size"), [
    ("chunk", 1), ("chunk", 300), ("chunk", 5000), ("tile", 1), ("tile", 100), ("tile", 128), ("tile", 200),
    ("tile", 256), ("tile", 1000), ("tile", 2000),
])
def test_pieces_of_any_size_agree_with_the_plain_version(kind, size, sizes, dtype):
    """Some are copied, some multiplied where they stand, some gone through one by one; many are larger than w or V."""
    n_out, n_cols, buckets, batch = sizes
    rng = np.random.default_rng(1)
    m = SharingMap(n_out, n_cols, buckets=buckets, seed=2**32 - 1, kind=kind, size=size)
    w = np.abs(rng.normal(size=buckets)).astype(dtype)
    a = rng.normal(size=(batch, n_cols)).astype(dtype)
    dz = rng.normal(size=(batch, n_out)).astype(dtype)
    dV = rng.normal(size=(n_out, n_cols)).astype(dtype)
    V, scattered, z, dw, da = all_four(m, w, a, dz, dV)
    np.testing.assert_array_equal(V, plain.hash_gather(w, m))
    close = 4 * np.finfo(dtype).eps * np.sqrt(n_out * n_cols)  # of sums of that many numbers of size 1
    np.testing.assert_allclose(scattered, plain.hash_scatter_add(dV, m), rtol=BOUND[dtype], atol=close * 10)
    np.testing.assert_allclose(z, plain.hashed_forward(w, a, m), rtol=BOUND[dtype], atol=close * 10)
    plain_dw, plain_da = plain.hashed_backward(w, a, dz, m)
    np.testing.assert_allclose(dw, plain_dw, rtol=BOUND[dtype], atol=close * 10)
    np.testing.assert_allclose(da, plain_da, rtol=BOUND[dtype], atol=close * 10)


def test_lanes_and_lines_give_the_hash_bit_for_bit(rng):
    i, j = rng.integers(0, 2**32, 30, dtype=np.uint32), rng.integers(0, 2**32, 400, dtype=np.uint32)
    i[:3], j[:3] = (0, 1, 2**32 - 1), (0, 1, 2**32 - 1)
    for seed in (0, 7, 2**31, 2**32 - 1):
        expected = xxh32_pair(i[:, None], j[None, :], seed)
        rows, cols = xxhash_fast.row_lanes(i, seed), xxhash_fast.column_lanes(j)
        x = np.empty(j.size, np.uint32)
        for r in range(i.size):  # a row of V is a line
            xxhash_fast.hash_line(x, rows[r], cols)
            np.testing.assert_array_equal(x, expected[r])
        x = np.empty(i.size, np.uint32)
        for c in range(j.size):  # a column of V is a line
            xxhash_fast.hash_line(x, cols[c], rows)
            np.testing.assert_array_equal(x, expected[:, c])


@given(st.one_of(st.integers(1, 2**12), st.integers(1, MAX_BUCKETS), st.integers(1, 30).map(lambda n: 2**n)))
def test_buckets_without_division_are_exact(buckets):
    multiples = np.arange(1, 100) * (2**31 // buckets // 100 + 1) * buckets
    y = np.concatenate([multiples - 1, multiples, multiples + 1, [0, 2**31 - 1, 2**31 - 2]])
    y = y[(y >= 0) & (y < 2**31)]
    bucket = np.empty(y.size, np.uint32)
    xxhash_fast.bucket_line(bucket, (2 * y + 1).astype(np.uint32), np.uint32(buckets), *xxhash_fast.divisor(buckets))
    np.testing.assert_array_equal(bucket, y % buckets)


@DTYPES
def test_a_flipped_top_bit_is_a_product_with_the_sign(dtype):
    values = np.array([1.5, -2.5, 0.0, -0.0, np.inf, -np.inf, np.finfo(dtype).tiny / 2, np.nan] * 2, dtype)
    x = np.repeat(np.array([2, 2**32 - 1], np.uint32), 8)  # bit 0 clear: +1; set: -1
    expected = values * np.repeat([1, -1], 8).astype(dtype)
    integer = np.dtype(f"u{values.itemsize}")
    fast_lines.flip_line(values.view(integer), x, np.uint32(1))
    np.testing.assert_array_equal(values, expected)
    finite = ~np.isnan(values)
    np.testing.assert_array_equal(np.signbit(values[finite]), np.signbit(expected[finite]))


@DTYPES
@KINDS_AND_SIZES
@pytest.mark.parametrize("batch", [1, 20])
def test_the_same_bits_for_any_number_of_threads(batch, kind, size, dtype, monkeypatch):
    inputs = example(1100, 900, 3000, batch, dtype, kind=kind, size=size)
    monkeypatch.setattr(fast_threads, "thread_count", lambda: 1)
    expected = all_four(*inputs)
    for threads in (2, 4, 3, 4):
        monkeypatch.setattr(fast_threads, "thread_count", lambda: threads)  # noqa: B023
        for result, wanted in zip(all_four(*inputs), expected, strict=True):
            np.testing.assert_array_equal(result, wanted)


def test_callers_in_several_threads_do_not_disturb_each_other():
    inputs = [example(700, 600, 2000, 20, np.float32, seed) for seed in range(4)]
    expected, results = [all_four(*x) for x in inputs], {}

    def call_often(n):
        results[n] = [all_four(*inputs[n]) for _ in range(5)]

    before = [library["num_threads"] for library in fast_threads.blas().info()]
    callers = [threading.Thread(target=call_often, args=(n,)) for n in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for n, wanted in enumerate(expected):
        for result in results[n]:
            for part, wanted_part in zip(result, wanted, strict=True):
                np.testing.assert_array_equal(part, wanted_part)
    assert [library["num_threads"] for library in fast_threads.blas().info()] == before


def test_an_error_in_a_piece_reaches_the_caller_and_frees_blas():
    before = [library["num_threads"] for library in fast_threads.blas().info()]
    with pytest.raises(ZeroDivisionError):
        fast_threads.run_pieces(lambda n: 1 // (n - 3), 8)
    assert [library["num_threads"] for library in fast_threads.blas().info()] == before


@DTYPES
@pytest.mark.parametrize("batch", [0, 1, 9])
def test_inputs_of_any_layout_are_read_and_never_written(batch, dtype):
    m, w, a, dz, dV = example(150, 170, 999, batch, dtype)
    expected = all_four(m, w, a, dz, dV)
    odd = np.repeat(w, 2)[::2], np.asfortranarray(a), np.repeat(dz, 2, axis=1)[:, ::2], dV.T.copy().T
    copies = [x.copy() for x in odd]
    for x in odd:
        x.flags.writeable = False
    for result, wanted in zip(all_four(m, *odd), expected, strict=True):
        np.testing.assert_array_equal(result, wanted)
    for x, copy in zip(odd, copies, strict=True):
        np.testing.assert_array_equal(x, copy)


@pytest.mark.parametrize("batch", [1, 9])
def test_inputs_of_any_layout_need_no_compilation_of_their_own(batch):
    m, w, a, dz, dV = example(150, 170, 999, batch, np.float32)
    all_four(m, w, a, dz, dV)
    kernels = fast_lines.scatter_gather_tile, fast_lines.forward_lines, fast_lines.backward_lines
    compiled = [len(k.signatures) for k in kernels]
    odd = np.repeat(w, 2)[::2], np.asfortranarray(a), np.repeat(dz, 2, axis=1)[:, ::2], dV.T.copy().T
    for x in odd:
        x.flags.writeable = False
    all_four(m, *odd)
    for x in (w, a, dz, dV):  # as they are, and only to be read
        x.flags.writeable = False
    all_four(m, w, a, dz, dV)
    assert [len(k.signatures) for k in kernels] == compiled


def test_an_explicit_table_goes_through_the_plain_version(rng):
    _, w, a, dz, dV = example(40, 30, 7, 5, np.float64)
    m = SharingMap.from_table(rng.integers(0, 7, (40, 30)), rng.choice([-1, 1], (40, 30)), buckets=7)
    for result, wanted in zip(
        all_four(m, w, a, dz, dV),
        (plain.hash_gather(w, m), plain.hash_scatter_add(dV, m), plain.hashed_forward(w, a, m),
         *plain.hashed_backward(w, a, dz, m)), strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(result, wanted, rtol=1e-12, atol=1e-12)


def test_blas_has_one_thread_in_every_piece_and_in_the_plain_version(monkeypatch):
    def look(*_):
        seen.append([library["num_threads"] for library in fast_threads.blas().info()])

    seen, m = [], SharingMap.from_table(np.zeros((3, 4), int), buckets=1)
    for name in ("hashed_forward", "hashed_backward"):
        monkeypatch.setattr(plain, name, look)
    with fast_threads.blas().limit(limits=2):
        fast_threads.run_pieces(look, 3)
        fast.hashed_forward(np.ones(1), np.ones((2, 4)), m)
        fast.hashed_backward(np.ones(1), np.ones((2, 4)), np.ones((2, 3)), m)
    assert len(seen) == 5 and all(threads == [1] * len(threads) for threads in seen)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_many_addends_keep_their_digits(offset, rng):
    """2**19 addends per bucket, random or all of one sign: float32 running sums would be 1e-4 off in the second."""
    m = SharingMap(2**11, 2**10, buckets=4, seed=3)
    sign = np.concatenate([m.tile(slice(r, r + 256))[1] for r in range(0, m.n_out, 256)])
    dV = ((rng.normal(size=sign.shape) * (1 - offset) + offset * rng.random(sign.shape)) * sign).astype(np.float32)
    assert difference(fast.hash_scatter_add(dV, m), plain.hash_scatter_add(dV, m)) <= 1e-6


@DTYPES
def test_partial_sums_need_less_memory_than_the_virtual_weights(dtype):
    for side, K in [(10, 1), (1000, 1), (1000, 15625), (1000, 125000), (1000, 500_000), (1000, 10**6), (8192, 2**20)]:
        pieces, dw = fast.column_pieces(SharingMap(side, side, buckets=K), np.dtype(dtype), K)
        assert (pieces[0].start, pieces[-1].stop, len(dw)) == (0, side, len(pieces))
        assert all(p.stop == q.start for p, q in itertools.pairwise(pieces))
        assert dw.size <= max(K, side * side)
        assert dw.nbytes <= max(2**25, 4 * K * dw.itemsize)
    assert len(fast.column_pieces(SharingMap(1000, 1000, buckets=10**6), np.dtype(dtype), 10**6)[0]) == 1


@KINDS_AND_SIZES
@pytest.mark.parametrize("batch", [1, 16])
def test_memory_is_a_few_tiles_and_sums_not_the_virtual_weights(batch, kind, size, monkeypatch):
    monkeypatch.setattr(fast_threads, "thread_count", lambda: 4)
    m, w, a, dz, _ = example(4096, 4096, 2**14, batch, np.float32, kind=kind, size=size)  # V would be 64 MiB
    fast.hashed_backward(w, a, dz, m)
    tracemalloc.start()
    try:
        fast.hashed_forward(w, a, m)
        fast.hashed_backward(w, a, dz, m)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 2**20 * (2 + 2 * 4)


@pytest.mark.slow
def test_more_than_2_to_the_32_virtual_weights(rng):
    m, batch = SharingMap(2**17 + 3, 2**15, buckets=1000, seed=5), 2
    w, a = rng.normal(size=m.buckets).astype(np.float32), rng.normal(size=(batch, m.n_cols)).astype(np.float32)
    last = slice(m.n_out - 5, m.n_out)
    bucket, sign = m.tile(last)
    z = fast.hashed_forward(w, a, m)
    assert difference(z[:, last], a @ (w[bucket] * sign).T) <= 1e-5
    dz = np.zeros_like(z)
    dz[:, last] = 1
    dw, da = fast.hashed_backward(w, a, dz, m)
    assert difference(da, dz[:, last] @ (w[bucket] * sign)) <= 1e-5
    dV = dz[:, last].T @ a
    assert difference(dw, plain.add_to_buckets(dV, bucket, sign, m.buckets).astype(np.float32)) <= 1e-5


PROGRAM = """
import numpy as np, hashnets_np as hn
from hashnets_np.kernels import fast_lines
m = hn.SharingMap(5, 70, buckets=11, seed=2**32 - 1)
for dtype in (np.float32, np.float64):
    w = np.arange(11, dtype=dtype)
    for batch in (1, 6):
        a, dz = np.ones((batch, 70), dtype), np.ones((batch, 5), dtype)
        print(hn.hashed_forward(w, a, m).sum(), *(x.sum() for x in hn.hashed_backward(w, a, dz, m)))
    print(hn.hash_gather(w, m).tolist(), hn.hash_scatter_add(hn.hash_gather(w, m), m).tolist())
"""
COUNT = """
counts = [f.stats for f in vars(fast_lines).values() if hasattr(f, "stats")]
print("compiled:", sum(sum(c.cache_misses.values()) for c in counts))
print("from cache:", sum(sum(c.cache_hits.values()) for c in counts))
"""


def in_a_process_of_its_own(program, **environment):
    environment = {**os.environ, **environment}
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_jit_on_jit_off_and_numpy_print_the_same():
    compiled, plain = {"HASHNETS_KERNELS": "numba"}, {"HASHNETS_KERNELS": "numpy"}
    stepped = compiled | {"NUMBA_DISABLE_JIT": "1"}
    outputs = {in_a_process_of_its_own(PROGRAM, **how) for how in (compiled, plain, stepped)}
    assert len(outputs) == 1


def test_without_a_compiler_only_small_maps_go_through_loops():
    program = """
import numpy as np, hashnets_np as hn
from hashnets_np.kernels.fast_tiles import loops_for
maps = [hn.SharingMap(n, 32, buckets=5, seed=1) for n in (4, 8, 9)]
assert np.array_equal(hn.hash_gather(np.ones(5), maps[2]), maps[2].table()[1])
print([loops_for(np.ones(5), m) is not None for m in maps])
"""
    always = "[True, True, True]"
    for expected, how in ((always, {}), ("[True, True, False]", {"NUMBA_DISABLE_JIT": "1", "HASHNETS_KERNELS": ""}),
                          (always, {"NUMBA_DISABLE_JIT": "1", "HASHNETS_KERNELS": "numba"})):
        assert in_a_process_of_its_own(program, **how) == expected + "\n"


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    first = in_a_process_of_its_own(PROGRAM + COUNT, NUMBA_CACHE_DIR=str(tmp_path))
    second = in_a_process_of_its_own(PROGRAM + COUNT, NUMBA_CACHE_DIR=str(tmp_path))
    assert "from cache: 0" in first
    assert "compiled: 0\n" in second
    assert "from cache: 0" not in second


@pytest.mark.slow
def test_without_a_folder_for_the_cache_the_code_is_compiled_anew(tmp_path):
    package = tmp_path / "hashnets_np"
    shutil.copytree(Path(fast.__file__).parents[1], package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parents[2] / "data", tmp_path / "data", ignore=lambda *_: {"cache", "records"})
    (package / "kernels" / "__pycache__").write_text("a file where the cache should be")
    (tmp_path / "home").write_text("no folder")
    home = str(tmp_path / "home")
    environment = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "IPYTHONDIR")}
    environment |= {"PYTHONPATH": str(tmp_path), "HOME": home, "XDG_CACHE_HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "hashnets_np", "train", "--widths", "64-8-10", "--epochs", "1"]

    def train(**more):
        return subprocess.run(command, env=environment | more, cwd=tmp_path, capture_output=True, text=True)

    done = train()
    assert done.returncode == 0 and done.stderr.count("NUMBA_CACHE_DIR") == 1, done.stderr
    again = train(NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert again.returncode == 0 and again.stderr == "" and again.stdout == done.stdout


def test_numba_is_imported_only_when_a_kernel_is_used():
    assert in_a_process_of_its_own("import sys, hashnets_np; print('numba' in sys.modules)") == "False\n"


@pytest.mark.parametrize("kind", ["xxhash", "fold"])
def test_a_kind_with_compiled_lines_does_not_fall_back_to_the_plain_kernels(kind):
    """Nothing else would tell: the plain ones give the same integers, ten times slower."""
    lines = SharingMap(4, 5, buckets=3, seed=1, kind=kind).lines()
    assert lines is not None and lines.rows_only == (kind == "fold")


@pytest.mark.parametrize(("n_out", "n_cols", "K", "rows", "cols", "dtype"), [
    (10, 1001, 157, [10], [1001], np.float32), (1000, 785, 98125, [256] * 3 + [232], [224] * 3 + [113], np.float32),
    (64, 4100, 2**12, [64], [1056] * 3 + [932], np.float32), (4100, 64, 2**12, [1024] * 4 + [4], [64], np.float32),
    (1000, 1000, 10**6, [256] * 3 + [232], [1000], np.float32), (2048, 1024, 4, [256] * 8, [256] * 4, np.float64),
    (2048, 1024, 512, [256] * 8, [256] * 4, np.float32), (2048, 1024, 511, [256] * 8, [256] * 4, np.float64),
    (8192, 8192, 4096, [256] * 32, [512] * 16, np.float32), (8192, 8192, 4095, [256] * 32, [512] * 16, np.float64),
    (8192, 8192, 2**17, [256] * 32, [512] * 16, np.float32), (8192, 8192, 2**19, [256] * 32, [1024] * 8, np.float32),
    (8192, 8192, 2**20, [256] * 32, [2048] * 4, np.float32), (3000, 3000, 3 * 10**6, [256] * 11 + [184],
                                                              [1024] * 2 + [952], np.float32),
])
def test_the_order_in_which_sums_are_added_never_changes(n_out, n_cols, K, rows, cols, dtype):
    """It decides the last bits of every result, and so of those on record."""
    m = SharingMap(n_out, n_cols, buckets=K)
    pieces, dw = fast.column_pieces(m, np.dtype(np.float32), K)
    assert [piece.stop - piece.start for piece in fast.row_pieces(m)] == rows
    assert [piece.stop - piece.start for piece in pieces] == cols and dw.dtype == dtype
    height = min(n_out, 1024)
    width = max(256, 2**16 // n_out)
    first_tiles = list(fast.tiles(m, pieces[0]))
    assert first_tiles[0] == (slice(0, height), slice(0, min(width, cols[0])))
    assert sum((r.stop - r.start) * (c.stop - c.start) for r, c in first_tiles) == n_out * cols[0]


@pytest.mark.parametrize(("kind", "size", "loops"), [
    ("xxhash", None, "TileLoops"), ("fold", None, "TileLoops"), ("chunk", 1, "TileLoops"), ("tile", 1, "TileLoops"),
    ("chunk", 2, "PieceLoops"), ("chunk", 2**15, "PieceLoops"), ("tile", 127, "PieceLoops"), ("tile", 128, "ViewLoops"),
    ("tile", 2**10, "ViewLoops"), ("tile", 2**10 + 1, "TileLoops"),
])
def test_pieces_are_copied_viewed_or_gone_through_by_their_size(kind, size, loops):
    m = SharingMap(5, 4, buckets=3, kind=kind, size=size)
    chosen = fast_tiles.loops_for(np.ones(3), m)
    assert type(chosen).__name__ == loops
    batches = [chosen.by_lines(batch) for batch in (0, 1, 2)]  # a single example is not worth a tile
    assert batches == ([True, True, False] if kind == "xxhash" else [False] * 3)


@pytest.mark.parametrize(("shape", "in_rows"), [
    ((1000, 256), True), ((256, 1000), False), ((256, 256), True), ((1000, 128), True), ((128, 1000), False),
    ((1000, 127), False), ((127, 1000), True), ((10, 10), False), ((1, 5), True),
])
def test_a_tile_has_its_lines_along_its_shorter_side_unless_that_is_very_short(shape, in_rows):
    rows, cols = (slice(7, 7 + n) for n in shape)
    for dtype in (np.float32, np.float64):
        tile = fast_tiles.new_tile(rows, cols, np.dtype(dtype), rows_only=False)
        assert (tile.shape, tile.dtype) == (shape, dtype)
        assert tile.strides == (np.empty(shape, dtype, order="C" if in_rows else "F").strides)
        assert fast_tiles.new_tile(rows, cols, np.dtype(dtype), rows_only=True).flags.c_contiguous


def test_memory_is_kept_for_one_use_and_dtype_up_to_a_limit():
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    first = fast_tiles.kept_memory("a use of this test", 100, single)
    assert first.size == 100 and first.dtype == single
    assert np.shares_memory(first, fast_tiles.kept_memory("a use of this test", 100, single))
    assert np.shares_memory(first, fast_tiles.kept_memory("a use of this test", 60, single))
    assert not np.shares_memory(first, fast_tiles.kept_memory("a use of this test", 100, double))
    assert not np.shares_memory(first, fast_tiles.kept_memory("another use of this test", 100, single))
    larger = fast_tiles.kept_memory("a use of this test", 101, single)
    assert larger.size == 101 and not np.shares_memory(first, larger)
    for size, kept in ((2**20, True), (2**20 + 1, False)):
        one, other = (fast_tiles.kept_memory("a use of this test", size, single) for _ in range(2))
        assert np.shares_memory(one, other) == kept and one.size == size
    for name in [name for name in vars(fast_tiles.own_memory) if name.startswith("a")]:
        delattr(fast_tiles.own_memory, name)


@pytest.mark.parametrize("q", [0, 1, 2**32 - 1, 2**32, 2**33 + 4, 2**63])
def test_the_shift_of_any_fold_is_that_of_the_plain_version(q):
    for seed in (0, 2**32 - 1):
        start = fold_fast.FoldLines.of(SharingMap(1, 1, buckets=1, seed=seed)).numbers.start
        with np.errstate(over="ignore"):  # for NUMBA_DISABLE_JIT=1
            shift = fold_fast.fold_shift(np.uint64(q), start)
        assert shift == xxh32_pair(q >> 32, q & 0xFFFFFFFF, seed) >> 1
