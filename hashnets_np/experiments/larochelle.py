"""The paper's seven data sets besides MNIST: the original files where a user has them, otherwise regenerated.

BASIC, ROT, BG-RAND, BG-IMG, BG-IMG-ROT, RECT and CONVEX were published as zipped text (.amat: one example per row, 784
pixels and the label). A zip found in the search path is trusted by its SHA-1 and kept as arrays in the cache. Without
it the set is made from a seed (`generators`), and its name and provenance say so: "original", "reconstructed" (BASIC:
slices of MNIST) or "regenerated". Not covered here: rectangles-images, which the paper does not use.

Source: Larochelle et al., ICML 2007; https://www.iro.umontreal.ca/~lisa/icml2007data/ (file names, SHA-1 as in skdata).
"""

import contextlib
import hashlib
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, load_digits, register_dataset
from ..datasets.data_files import cache_dir, cached_arrays, fetch_url, find_file, keep, search_path
from ..datasets.idx import find_set, load_mnist
from ..support.disk import user_path
from . import generators

SEED = 2007  # of everything that is regenerated; each set adds its own number
RECIPE = 1  # raise it when a generator changes: the cached sets are then regenerated
SIDE = 28
PIXELS = SIDE * SIDE
LONGEST_LINE = 2**16  # bytes; a line of 785 numbers has about 13,000
URL = "https://www.iro.umontreal.ca/~lisa/icml2007data/"


@dataclass(frozen=True)
class Source:
    """One published set: the zip, its SHA-1, the sizes of its three parts, and whether its images lie on their side."""

    zip_name: str
    sha1: str
    sizes: tuple[int, int, int]  # training, validation, test
    transposed: bool = False


DIGIT_SIZES = (10_000, 2_000, 50_000)
SOURCES = {
    "basic": Source("mnist.zip", "14ac2e9135705499b80bf7efac981377940150c8", DIGIT_SIZES),
    "rot": Source("mnist_rotation_new.zip", "e67f72fa42029f62fd8eb92b0638c1b9761c9a63", DIGIT_SIZES),
    "bg-rand": Source("mnist_background_random.zip", "75e11ec966459c1162979e78ab4e21f9ab7fb5cd", DIGIT_SIZES, True),
    "bg-img": Source("mnist_background_images.zip", "fb6fce9ed6372e0068ff7cb3e7b9e78dbda7ceae", DIGIT_SIZES, True),
    "bg-img-rot": Source(
        "mnist_rotation_back_image_new.zip", "902bb7e96136dd76e9f2924d7fdb9eb832f7bc33", DIGIT_SIZES
    ),
    "rect": Source("rectangles.zip", "b8d456b1f83bea5efebe76a47a9535adc4b72586", (1_000, 200, 50_000)),
    "convex": Source("convex.zip", "61eab3c60e0e1caeaa0b82abf827f1809cfd2ef9", (6_000, 2_000, 50_000)),
}


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """Load one of the seven sets: the original if its zip is in the search path, otherwise regenerated.

    name: a key of `SOURCES`. Raises ValueError if a zip is there but is not the published one.
    """
    path = find_zip(name, data_dir)
    return regenerate(name, data_dir) if path is None else load_original(name, path)


def find_zip(name: str, data_dir: str | os.PathLike | None) -> Path | None:
    """Find the published zip of a set, in the search path or one folder down."""
    zip_name = SOURCES[name].zip_name
    return find_file(zip_name, data_dir, "") or find_in_folders(zip_name, data_dir)


def find_in_folders(zip_name: str, data_dir: str | os.PathLike | None) -> Path | None:
    """Look for a zip one folder down in the search path, as in `rectangles/rectangles.zip`."""
    for directory in search_path(data_dir):
        with contextlib.suppress(OSError):  # a folder that may not be looked into
            for found in sorted(directory.glob(f"*/{zip_name}")):
                return found
    return None


