"""A C file as it grows: the pieces of C that it needs, its constants, and the calls of its function in order.

The pieces are the files in `c/`, which are plain C. One that needs another says so with #include "other.c", and each
is copied into the program once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from ..layers import Layer
from ..maps import SharingMap
from .border import check_map
from .int8 import int8_scale, is_rounded, to_int8

PIECES = files(__package__) / "c"
ROW_LENGTH = 118

WeightType = Literal["float32", "int8"]
WEIGHT_TYPES: dict[WeightType, str] = {"float32": "float", "int8": "int8_t"}


@dataclass(frozen=True)
class Step:
    """One call in the C function: `call` with {a} for the buffer that it reads and {z} for the one that it writes."""

    call: str
    n_out: int
    in_place: bool = False


@dataclass
class Program:
    """What the layers of a network have added to a C file so far; width: how many numbers the last step gave."""

    weights: WeightType
    width: int
    most_virtual: int = 0  # virtual weights of the largest hashed layer
    pieces: dict[str, str] = field(default_factory=dict)  # name -> text, in the order of the file
    includes: list[str] = field(default_factory=list)  # headers of the C library
    constants: list[str] = field(default_factory=list)
    constant_bytes: int = 0
    steps: list[Step] = field(default_factory=list)

    def add_piece(self, name: str, kind: str = "") -> None:
        """Add a piece after all that it includes, each once; KIND in its text becomes the kind of a map."""
        key = f"{name} {kind}"
        if key in self.pieces:
            return
        body = []
        for row in read_piece(f"{name}.c").splitlines():
            if included := re.fullmatch(r'#include "(\w+)\.c"', row):
                self.add_piece(included[1])
            elif row.startswith("#include <"):
                self.includes += [] if row in self.includes else [row]
            else:
                body.append(row.replace("KIND", kind))
        self.pieces[key] = "\n".join(body)

    def add_weights(self, name: str, layer: Layer, parameter: str) -> str:
        """Add the constants of one array, rounded where the file asks for it; returns its scale as a C literal."""
        w = layer.params[parameter].astype(np.float32).ravel()
        if not is_rounded(layer, parameter):
            self.add_array("float", name, [float_literal(v) for v in w], 4 * w.size)
        elif self.weights == "float32":
            self.add_array("weight_t", name, [float_literal(v) for v in w], 4 * w.size)
        else:
            scale = int8_scale(w)
            self.add_array("weight_t", name, [str(q) for q in to_int8(w, scale)], w.size)
            return float_literal(scale)
        return "1.0f"

    def add_array(self, c_type: str, name: str, literals: list[str], size: int) -> None:
        """Add a constant array, in rows of readable length."""
        self.constants.append(f"static const {c_type} {name}[{len(literals)}] = {{\n{in_rows(literals)}\n}};")
        self.constant_bytes += size

    def add_map(self, name: str, m: SharingMap) -> str:
        """Add the few numbers that define a map, and the piece that computes it; returns its kind for `add_piece`."""
        self.add_rule(m)
        self.constants.append(f"static const map_t {name} = {map_literal(m)};")
        return c_kind(m)

    def add_maps(self, name: str, maps: Sequence[SharingMap]) -> str:
        """Add an array of maps of one kind, and the piece that computes them; returns their kind for `add_piece`."""
        kinds = {c_kind(m) for m in maps}
        if len(kinds) > 1:
            raise ValueError(f"its maps are of several kinds ({', '.join(sorted(kinds))}); in C, a layer has only one")
        self.add_rule(maps[0])
        literals = ",\n".join(map_literal(m) for m in maps)
        self.constants.append(f"static const map_t {name}[{len(maps)}] = {{\n{literals}\n}};")
        return kinds.pop()

    def add_rule(self, m: SharingMap) -> None:
        """Add the piece that computes a kind of map, and note how many virtual weights it must be able to count."""
        self.add_piece(map_piece(m))
        self.most_virtual = max(self.most_virtual, m.n_out * m.n_cols)

    def types(self) -> str:
        """Define the types that the pieces use: weight_t, and place_t for a kind that numbers the virtual weights.

        These numbers have 64 bits only where 32 are too few: a processor of 32 bits would need a function of 700 bytes
        to divide them.
        """
        types = [f"typedef {WEIGHT_TYPES[self.weights]} weight_t;"]
        if any("place_t" in piece for piece in self.pieces.values()):
            types.append(f"typedef {'uint32_t' if self.most_virtual <= 2**32 else 'uint64_t'} place_t;")
        return "\n".join(types)

    def add_step(self, call: str, n_out: int, in_place: bool = False) -> None:
        """Add a call; a call that works in place reads and writes the buffer that the step before it wrote."""
        self.steps.append(Step(call, n_out, in_place))
        self.width = n_out


def map_literal(m: SharingMap) -> str:
    """Write the numbers that define a map; its kind, and whether it has signs, are in the piece that computes it."""
    check_map(m)
    numbers = ", ".join(f"{n}u" for n in (m.n_out, m.n_cols, m.buckets, m.seed, m.size or 0))
    return f"{{{numbers}}}"


def read_piece(name: str) -> str:
    """Read the text of a file in `c/`."""
    return (PIECES / name).read_text(encoding="utf-8")


def map_piece(m: SharingMap) -> str:
    """Find the name of the piece that computes a kind of map, or explain why there is none."""
    prefix = "map_" if m.signed else "unsigned_"
    name = f"{prefix}{m.kind}"
    if (PIECES / f"{name}.c").is_file():
        return name
    known = sorted(p.name.removeprefix(prefix)[:-2] for p in PIECES.iterdir() if p.name.startswith(prefix))
    if not m.signed:
        raise ValueError(f"there is no C code for a sharing map of kind {m.kind!r} without signs (signed=False), only "
                         f"for {', '.join(known)}; export_onnx(weights='expanded') stores V whole")
    if m.kind == "table":
        raise ValueError("its sharing map is a table, which a C file would have to store: use a kind that is computed "
                         f"({', '.join(known)})")
    raise ValueError(f"there is no C code for the kind of its sharing map, {m.kind!r}; there is for {', '.join(known)}")


def c_kind(m: SharingMap) -> str:
    """Write the kind of a map as it stands in the names of C functions.

    >>> c_kind(SharingMap(4, 4, buckets=3, kind="fold")), c_kind(SharingMap(4, 4, buckets=3, kind="fold", signed=False))
    ('fold', 'unsigned_fold')
    """
    return m.kind if m.signed else f"unsigned_{m.kind}"


def float_literal(value: Any) -> str:
    """Write a float32 with the fewest digits that read back as the same number.

    >>> float_literal(0.1), float_literal(np.float32(1e-8))
    ('0.1f', '1e-08f')
    """
    return f"{np.float32(value)!s}f"


def in_rows(literals: list[str]) -> str:
    """Write literals, separated by commas, in rows of readable length.

    >>> in_rows(["1.0f", "0.5f"])
    '1.0f, 0.5f'
    """
    rows = [""]
    for literal in literals:
        if len(rows[-1]) + len(literal) + 2 > ROW_LENGTH:
            rows.append("")
        rows[-1] += f" {literal}," if rows[-1] else f"{literal},"
    return "\n".join(rows).rstrip(",")
