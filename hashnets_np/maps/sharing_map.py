"""Sharing maps: which real weight, and which sign, virtual weight (i, j) uses.

The one abstraction of the package. A map answers (i, j) -> (bucket k in 0..K-1, sign +1 or -1), which is all that
Eq. 7, V[i, j] = w[h(i, j)] * xi(i, j), needs to know. A kind of map is one function of (i, j) in `KINDS`. Left out:
what is done with the answer (`kernels`), and maps that change during training.
"""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..hashing import as_uint32, xxh32_pair

MAX_BUCKETS = 2**31 - 1
NUMBER = re.compile(r"\d+/0*[1-9]\d*|(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)  # without sign
Buckets = NDArray[np.int64]
Signs = NDArray[np.int8]
MapFunction = Callable[[NDArray, NDArray, int, int], tuple[Buckets, Signs]]
BIASES = ("column", "hashed", "dense", None)


class Kind(NamedTuple):
    """What the package knows of a kind of map: its function of (i, j, buckets, seed) and how a layer may use it."""

    function: str  # "module:name", imported only when it is used
    seed: int | None = None  # its one default seed in every layer; None: each layer of a network derives its own
    biases: tuple[str | None, ...] = BIASES
    bias_kind: str | None = None  # the kind that hashes the bias; None: the same kind, with a seed of its own


def xxhash_kind(i: NDArray, j: NDArray, buckets: int, seed: int) -> tuple[Buckets, Signs]:
    """Bucket and sign from disjoint bits of one hash: the bucket from bits 1 to 31, the sign from bit 0."""
    x = xxh32_pair(i, j, seed)
    bucket = (x >> np.uint32(1)).astype(np.int64) % buckets
    sign = np.where(x & np.uint32(1), -1, 1).astype(np.int8)
    return bucket, sign


KINDS: dict[str, Kind] = {
    "xxhash": Kind("hashnets_np.maps.sharing_map:xxhash_kind"),
    # maps of code that exists in the world, bit for bit
    "authors2015": Kind("hashnets_np.maps.text:authors2015", 1691, BIASES[1:], "authors2015_bias"),
    "authors2015_bias": Kind("hashnets_np.maps.text:authors2015_bias", 1691, (None,)),
    "pytorch2019": Kind("hashnets_np.maps.text:pytorch2019", 2, BIASES[1:], "pytorch2019_bias"),
    "pytorch2019_bias": Kind("hashnets_np.maps.text:pytorch2019_bias", 2, (None,)),
    "keras": Kind("hashnets_np.maps.text:keras", 2, BIASES[2:]),
}


def find_kind(name: str) -> MapFunction:
    """Look up the function of a kind, or say which kinds there are."""
    if name not in KINDS:
        raise ValueError(f"unknown kind of sharing map {name!r}; known kinds: {', '.join(KINDS)}")
    module, function = KINDS[name].function.split(":")
    return getattr(importlib.import_module(module), function)


def exact_fraction(compression: object) -> Fraction:
    """Read a compression without rounding: text, int and Fraction as they are, a float as the decimal it prints as.

    >>> exact_fraction("1/8"), exact_fraction(0.1)
    (Fraction(1, 8), Fraction(1, 10))
    """
    text = str(compression)  # not a float's binary value: 0.1 is 1/10, and a tenth of 100 is 10, not 11
    if isinstance(compression, (str, Real, Decimal)) and NUMBER.fullmatch(text):
        return Fraction(text)
    raise ValueError(f"compression must be a number in (0, 1] such as '1/8' or 0.125, got {compression!r}")


def bucket_count(compression: object, virtual_weights: int) -> int:
    """Count the real weights that a compression leaves: K = max(1, ceil(c * n)), in exact arithmetic.

    compression: real / virtual weights in (0, 1], as text ("1/8", "0.1"), int, Fraction or float; else ValueError.

    >>> bucket_count("1/8", 785 * 1000)
    98125
    """
    c = exact_fraction(compression)
    if not 0 < c <= 1:
        raise ValueError(f"compression must be in (0, 1], got {compression!r}; it is real weights / virtual weights")
    return max(1, ceil(c * virtual_weights))


@dataclass(frozen=True)
class SharingMap:
    """The map (i, j) -> (bucket, sign) of one layer, computed on demand and never stored.

    n_out, n_cols: the shape of V, each in 1..2**32. buckets: K in 1..2**31-1. seed: in 0..2**32-1, or None for the
    kind's default. kind: a name in `KINDS`. Raises ValueError for anything outside. Source: Eq. 3 and 7 of the paper.

    >>> bucket, sign = SharingMap(2, 3, buckets=4, seed=7).table()
    >>> bucket
    array([[0, 2, 1],
           [1, 0, 2]])
    """

    n_out: int
    n_cols: int
    buckets: int
    seed: int = None  # type: ignore[assignment]  # None: the kind's default; an int from __post_init__ on
    kind: str = "xxhash"
    _table: tuple[bytes, bytes] | None = field(default=None, repr=False)  # bytes: a map can be compared and hashed

    def __post_init__(self) -> None:
        if self._table is None:
            find_kind(self.kind)
        if self.seed is None:
            object.__setattr__(self, "seed", KINDS[self.kind].seed or 0)
        limits = {"n_out": (1, 2**32), "n_cols": (1, 2**32), "buckets": (1, MAX_BUCKETS), "seed": (0, 2**32 - 1)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
                raise ValueError(f"{name} must be an integer in {low}..{high}, got {value!r}")
            object.__setattr__(self, name, int(value))

    @classmethod
    def from_table(cls, bucket: ArrayLike, sign: ArrayLike | None = None, *, buckets: int) -> "SharingMap":
        """Make an explicit map from a table, as in the paper's Figure 1. sign: +-1, all +1 if left out."""
        bucket = np.asarray(bucket)
        sign = np.ones(bucket.shape, np.int8) if sign is None else np.asarray(sign)
        if bucket.ndim != 2 or bucket.dtype.kind not in "iu" or sign.shape != bucket.shape:
            raise ValueError(f"bucket and sign must be integer matrices of one shape, not {bucket.shape}, {sign.shape}")
        if bucket.size and (bucket.min() < 0 or bucket.max() >= buckets):
            raise ValueError(f"buckets must be 0..{buckets - 1}, got {bucket.min()}..{bucket.max()}; are they 1-based?")
        if not np.isin(sign, (-1, 1)).all():
            raise ValueError("signs must be +1 or -1")
        table = bucket.astype(np.int64).tobytes(), sign.astype(np.int8).tobytes()
        return cls(bucket.shape[0], bucket.shape[1], buckets, seed=0, kind="table", _table=table)

    def lookup(self, i: ArrayLike, j: ArrayLike) -> tuple[Buckets, Signs]:
        """Find bucket and sign of virtual weights (i, j): integers that broadcast, checked against the shape of V."""
        i, j = as_uint32(i, "i"), as_uint32(j, "j")
        if (i.size and i.max() >= self.n_out) or (j.size and j.max() >= self.n_cols):
            raise ValueError(f"(i, j) must lie inside V, which is {self.n_out} x {self.n_cols}; indices are 0-based")
        if self._table is None:
            return find_kind(self.kind)(i, j, self.buckets, self.seed)
        bucket = np.frombuffer(self._table[0], np.int64).reshape(self.n_out, self.n_cols)
        sign = np.frombuffer(self._table[1], np.int8).reshape(self.n_out, self.n_cols)
        return bucket[i, j], sign[i, j]

    def tile(self, rows: slice, cols: slice = slice(None)) -> tuple[Buckets, Signs]:
        """Find bucket and sign of a block of V, as two matrices."""
        i, j = np.arange(*rows.indices(self.n_out)), np.arange(*cols.indices(self.n_cols))
        return self.lookup(i[:, None], j[None, :])

    def table(self) -> tuple[Buckets, Signs]:
        """Find bucket and sign of every virtual weight: (n_out, n_cols) int64 and int8. For looking: 9 bytes each."""
        return self.tile(slice(None))
