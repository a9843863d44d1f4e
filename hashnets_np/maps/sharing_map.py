"""The sharing map: which real weight, and which sign, virtual weight (i, j) uses.

The one abstraction of the package. A map answers (i, j) -> (bucket k in 0..K-1, sign +1 or -1), which is all that
Eq. 7, V[i, j] = w[h(i, j)] * xi(i, j), needs to know. It is a small value: it owns the shape of V, the number of
buckets, a seed and a kind, and computes everything else when asked. Each kind has a file of its own in this folder.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..hashing import as_uint32, broadcast_shape
from ..support.checks import as_array, check_flag, check_integer, check_seed, shown
from .kind import Bias, BucketArray, IndexArray, Kind, Lines, MapFacts, SignArray, find_kind

MAX_SIDE = 2**32
MAX_BUCKETS = 2**31 - 1
AT_ONCE = 2**20  # virtual weights whose buckets are computed at a time where all of them are asked for


def explicit_table(m: MapFacts) -> tuple[BucketArray, SignArray]:
    """Show the table that the map was made from, as two matrices that cannot be written to."""
    assert isinstance(m, SharingMap) and m._table is not None
    bucket = np.frombuffer(m._table[0], np.intp).reshape(m.n_out, m.n_cols)
    sign = np.frombuffer(m._table[1], np.int8).reshape(m.n_out, m.n_cols)
    return bucket, sign


def explicit_rule(m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
    """Look bucket and sign up in the table that the map was made from."""
    bucket, sign = explicit_table(m)
    return bucket[i, j], sign[i, j]


TABLE = Kind("table", explicit_rule, biases=(None,))  # not registered: only `from_table` makes such a map


@dataclass(frozen=True, init=False)
class SharingMap:
    """The map (i, j) -> (bucket, sign) of one layer, computed on demand and never stored.

    Parameters
    ----------
    n_out, n_cols : int
        The shape of V, each in 1..2**32.
    buckets : int
        K, the number of real weights, in 1..2**31-1.
    seed : int, optional
        In 0..2**32-1. Without it the kind's default seed, or 0 for kinds that have none: two maps made from the same
        arguments are equal.
    kind : str
        The name of the kind: "xxhash", "fold", "chunk", "tile", "authors2015", "pytorch2019", "keras", or one that was
        registered with `register_kind`.
    size : int, optional
        For the kinds that share whole pieces of w: the length of a chunk, the side of a tile. Without it the kind's
        default.
    signed : bool
        False: all signs are +1, whatever the kind says.

    Raises
    ------
    ValueError
        For anything outside these limits, for an unknown kind, and for a size where the kind has none.

    References
    ----------
    Eq. 3 and 7 of Chen et al., ICML 2015; the kinds: data/vectors/SPEC.md.

    Examples
    --------
    >>> m = SharingMap(2, 3, buckets=4, seed=7)
    >>> bucket, sign = m.table()
    >>> bucket
    array([[0, 2, 1],
           [1, 0, 2]])
    >>> m.loads()
    array([2, 2, 2, 0])

    """

    n_out: int
    n_cols: int
    buckets: int
    seed: int
    kind: str
    size: int | None
    signed: bool
    _table: tuple[bytes, bytes] | None = field(repr=False)  # as bytes, so that maps can be compared and hashed

    def __init__(
        self, n_out: int, n_cols: int, *, buckets: int, seed: int | None = None, kind: str = "xxhash",
        size: int | None = None, signed: bool = True,
    ) -> None:
        definition = find_kind(kind)
        if seed is None:
            seed = definition.default_seed or 0
        if size is None:
            size = definition.default_size
        elif definition.default_size is None:
            raise ValueError(f"maps of kind {kind!r} have no size, got size={size!r}")
        self._set(n_out, n_cols, buckets, seed, kind, size, signed, None)

    def _set(
        self, n_out: int, n_cols: int, buckets: int, seed: int, kind: str, size: int | None, signed: bool,
        table: tuple[bytes, bytes] | None,
    ) -> None:
        """Check the fields and set them, which the frozen class allows only this way."""
        values: dict[str, Any] = {
            "n_out": check_integer("n_out", n_out, 1, MAX_SIDE),
            "n_cols": check_integer("n_cols", n_cols, 1, MAX_SIDE),
            "buckets": check_integer("buckets", buckets, 1, MAX_BUCKETS),
            "seed": check_seed(seed),
            "kind": kind,
            "size": None if size is None else check_integer("size", size, 1, 2**15),
            "signed": check_flag("signed", signed),
            "_table": table,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_table(cls, bucket: ArrayLike, sign: ArrayLike | None = None, *, buckets: int) -> "SharingMap":
        """Make an explicit map from a table, as in the paper's Figure 1.

        Parameters
        ----------
        bucket : (n_out, n_cols) integers in 0..buckets-1
            The bucket of each virtual weight.
        sign : (n_out, n_cols) integers, +1 or -1, optional
            Its sign; without it, all are +1.
        buckets : int
            K, the number of real weights.

        Returns
        -------
        SharingMap
            The map; `lookup` reads it from the table.

        Raises
        ------
        ValueError
            For tables that are not two matrices of one shape, and for entries outside these limits.

        Examples
        --------
        >>> bucket, sign = SharingMap.from_table([[0, 1]], [[1, -1]], buckets=2).lookup(0, 1)
        >>> print(bucket, sign)
        1 -1

        """
        buckets = check_integer("buckets", buckets, 1, MAX_BUCKETS)
        bucket = as_array("bucket", bucket)
        sign = np.ones(bucket.shape, np.int8) if sign is None else as_array("sign", sign)
        are_numbers = bucket.dtype.kind in "iu" and sign.dtype.kind in "biuf"
        if bucket.ndim != 2 or not are_numbers or sign.shape != bucket.shape:
            raise ValueError(f"bucket and sign must be integer matrices of the same shape, got {bucket.dtype} of shape "
                             f"{bucket.shape} and {sign.dtype} of shape {sign.shape}")
        if bucket.size and (bucket.min() < 0 or bucket.max() >= buckets):
            raise ValueError(f"buckets must be 0..{buckets - 1}, got {bucket.min()}..{bucket.max()}; are they 1-based?")
        if not np.isin(sign, (-1, 1)).all():
            raise ValueError(f"signs must be +1 or -1, got {sign.min()}..{sign.max()}")
        n_out, n_cols = bucket.shape
        table = (bucket.astype(np.intp).tobytes(), sign.astype(np.int8).tobytes())
        m = cls.__new__(cls)
        m._set(n_out, n_cols, buckets, 0, TABLE.name, None, True, table)
        return m

    @property
    def definition(self) -> Kind:
        """The kind of the map: its rule, and how a layer may use it."""
        return TABLE if self._table is not None else find_kind(self.kind)

    def lookup(self, i: ArrayLike, j: ArrayLike) -> tuple[BucketArray, SignArray]:
        """Find bucket and sign of virtual weights (i, j).

        Parameters
        ----------
        i, j : integers that broadcast
            0-based rows and columns inside V.

        Returns
        -------
        bucket, sign : intp and int8 of the broadcast shape

        Raises
        ------
        ValueError
            For indices outside V, and for arrays that do not broadcast.

        """
        i = as_uint32(i, "i")
        j = as_uint32(j, "j")
        shape = broadcast_shape(i=i, j=j)
        if (i.size and i.max() >= self.n_out) or (j.size and j.max() >= self.n_cols):
            raise ValueError(f"(i, j) must lie inside V, which is {self.n_out} x {self.n_cols}; indices are 0-based")
        found = self.definition.rule(self, i, j)
        if self.definition.lines is None and self._table is None:  # a rule that may be a user's own
            self._check_rule(found, shape)
        bucket, sign = found
        if not self.signed:
            sign = np.ones_like(sign)
        # a user's rule may count in int64: 32-bit platforms do not accept it as an index, and it would widen float32
        return bucket.astype(np.intp, copy=False), sign.astype(np.int8, copy=False)

    def _check_rule(self, found: Any, shape: tuple[int, ...]) -> None:
        """Check what a rule found: a negative bucket would count from the end of w, a sign of 0 would drop a weight."""
        is_pair = isinstance(found, (tuple, list)) and len(found) == 2
        if not is_pair or not all(isinstance(each, (np.ndarray, np.generic)) for each in found):
            raise ValueError(f"the rule of kind {self.kind!r} must return two arrays, buckets and signs, got "
                             f"{shown(found)}")
        bucket, sign = found
        are_numbers = bucket.dtype.kind in "iu" and sign.dtype.kind in "biuf"
        if bucket.shape != shape or sign.shape != shape or not are_numbers:
            raise ValueError(f"the rule of kind {self.kind!r} gave {bucket.dtype} buckets of shape {bucket.shape} and "
                             f"{sign.dtype} signs of shape {sign.shape}, expected integers and signs of shape {shape}")
        if bucket.size and (bucket.min() < 0 or bucket.max() >= self.buckets):
            raise ValueError(f"the rule of kind {self.kind!r} gave buckets {bucket.min()}..{bucket.max()}, expected "
                             f"0..{self.buckets - 1}")
        if not np.isin(sign, (-1, 1)).all():
            raise ValueError(f"the rule of kind {self.kind!r} gave signs {sign.min()}..{sign.max()} of dtype "
                             f"{sign.dtype}, expected -1 and +1")

    def tile(self, rows: slice, cols: slice = slice(None)) -> tuple[BucketArray, SignArray]:
        """Find bucket and sign of a block of V, as two matrices."""
        if self._table is not None:  # the block stands there: looking up one by one takes longer
            bucket, sign = explicit_table(self)
            return bucket[rows, cols], sign[rows, cols]
        i = np.arange(*rows.indices(self.n_out))
        j = np.arange(*cols.indices(self.n_cols))
        return self.lookup(i[:, None], j[None, :])

    def table(self) -> tuple[BucketArray, SignArray]:
        """Find bucket and sign of every virtual weight, (n_out, n_cols) each. For inspection: 9 bytes per weight."""
        return self.tile(slice(None))

    def row_blocks(self, weights: int = AT_ONCE) -> list[slice]:
        """Cut V into blocks of whole rows, of about that many virtual weights each."""
        step = max(1, weights // self.n_cols)
        return [slice(start, min(start + step, self.n_out)) for start in range(0, self.n_out, step)]

    def loads(self) -> np.ndarray:
        """Count how many virtual weights share each real weight.

        Returns
        -------
        (buckets,) integers
            The loads; they sum to n_out * n_cols.

        Examples
        --------
        >>> SharingMap.from_table([[0, 2], [2, 2]], buckets=4).loads()
        array([1, 0, 3, 0])

        """
        loads = np.zeros(self.buckets, np.intp)
        for rows in self.row_blocks():
            bucket, _ = self.tile(rows)
            # bincount, not `loads[bucket] += 1`, which adds only once per distinct bucket (test_duplicates_are_counted)
            loads += np.bincount(bucket.ravel(), minlength=self.buckets)
        return loads

    def bias_map(self, buckets: int, derived_seed: int) -> "SharingMap":
        """Make the map of a hashed bias, n_out x 1: of the kind's `bias_kind`, or of this kind with a new seed."""
        other = self.definition.bias_kind
        if other is not None:
            return SharingMap(self.n_out, 1, buckets=buckets, seed=self.seed, kind=other.name, signed=self.signed)
        return SharingMap(self.n_out, 1, buckets=buckets, seed=derived_seed, kind=self.kind, size=self.size,
                          signed=self.signed)

    def lines(self) -> Lines | None:
        """Prepare the compiled line function of the fast kernels, if the kind has one."""
        prepare = self.definition.lines
        return None if prepare is None else prepare(self)

    def piece_shape(self) -> tuple[int, int]:
        """Return (height, width) of the pieces of V that are slices of w; (1, 1) without pieces."""
        shape = self.definition.piece_shape
        return (1, 1) if shape is None else shape(self)

    def derivation(self, i: int, j: int) -> list[str]:
        """List the steps from (i, j) to its bucket and sign, as text."""
        explain = self.definition.derivation
        if explain is not None:
            return explain(self, i, j) + ([] if self.signed else ["signs   are switched off: +1"])
        bucket, sign = self.lookup(i, j)
        return [f"bucket  {bucket}", f"sign    {sign:+d}"]


def allowed_biases(kind: str) -> tuple[Bias, ...]:
    """List what a layer with maps of this kind may have as `bias`; ValueError for an unknown kind."""
    return find_kind(kind).biases
