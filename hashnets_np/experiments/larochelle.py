"""The paper's eight data sets beside MNIST: the original files where a user has them, otherwise made again.

BASIC, ROT, BG-RAND, BG-IMG, BG-IMG-ROT, RECT and CONVEX were published as zipped text (.amat: one example per row, 784
pixels and the label). A zip found in the search path is trusted by its SHA-1 and kept as arrays in the cache. Without
it the set is made from a seed (`generators`), and its name and provenance say so: "original", "reconstructed" (BASIC:
slices of MNIST) or "regenerated". Left out: rectangles-images, which the paper does not use.

Source: Larochelle et al., ICML 2007; https://www.iro.umontreal.ca/~lisa/icml2007data/ (file names, SHA-1 as in skdata).
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets import (
    MNIST_SHA256,
    Dataset,
    cache_dir,
    find_file,
    load_digits,
    load_mnist,
    register_dataset,
    search_path,
)
from . import generators

SEED = 2007  # of everything made again; one more for each set
RECIPE = 1  # raise it when a generator changes: the cache then makes the set again
PIXELS = 784
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
    """Load one of the seven sets: the original if its zip is in the search path, otherwise made again.

    name: a key of `SOURCES`. Raises ValueError if a zip is there but is not the published one.
    """
    path = find_file(SOURCES[name].zip_name, data_dir, "") or find_in_folders(SOURCES[name].zip_name, data_dir)
    return regenerate(name, data_dir) if path is None else load_original(name, path)


def find_in_folders(zip_name: str, data_dir: Path | None) -> Path | None:
    """Look for a zip one folder down in the search path, as in `rectangles/rectangles.zip`."""
    for directory in search_path(data_dir):
        for found in sorted(directory.glob(f"*/{zip_name}")):
            return found
    return None


def load_original(name: str, path: Path) -> Dataset:
    """Read the published zip, checked by its SHA-1; the arrays are kept in the cache, as the text is slow to read."""
    source = SOURCES[name]
    verify_sha1(path, source.sha1)

    def make() -> tuple[NDArray, NDArray]:
        members = {part: member for member in zipfile.ZipFile(path).namelist() if (part := part_of(member))}
        if set(members) != {"train", "test"}:
            raise ValueError(f"{path} should hold one *train*.amat and one *test*.amat, found {sorted(members)}")
        table = np.concatenate([read_amat(path, members[part]) for part in ("train", "test")])
        x = table[:, :PIXELS]
        if source.transposed:
            x = x.reshape(-1, 28, 28).transpose(0, 2, 1).reshape(-1, PIXELS)
        return x, table[:, PIXELS].astype(np.int64)

    x, y = cached(f"{name}-original-{source.sha1[:8]}", make)
    return cut(name.upper(), x, y, source.sizes, f"original: {source.zip_name}, SHA-1 {source.sha1}")


def fetch(name: str) -> Path:
    """Download the published zip into the cache and check its SHA-1; returns where it is.

    Raises ConnectionError if it cannot be had: the set is then made again (`load`), and says so.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")  # the progress bar and the caller say enough
    source = SOURCES[name]
    try:
        path = pooch.retrieve(URL + source.zip_name, f"sha1:{source.sha1}", source.zip_name,
                              cache_dir() / "larochelle", progressbar=True)
    except (OSError, ValueError) as error:  # a wrong hash is a ValueError, and nothing is left behind
        raise ConnectionError(f"{source.zip_name} could not be downloaded from {URL} ({type(error).__name__}); put it "
                              f"into --data-dir or HASHNETS_DATA, or use {name} as it is made again") from error
    return Path(path)


def part_of(member: str) -> str | None:
    """Tell which part of a set a file in a zip is: "train" (with validation), "test", or None for anything else."""
    stem = member.rsplit("/", 1)[-1]
    if not stem.endswith(".amat"):
        return None
    return "train" if "train" in stem else "test" if "test" in stem else None


