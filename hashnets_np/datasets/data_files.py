"""Data files: where they are looked for, how they are verified, fetched and kept.

Files are looked for in --data-dir, in $HASHNETS_DATA and in the cache, in that order. A file is trusted only by its
checksum, and never read beyond the size that it may have. The cache is a convenience: where none can be written, the
same is done in memory.
"""

import contextlib
import gzip
import hashlib
import os
import sys
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..support.disk import atomic_write, locked, user_path

Arrays = dict[str, NDArray]
# what NumPy and zipfile raise at damaged files
DAMAGED = (
    ValueError, EOFError, AttributeError, NotImplementedError, zipfile.BadZipFile, zlib.error, tokenize.TokenError,
    TypeError, MemoryError, RuntimeError, OverflowError,
)
UNREADABLE = (OSError, LookupError, *DAMAGED)  # of a file of the cache that is not there or damaged

TIMEOUT = 30  # seconds without an answer
LARGEST_DOWNLOAD = 2**29  # bytes; the largest file that is fetched has about 2**27
BLOCK = 2**18  # bytes that are read at a time


def package_file(name: str) -> Path:
    """Find a file of `data/`: inside an installed package, or beside it in a checkout."""
    inside = Path(__file__).parent.parent / "data" / name
    return inside if inside.exists() else Path(__file__).parent.parent.parent / "data" / name


def cache_dir() -> Path:
    """Find where downloads and regenerated sets are kept; the folder need not exist.

    It is $HASHNETS_CACHE, or data/cache in a checkout, or the user's cache folder; without a home, a temporary folder.
    """
    if chosen := os.environ.get("HASHNETS_CACHE"):
        return user_path(chosen)
    root = Path(__file__).parent.parent.parent
    return root / "data" / "cache" if (root / "data" / "README.md").exists() else user_cache()


def user_cache() -> Path:
    """Find the user's cache folder as the system has it."""
    name = "hashnets_np"
    try:
        if os.name == "nt":
            local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
            return Path(local) / name / name / "Cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / name
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / name
    except RuntimeError:  # neither HOME nor an entry in the list of users, as in some containers
        return Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"


def search_path(data_dir: str | os.PathLike | None) -> list[Path]:
    """List the folders where data files are looked for, the most specific first."""
    named = [data_dir, os.environ.get("HASHNETS_DATA")]
    return [user_path(folder) for folder in named if folder] + [cache_dir()]


def find_file(names: str | Iterable[str], data_dir: str | os.PathLike | None, folder: str) -> Path | None:
    """Find a file, gzipped or not, in the search path or in a folder of it that is named after the set.

    Parameters
    ----------
    names : str or strings
        The name of the file, or the names that it may have, the usual one first.
    data_dir : path or None
        Where to look first.
    folder : str
        The name of the set; "fashion-mnist" is found in FashionMNIST and fashion_mnist too, and in `raw` below them.
    """
    names = [names] if isinstance(names, str) else list(names)
    for directory in search_path(data_dir):
        for place in places(directory, folder):
            for name in names:
                # the last: as some archives unpack, a folder with a file of the same name in it
                for candidate in (place / name, place / f"{name}.gz", place / name / name):
                    if is_file(candidate):
                        return candidate
    return None


def is_file(path: Path) -> bool:
    """Tell whether a path is a file; a path that we are not allowed to look at counts as none."""
    try:
        return path.is_file()
    except OSError:
        return False


def places(directory: Path, folder: str) -> Iterator[Path]:
    """Go through the folders in which other libraries put the files of a set, below a folder that the user named."""
    named = []
    with contextlib.suppress(OSError):
        named = [path for path in sorted(directory.iterdir()) if folder and plain(path.name) == plain(folder)]
    for place in [*named, directory]:
        yield place
        yield place / "raw"  # torchvision


def plain(name: str) -> str:
    """Drop what libraries spell differently in a name: case, hyphens and underscores.

    >>> plain("Fashion_MNIST") == plain("fashion-mnist")
    True
    """
    return name.lower().replace("-", "").replace("_", "")


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a file, unpacked if it is gzipped; more than `limit` bytes or a damaged file are a ValueError."""
    with open(path, "rb") as file:
        return read_unpacked(file, limit, str(path))


def read_unpacked(file: BinaryIO, limit: int, name: str) -> bytes:
    """Read an open file as `read_bounded` does; a bomb of a few kilobytes must not fill the memory."""
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    try:
        raw = gzip.GzipFile(fileobj=file).read(limit + 1) if packed else file.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{name} is a damaged gzip file ({error}); delete it and fetch it again") from error
    if len(raw) > limit:
        raise ValueError(f"{name} has more than the {limit} bytes that it may have; delete it and fetch it again")
    return raw


def verify(raw: bytes, sha256: str, path: Path) -> None:
    """Compare the SHA-256 of uncompressed bytes with what is expected."""
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} has SHA-256 {found} (uncompressed), expected {sha256}; delete it and fetch it again")


def fetch_url(url: str, limit: int = LARGEST_DOWNLOAD) -> bytes:
    """Download a file, with a progress bar on a terminal; more than `limit` bytes are a ValueError."""
    import http.client  # imported here: the two would slow down every import of the package by a tenth of a second
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            blocks = []
            received = 0
            with progress_bar(size, url) as bar:
                while block := answer.read(BLOCK):
                    blocks.append(block)
                    received += len(block)
                    bar.update(len(block))
                    if received > limit:
                        raise ValueError(f"{url} sends more than {limit} bytes")
    except http.client.HTTPException as error:  # the connection broke off
        raise ConnectionError(f"{url}: {type(error).__name__} {error}") from error
    if received < size:
        raise ConnectionError(f"{url} sent {received} of {size} bytes")
    return b"".join(blocks)


def progress_bar(size: int, url: str) -> Any:
    """Make a progress bar that shows on terminals only and goes away when it is done."""
    from tqdm import tqdm

    name = url.rsplit("/", 1)[-1]
    return tqdm(total=size or None, desc=name, unit="B", unit_scale=True, leave=False, disable=None)


def keep(path: Path, content: bytes) -> bool:
    """Write a file into the cache, if the cache is writable; what cannot be kept is used all the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, content)
    except OSError:
        return False
    return True


def cached_arrays(path: Path, make: Callable[[], Arrays]) -> Arrays:
    """Return arrays by name from a file of the cache, or make them and keep them there.

    A lock lets one process make them while others wait. What is read is compared with its digest; what is damaged is
    regenerated. Without a writable folder, everything is done in memory.
    """
    arrays = read_cached(path)
    if arrays is not None:
        return arrays
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            return read_cached(path) or make_and_keep(path, make)
    except OSError:
        return make()


def make_and_keep(path: Path, make: Callable[[], Arrays]) -> Arrays:
    """Make arrays, and keep them if the disk takes them."""
    arrays = make()
    with contextlib.suppress(OSError):
        named: dict[str, Any] = {**arrays, "sha256": digest(arrays)}
        atomic_write(path, lambda file: np.savez(file, **named))
    return arrays


def read_cached(path: Path) -> Arrays | None:
    """Read arrays from the cache; None if they are missing, damaged or not the ones that were written."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files if name != "sha256"}
            return arrays if str(file["sha256"]) == digest(arrays) else None
    except UNREADABLE:
        return None


def digest(arrays: Arrays) -> str:
    """Compute a digest of arrays with their names, types and shapes."""
    state = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        state.update(f"{name} {array.dtype.str} {array.shape}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()
