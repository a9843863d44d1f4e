"""The golden vectors, read from vectors.json: cases with NumPy arrays in them."""

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .adapter import LayerSpec

FOLDERS = [Path(__file__).parent.parent / "data" / "vectors", Path(__file__).parent.parent.parent / "data" / "vectors"]

SEEN = {"StridesIgnored": "The same numbers laid out differently in memory (arrays that aren't C-contiguous) give "
                          "another answer: read them by their strides, copy them (np.ascontiguousarray) or refuse "
                          "them."}


@dataclass(frozen=True)
class Case:
    """One golden vector; see data/vectors/SPEC.md, section 10."""

    id: str
    topic: str
    operation: str
    comment: str
    flags: tuple[str, ...]
    valid: bool
    dtype: str
    tolerance: float
    inputs: dict[str, Any]
    expected: dict[str, Any]
    wrong: tuple[dict[str, Any], ...]


@cache
def read_file() -> dict[str, Any]:
    """Read vectors.json: inside an installed package, or in data/vectors of a checkout."""
    for folder in FOLDERS:
        if (folder / "vectors.json").is_file():
            return json.loads((folder / "vectors.json").read_text())
    raise FileNotFoundError(f"vectors.json is not in {' or '.join(map(str, FOLDERS))}; is the installation complete?")


def all_cases() -> list[Case]:
    """Read all cases, in the order of the file."""
    file = read_file()
    more_wrong = file.get("more_wrong", {})
    return [
        Case(id=c["id"], topic=group["topic"], operation=group["operation"], comment=c["comment"],
             flags=tuple(c["flags"]), valid=c["result"] == "valid", dtype=c["dtype"], tolerance=c["tolerance"],
             inputs=c["input"], expected=c.get("expected", {}),
             wrong=(*c.get("wrong", ()), *more_wrong.get(c["id"], ())))
        for group in file["groups"] for c in group["cases"]
    ]


def explain_flag(flag: str) -> str:
    """Say what a known bug is: one of the file, or one that only the kit can see."""
    return read_file()["flags"].get(flag) or SEEN.get(flag, "")


def dense(x: Any, dtype: DTypeLike) -> NDArray:
    """Make an array of a nested list, of {"shape", "at", "rest"} or of {"shape", "formula"}."""
    if not isinstance(x, dict):
        return np.array(x, dtype)
    if "formula" in x:
        return fill(x["shape"], x["formula"]).astype(dtype)
    array = np.full(x["shape"], 0 if x["rest"] == "any" else x["rest"], dtype)
    for *index, value in x["at"]:
        array[tuple(index)] = value
    return array


def fill(shape: list[int], seed: int) -> NDArray:
    """Fill an array by the formula of SPEC.md, section 10: odd numbers of eighths between -15/8 and 15/8.

    >>> fill([3], 1)
    array([ 1.125, -1.125, -0.625])
    """
    n = np.arange(int(np.prod(shape)), dtype=np.uint64)
    low = np.uint64(2**32 - 1)
    u = (n * np.uint64(2654435761) + np.uint64(seed * 2246822519 + 1)) & low
    u ^= u >> np.uint64(15)
    b = (u * np.uint64(3266489917) & low) >> np.uint64(28)
    return ((2 * b.astype(np.float64) - 15) / 8).reshape(shape)


def matrix(rows: Any, columns: int, dtype: DTypeLike) -> NDArray:
    """Make a matrix; an empty list has no rows. Rows of unequal length make a vector of lists, to be refused."""
    if isinstance(rows, list) and not rows:
        return np.zeros((0, columns), dtype)
    if isinstance(rows, list) and isinstance(rows[0], list) and len(set(map(len, rows))) > 1:
        ragged = np.empty(len(rows), object)
        ragged[:] = rows
        return ragged
    return dense(rows, dtype)


def make_spec(layer: dict[str, Any], dtype: str) -> LayerSpec:
    """Make a LayerSpec of a case's layer."""
    fields = {name: x for name, x in layer.items() if name not in ("w", "b")}
    if "compression" not in fields:
        fields["compression"] = find_compression(layer)
    return LayerSpec(**{"seed": None, **fields}, dtype=dtype)


def find_compression(layer: dict[str, Any]) -> str | None:
    """Find a compression that yields K and K_b, for cases that don't carry one; None if none does (SPEC.md, 3).

    >>> find_compression({"n_in": 10, "n_out": 8, "bias": None, "buckets": 10, "bias_buckets": 0})
    '1/8'
    """
    K = layer["buckets"]
    K_b = layer["bias_buckets"]
    bias = layer["bias"]
    n = layer["n_out"] * (layer["n_in"] + (bias == "column"))
    if n < 1 or not 1 <= K <= n:
        return None
    c = Fraction(K, n)  # the largest that yields K
    if bias == "hashed":
        c = min(c, Fraction(K_b, layer["n_out"]))
    wanted = K, K_b if bias == "hashed" else 0
    found = ceil(c * n), ceil(c * layer["n_out"]) if bias == "hashed" else 0
    return str(c) if found == wanted else None


def sums(x: NDArray) -> tuple[NDArray, NDArray]:
    """Weighted sums of the rows and columns of an array; a vector is folded into rows of 64 (SPEC.md, section 10)."""
    if x.ndim == 1:
        x = np.append(x, np.zeros(-len(x) % 64, x.dtype)).reshape(-1, 64)
    rows, columns = x.shape
    return x @ (1.0 + np.arange(columns) % 5), (1.0 + np.arange(rows) % 5) @ x