def verify_sha1(path: Path, sha1: str) -> None:
    """Compare a file's SHA-1 with the published one."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha1").hexdigest()
    if found != sha1:
        raise ValueError(f"{path} has SHA-1 {found}, expected {sha1}; it is not the published file: move it away")


def read_amat(path: Path, member: str) -> NDArray[np.float32]:
    """Read one .amat text of a zip as (rows, 785) float32, a block of lines at a time: the whole is 600 MB."""
    blocks = []
    for lines in line_blocks(path, member):
        numbers = np.fromstring(lines, np.float32, sep=" ")
        if numbers.size % (PIXELS + 1):
            raise ValueError(f"{path}: {member} should have {PIXELS + 1} numbers in every row; is the file damaged?")
        blocks.append(numbers.reshape(-1, PIXELS + 1))
    return np.concatenate(blocks)


def line_blocks(path: Path, member: str, size: int = 1 << 24) -> Iterator[str]:
    """Go through a text of a zip in blocks of whole lines, without header lines (they start with #)."""
    rest = b""
    with zipfile.ZipFile(path) as archive, archive.open(member) as file:
        while block := file.read(size):
            block = rest + block
            end = block.rfind(b"\n") + 1
            block, rest = block[:end], block[end:]
            if block:
                yield without_header(block)
    if rest.strip():
        yield rest.decode("ascii")


def without_header(block: bytes) -> str:
    """Drop header lines, where there are any."""
    if b"#" in block:
        block = b"\n".join(line for line in block.split(b"\n") if not line.lstrip().startswith(b"#"))
    return block.decode("ascii")


def cached(key: str, make: Callable[[], tuple[NDArray, NDArray]]) -> tuple[NDArray, NDArray]:
    """Return images (float32 in [0, 1]) and labels from the cache, or make them and keep them there.

    Kept as two .npy files, the labels last, each renamed into place when complete: what has a name is whole.
    """
    folder = cache_dir() / "larochelle"
    images, labels = folder / f"{key}-x.npy", folder / f"{key}-y.npy"
    if not labels.exists():
        x, y = make()
        folder.mkdir(parents=True, exist_ok=True)
        for path, array in ((images, x), (labels, y)):
            partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
            with open(partial, "wb") as file:
                np.save(file, array)
            os.replace(partial, path)
    x, y = np.load(images), np.load(labels)
    return (x.astype(np.float32) / 255 if x.dtype == np.uint8 else x), y


def cut(name: str, x: NDArray, y: NDArray, sizes: tuple[int, int, int], provenance: str) -> Dataset:
    """Cut rows into training, validation and test, in this order."""
    a, b = sizes[0], sizes[0] + sizes[1]
    if len(x) != sum(sizes):
        raise ValueError(f"{name} should have {sum(sizes)} examples, got {len(x)}")
    return Dataset(name, x[:a], y[:a], x[a:b], y[a:b], x[b:], y[b:], provenance)


def basic_slices(data_dir: Path | None) -> tuple[NDArray, NDArray, tuple[int, int, int], str]:
    """Return digits, labels, sizes and what they are: slices of MNIST, or the shipped digits where MNIST is missing.

    The slices are those that the published labels of BASIC fit: the 60,000 training images followed by the test images,
    the first 62,000 of them. MNIST is not downloaded for this.
    """
    if all(find_file(name, data_dir, "mnist") for name in MNIST_SHA256):
        data, what = load_mnist(data_dir), "MNIST"
    else:
        data, what = load_digits(data_dir), "the shipped 8x8 digits, enlarged, as MNIST is not there"
    x = np.concatenate([data.x_train, data.x_valid, data.x_test])
    y = np.concatenate([data.y_train, data.y_valid, data.y_test])
    if what == "MNIST":
        return x[: sum(DIGIT_SIZES)], y[: sum(DIGIT_SIZES)], DIGIT_SIZES, what
    return generators.enlarge(x, 28), y, (len(data.x_train), len(data.x_valid), len(data.x_test)), what


def regenerate(name: str, data_dir: Path | None = None, photographs: Path | None = None) -> Dataset:
    """Make a set again from a seed: digits on MNIST (BASIC: reconstructed), shapes from nothing.

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
    pictures = read_photographs(Path(folder)) if folder and name.startswith("bg-img") else None
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
    from matplotlib.image import imread

    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not paths:
        raise ValueError(f"{folder} has no .png or .jpg; give a folder of photographs, or leave it out for 1/f noise")
    pictures = [np.asarray(imread(p), np.float64) for p in paths]
    pictures = [p / 255 if p.max() > 1 else p for p in pictures]
    return [p[..., :3].mean(axis=2) if p.ndim == 3 else p for p in pictures]


def load_basic(data_dir: Path | None = None) -> Dataset:
    """BASIC: the digits as they are."""
    return load("basic", data_dir)


def load_rot(data_dir: Path | None = None) -> Dataset:
    """ROT: digits turned by a random angle."""
    return load("rot", data_dir)


def load_bg_rand(data_dir: Path | None = None) -> Dataset:
    """BG-RAND: digits on uniform noise."""
    return load("bg-rand", data_dir)


def load_bg_img(data_dir: Path | None = None) -> Dataset:
    """BG-IMG: digits on patches of pictures."""
    return load("bg-img", data_dir)


def load_bg_img_rot(data_dir: Path | None = None) -> Dataset:
    """BG-IMG-ROT: turned digits on patches of pictures."""
    return load("bg-img-rot", data_dir)


def load_rect(data_dir: Path | None = None) -> Dataset:
    """RECT: is the rectangle taller than wide?"""
    return load("rect", data_dir)


def load_convex(data_dir: Path | None = None) -> Dataset:
    """CONVEX: is the white shape convex?"""
    return load("convex", data_dir)


for set_name, loader in (
    ("basic", load_basic), ("rot", load_rot), ("bg-rand", load_bg_rand), ("bg-img", load_bg_img),
    ("bg-img-rot", load_bg_img_rot), ("rect", load_rect), ("convex", load_convex),
):
    register_dataset(set_name, loader)
