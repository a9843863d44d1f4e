"""Data sets as arrays: the shipped digits, MNIST from its IDX files, and where the others are.

Pixels are float32 in [0, 1], one example per row; labels are int64. The last 20 % of the training examples are the
validation split, as in the paper. Files are looked for in --data-dir, $HASHNETS_DATA and data/cache, in that order, and
trusted by the SHA-256 of their uncompressed bytes. Left out: the other sets of the paper (`experiments/larochelle.py`).
"""

import gzip
import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGITS_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


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
    return LOADERS[name](None if data_dir is None else Path(data_dir))


def split(name: str, x: NDArray, y: NDArray, x_test: NDArray, y_test: NDArray, provenance: str) -> Dataset:
    """Take the last 20 % of the training examples as the validation split."""
    cut = len(x) - len(x) // 5
    return Dataset(name, x[:cut], y[:cut], x[cut:], y[cut:], x_test, y_test, provenance)


def package_file(name: str) -> Path:
    """Find a file of `data/`: inside an installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "data" / name
    return inside if inside.exists() else Path(__file__).parent.parent / "data" / name


def load_digits(data_dir: Path | None = None) -> Dataset:
    """Load the shipped 8 x 8 digits: 1,797 real ones, of which the last 600 are the test set."""
    raw = gunzip(package_file("digits.csv.gz"))
    verify(raw, DIGITS_SHA256, package_file("digits.csv.gz"))
    table = np.loadtxt(raw.decode().splitlines(), delimiter=",", dtype=np.float32)
    x, y = table[:, :64] / 16, table[:, 64].astype(np.int64)
    return split("digits", x[:1197], y[:1197], x[1197:], y[1197:], "original: UCI optical digits, as in scikit-learn")


def load_mnist(data_dir: Path | None = None) -> Dataset:
    """Load MNIST from its four IDX files, gzipped or not, after a check of their SHA-256."""
    arrays = [parse_idx(read_verified(name, data_dir)) for name in MNIST_SHA256]
    x, x_test = (images.reshape(len(images), -1).astype(np.float32) / 255 for images in arrays[::2])
    y, y_test = (labels.astype(np.int64) for labels in arrays[1::2])
    return split("mnist", x, y, x_test, y_test, "original: MNIST, by the SHA-256 of its four files")


def parse_idx(raw: bytes) -> NDArray[np.uint8]:
    """Read an IDX file of bytes: two zeros, type 8, the number of dimensions, their lengths big-endian, the values.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    array([7, 9], dtype=uint8)
    """
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def cache_dir() -> Path:
    """Find where downloads go: data/cache in a checkout, the user's cache directory for an installed package."""
    root = Path(__file__).parent.parent
    if (root / "data" / "README.md").exists():
        return root / "data" / "cache"
    import pooch

    return Path(pooch.os_cache("hashnets_np"))


def search_path(data_dir: Path | None) -> list[Path]:
    """List the directories where data files are looked for, the most specific first."""
    named = [data_dir, os.environ.get("HASHNETS_DATA")]
    return [Path(d) for d in named if d] + [cache_dir()]


def find_file(name: str, data_dir: Path | None, folder: str) -> Path | None:
    """Find a file, gzipped or not, in the search path or in a folder of it."""
    for directory in search_path(data_dir):
        for place in (directory / folder, directory):
            for candidate in (place / name, place / f"{name}.gz"):
                if candidate.is_file():
                    return candidate
    return None


def gunzip(path: Path) -> bytes:
    """Read a file, unpacking it if it is gzipped; a damaged one is a ValueError."""
    raw = path.read_bytes()
    try:
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}); delete it and fetch it again") from error


def verify(raw: bytes, sha256: str, path: Path) -> None:
    """Compare the SHA-256 of uncompressed bytes with what is expected."""
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} has SHA-256 {found} (uncompressed), expected {sha256}; delete it and fetch it again")


def read_verified(name: str, data_dir: Path | None) -> bytes:
    """Read one MNIST file from the search path, or download it, and verify it."""
    path = find_file(name, data_dir, "mnist")
    if path is None:
        path = download(name, cache_dir() / "mnist" / f"{name}.gz", data_dir)
    raw = gunzip(path)
    verify(raw, MNIST_SHA256[name], path)
    return raw


def download(name: str, target: Path, data_dir: Path | None) -> Path:
    """Fetch one file from the first mirror that has it; what is wrong or incomplete never gets its name."""
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    reasons = []
    for mirror in MNIST_MIRRORS:
        try:
            pooch.HTTPDownloader(progressbar=True, timeout=30)(f"{mirror}{name}.gz", str(partial), None)
            verify(gunzip(partial), MNIST_SHA256[name], partial)
            os.replace(partial, target)
            return target
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            reasons.append(f"{mirror}: {type(error).__name__}")
        finally:
            partial.unlink(missing_ok=True)
    looked = ", ".join(str(d) for d in search_path(data_dir))
    raise FileNotFoundError(
        f"{name}[.gz] is not in {looked} and could not be downloaded ({'; '.join(reasons)}); "
        f"put the file into one of these directories, or name another with --data-dir or HASHNETS_DATA"
    )


register_dataset("digits", load_digits)
register_dataset("mnist", load_mnist)
