"""The golden vectors, read from vectors.json: cases with NumPy arrays in them."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .adapter import LayerSpec

FOLDERS = [Path(__file__).parent.parent / "data" / "vectors", Path(__file__).parent.parent.parent / "data" / "vectors"]


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
    raise FileNotFoundError(f"vectors.json is in none of {', '.join(map(str, FOLDERS))}; is the installation complete?")


def all_cases() -> list[Case]:
    """Read all cases, in the order of the file."""
    return [
        Case(id=c["id"], topic=group["topic"], operation=group["operation"], comment=c["comment"],
             flags=tuple(c["flags"]), valid=c["result"] == "valid", dtype=c["dtype"], tolerance=c["tolerance"],
             inputs=c["input"], expected=c.get("expected", {}), wrong=tuple(c.get("wrong", ())))
        for group in read_file()["groups"] for c in group["cases"]
    ]


def explain_flag(flag: str) -> str:
    """Say what a known bug is."""
    return read_file()["flags"].get(flag, "")


def dense(x: Any, dtype: DTypeLike) -> NDArray:
    """Make an array of a nested list or of {"shape", "at", "rest"}."""
    if not isinstance(x, dict):
        return np.array(x, dtype)
    array = np.full(x["shape"], 0 if x["rest"] == "any" else x["rest"], dtype)
    for *index, value in x["at"]:
        array[tuple(index)] = value
    return array


def matrix(rows: Any, columns: int, dtype: DTypeLike) -> NDArray:
    """Make a matrix; an empty list is a matrix without rows."""
    return np.zeros((0, columns), dtype) if isinstance(rows, list) and not rows else dense(rows, dtype)


def make_spec(layer: dict[str, Any], dtype: str) -> LayerSpec:
    """Make a LayerSpec of a case's layer."""
    return LayerSpec(**{"seed": None, **layer}, dtype=dtype)
