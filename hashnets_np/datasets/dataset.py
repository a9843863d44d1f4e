"""Data sets as arrays, by name, and the shipped digits.

Pixels are float32 in [0, 1], one example per row; labels are int64. The last 20 % of the training examples are the
validation split, as in the paper. `idx` (MNIST and its relatives) and `experiments.larochelle` register sets here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..support.checks import as_examples, as_targets, check_seed, meant, shown
from ..support.disk import user_path
from ..types import FloatArray, IntArray
from .data_files import package_file, read_bounded, verify

Validation = tuple[ArrayLike, ArrayLike] | float | None  # a pair (x, y), a fraction of the training examples, or none

DIGITS_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
DIGITS_LARGEST = 2**20  # bytes of their table


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training, validation and test examples, checked once, here.

    DataFrames, Series and lists are taken by position, whatever their index says. Arrays of the right type are kept
    and not copied; nothing is ever written to them.

    Parameters
    ----------
    name : str
        A name for reports.
    x_train, x_valid, x_test : (n, n_in) float32 or float64
        Finite, one example per row, usually scaled to about 0..1. A validation or test set may be empty.
    y_train, y_valid, y_test : (n,) int64, or (n,) or (n, n_out) floats
        Integers are class labels 0..classes-1. Floats are the targets of a regression, for a loss such as
        `squared_error`.
    provenance : str
        Where the examples are from.

    Raises
    ------
    ValueError
        For anything else, with what came, what was expected and a likely fix.

    See Also
    --------
    Dataset.from_arrays : make one from a few arrays.

    Examples
    --------
    >>> load_dataset("digits")
    Dataset('digits': 958 + 239 + 600 examples for training, validation and test, 64 inputs, 10 classes)
    """

    name: str
    x_train: FloatArray
    y_train: NDArray[Any]
    x_valid: FloatArray
    y_valid: NDArray[Any]
    x_test: FloatArray
    y_test: NDArray[Any]
    provenance: str = ""

    def __post_init__(self) -> None:
        for part in ("train", "valid", "test"):
            x = as_examples(f"x_{part}", getattr(self, f"x_{part}"))
            y = as_targets(f"y_{part}", getattr(self, f"y_{part}"), len(x))
            object.__setattr__(self, f"x_{part}", x)  # the class is frozen
            object.__setattr__(self, f"y_{part}", y)
        for part in ("valid", "test"):
            self._check_against_training_set(part)

    def _check_against_training_set(self, part: str) -> None:
        """Check that another set has the width of the training set and the same sort of targets."""
        x = getattr(self, f"x_{part}")
        y = getattr(self, f"y_{part}")
        if not len(x):
            return
        n_in = self.x_train.shape[1]
        if x.shape[1] != n_in:
            raise ValueError(f"x_{part} has {x.shape[1]} columns, x_train has {n_in}")
        if (y.dtype.kind, y.shape[1:]) != (self.y_train.dtype.kind, self.y_train.shape[1:]):
            raise ValueError(f"y_{part} is {y.dtype} of shape {y.shape}, but y_train is {self.y_train.dtype} of shape "
                             f"{self.y_train.shape}; labels of all sets must be integers, targets of all sets floats")

    @classmethod
    def from_arrays(
        cls, x: ArrayLike, y: ArrayLike, *, validation: Validation = None,
        test: tuple[ArrayLike, ArrayLike] | None = None, seed: int = 0, name: str = "arrays",
    ) -> Dataset:
        """Make a data set from arrays, lists, DataFrames or Series.

        Parameters
        ----------
        x : (n, n_in) numbers
            Examples, one per row.
        y : (n,) integers, or (n,) or (n, n_out) floats
            Class labels, or the targets of a regression.
        validation : (x, y) or float, optional
            The validation set, or the fraction of the examples, above 0 and below 1, that is drawn at random for it.
        test : (x, y), optional
            The test set.
        seed : int
            Seed for drawing the fraction.
        name : str
            A name for reports.

        Returns
        -------
        Dataset

        Raises
        ------
        ValueError
            As `Dataset`, and if the fraction leaves no example for training or for validation.

        Examples
        --------
        >>> x = np.random.default_rng(0).random((100, 4))
        >>> Dataset.from_arrays(x, x[:, 0] > 0.5, validation=0.2)
        Dataset('arrays': 80 + 20 + 0 examples for training, validation and test, 4 inputs, 2 classes)
        """
        x = as_examples("x", x)
        y = as_targets("y", y, len(x))
        seed = check_seed(seed)  # also where nothing is drawn
        if isinstance(validation, (int, float, np.number)):
            kept, drawn = draw_fraction(len(x), float(validation), seed)
            x_valid = x[drawn]
            y_valid = y[drawn]
            x = x[kept]
            y = y[kept]
        else:
            x_valid, y_valid = pair("validation", validation, x, y)
        x_test, y_test = pair("test", test, x, y)
        return cls(name, x, y, x_valid, y_valid, x_test, y_test, "arrays")

    @property
    def classes(self) -> int:
        """The number of classes: labels are 0..classes-1, in whichever set they occur."""
        if self.y_train.dtype.kind == "f":
            raise ValueError(f"{self.name} has float targets, not class labels; did you mean y.astype(int)?")
        return 1 + max(int(y.max(initial=-1)) for y in (self.y_train, self.y_valid, self.y_test))

    def refit(self) -> Dataset:
        """Join training and validation examples, for the final training, once everything has been chosen."""
        x = np.concatenate([self.x_train, self.x_valid])
        y = np.concatenate([self.y_train, self.y_valid])
        return replace(self, x_train=x, y_train=y, x_valid=self.x_valid[:0], y_valid=self.y_valid[:0])

    def __repr__(self) -> str:
        counts = f"{len(self.x_train)} + {len(self.x_valid)} + {len(self.x_test)}"
        targets = f"{self.classes} classes" if self.y_train.dtype.kind == "i" else "float targets"
        return (f"Dataset({self.name!r}: {counts} examples for training, validation and test, "
                f"{self.x_train.shape[1]} inputs, {targets})")

    def __eq__(self, other: object) -> bool:
        """Compare names and all numbers."""
        if not isinstance(other, Dataset):
            return NotImplemented
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash((self.name, self.x_train.shape, self.x_valid.shape, self.x_test.shape))


