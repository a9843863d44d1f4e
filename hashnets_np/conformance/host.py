"""What the adapters of frameworks need on the host, in plain Python: sizes, seeds, and the text of the keys.

Written from SPEC.md, apart from the rest of the package: what an adapter shows must not rest on the package that it is
compared with. Copy it along with an adapter.
"""

import re
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

import numpy as np

UINT32 = 2**32 - 1
MAX_BUCKETS = 2**31 - 1
TEXT_SEEDS = {"authors2015": 1691, "pytorch2019": 2, "keras": 2}
DEFAULT_SIZES = {"chunk": 16, "tile": 32}
KIND_NAMES = ("xxhash", "fold", *DEFAULT_SIZES, *TEXT_SEEDS, "authors2015_bias", "pytorch2019_bias")
COMPRESSION = re.compile(r"[0-9]+/[0-9]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# The arguments of a hashed layer in a model file, which names the optional ones only where they say something
NEEDED = ("n_in", "n_out", "buckets", "seed", "bias", "kind", "bias_buckets")
OPTIONAL = ("size", "signed")
OF_WEIGHTS = ("dtype", "init")  # their dtype, and how they were drawn, which no longer matters


class HostMap(NamedTuple):
    """A sharing map: the shape of V, K, seed, kind, the size of its pieces, if it has any, and whether it has signs."""

    n_out: int
    n_cols: int
    buckets: int
    seed: int
    kind: str
    size: int | None = None
    signed: bool = True


def uint32(x: Any, name: str) -> np.ndarray:
    """Check that numbers are unsigned 32-bit integers."""
    x = np.asarray(x)
    if x.size and (x.dtype.kind not in "iu" or x.min() < 0 or x.max() > UINT32):
        raise ValueError(f"{name} must be integers in 0..2**32-1, got {x!s:.60}")
    return x.astype(np.uint32)


def make_map(n_out: int, n_cols: int, buckets: int, seed: int | None, kind: str, size: int | None = None,
             signed: bool = True) -> HostMap:
    """Make a map; ValueError for what the specification refuses."""
    if kind not in KIND_NAMES:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(KIND_NAMES)}")
    if size is not None and kind not in DEFAULT_SIZES:
        raise ValueError(f"maps of kind {kind!r} have no size, got {size!r}; {' and '.join(DEFAULT_SIZES)} have one")
    if not isinstance(signed, bool):
        raise ValueError(f"signed must be True or False, got {signed!r}")
    seed = TEXT_SEEDS.get(kind.removesuffix("_bias")) if seed is None else seed
    if seed is None:
        raise ValueError(f"a layer of kind {kind!r} needs a seed, one of its own: layers of equal shape with the same "
                         "seed share one map")
    size = DEFAULT_SIZES.get(kind) if size is None else size
    limits = {"n_out": (n_out, 2**32), "n_cols": (n_cols, 2**32), "buckets": (buckets, MAX_BUCKETS)}
    limits |= {} if size is None else {"size": (size, 2**15)}
    for name, (value, most) in limits.items():
        if not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"{name} must be an integer in 1..{most}, got {value!r}")
    uint32(seed, "seed")
    return HostMap(n_out, n_cols, buckets, seed, kind, size, signed)


def make_maps(n_in: int, n_out: int, buckets: int, seed: int | None, bias: str | None, kind: str,
              bias_buckets: int | None, size: int | None = None, signed: bool = True) -> tuple[HostMap, HostMap | None]:
    """Make the maps of a layer's weights and, if it is hashed, of its bias."""
    text = kind in TEXT_SEEDS
    allowed = ("dense", None) if kind == "keras" else ("hashed", "dense", None) if text else (
        "column", "hashed", "dense", None)
    if bias not in allowed or n_in < 1 or n_out < 1:
        raise ValueError(f"no layer of kind {kind!r} has bias {bias!r}, {n_in} inputs and {n_out} outputs")
    m = make_map(n_out, n_in + (bias == "column"), buckets, seed, kind, size, signed)
    if bias != "hashed":
        return m, None
    if bias_buckets is None:
        raise ValueError("a hashed bias needs bias_buckets, its number of real weights")
    if text:
        return m, make_map(n_out, 1, bias_buckets, m.seed, f"{kind}_bias", signed=signed)
    key = m.seed.to_bytes(4, "little") + UINT32.to_bytes(4, "little")
    return m, make_map(n_out, 1, bias_buckets, xxh32(key, 0), kind, m.size, signed)


def check_options(record: dict[str, Any], known: tuple[str, ...]) -> None:
    """Check that a layer's record in a model file has no option that would be dropped."""
    unknown = [f"{name}={value!r}" for name, value in record.items() if name not in ("type", *known)]
    if unknown:
        raise ValueError(f"a {record['type']} was made with {', '.join(unknown)}, which has no counterpart here (there "
                         f"is one for {', '.join(known) or 'no option'}); save a network that was made without it")


