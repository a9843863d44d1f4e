"""Checks of exercise 4: kernels."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels import hash_scatter_add, hashed_forward
from ...maps import SharingMap
from ..marking import (
    MAPS,
    Example,
    NotYet,
    call_pair,
    call_with,
    close,
    done,
    mark,
    mark_number,
    numbers,
    require,
    whole,
)
from .hashing_trick import FANCY


def table_bytes(found: Any) -> None:
    """Check the bytes of bucket table (int64), sign table (int8) and V (float32) for a layer of 2000 x 500."""
    n = 2000 * 500
    mark_number(found, 13 * n, "the number of bytes", [
        ("those are the two tables; V itself is a third array", 9 * n),
        ("that is V alone", 4 * n),
        ("that is the bucket table alone", 8 * n),
        ("the sign table is missing", 12 * n),
        ("a sign of int8 takes 1 byte, not 8", 20 * n),
        ("a sign of int8 takes 1 byte, not 4", 16 * n),
        ("that is the number of virtual weights", n),
        ("in bytes, not in megabytes", 13),
        ("in bytes, not in bits", 8 * 13 * n),
    ])
    done("More than three times what the dense layer needs, for a layer that was meant to be compressed.")


class WatchedMap:
    """A sharing map that only hands out small tiles: what a kernel with little memory may ask for.

    >>> WatchedMap(MAPS[0], 2).n_in
    Traceback (most recent call last):
        ...
    AttributeError: the map of this exercise has no n_in; it has n_out, n_cols, buckets, tile and lookup
    """

    def __init__(self, m: SharingMap, size: int) -> None:
        self._map = m
        self._size = size
        self.n_out = m.n_out
        self.n_cols = m.n_cols
        self.buckets = m.buckets

    def __getattr__(self, name: str) -> Any:
        """Say what there is, where something else is asked for."""
        raise AttributeError(f"the map of this exercise has no {name}; it has n_out, n_cols, buckets, tile and lookup")

    def tile(self, rows: slice, cols: slice = slice(None)) -> tuple[NDArray, NDArray]:
        """Hand out a block, if it is small enough."""
        require(isinstance(rows, slice) and isinstance(cols, slice), f"m.tile takes two slices, got {rows} and {cols}; "
                "m.lookup(i, j) gives single weights")
        height = len(range(*rows.indices(self.n_out)))
        width = len(range(*cols.indices(self.n_cols)))
        small = height <= self._size and width <= self._size
        most = f"{self._size} x {self._size}"
        require(small, f"a tile of {height} x {width} was asked for; no more than {most} may be in memory")
        return self._map.tile(rows, cols)

    def lookup(self, i: Any, j: Any) -> tuple[NDArray, NDArray]:
        """Look up single weights, if they are not too many at a time."""
        number = np.broadcast(i, j).size
        require(number <= self._size**2, f"{number} weights were looked up at once; take one tile at a time")
        return self._map.lookup(i, j)

    def table(self) -> tuple[NDArray, NDArray]:
        """Refuse: the whole table is what should never exist."""
        raise NotYet("the whole table was asked for; take one tile at a time, m.tile(rows, cols)")


def tiled_forward(function: Callable) -> None:
    """Check a forward pass that never sees more than one tile: function(w, a, m, size) -> z."""
    rng = np.random.default_rng(6)
    for (n_out, n_cols), size in (((6, 5), 2), ((4, 9), 4), ((7, 3), 3), ((2, 2), 5)):
        m = SharingMap(n_out, n_cols, buckets=4, seed=7)
        w = rng.normal(size=4)
        a = rng.normal(size=(3, n_cols))
        right = hashed_forward(w, a, m)
        z = numbers(call_with(function, w.copy(), a.copy(), WatchedMap(m, size), size), "z")
        where = f"a layer of {n_out} x {n_cols} in tiles of {size} x {size}"
        require(z.shape == right.shape, f"z has shape {z.shape}, expected {right.shape} ({where})")
        bucket, _ = m.table()
        blocks = range(0, n_cols, size)
        last = a[:, blocks[-1]:] @ (w[bucket] * m.table()[1])[:, blocks[-1]:].T
        full_out = n_out // size * size
        full_cols = n_cols // size * size
        cut = np.zeros_like(right)
        cut[:, :full_out] = a[:, :full_cols] @ (w[bucket] * m.table()[1])[:full_out, :full_cols].T
        for reason, wrong in (
            ("the signs are missing", a @ w[bucket].T),
            ("each tile overwrites what the tile before it gave; add up over the columns: z[:, rows] += ...", last),
            ("the last rows or columns are missing where the size does not divide them", cut),
        ):
            require(close(z, right, 1e-5) or not close(z, wrong, 1e-5), f"{where}: {reason}")
        require(close(z, right, 1e-5), f"{where}: z is not right")
    _in_little_memory(function)
    done("The layer was never in memory as a whole.")


def _in_little_memory(function: Callable) -> None:
    """Require that on a larger layer the memory of a forward pass stays far below that of V."""
    size = 8
    m = WatchedMap(SharingMap(25, 400, buckets=40, seed=7), size)
    peaks = (_peak_bytes(function, np.ones(40), np.ones((1, 400)), m, size) for _ in range(2))  # one may be disturbed
    require(any(peak < 3 * 25 * 400 for peak in peaks), "in a layer of 25 x 400 nearly all of V was in memory at once; "
            "multiply each tile with its part of a, add that to z, and forget the tile")


def _peak_bytes(function: Callable, *args: Any) -> int:
    """Call the reader's function; return the most memory that it had in use at once."""
    already = tracemalloc.is_tracing()  # the reader may have started it
    tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        call_with(function, *args)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not already:
            tracemalloc.stop()


