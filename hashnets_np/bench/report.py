"""The tables and the figure of `bench`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .contenders import KINDS, TORCH_HASHED
from .measure import compare, summary

MIB = 2**20
COLUMNS = ("threads", "layer", "K", "batch", "step", "quartiles", "/ dense", "/ dense in place",
           "torch dense / dense", "best torch hashed", "/ ours", "forward", "/ dense",
           "best torch hashed / ours")  # fmt: skip


def table(rows: Iterable[Iterable[Any]]) -> str:
    """Lay out rows of cells in columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in texts)


def best_torch(times: dict[str, list[float]]) -> tuple[str, str]:
    """Name the fastest torch HashedNet and how many times as long as ours it takes."""
    ratios = {name: ratio["median"] for name, ratio in compare(times, "hashed").items() if name in TORCH_HASHED}
    if not ratios:
        return "-", "-"
    name = min(ratios, key=lambda n: ratios[n])
    return name.removeprefix("torch "), f"{ratios[name]:.2f}"


def ratio(times: dict[str, list[float]], name: str, base: str) -> str:
    """Write the median ratio of two contenders, with its quartiles."""
    if name not in times or base not in times:
        return "-"
    r = compare(times, base)[name]
    return f"{r['median']:.2f} ({r['low']:.2f}-{r['high']:.2f})"


def step_table(cells: list[dict[str, Any]]) -> str:
    """One row for each cell: our times in ms, and the ratios of one run."""
    rows: list[Iterable[Any]] = [COLUMNS]
    for cell in cells:
        step = cell["step"]
        forward = cell["forward"]
        own = {name: round(1e3 * value, 3) for name, value in summary(step["hashed"]).items()}
        rows.append([
            cell["threads"], f"{cell['n_in']}->{cell['n_out']}", cell["compression"], cell["batch"], own["median"],
            f"{own['low']}-{own['high']}", ratio(step, "hashed", "dense"), ratio(step, "hashed", "dense in place"),
            ratio(step, "torch dense", "dense"), *best_torch(step),
            round(1e3 * summary(forward["hashed"])["median"], 3), ratio(forward, "hashed", "dense"),
            best_torch(forward)[1],
        ])  # fmt: skip
    return table(rows)


def kind_table(cells: list[dict[str, Any]]) -> str:
    """One row for each cell: the step with "xxhash" in ms, and what the other kinds take beside it and beside dense."""
    columns = ["threads", "layer", "K", "batch", "xxhash ms", *(f"{name} / xxhash" for name in KINDS)]
    rows: list[Iterable[Any]] = [[*columns, "xxhash / dense in place", "tile 256 / dense in place"]]
    for cell in cells:
        step = cell["step"]
        rows.append([
            cell["threads"], f"{cell['n_in']}->{cell['n_out']}", cell["compression"], cell["batch"],
            round(1e3 * summary(step["hashed"])["median"], 2), *(ratio(step, name, "hashed") for name in KINDS),
            ratio(step, "hashed", "dense in place"), ratio(step, "tile 256", "dense in place"),
        ])  # fmt: skip
    return table(rows)


def parts_table(parts: list[dict[str, Any]]) -> str:
    """Where the time of a step goes: nanoseconds per virtual weight."""
    names = list(parts[0]["parts"])
    rows = [["layer", "K", "batch", *names]]
    for cell in parts:
        rows.append([f"{cell['n_in']}->{cell['n_out']}", cell["compression"], cell["batch"],
                     *(f"{cell['parts'][name]:.2f}" for name in names)])  # fmt: skip
    return table(rows)


def mib(size: float | None) -> str:
    """Write a number of bytes."""
    return "-" if size is None else f"{size / MIB:.1f}"


def memory_table(cells: list[dict[str, Any]]) -> str:
    """Peak memory of one step."""
    rows: list[Iterable[Any]] = [("contender", "layer", "K", "batch", "parameters MiB", "extra MiB", "seconds")]
    for cell in cells:
        layer = f"{cell['n_in']}->{cell['n_out']}"
        rows.append([cell["contender"], layer, cell["buckets"], cell["batch"], mib(cell["parameters"]),
                     mib(cell["extra"]), f"{cell['seconds']:.3f}"])  # fmt: skip
    return table(rows)


def size_table(cells: list[dict[str, Any]]) -> str:
    """Cost and memory against size."""
    rows: list[Iterable[Any]] = [("contender", "virtual weights", "ns / weight", "extra MiB")]
    for cell in cells:
        virtual = cell["n_in"] * cell["n_out"]
        rows.append([cell["contender"], f"2**{virtual.bit_length() - 1}", f"{cell['seconds'] / virtual * 1e9:.2f}",
                     mib(cell["extra"])])  # fmt: skip
    return table(rows)


def sum_table(cells: list[dict[str, Any]]) -> str:
    """The errors of the sums, by addends per bucket; each cell has random gradients, then gradients of one sign."""
    rows: list[Iterable[Any]] = [("addends per bucket", "one running sum", "ours")]
    for cell in cells:
        errors = [", ".join(f"{cell[gradients][sums]:.1e}" for gradients in ("random", "one sign"))
                  for sums in ("running", "ours")]  # fmt: skip
        rows.append([f"{cell['addends']:,}", *errors])
    return table(rows)


def draw_sizes(cells: list[dict[str, Any]], limit: int | None, title: str, path: Path) -> None:
    """Draw time and memory of a training step against the number of virtual weights, as PNG and as SVG."""
    from ..experiments.methods import METHODS
    from ..plots import save_figure, use_style

    plt = use_style()
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4))
    methods = {"hashed": "hashnet", "dense": "nn", "torch by hand": "rer"}  # whose colours and markers they have here
    for name in {cell["contender"]: 0 for cell in cells}:
        own = [cell for cell in cells if cell["contender"] == name]
        style = METHODS[methods[name]].style
        virtual = [cell["n_in"] * cell["n_out"] for cell in own]
        axes[0].plot(virtual, [cell["seconds"] for cell in own], label=name, **style)
        total = [(cell["parameters"] + (cell["extra"] or 0)) / MIB for cell in own]
        axes[1].plot(virtual, total, label=name, **style)
    axes[0].set_ylabel("seconds per training step")
    axes[1].set_ylabel("parameters + extra memory (MiB)")
    largest = max(cell["n_in"] * cell["n_out"] for cell in cells)
    matrix = [4.0, 4 * largest / MIB]  # float32
    axes[1].plot([2**20, largest], matrix, color="0.35", linestyle="-", marker="", linewidth=1)
    note = {"textcoords": "offset points", "fontsize": 9}
    axes[1].annotate("a dense W alone", (largest, matrix[1]), (-6, 0), ha="right", **note)
    if limit:
        axes[1].axhline(limit / MIB, color="0.35", linestyle=":", marker="", linewidth=1.2)
        axes[1].annotate("memory of this machine", (2**20, limit / MIB), (0, 4), **note)
    for ax in axes:
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xlabel("virtual weights")
    axes[0].legend()
    figure.suptitle(title, fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, path)