def draw_fraction(n: int, fraction: float, seed: int) -> tuple[IntArray, IntArray]:
    """Draw which of n examples make up a fraction; return the others first, both in ascending order."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation must be (x, y) or a fraction above 0 and below 1, got {fraction!r}")
    size = round(fraction * n)
    if not 0 < size < n:
        raise ValueError(f"validation={fraction:g} of {n} examples is {size}, which leaves one set empty")
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[size:]), np.sort(order[:size])


def pair(name: str, value: Any, x: FloatArray, y: NDArray[Any]) -> tuple[Any, Any]:
    """Take apart an (x, y) that was given; without one, an empty set."""
    if value is None:
        return x[:0], y[:0]
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        fraction = " or a fraction such as 0.2" if name == "validation" else ""
        sized = isinstance(value, (tuple, list))
        came = f"{type(value).__name__} of length {len(value)}" if sized else shown(value)
        raise ValueError(f"{name} must be a pair (x, y){fraction}, got {came}")
    return value[0], value[1]


Loader = Callable[[Path | None], Dataset]
LOADERS: dict[str, Loader] = {}  # the data sets that have a name; a loader takes the data directory


def register_dataset(name: str, loader: Loader) -> None:
    """Give a data set a name, for `load_dataset` and the command line.

    Parameters
    ----------
    name : str
        The name; a name that is already registered gets the new loader.
    loader : function
        Takes the folder where to look for files first, a Path or None, and returns a `Dataset`.
    """
    LOADERS[name] = loader


def load_dataset(name: str = "digits", data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        "digits", which ships with the package, or another that `python -m hashnets_np data` lists.
    data_dir : str or path, optional
        Where to look for files first; then come $HASHNETS_DATA and the cache.

    Returns
    -------
    Dataset
        Pixels in [0, 1], one example per row; the last 20 % of the training examples are the validation split.

    Raises
    ------
    ValueError
        For an unknown name, and for a damaged file.
    FileNotFoundError
        If the files are not found and cannot be downloaded; the message says where they were looked for.

    Examples
    --------
    >>> data = load_dataset("digits")
    >>> data.x_train.shape, data.x_valid.shape, data.x_test.shape
    ((958, 64), (239, 64), (600, 64))
    """
    check_known(name)
    return LOADERS[name](None if data_dir is None else user_path(data_dir))


def check_known(name: str) -> None:
    """Check that there is a data set of this name."""
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(LOADERS)}{meant(str(name), LOADERS)}")


def split(name: str, x: NDArray, y: NDArray, x_test: NDArray, y_test: NDArray, provenance: str) -> Dataset:
    """Take the last 20 % of the training examples as the validation split."""
    cut = len(x) - len(x) // 5
    return Dataset(name, x[:cut], y[:cut], x[cut:], y[cut:], x_test, y_test, provenance)


def load_digits(data_dir: Path | None = None) -> Dataset:
    """Load the shipped 8 x 8 digits: 1,797 real ones, of which the last 600 are the test set."""
    raw = read_bounded(package_file("digits.csv.gz"), DIGITS_LARGEST)
    verify(raw, DIGITS_SHA256, package_file("digits.csv.gz"))
    table = np.loadtxt(raw.decode().splitlines(), delimiter=",", dtype=np.float32)
    x = table[:, :64] / 16
    y = table[:, 64].astype(np.int64)
    return split("digits", x[:1197], y[:1197], x[1197:], y[1197:], "original: UCI optical digits, as in scikit-learn")


register_dataset("digits", load_digits)
