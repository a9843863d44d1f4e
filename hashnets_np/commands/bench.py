"""Measure the hashed layer against a dense NumPy layer, and against torch where it is installed.

Six parts: `steps` (time of a training step and of inference), `kinds` (the same step with other kinds of sharing map),
`parts` (where the time goes, in nanoseconds per virtual weight), `memory` (peak of one step above parameters, inputs,
outputs and gradients), `sizes` (time and memory up to 2**34 virtual weights, with a figure) and `sums` (the digits that
the scatter-add keeps). Every contender of the first five runs in a process of its own, in turns. Close other programs.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..bench.contenders import CONTENDERS, KINDS, Cell
from ..bench.measure import ask_once, cores, installed, processes, time_cell, total_memory
from ..bench.report import draw_sizes, kind_table, memory_table, parts_table, size_table, step_table, sum_table
from ..bench.sums import ADDENDS, sum_errors
from ..maps import bucket_count
from ..support.checks import check_integer, check_number
from ..support.disk import atomic_write
from . import any_path, new_file, writable_folder
from .train import check_output

HELP = "time and memory of the hashed layer against dense and torch layers"
SIZE_BUCKETS = 2**16
SIZE_BATCH = 8
MEMORY_LAYER = 8192
MEMORY_COMPRESSION = "1/64"
MEMORY_BATCH = 50
GIANT = (2**17, 2**22)  # width and K of a layer whose V would need 64 GiB


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(execute=bench_layers)
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"{', '.join(MEASUREMENTS)} (default: all)")
    add("--layers", nargs="+", default=["784x1000", "1000x1000", "4096x4096"], help="(default: %(default)s)")
    add("--batches", nargs="+", type=int, default=[1, 50, 128], help="(default: %(default)s)")
    add("--compressions", nargs="+", default=["1/8", "1/64"], help="(default: %(default)s)")
    add("--threads", nargs="+", type=int, help="(default: 1 and all cores)")
    add("--rounds", type=int, default=7, help="turns of each contender (default: %(default)s)")
    add("--seconds", type=float, default=0.2, help="length of a turn (default: %(default)s)")
    add("--momentum", type=float, default=0.0, help="of SGD; 0 is w -= lr dw (default: %(default)s)")
    add("--largest", type=int, default=34, help="`sizes` goes up to 2**LARGEST virtual weights, in steps of 2**2 "
        "(default: %(default)s)")
    add("--no-torch", action="store_true", help="skip torch, even if it is installed")
    add("--json", type=new_file, help="write all measurements to this file")
    add("--figures", type=any_path, default=Path("figures"), help="folder of the figure (default: %(default)s)")


def bench_layers(args: argparse.Namespace) -> int:
    """Measure what is asked for, print the tables, write the files."""
    check(args)
    args.threads = args.threads or sorted({1, cores()})
    results: dict[str, Any] = {"machine": machine()}
    print(" ".join(f"{name} {value};" for name, value in results["machine"].items()))
    for part in args.parts or MEASUREMENTS:
        cells: list[dict[str, Any]] = []
        results[part] = cells
        for cell in MEASUREMENTS[part](args):
            cells.append(cell)
            if args.json:  # after each cell, so that an interrupted run is not lost
                atomic_write(args.json, (json.dumps(results, indent=1) + "\n").encode())
        print(TABLES[part](args, cells))
    return 0


def check(args: argparse.Namespace) -> None:
    """Refuse arguments that make no sense, before anything is measured."""
    unknown = set(args.parts) - set(MEASUREMENTS)
    if unknown:
        raise ValueError(f"unknown part {sorted(unknown)[0]!r}; known parts: {', '.join(MEASUREMENTS)}")
    for name in ("batches", "threads", "rounds"):
        value = getattr(args, name)
        if value is not None and np.min(value) < 1:
            raise ValueError(f"--{name} must be at least 1, got {np.min(value)}")
    check_number("--seconds", args.seconds, 0, above=True)
    check_number("--momentum", args.momentum, 0, 1)
    check_integer("--largest", args.largest, 20, 40)
    if args.largest % 2:
        raise ValueError(f"--largest must be even, got {args.largest}: sizes grow fourfold, from 2**20")
    check_output(args.json)
    for layer in args.layers:
        shape(layer)
    for compression in args.compressions:
        bucket_count(compression, 1)
    if "sizes" in (args.parts or MEASUREMENTS):  # last, because it makes the folder
        writable_folder(args.figures, "--figures")


def shape(layer: str) -> tuple[int, int]:
    """Read "784x1000"."""
    try:
        n_in, n_out = (int(n) for n in layer.split("x"))
    except ValueError:
        n_in = n_out = 0
    if min(n_in, n_out) < 1:
        raise ValueError(f"a layer is n_in x n_out, such as 784x1000, got {layer!r}")
    return n_in, n_out


def machine() -> dict[str, Any]:
    """Describe the machine that was measured."""
    import numba

    from .. import __version__

    versions = {"hashnets_np": __version__, "numpy": np.__version__, "numba": numba.__version__}
    return {"cores": cores(), "system": platform.platform(), "python": platform.python_version(), **versions}


def contenders(args: argparse.Namespace, names: list[str] | None = None) -> list[str]:
    """List the contenders that can run here."""
    torch = installed("torch") and not args.no_torch
    return [n for n in names or CONTENDERS if torch or not n.startswith("torch")]


def time_grid(args: argparse.Namespace, names: list[str], calls: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Time calls of some contenders in every cell."""
    with progress(len(args.threads) * len(grid(args))) as bar:
        for threads in args.threads:
            with processes(names, threads) as running:
                for cell in grid(args):
                    sizes = Cell(cell["n_in"], cell["n_out"], cell["buckets"], cell["batch"], args.momentum)
                    times = {call: time_cell(running, sizes, args.rounds, args.seconds, call) for call in calls}
                    yield {"threads": threads, **cell, **times}
                    bar.update()


