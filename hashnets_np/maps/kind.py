"""What a kind of sharing map is: its rule (i, j) -> (bucket, sign), and what a layer has to know to use it.

Each kind is one object, registered by the file that has its rule. The core asks that object and compares no names.
Outside the core, names count where each kind needs code in another language (the exports and the adapters of the kit),
and where one kind is meant (`sklearn`, the lessons).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.checks import shown
from ..types import Bias, BucketArray, SignArray

IndexArray = NDArray[np.uint32]
BIASES: tuple[Bias, ...] = ("column", "hashed", "dense", None)


class MapFacts(Protocol):
    """What a kind may ask of a map; a `SharingMap` has all of it."""

    @property
    def n_out(self) -> int:
        """The number of rows of V."""

    @property
    def n_cols(self) -> int:
        """The number of columns of V."""

    @property
    def buckets(self) -> int:
        """K, the number of real weights."""

    @property
    def seed(self) -> int:
        """The seed of the hash."""

    @property
    def size(self) -> int | None:
        """The size of a piece, for kinds that have pieces."""

    def piece_shape(self) -> tuple[int, int]:
        """(height, width) of the pieces of V that are slices of w; (1, 1) where each weight has a place of its own."""

    def lookup(self, i: ArrayLike, j: ArrayLike) -> tuple[BucketArray, SignArray]:
        """Find bucket and sign of virtual weights."""


class Rule(Protocol):
    """A rule is a function (map, i, j) -> (bucket, sign)."""

    def __call__(self, m: MapFacts, i: IndexArray, j: IndexArray, /) -> tuple[BucketArray, SignArray]:
        """Find bucket and sign of virtual weights (i, j), uint32 arrays that broadcast and lie inside the map."""


class LineNumbers(Protocol):
    """The numbers that a compiled line function needs: a NamedTuple, whose class tells numba which function it is.

    It holds no array: numba counts the references to arrays in a tuple for each line, which is a tenth of the time.
    """

    @staticmethod
    def fill_function() -> Callable[..., None]:
        """Return the compiled function fill(bucket, x, outer, inner, numbers, n).

        It writes the buckets of the n-th line of a tile, and hashes x whose bit 0 is set where the sign is -1, both
        uint32. The other arguments are those of `TileLines`.
        """


class TileLines(NamedTuple):
    """What a compiled line function needs to know of a tile of V."""

    outer: NDArray[np.uint32]  # what can be computed beforehand for the lines
    inner: NDArray[np.uint32]  # and for the weights along a line
    numbers: LineNumbers


class Lines(Protocol):
    """What a compiled line function needs to know of a map."""

    rows_only: ClassVar[bool]  # whether the lines of a tile must be its rows

    def of_tile(self, rows: slice, cols: slice, by_rows: bool) -> TileLines:
        """Say what is needed for the tile V[rows, cols]: its lines are its rows or, without by_rows, its columns."""


@dataclass(frozen=True)
class Kind:
    """A kind of sharing map.

    Parameters
    ----------
    name : str
        Its name in `SharingMap(kind=...)`, in model files and in golden vectors.
    rule : callable
        The specification, in NumPy: (map, i, j) -> (bucket, sign).
    default_seed : int, optional
        One seed for all layers, as in the released code. None: each layer of a network derives its own.
    default_size : int, optional
        The default of `SharingMap(size=...)`, for kinds that share whole pieces of w. None: the kind has no size.
    biases : tuple
        What a layer with this kind may have as `bias`; empty for a kind that only hashes biases.
    bias_kind : Kind, optional
        The kind that hashes the bias with the same seed. None: this kind, with a seed derived for the bias.
    lines : callable, optional
        map -> the numbers for the compiled line function of the fast kernels. None: they use the rule.
    piece_shape : callable, optional
        map -> (height, width) of the pieces of V that are slices of w, row by row, with one sign each; a slice that
        reaches the end of w goes on at its beginning. None: each weight has a place of its own.
    derivation : callable, optional
        (map, i, j) -> the steps from (i, j) to bucket and sign, as lines of text for `explain`.

    Examples
    --------
    >>> def one_bucket_a_row(m, i, j):
    ...     bucket = (i % np.uint32(m.buckets)).astype(np.intp) + 0 * j.astype(np.intp)
    ...     return bucket, np.ones(bucket.shape, np.int8)
    >>> Kind("rows", one_bucket_a_row).biases
    ('column', 'hashed', 'dense', None)
    """

    name: str
    rule: Rule
    default_seed: int | None = None
    default_size: int | None = None
    biases: tuple[Bias, ...] = BIASES
    bias_kind: "Kind | None" = None
    lines: Callable[[MapFacts], Lines] | None = None
    piece_shape: Callable[[MapFacts], tuple[int, int]] | None = None
    derivation: Callable[[MapFacts, int, int], list[str]] | None = None


KINDS: dict[str, Kind] = {}  # by name, in the order of registration
BUILT_IN: set[str] = set()  # the names of those that come with the package, once it is imported


def register_kind(kind: Kind, replace: bool = False) -> Kind:
    """Make a kind known under its name.

    Parameters
    ----------
    kind : Kind
        The kind.
    replace : bool
        Whether it may take the place of a kind of the same name, as when a notebook's cell runs again.

    Returns
    -------
    Kind
        The same kind.

    Raises
    ------
    TypeError
        For anything but a `Kind`, such as the rule alone.
    ValueError
        If the name is taken; by a kind of the package also with `replace`: model files, golden vectors and exports mean
        that kind by its name.

    Examples
    --------
    ::

        register_kind(Kind("mine", my_rule))
        SharingMap(4, 3, buckets=5, seed=1, kind="mine")
    """
    if not isinstance(kind, Kind):
        fix = "; did you mean Kind('mine', rule)?" if callable(kind) else ""
        raise TypeError(f"register_kind takes a Kind, got {shown(kind)}{fix}")
    if kind.name in BUILT_IN:
        raise ValueError(f"the kind of sharing map named {kind.name!r} comes with the package, and model files and "
                         "exports mean that one; choose another name")
    if kind.name in KINDS and not replace:
        raise ValueError(f"a kind of sharing map named {kind.name!r} is registered already; choose another name, or "
                         "replace=True")
    KINDS[kind.name] = kind
    return kind


def find_kind(name: str) -> Kind:
    """Find a kind by its name, or say which kinds there are."""
    if not isinstance(name, str) or name not in KINDS:
        raise ValueError(f"unknown kind of sharing map {name!r}; known kinds: {', '.join(KINDS)}")
    return KINDS[name]
