"""One contender in a process of its own: `python -m hashnets_np.bench.worker NAME`, a request per line of stdin.

A request is a JSON object with "do": "prepare" (a cell), "time" (for so many seconds), "memory" (of one step, in a new
process) or "parts"; the answer is one JSON line. How many threads there are is in the environment.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contenders import ALL_CONTENDERS, Cell, Contender, Hashed

MIN_CALLS = 3
MAX_CALLS = 300
STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


class Worker:
    """A contender, and the requests that it answers."""

    def __init__(self, name: str) -> None:
        self.kind = ALL_CONTENDERS[name]
        self.contender: Contender | None = None
        self.kind(Cell(64, 64, 100, 8)).tables()  # import everything that is needed

    def prepare(self, cell: list[Any]) -> None:
        """Make the layer of a cell, forgetting the one before, and warm it up."""
        self.contender = None
        self.contender = self.kind(Cell(*cell))
        self.contender.tables()
        for _ in range(2):
            self.contender.step()
        self.contender.forward()

    def time(self, what: str, seconds: float) -> list[float]:
        """Call "step" or "forward" again and again; return the seconds of each call."""
        call = getattr(self.contender, what)
        calls: list[float] = []
        while len(calls) < MIN_CALLS or (sum(calls) < seconds and len(calls) < MAX_CALLS):
            start = time.perf_counter()
            call()
            calls.append(time.perf_counter() - start)
        return calls

    def memory(self, cell: list[Any]) -> dict[str, float | None]:
        """Return a step's seconds and its peak memory above parameters, inputs, outputs and gradients."""
        warm = self.kind(Cell(*cell)._replace(n_in=min(cell[0], 256), n_out=min(cell[1], 256), buckets=512))
        warm.tables()
        warm.step()
        contender = self.kind(Cell(*cell))
        before = resident("VmRSS")
        contender.tables()
        if before is not None:
            CLEAR.write_text("5")  # the highest resident size starts again from here
        start = time.perf_counter()
        results = sum(4 * int(np.prod(x.shape)) for x in contender.step())
        calls = [time.perf_counter() - start]
        peak = resident("VmHWM")
        extra = None if before is None or peak is None else peak - before - results
        while sum(calls) < 1 and len(calls) < 10:
            calls.append(seconds(contender.step))
        return {"seconds": min(calls), "extra": extra, "parameters": contender.w.nbytes, "peak": peak}

    def parts(self, cell: list[Any]) -> dict[str, float]:
        """Return the nanoseconds per virtual weight of each part of a step, on one thread."""
        return parts(Hashed(Cell(*cell)))


def resident(field: str) -> int | None:
    """Read the resident memory of this process, now (VmRSS) or at its peak (VmHWM), in bytes; None if not on Linux."""
    if not STATUS.exists() or not CLEAR.exists():
        return None
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def parts(layer: Hashed) -> dict[str, float]:
    """Take a step apart: walk through the tiles with and without their parts, and multiply."""
    from ..kernels import fast

    m = layer.map
    loops = fast.loops_for(layer.w, m)
    if loops is None:
        raise ValueError(f"only a kind with a compiled line function can be timed part by part, got {m.kind!r}")
    dw = np.zeros(layer.cell.buckets, np.float32)
    room = np.ones(fast.LONG_SIDE * fast.SHORT_SIDE, np.float32)  # one tile after the other, as in a step

    def tiles() -> Iterator[tuple[slice, slice, NDArray]]:
        for rows, cols in fast.tiles(m, slice(0, m.n_cols)):
            shape = rows.stop - rows.start, cols.stop - cols.start
            yield rows, cols, room[: shape[0] * shape[1]].reshape(shape)

    def walk(sums: Any, gather: bool) -> None:
        for rows, cols, tile in tiles():
            loops.scatter_gather(tile, rows, cols, sums, gather)

    def multiply(product: Any) -> None:
        for rows, cols, tile in tiles():
            product(layer.a[:, cols], layer.dz[:, rows], tile)

    calls = {
        "hash and bucket": lambda: walk(None, False),
        "with gather": lambda: walk(None, True),
        "with scatter-add": lambda: walk(dw, False),
        "matmul z": lambda: multiply(lambda a, dz, tile: a @ tile.T),
        "matmul dV": lambda: multiply(lambda a, dz, tile: np.matmul(dz.T, a, out=tile)),
        "matmul da": lambda: multiply(lambda a, dz, tile: dz @ tile),
    }
    virtual = m.n_out * m.n_cols
    best = {name: min(seconds(call) for _ in range(15)) * 1e9 / virtual for name, call in calls.items()}
    hashing = best["hash and bucket"]
    best["gather"] = best.pop("with gather") - hashing
    best["scatter-add"] = best.pop("with scatter-add") - hashing
    return best


def seconds(call: Any) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Answer the requests on stdin, until there are no more."""
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
