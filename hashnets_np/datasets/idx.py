"""IDX files, the format of MNIST, and the sets that come in it: MNIST, Fashion-MNIST, KMNIST, QMNIST, EMNIST.

An IDX file is two zeros, a type, the number of dimensions, their lengths (4 bytes each, big-endian) and the values.
A set is four such files: images and labels for training and for testing. MNIST is trusted by the SHA-256 of its
uncompressed files, the others by the published MD5 of the gzipped ones; what has no such checksum is loaded too, and
its provenance says so. `load_idx` reads any folder of IDX files.
"""

import hashlib
import io
import os
import struct
from functools import partial
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..support.disk import user_path
from .data_files import (
    cache_dir,
    fetch_url,
    find_file,
    is_file,
    keep,
    places,
    read_bounded,
    read_unpacked,
    search_path,
    verify,
)
from .dataset import Dataset, register_dataset, split

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}  # code in the file -> dtype
MOST_DIMENSIONS = 8
LARGEST_FILE = 2**30  # bytes, of a set that is not known; EMNIST's largest has 547 million
LARGEST_GZIP_RATIO = 256  # of a set that is not known; MNIST's images have 5
SMALL = 2**26  # bytes that are read whatever the ratio

MNIST_SHA256 = {  # of the uncompressed files
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MNIST_PROVENANCE = "original: MNIST, by the SHA-256 of its four files"
MNIST_LARGEST = 16 + 60_000 * 784  # bytes of its training images


class IdxSet(NamedTuple):
    """A published set: its title, the MD5 of its gzipped files by name, and where they are published."""

    title: str
    md5: dict[str, str]  # training images and labels, test images and labels, in this order; "" where none is published
    mirror: str = ""


def usual_names(*md5: str, prefix: str = "", test: str = "t10k", labels: str = "labels-idx1-ubyte") -> dict[str, str]:
    """Name the four files of a set as MNIST does, with their checksums."""
    names = [f"{prefix}{part}-{kind}" for part in ("train", test) for kind in ("images-idx3-ubyte", labels)]
    return dict(zip(names, md5 or [""] * 4, strict=True))


SETS = {
    "fashion-mnist": IdxSet("Fashion-MNIST", usual_names(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
    ), "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
    "kmnist": IdxSet("KMNIST", usual_names(
        "bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134",
    ), "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
    "qmnist": IdxSet("QMNIST", usual_names(
        "ed72d4157d28c017586c42bc6afe6370", "0058f8dd561b90ffdd0f734c6a30e5e4",
        "1394631089c404de565df7b7aeaf9412", "5b5b05890a5e13444e108efe57b788aa",
        prefix="qmnist-", test="test", labels="labels-idx2-int",
    ), "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"),
    **{f"emnist-{name}": IdxSet(f"EMNIST {name}", usual_names(prefix=f"emnist-{name}-", test="test"))
       for name in ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")},
}


def parse_idx(raw: bytes) -> NDArray:
    """Read an IDX file.

    Parameters
    ----------
    raw : bytes
        The whole file, uncompressed.

    Returns
    -------
    array
        An array of the type and shape that the file names, in the machine's byte order.

    Raises
    ------
    ValueError
        If the bytes are not exactly one IDX file.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    array([7, 9], dtype=uint8)
    """
    if len(raw) < 4 or raw[:2] != b"\0\0":
        raise ValueError(f"not an IDX file: it begins with {raw[:8]!r}, not with two zeros, a type and a number")
    code = raw[2]
    dimensions = raw[3]
    if code not in TYPES:
        raise ValueError(f"an IDX file of type {code}; known types: {', '.join(map(str, TYPES))}")
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise ValueError(f"an IDX file of {dimensions} dimensions, expected 1 to {MOST_DIMENSIONS}")
    start = 4 + 4 * dimensions
    if len(raw) < start:
        raise ValueError(f"an IDX file of {len(raw)} bytes, too short for the lengths of {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", raw[4:start])
    dtype = np.dtype(TYPES[code])
    size = prod(shape) * dtype.itemsize
    if len(raw) - start != size:
        raise ValueError(f"an IDX file of shape {shape} and type {dtype.name} should have {start + size} bytes, "
                         f"got {len(raw)}; was it cut short?")
    values = np.frombuffer(raw, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))  # a copy: it may be written to


def read_idx(path: Path, largest: int = LARGEST_FILE) -> NDArray:
    """Read a file, gzipped or not, as IDX; whatever is wrong names the path."""
    packed = path.stat().st_size
    limit = min(largest, max(SMALL, LARGEST_GZIP_RATIO * packed))
    try:
        return parse_idx(read_bounded(path, limit))
    except ValueError as error:
        raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def names_of(name: str) -> list[str]:
    """List the names that a file of a set may have: train-images-idx3-ubyte is also train-images.idx3-ubyte.

    >>> names_of("train-images-idx3-ubyte")
    ['train-images-idx3-ubyte', 'train-images.idx3-ubyte']
    """
    head, _, tail = name.rpartition("-idx")
    return [name, f"{head}.idx{tail}"]


def folder_of(name: str) -> str:
    """Name the folder of a set; all sets of EMNIST share one.

    >>> folder_of("emnist-letters"), folder_of("fashion-mnist")
    ('emnist', 'fashion-mnist')
    """
    return "emnist" if name.startswith("emnist-") else name


def find_set(name: str, data_dir: str | os.PathLike | None) -> list[Path] | None:
    """Find the four files of a set, or None if one of them is missing."""
    files = MNIST_SHA256 if name == "mnist" else SETS[name].md5
    found = [find_file(names_of(file), data_dir, folder_of(name)) for file in files]
    return [path for path in found if path] if all(found) else None


def load_mnist(data_dir: Path | None = None) -> Dataset:
    """Load MNIST from its four IDX files, gzipped or not, after a check of their SHA-256."""
    arrays = [parse_idx(read_mnist_file(name, data_dir)) for name in MNIST_SHA256]
    return as_dataset("mnist", arrays, MNIST_PROVENANCE)


def read_mnist_file(name: str, data_dir: Path | None) -> bytes:
    """Read one MNIST file from the search path, or download it, and verify it."""
    path = find_file(names_of(name), data_dir, "mnist")
    if path is None:
        return download_mnist(name, data_dir)
    raw = read_bounded(path, MNIST_LARGEST)
    try:
        verify(raw, MNIST_SHA256[name], path)
    except ValueError as error:
        raise ValueError(f"{error}; if it belongs to another set with such file names, load that one: "
                         f"{', '.join(SETS)}, or hashnets_np.load_idx(folder)") from error
    return raw


def download_mnist(name: str, data_dir: Path | None) -> bytes:
    """Fetch one file from the first mirror that has it; what is wrong or incomplete is never kept."""
    target = cache_dir() / "mnist" / f"{name}.gz"
    reasons = []
    for mirror in MNIST_MIRRORS:
        try:
            packed = fetch_url(f"{mirror}{name}.gz", MNIST_LARGEST)
            raw = read_unpacked(io.BytesIO(packed), MNIST_LARGEST, target.name)
            verify(raw, MNIST_SHA256[name], target)
        except (OSError, ValueError) as error:
            reasons.append(f"{mirror}: {type(error).__name__}")
        else:
            keep(target, packed)
            return raw
    raise missing(name, data_dir, "mnist", "; ".join(reasons))


def missing(name: str, data_dir: Path | None, folder: str, reasons: str) -> FileNotFoundError:
    """Say which file is missing, which names and folders were tried, and what to do."""
    looked = ", ".join(str(directory) for directory in search_path(data_dir))
    names = " or ".join(f"{each}[.gz]" for each in names_of(name))
    return FileNotFoundError(
        f"{names} is not in {looked}, nor in a folder {folder} or raw there, and could not be downloaded ({reasons}); "
        f"put the file into one of these folders, or name another with --data-dir or HASHNETS_DATA"
    )


def load_set(name: str, data_dir: Path | None = None) -> Dataset:
    """Load one of `SETS`: from its files where they are found, otherwise by a download."""
    known = SETS[name]
    paths = find_set(name, data_dir)
    if paths is None:
        paths = [find_or_download(name, file, data_dir) for file in known.md5]
    found = identify(paths)
    if found not in (name, None):
        raise ValueError(f"{paths[0].parent} holds the files of {found}, not of {name}; put those of {name} into a "
                         f"folder {name} of --data-dir or HASHNETS_DATA")
    return read_files(name, paths, published(name) if found else "")


def find_or_download(name: str, file: str, data_dir: Path | None) -> Path:
    """Find one file of a set, or download it into the cache."""
    known = SETS[name]
    path = find_file(names_of(file), data_dir, folder_of(name))
    if path is not None:
        return path
    target = cache_dir() / name / f"{file}.gz"
    if not known.mirror:
        raise missing(file, data_dir, folder_of(name), "it is published in gzip.zip, an archive of all sets of EMNIST")
    try:
        packed = fetch_url(f"{known.mirror}{file}.gz")
    except (OSError, ValueError) as error:
        raise missing(file, data_dir, name, f"{known.mirror}: {type(error).__name__}") from error
    if md5_of(packed) != known.md5[file]:
        raise missing(file, data_dir, name, f"{known.mirror} sent something else: MD5 {md5_of(packed)}")
    if not keep(target, packed):
        raise OSError(f"{target} could not be written; name a folder for it with HASHNETS_CACHE")
    return target


def md5_of(raw: bytes) -> str:
    """Compute the checksum that these sets are published with; it finds damage, not malice."""
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()


def is_original(path: Path, md5: str) -> bool:
    """Tell whether a file is the published one; only gzipped ones have a published checksum."""
    return bool(md5) and path.suffix == ".gz" and md5_of(path.read_bytes()) == md5


def load_idx(folder: str | os.PathLike, prefix: str = "") -> Dataset:
    """Load a data set from any folder of IDX files.

    The folder holds images and labels for training and for testing, gzipped or not, with "train", "test" or "t10k",
    "images" and "labels" in their names. Pixels of whole numbers are divided by the largest that their type can hold
    (0..255 in a type of 16 or 32 bits becomes almost 0, and `fit` warns of it); the last 20 % of the training examples
    become the validation split.

    Parameters
    ----------
    folder : str or path
        The folder, or one above a folder `raw`; ``~`` is the home folder.
    prefix : str
        How the names begin, where a folder holds several sets, such as "emnist-letters-".

    Returns
    -------
    Dataset
        Its provenance names a set that is known by its checksums, or a digest of the files.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, there are several to choose from, or one is damaged.

    Examples
    --------
    ::

        data = load_idx("~/data/FashionMNIST/raw")
    """
    folder = user_path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    folders = [place for place in places(folder, "") if place.is_dir()]
    files = [path for place in folders for path in sorted(place.iterdir()) if is_file(path) and path.name[0] != "."]
    paths = [the_one(files, folder, prefix, part, kind) for part in ("train", "test") for kind in ("images", "labels")]
    known = identify(paths)
    if known:
        return read_files(known, paths, published(known))
    return read_files(prefix.strip("-_.") or folder.name, paths, "")


def identify(paths: list[Path]) -> str | None:
    """Find the name of the set whose published files these are, or None."""
    for name, known in SETS.items():
        if all(is_original(path, md5) for path, md5 in zip(paths, known.md5.values(), strict=True)):
            return name
    return "mnist" if is_mnist(paths) else None


def published(name: str) -> str:
    """Say where a set comes from, if its files are the published ones."""
    return MNIST_PROVENANCE if name == "mnist" else f"original: {SETS[name].title}, by the MD5 of its four files"


def is_mnist(paths: list[Path]) -> bool:
    """Tell whether four files are MNIST's."""
    try:
        for path, sha256 in zip(paths, MNIST_SHA256.values(), strict=True):
            verify(read_bounded(path, MNIST_LARGEST), sha256, path)
    except ValueError:
        return False
    return True


def the_one(files: list[Path], folder: Path, prefix: str, part: str, kind: str) -> Path:
    """Choose the file of a part and kind; a file beside its own gzipped form counts once."""
    words = ("t10k", "test") if part == "test" else (part,)
    fitting = {}
    for path in files:
        name = path.name.removesuffix(".gz")
        rest = name.removeprefix(prefix)
        if name.startswith(prefix) and kind in rest and any(word in rest for word in words):
            fitting[name] = path  # the gzipped one, which sorts after it: it may have a published checksum
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if not fitting:
        raise FileNotFoundError(f"no file with {' or '.join(words)} and {kind} in its name in {folder}"
                                f"{f', beginning with {prefix}' if prefix else ''}")
    raise ValueError(f"{folder} has several files for {part} {kind}: {', '.join(sorted(fitting))}; "
                     "choose with prefix, such as prefix='emnist-letters-'")


def read_files(name: str, paths: list[Path], provenance: str) -> Dataset:
    """Read the four files of a set; without a provenance, its name and provenance say that it is unverified."""
    arrays = [read_idx(path) for path in paths]
    for images, labels, image_path, label_path in zip(arrays[::2], arrays[1::2], paths[::2], paths[1::2], strict=True):
        check_pair(images, labels, image_path, label_path)
    if paths[0].name.startswith("emnist-"):  # EMNIST stores its images on their side
        arrays[::2] = [images.swapaxes(-1, -2) if images.ndim == 3 else images for images in arrays[::2]]
    if provenance:
        return as_dataset(name, arrays, provenance)
    content = hashlib.sha256()
    for array in arrays:
        content.update(np.ascontiguousarray(array).tobytes())
    return as_dataset(f"{name} (unverified)", arrays,
                      f"unverified: IDX files of {paths[0].parent}, SHA-256 {content.hexdigest()[:16]}")


def check_pair(images: NDArray, labels: NDArray, image_path: Path, label_path: Path) -> None:
    """Check that two files are images and their labels."""
    if images.ndim < 2 or images.shape[0] == 0 or images[0].size == 0:
        raise ValueError(f"{image_path} has shape {images.shape}, expected (n, rows, columns)")
    if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2) or labels[:1].size == 0:
        raise ValueError(f"{label_path} has shape {labels.shape} and type {labels.dtype}, expected n whole numbers")
    if len(images) != len(labels):
        raise ValueError(f"{image_path} has {len(images)} images, {label_path} has {len(labels)} labels")
    if labels.min() < 0 and labels.ndim == 1:
        raise ValueError(f"{label_path} has a label {labels.min()}, expected 0 or more")


def as_dataset(name: str, arrays: list[NDArray], provenance: str) -> Dataset:
    """Make a data set of images and labels of both parts."""
    x, x_test = (as_pixels(images) for images in arrays[::2])
    y, y_test = (as_labels(labels) for labels in arrays[1::2])
    return split(name, x, y, x_test, y_test, provenance)


def as_pixels(images: NDArray) -> NDArray[np.float32]:
    """Turn images into rows of float32: whole numbers are scaled to [0, 1], floats stay as they are."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    return rows / np.float32(np.iinfo(images.dtype).max) if images.dtype.kind in "iu" else rows


def as_labels(labels: NDArray) -> NDArray[np.int64]:
    """Take the class of each example, which is the first of QMNIST's eight numbers."""
    return (labels if labels.ndim == 1 else labels[:, 0]).astype(np.int64)


register_dataset("mnist", load_mnist)
for set_name in SETS:
    register_dataset(set_name, partial(load_set, set_name))