def chunked_scatter(function: Callable) -> None:
    """Check a scatter-add in chunks of rows, summed in order: function(dV, bucket, sign, buckets, chunks) -> dw."""
    rng = np.random.default_rng(7)
    examples = []
    for m, chunks in zip(MAPS, (4, 2, 5, 1), strict=True):  # 6, 5, 3 and 4 rows: chunks that don't divide, or are empty
        bucket, sign = m.table()
        dV = rng.normal(size=bucket.shape)
        kept = len(dV) // chunks * chunks
        fancy = np.zeros(m.buckets)
        for part in np.array_split(np.arange(len(dV)), chunks):
            fancy[bucket[part]] += (dV * sign)[part]
        shared = np.zeros(m.buckets)
        shared[bucket] += dV * sign
        cut = np.bincount(bucket[:kept].ravel(), (dV * sign)[:kept].ravel(), m.buckets)
        last = np.array_split(np.arange(len(dV)), chunks)[-1]
        only_last = np.bincount(bucket[last].ravel(), (dV * sign)[last].ravel(), m.buckets)
        right = hash_scatter_add(dV, m)
        examples.append(Example((dV, bucket, sign, m.buckets, chunks), right, [
            ("rows are lost where the number of chunks does not divide their number", cut),
            ("the signs are missing", np.bincount(bucket.ravel(), dV.ravel(), m.buckets)),
            (FANCY, fancy),
            (FANCY, shared),
            ("only the last chunk is left; add the private sums up", only_last),
            ("a sum, not a mean over the chunks", right / chunks),
        ], f"{m.n_out} rows in {chunks} chunks"))
    mark(function, examples, "dw")
    done("Private sums, added in order: the same bits whatever thread finishes first.")


def division_by_multiplication(function: Callable) -> None:
    """Check a division without dividing: function(K) -> (m, s) with (y * m) >> s == y // K for all y < 2**31."""
    rng = np.random.default_rng(8)
    for K in (1, 2, 3, 7, 98, 641, 15_625, 2**20, 2**20 + 1, 10**9 + 7, 2**31 - 1):
        multiplier, shift = (whole(value, name) for value, name in zip(call_pair(function, K), ("m", "s"), strict=True))
        require(multiplier >= 0 and 0 <= shift < 200, f"for K = {K} came m = {multiplier}, s = {shift}")
        y = [0, 1, K - 1, K, 2**31 - 1, 2**31 - 2, *map(int, rng.integers(0, 2**31, 300))]
        y += [n * K + r for n in map(int, rng.integers(0, 2**31 // K + 1, 300)) for r in (0, K - 1)]
        off = [value for value in y if value < 2**31 and value * multiplier >> shift != value // K]
        hint = "; round the multiplier up" if off and off[0] * (multiplier + 1) >> shift == off[0] // K else ""
        require(not off, f"for K = {K}, y = {off[0] if off else 0}: (y * {multiplier}) >> {shift} is not y // K{hint}")
        fits = multiplier * (2**31 - 1) < 2**64
        require(fits, f"for K = {K}, y * {multiplier} does not fit into 64 bits; take a smaller shift")
    done("Exact for all y below 2**31, and the product fits into 64 bits.")
