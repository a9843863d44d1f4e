"""Data sets as arrays, by name, and the shipped digits.

Pixels are float32 in [0, 1], one example per row; labels are int64. The last 20 % of the training examples are the
validation split, as in the paper. Others register their sets here: `idx` (MNIST and its kin), `experiments.larochelle`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .data_files import cache_dir, find_file, package_file, read_bounded, search_path, verify  # noqa: F401
from .disk import user_path

DIGITS_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
DIGITS_LARGEST = 2**20  # bytes of their table


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test examples: x (n, n_in) float32 in [0, 1], y (n,) int64; provenance says whence."""

    name: str
    x_train: NDArray
    y_train: NDArray
    x_valid: NDArray
    y_valid: NDArray
    x_test: NDArray
    y_test: NDArray
    provenance: str

    def __post_init__(self) -> None:
        for part in ("train", "valid", "test"):
            x, y = (getattr(self, f"{name}_{part}") for name in "xy")
            if x.ndim != 2 or y.shape != x.shape[:1]:
                raise ValueError(f"x_{part} must be (n, n_in) and y_{part} (n,), got {x.shape} and {y.shape}")

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.y_train.max()) + 1

    def refit(self) -> "Dataset":
        """Join training and validation examples: for the last training, when everything has been chosen."""
        x, y = np.concatenate([self.x_train, self.x_valid]), np.concatenate([self.y_train, self.y_valid])
        return replace(self, x_train=x, y_train=y, x_valid=self.x_valid[:0], y_valid=self.y_valid[:0])


Loader = Callable[[Path | None], Dataset]
LOADERS: dict[str, Loader] = {}  # the data sets that have a name; a loader takes the data directory


def register_dataset(name: str, loader: Loader) -> None:
    """Give a data set a name, for `load_dataset` and the command line.

    Parameters
    ----------
    name : str
        The name; one that is registered already gets the new loader.
    loader : function
        Takes the folder where to look for files first, a Path or None, and returns a `Dataset`.
    """
    LOADERS[name] = loader


def load_dataset(name: str = "digits", data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load a data set by name.

    name: a key of `LOADERS`, ValueError otherwise. data_dir: where to look first. Raises FileNotFoundError or
    ValueError with what was looked for, where, and what to do.

    >>> data = load_dataset("digits")
    >>> data.x_train.shape, data.x_valid.shape, data.x_test.shape
    ((958, 64), (239, 64), (600, 64))
    """
    if name not in LOADERS:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(LOADERS)}")
    return LOADERS[name](None if data_dir is None else user_path(data_dir))


def split(name: str, x: NDArray, y: NDArray, x_test: NDArray, y_test: NDArray, provenance: str) -> Dataset:
    """Take the last 20 % of the training examples as the validation split."""
    cut = len(x) - len(x) // 5
    return Dataset(name, x[:cut], y[:cut], x[cut:], y[cut:], x_test, y_test, provenance)


def load_digits(data_dir: Path | None = None) -> Dataset:
    """Load the shipped 8 x 8 digits: 1,797 real ones, of which the last 600 are the test set."""
    raw = read_bounded(package_file("digits.csv.gz"), DIGITS_LARGEST)
    verify(raw, DIGITS_SHA256, package_file("digits.csv.gz"))
    table = np.loadtxt(raw.decode().splitlines(), delimiter=",", dtype=np.float32)
    x, y = table[:, :64] / 16, table[:, 64].astype(np.int64)
    return split("digits", x[:1197], y[:1197], x[1197:], y[1197:], "original: UCI optical digits, as in scikit-learn")


register_dataset("digits", load_digits)
