"""A network as one C99 file: Eq. 8 as a loop, with no table of buckets, no V, no malloc and no C library.

What is the same in every file is in `c/` as plain C. What differs from network to network is written here and in
`c_layers.py`: sizes, seeds, weights, and the order of the calls.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..network import Network
from ..training import predict
from .border import (
    check_fits,
    check_inputs,
    check_logits,
    check_network,
    check_suffix,
    write_layers,
    write_together,
)
from .c_layers import WRITERS
from .c_program import WEIGHT_TYPES, Program, Step, WeightType, float_literal, in_rows, read_piece
from .int8 import quantize

TEST_INPUTS = 10
TEST_BOUND = 1e-4  # of the largest logit: another order of addition, as with -ffast-math, changes the last digits


@dataclass(frozen=True)
class CExport:
    """What `export_c` wrote, and what it needs on the machine that runs it; sizes in bytes.

    Attributes
    ----------
    path, header : Path
        The C file and its header.
    inputs, outputs : int
        How many numbers go in and come out.
    real_weights, virtual_weights : int
        How many weights are stored, and how many the network computes with.
    weight_bytes : int
        Constant data: weights and biases.
    stack_bytes : int
        The buffers between layers. Calls need about 200 bytes more.

    Examples
    --------
    >>> made = CExport(Path("net.c"), Path("net.h"), inputs=64, outputs=10, real_weights=940, virtual_weights=7510,
    ...                weight_bytes=940, stack_bytes=400)
    >>> print(made)
    net.c and net.h: 64 inputs, 10 outputs
    940 real weights in 940 bytes stand for 7,510; buffers on the stack: 400 bytes
    """

    path: Path
    header: Path
    inputs: int
    outputs: int
    real_weights: int
    virtual_weights: int
    weight_bytes: int
    stack_bytes: int

    def __str__(self) -> str:
        stored = f"{self.real_weights:,} real weights in {self.weight_bytes:,} bytes"
        return (f"{self.path} and {self.header}: {self.inputs} inputs, {self.outputs} outputs\n"
                f"{stored} stand for {self.virtual_weights:,}; buffers on the stack: {self.stack_bytes:,} bytes")


def export_c(
    net: Network, path: str | Path, *, weights: WeightType = "float32", inputs: ArrayLike | None = None
) -> CExport:
    """Write a network as one C99 file, and a header with its prototypes beside it.

    Every virtual weight is computed when it is used (Eq. 8), so the file holds the real weights and no bucket numbers.
    `net.c` needs nothing but <stdint.h>, and defines `net_logits(x, z)` and `net_class(x)`. Compiled with
    -DNET_SELF_TEST, it also defines `net_self_test()`; with -DNET_MAIN, it is a program that reads inputs and prints
    classes and logits.

    Parameters
    ----------
    net : Network
        A network of hashed, dense, masked and low-rank layers, ReLU, tanh and dropout. A low-rank layer also needs
        <math.h>.
    path : str or Path
        Ends in ".c". The functions are named after it: "digits.c" gives `digits_logits`.
    weights : "float32" or "int8"
        How weights are stored; "int8" rounds them to one byte each, with one scale for each array (see `quantize`).
        A float64 network is rounded to float32.
    inputs : (n, n_in) array, optional
        What the self-test computes: the first ten rows. Without it, ten rows of random numbers in [0, 1).

    Returns
    -------
    CExport
        The paths, and the sizes of weights and buffers; print it.

    Raises
    ------
    ValueError
        For a network without weights, a layer, an option of a layer or a kind of map that has no C code, and weights
        or logits of the self-test that are not finite in float32.
    OSError
        If a file cannot be written. Nothing is left half-written.

    References
    ----------
    Eq. 8 of Chen et al., ICML 2015.

    Examples
    --------
    >>> import tempfile
    >>> import hashnets_np as hn
    >>> net = hn.build("hashnet", [64, 100, 10], compression="1/8", seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = hn.export_c(net, f"{folder}/digits.c", weights="int8")
    >>> made.weight_bytes, made.virtual_weights, made.stack_bytes
    (940, 7510, 400)
    """
    path = check_suffix(path, ".c", "export_onnx writes .onnx")
    if weights not in WEIGHT_TYPES:
        raise ValueError(f"weights must be 'float32' or 'int8', got {weights!r}")
    n_in, n_out = check_network(net)
    x = check_inputs(inputs, n_in, TEST_INPUTS)
    exact = rounded_network(net, weights)
    program = Program(weights, n_in)
    write_layers(net, WRITERS, program, "C")
    with np.errstate(over="ignore", invalid="ignore"):  # said by check_logits
        logits = predict(exact, x)
    check_logits(logits)
    statements, stack_bytes = write_calls(program.steps)
    made = CExport(path, path.with_suffix(".h"), n_in, n_out, net.num_parameters(), net.num_virtual_parameters(),
                   program.constant_bytes, stack_bytes)
    name = c_name(path.stem)
    words = {"STEM": name, "NAME": name.upper()}
    prototypes = fill_in("prototypes.h", words | {"N_IN": str(n_in), "N_OUT": str(n_out)}).strip()
    source = [
        title(made, name, program.includes),
        "\n".join(["#include <stdint.h>", *program.includes]),
        prototypes,
        program.types(),
        *program.pieces.values(),
        *program.constants,
        fill_in("functions.c", words | {"STATEMENTS": statements}),
    ]
    test = self_test(x, logits, words)
    header = fill_in("header.h", words | {"PROTOTYPES": prototypes})
    write_together({made.header: header.encode(), path: ("\n\n".join(source) + test).encode()})
    return made


def rounded_network(net: Network, weights: WeightType) -> Network:
    """Copy a network with its weights as the file will hold them; what no longer fits is a ValueError."""
    with np.errstate(over="ignore"):  # said by check_fits
        single = net.astype(np.float32)
    check_fits(single, "float32")
    if weights == "float32":
        return single
    with np.errstate(over="ignore"):  # 127 times a rounded scale may be a little more than the largest float32
        rounded = quantize(single)
    check_fits(rounded, "float32 once they are rounded to int8")
    return rounded


def write_calls(steps: list[Step]) -> tuple[str, int]:
    """Write the body of the function, and count the bytes of its buffers.

    Two buffers take turns: each layer reads one and writes the other; the last one writes to the caller's z.
    """
    last = max(n for n, step in enumerate(steps) if not step.in_place)
    sizes = {"even": 0, "odd": 0}
    calls = []
    source = "x"
    for n, step in enumerate(steps):
        if step.in_place:
            target = source
        elif n == last:
            target = "z"
        else:
            target = "odd" if source == "even" else "even"
        if target in sizes:
            sizes[target] = max(sizes[target], step.n_out)
        calls.append("    " + step.call.format(a=source, z=target))
        source = target
    buffers = [f"    float {name}[{size}];" for name, size in sizes.items() if size]
    return "\n".join(buffers + calls), 4 * sum(sizes.values())


def self_test(x: NDArray, logits: NDArray, words: dict[str, str]) -> str:
    """Write the inputs and logits of the self-test, and the program that runs it."""
    bound = float_literal(TEST_BOUND * np.abs(logits).max())
    values = {"COUNT": str(len(x)), "BOUND": bound, "TEST_INPUTS": in_braces(x), "TEST_LOGITS": in_braces(logits)}
    return fill_in("self_test.c", words | values)


def in_braces(matrix: NDArray) -> str:
    """Write a matrix as rows in braces.

    >>> in_braces(np.array([[1.0, 0.5]]))
    '{1.0f, 0.5f}'
    """
    return ",\n".join(f"{{{in_rows([float_literal(v) for v in row])}}}" for row in matrix)


def c_name(stem: str) -> str:
    """Make a name for C out of the name of a file.

    >>> c_name("digits"), c_name("my net-2"), c_name("8-bit")
    ('digits', 'my_net_2', 'net_8_bit')
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")
    return name if re.match("[A-Za-z]", name) else f"net_{name}".rstrip("_")


def fill_in(piece: str, words: dict[str, str]) -> str:
    """Read a piece and put the words of this network in; all at once, since a network may be called "count"."""
    pattern = "|".join(sorted(words, key=len, reverse=True))
    return re.sub(pattern, lambda found: words[found[0]], read_piece(piece))


def title(made: CExport, name: str, includes: list[str]) -> str:
    """Write the comment at the head of the file."""
    file = made.path.name
    compiler = f"cc -std=c99 -O2 -D{name.upper()}_MAIN {shlex.quote(file)} -o {name}"
    if "#include <math.h>" in includes:
        compiler += " -lm"  # last: a linker takes from a library only what files before it need
    return f"""/* {file}: a neural network, written by hashnets_np. {made.inputs} inputs, {made.outputs} outputs.
   {made.real_weights} real weights ({made.weight_bytes} bytes) stand for {made.virtual_weights} virtual weights.

   Which real weight a virtual weight uses is computed when it is needed (Eq. 8 of Chen et al., ICML 2015): there is no
   table, no malloc and no global state. Buffers on the stack: {made.stack_bytes} bytes.

   To try it:  {compiler} && ./{name} test */"""