def layer_arguments(record: dict[str, Any]) -> dict[str, Any]:
    """Take the arguments of `make_maps` from the record of a hashed layer in a model file."""
    check_options(record, (*NEEDED, *OPTIONAL, *OF_WEIGHTS))
    given = {name: record[name] for name in OPTIONAL if name in record}
    return {name: record[name] for name in NEEDED} | given


def check_same_map(m: HostMap, ours: Any) -> None:
    """Check that the layer of hashnets_np that was made for a map has that very map, with no option dropped."""
    found = HostMap(*(getattr(ours, name) for name in m._fields))
    if found != m:
        raise ValueError(f"its map is {m}, but the layer of hashnets_np would have {found}")


def layer_seed(seed: int, n: int, kind: str) -> int:
    """Find the seed of the n-th hashed layer of a network."""
    key = seed.to_bytes(4, "little") + n.to_bytes(4, "little")
    return TEXT_SEEDS.get(kind, xxh32(key, 0))


def count_buckets(compression: Any, n_in: int, n_out: int, bias: str | None) -> tuple[int, int]:
    """Count the real weights, (K, K_b), in exact arithmetic."""
    text = str(compression)
    if isinstance(compression, bool) or not COMPRESSION.fullmatch(text) or re.search(r"/0*$", text):
        raise ValueError(f"a compression is a number such as '1/8' or 0.125, got {compression!r}")
    c = Fraction(text)
    if not 0 < c <= 1:
        raise ValueError(f"a compression is in (0, 1], got {compression!r}")
    K = max(1, ceil(c * n_out * (n_in + (bias == "column"))))
    return K, max(1, ceil(c * n_out)) if bias == "hashed" else 0


def rotate(x: int, bits: int) -> int:
    """Rotate a 32-bit word to the left."""
    return (x << bits | x >> (32 - bits)) & UINT32


def xxh32(key: bytes, seed: int) -> int:
    """XXH32 of any bytes.

    >>> xxh32(b"123_123idxW", 1691) == 0x799D67A4
    True
    """
    p1 = 2654435761
    p2 = 2246822519
    p3 = 3266489917
    p4 = 668265263
    p5 = 374761393
    words = [int.from_bytes(key[n : n + 4], "little") for n in range(0, len(key) - 3, 4)]
    h = (seed + p5) & UINT32
    stripes = len(key) // 16 * 4
    if stripes:
        lanes = [seed + p1 + p2, seed + p2, seed, seed - p1]
        for n, word in enumerate(words[:stripes]):
            lanes[n % 4] = rotate((lanes[n % 4] + word * p2) & UINT32, 13) * p1 & UINT32
        h = sum(rotate(lane & UINT32, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & UINT32
    h = (h + len(key)) & UINT32
    for word in words[stripes:]:
        h = rotate((h + word * p3) & UINT32, 17) * p4 & UINT32
    for byte in key[len(words) * 4 :]:
        h = rotate((h + byte * p5) & UINT32, 11) * p1 & UINT32
    h = (h ^ h >> 15) * p2 & UINT32
    h = (h ^ h >> 13) * p3 & UINT32
    return h ^ h >> 16


def text_keys(kind: str, i: int, j: int) -> tuple[str, str | None]:
    """Write the index key and the sign key of a virtual weight (SPEC.md, section 8)."""
    if kind == "keras":
        return f"{j}_{i}", None
    if kind == "pytorch2019":
        return f"{i}_{j}idxW", f"{i}_{j}xiW"
    if kind == "pytorch2019_bias":
        return f"{i}_0idxB", f"{i}_0xiB"
    row = f"{i + 1}{i + 2}{i + 3}"
    column = f"{j + 1}{j + 2}{j + 3}"
    if kind == "authors2015_bias":
        return f"{row}_123idxB", f"{row}_123xi_B"
    return f"{row}_{column}idxW", f"{row}_{column}xi_W"


def text_table(i: Any, j: Any, m: HostMap) -> tuple[np.ndarray, np.ndarray]:
    """Find buckets and signs of the kinds with text keys, one by one."""
    i, j = np.broadcast_arrays(uint32(i, "i"), uint32(j, "j"))
    bucket = np.zeros(i.shape, np.int64)
    sign = np.ones(i.shape, np.int64)
    for at in np.ndindex(i.shape):
        index_key, sign_key = text_keys(m.kind, int(i[at]), int(j[at]))
        bucket[at] = xxh32(index_key.encode(), m.seed) % m.buckets
        if sign_key is not None and xxh32(sign_key.encode(), m.seed) % 2 == 0:
            sign[at] = -1
    return bucket, sign


def hash_texts(texts: Any, seed: int) -> list[int]:
    """XXH32 of ASCII texts."""
    return [xxh32(text.encode(), seed) for text in texts]