def load_original(name: str, path: Path) -> Dataset:
    """Read the published zip, checked by its SHA-1; the arrays are kept in the cache, as the text is slow to read."""
    source = SOURCES[name]
    verify_sha1(path, source.sha1)

    x, y = cached(f"{name}-original-{source.sha1[:8]}", lambda: read_zip(path, source))
    return cut(name.upper(), x, y, source.sizes, f"original: {source.zip_name}, SHA-1 {source.sha1}")


def read_zip(path: Path, source: Source) -> tuple[NDArray, NDArray]:
    """Read images and labels of a published zip; whatever is wrong with it is a ValueError."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {part: member for member in archive.namelist() if (part := part_of(member))}
        if set(members) != {"train", "test"}:
            raise ValueError(f"{path} should hold one *train*.amat and one *test*.amat, found {sorted(members)}")
        rows = sum(source.sizes)
        table = np.concatenate([read_amat(path, members[part], rows) for part in ("train", "test")])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} is a damaged zip file ({error}); delete it and fetch it again") from error
    x = table[:, :PIXELS]
    y = table[:, PIXELS]
    if source.transposed:
        x = x.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, PIXELS)
    return x, y.astype(np.int64)


def fetch(name: str) -> Path:
    """Download the published zip into the cache and check its SHA-1; returns where it is.

    Raises ConnectionError if it cannot be downloaded: the set is then regenerated (`load`), and says so.
    """
    source = SOURCES[name]
    target = cache_dir() / "larochelle" / source.zip_name
    with contextlib.suppress(OSError, ValueError):  # it is there already
        verify_sha1(target, source.sha1)
        return target
    try:
        content = fetch_url(URL + source.zip_name)
        found = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if found != source.sha1:
            raise ValueError(f"the server sent something else, with SHA-1 {found}")
    except (OSError, ValueError) as error:
        why = error if isinstance(error, ValueError) else type(error).__name__
        raise ConnectionError(f"{source.zip_name} could not be downloaded from {URL} ({why}); put it into --data-dir "
                              f"or HASHNETS_DATA, or use the regenerated {name}") from error
    if not keep(target, content):
        raise OSError(f"{target} could not be written; name a folder for it with HASHNETS_CACHE")
    return target


def part_of(member: str) -> str | None:
    """Tell which part of a set a file in a zip is: "train" (with validation), "test", or None for anything else."""
    stem = member.rsplit("/", 1)[-1]
    if not stem.endswith(".amat") or stem.startswith("."):  # macOS adds files such as ._x_train.amat
        return None
    return "train" if "train" in stem else "test" if "test" in stem else None


def verify_sha1(path: Path, sha1: str) -> None:
    """Compare a file's SHA-1 with the published one."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    if found != sha1:
        raise ValueError(f"{path} has SHA-1 {found}, expected {sha1}; it is not the published file: move it away")


def read_amat(path: Path, member: str, most_rows: int) -> NDArray[np.float32]:
    """Read one .amat text of a zip as (rows, 785) float32, a block of lines at a time: the whole is 600 MB.

    Raises ValueError for anything but rows of 784 pixels in [0, 1] and a label in 0..9, and for too many of them.
    """
    blocks = []
    rows = 0
    for lines in line_blocks(path, member):
        block = parse_lines(lines, f"{path}: {member}")
        blocks.append(block)
        rows += len(block)
        if rows > most_rows:
            raise ValueError(f"{path}: {member} has more than the {most_rows} rows that it may have")
    return np.concatenate([np.zeros((0, PIXELS + 1), np.float32), *blocks])