def steps(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Time training steps and inference in every cell."""
    return time_grid(args, contenders(args), ("step", "forward"))


def show_steps(args: argparse.Namespace, cells: list[dict[str, Any]]) -> str:
    """Write the table of times."""
    return ("\nTraining step (forward, both gradients, update with momentum "
            f"{args.momentum:g}), then inference, in ms; ratios: median over the rounds (quartiles)\n\n"
            + step_table(cells))  # fmt: skip


def kinds(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Time training steps with every kind of map that has a fast path, in every cell."""
    return time_grid(args, ["dense in place", "hashed", *KINDS], ("step",))


def show_kinds(args: argparse.Namespace, cells: list[dict[str, Any]]) -> str:
    """Write the table of the kinds."""
    return f"\nTraining step by kind of map, ratios: median over the rounds (quartiles)\n\n{kind_table(cells)}"


def grid(args: argparse.Namespace) -> list[dict[str, Any]]:
    """List the cells that are asked for."""
    return [
        {"n_in": n_in, "n_out": n_out, "compression": c, "buckets": bucket_count(c, n_in * n_out), "batch": batch}
        for n_in, n_out in map(shape, args.layers) for c in args.compressions for batch in args.batches
    ]  # fmt: skip


def parts(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Take the hashed step apart, on one thread."""
    for cell in grid(args):
        if cell["batch"] == max(args.batches):
            sizes = Cell(cell["n_in"], cell["n_out"], cell["buckets"], cell["batch"])
            yield {**cell, "parts": ask_once("hashed", 1, "parts", sizes)}


def show_parts(args: argparse.Namespace, cells: list[dict[str, Any]]) -> str:
    """Write the table of parts."""
    return f"\nWhere the time goes: nanoseconds per virtual weight, one thread\n\n{parts_table(cells)}"


def memory(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure the peak memory of one training step."""
    side = MEMORY_LAYER
    (wide, many) = GIANT
    K = bucket_count(MEMORY_COMPRESSION, side * side)
    plan = [(name, Cell(side, side, K, MEMORY_BATCH)) for name in contenders(args)]
    if args.largest >= 34:
        plan.append(("hashed", Cell(wide, wide, many, SIZE_BATCH)))
    return measure_memory(plan, max(args.threads))


def show_memory(args: argparse.Namespace, cells: list[dict[str, Any]]) -> str:
    """Write the table of memory."""
    title = "Peak memory of one training step above parameters, input, output and gradients"
    return f"\n{title}\n\n{memory_table(cells)}"


def measure_memory(plan: list[tuple[str, Any]], threads: int) -> Iterator[dict[str, Any]]:
    """Ask a fresh process for each."""
    with progress(len(plan)) as bar:
        for name, cell in plan:
            yield {"contender": name, **cell._asdict(), **ask_once(name, threads, "memory", cell)}
            bar.update()


def sizes(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure time and memory of a step at ever larger layers; the others stop where the machine's memory ends."""
    plan = []
    for name, bytes_per_weight in (("hashed", 0), ("dense", 16), ("torch by hand", 40)):
        if name in contenders(args):
            for log2 in range(20, args.largest + 1, 2):
                if bytes_per_weight * 2**log2 < (total_memory() or 2**33) / 4:
                    plan.append((name, Cell(2 ** (log2 // 2), 2 ** (log2 // 2), SIZE_BUCKETS, SIZE_BATCH)))
    return measure_memory(plan, max(args.threads))


def show_sizes(args: argparse.Namespace, cells: list[dict[str, Any]]) -> str:
    """Write the table of sizes and draw the figure."""
    threads = max(args.threads)
    path = args.figures / "bench.png"
    title = f"One training step: K = {SIZE_BUCKETS:,}, batch {SIZE_BATCH}, {threads} thread{'s' * (threads > 1)}"
    draw_sizes(cells, total_memory(), title, path)
    return f"\n{title}\n\n{size_table(cells)}\n\nThe same as a picture: {path}"


def sums(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Compare sums in float32 with sums in float64."""
    for addends in ADDENDS:
        yield {"addends": addends, "random": sum_errors(addends, False), "one sign": sum_errors(addends, True)}


def show_sums(args: argparse.Namespace, cells: list[dict[str, Any]]) -> str:
    """Write the table of errors."""
    title = "Scatter-add in float32: max |difference| / max |reference|, for random gradients and for those of one sign"
    return f"\n{title}\n\n{sum_table(cells)}"


MEASUREMENTS = {"steps": steps, "kinds": kinds, "parts": parts, "memory": memory, "sizes": sizes, "sums": sums}
TABLES = {"steps": show_steps, "kinds": show_kinds, "parts": show_parts, "memory": show_memory, "sizes": show_sizes,
          "sums": show_sums}  # fmt: skip


def progress(total: int) -> Any:
    """Show the progress."""
    from tqdm import tqdm

    return tqdm(total=total, leave=False, disable=None)  # None: on terminals only