def parse_lines(lines: str, what: str) -> NDArray[np.float32]:
    """Read whole lines of 785 numbers each, and check them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy says so when it meets anything but a number
        try:
            numbers = np.fromstring(lines, np.float32, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise ValueError(f"{what} should hold numbers only; is the file damaged?") from error
    if numbers.size % (PIXELS + 1):
        raise ValueError(f"{what} should have {PIXELS + 1} numbers in every row; is the file damaged?")
    table = numbers.reshape(-1, PIXELS + 1)
    pixels = table[:, :PIXELS]
    labels = table[:, PIXELS]
    if not ((pixels >= 0) & (pixels <= 1)).all() or not np.isin(labels, range(10)).all():
        raise ValueError(f"{what} should have pixels in [0, 1] and labels in 0..9; is the file damaged?")
    return table


def line_blocks(path: Path, member: str, size: int = 1 << 24) -> Iterator[str]:
    """Go through a text of a zip in blocks of whole lines, without header lines (they start with #)."""
    rest = b""
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        while block := file.read(size):
            block = rest + block
            end = block.rfind(b"\n") + 1
            block, rest = block[:end], block[end:]
            if len(rest) > LONGEST_LINE:
                raise ValueError(f"{path}: {member} has a line of more than {LONGEST_LINE} bytes; is it damaged?")
            if block:
                yield without_header(block)
    if rest.strip():
        yield without_header(rest)


def without_header(block: bytes) -> str:
    """Drop header lines, where there are any."""
    if b"#" in block:
        block = b"\n".join(line for line in block.split(b"\n") if not line.lstrip().startswith(b"#"))
    return block.decode("ascii")


def cached(key: str, make: Callable[[], tuple[NDArray, NDArray]]) -> tuple[NDArray, NDArray]:
    """Return images (float32 in [0, 1]) and labels from the cache, or make them and keep them there."""
    path = cache_dir() / "larochelle" / f"{key}.npz"
    arrays = cached_arrays(path, lambda: dict(zip("xy", make(), strict=True)))
    x = arrays["x"]
    return (x.astype(np.float32) / 255 if x.dtype == np.uint8 else x), arrays["y"]


def cut(name: str, x: NDArray, y: NDArray, sizes: tuple[int, int, int], provenance: str) -> Dataset:
    """Cut rows into training, validation and test, in this order."""
    a = sizes[0]
    b = sizes[0] + sizes[1]
    if len(x) != sum(sizes):
        raise ValueError(f"{name} should have {sum(sizes)} examples, got {len(x)}")
    return Dataset(name, x[:a], y[:a], x[a:b], y[a:b], x[b:], y[b:], provenance)


def basic_slices(data_dir: Path | None) -> tuple[NDArray, NDArray, tuple[int, int, int], str]:
    """Return digits, labels, sizes and what they are: slices of MNIST, or the shipped digits where MNIST is missing.

    The slices are those that the published labels of BASIC fit: the 60,000 training images followed by the test images,
    the first 62,000 of them. MNIST is not downloaded for this.
    """
    if find_set("mnist", data_dir):
        data = load_mnist(data_dir)
        what = "MNIST"
    else:
        data = load_digits(data_dir)
        what = "the shipped 8x8 digits, enlarged, as MNIST is not there"
    x = np.concatenate([data.x_train, data.x_valid, data.x_test])
    y = np.concatenate([data.y_train, data.y_valid, data.y_test])
    if what == "MNIST":
        return x[: sum(DIGIT_SIZES)], y[: sum(DIGIT_SIZES)], DIGIT_SIZES, what
    return generators.enlarge(x, 28), y, (len(data.x_train), len(data.x_valid), len(data.x_test)), what


def regenerate(name: str, data_dir: Path | None = None, photographs: Path | None = None) -> Dataset:
    """Regenerate a set from a seed: digits on MNIST (BASIC: reconstructed), shapes from nothing.

    photographs: a folder of pictures for the backgrounds of BG-IMG and BG-IMG-ROT, or $HASHNETS_PHOTOGRAPHS; 1/f noise
    if neither is given.
    """
    rng = np.random.default_rng(SEED + sorted(SOURCES).index(name))
    if name in ("rect", "convex"):
        sizes = SOURCES[name].sizes
        draw = generators.rectangles if name == "rect" else generators.convex
        x, y = cached(f"{name}-seed{SEED}-v{RECIPE}", lambda: to_bytes(*draw(sum(sizes), rng)))
        provenance = f"regenerated: published recipe, seed {SEED}, {digest(x)}"
        return cut(f"{name.upper()} (regenerated)", x, y, sizes, provenance)
    digits, y, sizes, what = basic_slices(data_dir)
    if name == "basic":
        word = "reconstructed" if what == "MNIST" else "regenerated"
        return cut(f"BASIC ({word})", digits, y, sizes, f"{word}: slices of {what}")
    folder = photographs or os.environ.get("HASHNETS_PHOTOGRAPHS")
    pictures = read_photographs(user_path(folder)) if folder and name.startswith("bg-img") else None
    make = lambda: to_bytes(disturb(name, digits, pictures, rng), y)  # noqa: E731
    key = f"{name}-{'mnist' if what == 'MNIST' else 'digits'}-seed{SEED}-v{RECIPE}"
    x, y = cached(key, make) if pictures is None else make()
    x = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
    background = ""
    if name.startswith("bg-img"):
        background = ", 1/f noise" if pictures is None else ", the user's photographs"
    provenance = f"regenerated: published recipe on {what}, seed {SEED}{background}, {digest(x)}"
    return cut(f"{name.upper()} (regenerated)", x, y, sizes, provenance)


def digest(x: NDArray) -> str:
    """Name the pixels by a checksum: NumPy may change what a seed gives, and then a record must not look like another.

    >>> digest(np.zeros((1, 4), np.float32))
    'pixels df3f6198'
    """
    return f"pixels {hashlib.sha256(np.round(x * 255).astype(np.uint8).tobytes()).hexdigest()[:8]}"


def disturb(name: str, digits: NDArray, pictures: list[NDArray] | None, rng: np.random.Generator) -> NDArray:
    """Rotate digits, or put them on backgrounds, or both."""
    n = len(digits)
    if name.endswith("rot"):
        digits = generators.rotated(digits, rng)
    if name == "bg-rand":
        return generators.on_background(digits, generators.uniform_noise(n, 28, rng))
    if name.startswith("bg-img"):
        cut_from = generators.pink_patches(n, 28, rng) if pictures is None else generators.patches(pictures, n, 28, rng)
        return generators.on_background(digits, cut_from)
    return digits


def to_bytes(x: NDArray, y: NDArray) -> tuple[NDArray[np.uint8], NDArray]:
    """Round pixels to 256 levels, as pictures have: a quarter of the space."""
    return np.round(x * 255).astype(np.uint8), y


def read_photographs(folder: Path) -> list[NDArray]:
    """Read every .png and .jpg of a folder as grey levels in [0, 1] (matplotlib reads PNG; JPEG needs Pillow)."""
    if not folder.is_dir():
        raise ValueError(f"there is no folder of photographs {folder}; leave it out for 1/f noise")
    # macOS writes a file ._a.png beside a.png on other file systems; it holds no picture
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg") and p.name[0] != ".")
    if not paths:
        raise ValueError(f"{folder} has no .png or .jpg; give a folder of photographs, or leave it out for 1/f noise")
    return [read_photograph(path) for path in paths]


def read_photograph(path: Path) -> NDArray[np.float64]:
    """Read one picture as grey levels in [0, 1]."""
    from matplotlib.image import imread

    try:
        picture = np.asarray(imread(path), np.float64)
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error) as error:  # SyntaxError: Pillow's, of a broken PNG
        raise ValueError(f"{path} cannot be read as a picture ({error}); move it out of the folder") from error
    if picture.ndim not in (2, 3) or min(picture.shape[:2]) < SIDE:
        raise ValueError(f"{path} is too small, expected at least {SIDE} x {SIDE} pixels; move it out of the folder")
    if picture.max() > 1:
        picture = picture / 255
    return picture[..., :3].mean(axis=2) if picture.ndim == 3 else picture


for set_name in SOURCES:
    register_dataset(set_name, partial(load, set_name))
