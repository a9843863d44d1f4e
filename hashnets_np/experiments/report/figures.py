"""Figures 2 to 4: ours on the left, the paper's on the right, on the same axes."""

from collections.abc import Iterable
from fractions import Fraction
from math import nan
from pathlib import Path
from typing import Any

from ...plots import save_figure, use_style
from ..methods import METHODS
from ..sweep.grid import SEARCHED_OTHERS, read_grid
from .results import Cell, Findings, Result, cell_of, paper_figures

Curve = dict[str, tuple[float, float]]  # x as text -> mean and spread, percent
TITLES = {
    2: "Figure 2: error against compression, 3 layers",
    3: "Figure 3: error against compression, 5 layers",
    4: "Figure 4: error against expansion at a fixed stored size, MNIST",
}
PANELS: dict[int, list[tuple[str, int]]] = {
    2: [("mnist", 3), ("rot", 3)], 3: [("mnist", 5), ("rot", 5)], 4: [("mnist", 3), ("mnist", 5)],
}


def drawn(figure: int, panel: tuple[str, int], found: Findings) -> dict[Cell, Result]:
    """Select the cells of one panel, all of one protocol: the second if HashNet and NN are complete there."""

    def select(cells: Iterable[Cell]) -> list[Cell]:
        return [cell for cell in cells if (cell[0], cell[2]) == panel and cell[3].startswith("x") == (figure == 4)]

    compared = select(cell_of(job) for job in read_grid(f"figure{figure}") if job.method in ("hashnet", "nn"))
    known = found.under_one(compared)
    return {cell: known[cell] for cell in select(known)}


def our_curves(figure: int, panel: tuple[str, int], found: Findings) -> dict[str, Curve]:
    """Collect our curves of one panel, by method; points that are planned and not run yet interrupt a line."""
    curves: dict[str, Curve] = {}
    for cell, result in drawn(figure, panel, found).items():
        curves.setdefault(cell[1], {})[cell[3]] = result.mean, result.spread
    for dataset, method, layers, x in map(cell_of, read_grid(f"figure{figure}")):
        if (dataset, layers) == panel and method in curves:
            curves[method].setdefault(x, (nan, 0.0))
    if figure == 4 and "nn" in curves:  # one network for all expansions: a level to compare with
        curves["nn"]["x64"] = curves["nn"]["x1"]
    return curves


def paper_curves(figure: int, panel: tuple[str, int]) -> dict[str, Curve]:
    """Collect the paper's curves of one panel, by method."""
    curves: dict[str, Curve] = {}
    for (number, (dataset, method, layers, x)), error in paper_figures().items():
        if number == figure and (dataset, layers) == panel:
            curves.setdefault(method, {})[x] = error, 0.0
    return curves


def x_position(x: str) -> float:
    """Turn "1/8" or "x8" into a number."""
    return float(Fraction(x.removeprefix("x")))


def draw_panel(ax: Any, curves: dict[str, Curve]) -> None:
    """Draw the curves of one panel, a band of one standard deviation where there are several seeds."""
    for method in METHODS.values():
        if method.name not in curves:
            continue
        points = sorted((x_position(x), *value) for x, value in curves[method.name].items())
        x, mean, spread = zip(*points, strict=True)
        ax.plot(x, mean, label=method.label, **method.style)
        low, high = zip(*((m - s, m + s) for m, s in zip(mean, spread, strict=True)), strict=True)
        ax.fill_between(x, low, high, color=method.style.get("color"), alpha=0.2, linewidth=0)


def draw(figure: int, found: Findings, folder: Path) -> Path | None:
    """Draw one figure to `folder`/figureN.png; None, and nothing drawn, while no run of it is done."""
    if not any(our_curves(figure, panel, found) for panel in PANELS[figure]):
        return None
    picture = compose(figure, found)
    path = folder / f"figure{figure}.png"
    save_figure(picture, path, dpi=110)
    return path


def compose(figure: int, found: Findings) -> Any:
    """Make one figure, ours at the left and the paper's at the right; a panel without runs stays empty and says so."""
    plt = use_style()
    ours = [our_curves(figure, panel, found) for panel in PANELS[figure]]
    picture, axes = plt.subplots(2, 2, figsize=(10, 8), sharex=True, sharey="row", layout="constrained")
    for row, (panel, curves) in enumerate(zip(PANELS[figure], ours, strict=True)):
        draw_panel(axes[row, 0], curves)
        if not curves:
            axes[row, 0].text(0.5, 0.5, "not run yet", transform=axes[row, 0].transAxes, ha="center", color="0.5")
        draw_panel(axes[row, 1], paper_curves(figure, panel))
        there = list(drawn(figure, panel, found).values())
        name = f"{there[0].name}, protocol {there[0].protocol}" if there else panel[0].upper()
        axes[row, 0].set_title(f"ours: {name}, {panel[1]} layers")
        axes[row, 1].set_title(f"the paper: {panel[0].upper()}, {panel[1]} layers")
        axes[row, 0].set_ylabel("test error (%)")
    label_axes(axes, figure)
    axes[0, 1].legend()
    picture.suptitle(TITLES[figure])
    picture.supxlabel(caption(figure, found), fontsize=9)
    return picture


def caption(figure: int, found: Findings) -> str:
    """Say what was drawn: sizes, seeds, and where hyper-parameters came from."""
    size = "stored size of 50 hidden units per layer" if figure == 4 else "1000 hidden units per layer"
    cells = [result for panel in PANELS[figure] for result in drawn(figure, panel, found).values()]
    seeds = sorted({tuple(run.job.seed for run in result.runs) for result in cells}, key=len)
    text = " or ".join(", ".join(map(str, each)) for each in seeds)
    if not cells:
        return f"{size}; the paper gives one number each"
    band = ", a band of one standard deviation where there are several" if len(seeds[-1]) > 1 else ""
    first = f"{size}; {word_for(text)} {text}{band}; the paper gives one number each"
    if figure == 4:
        first += "\n5 layers: dense biases leave RER and LRD few weights at large expansions"
    if all(result.protocol == "2" for result in cells):
        return first
    points = " and ".join(SEARCHED_OTHERS)
    return (f"{first}\nprotocol 1: hyper-parameters are from searches at compression {points} (NN: also 1), the\n"
            "nearest to each point; a step chosen for one size can be too large for another")


def word_for(seeds: str) -> str:
    """Say "seed" for one and "seeds" for more."""
    return "seeds" if "," in seeds else "seed"


def label_axes(axes: Any, figure: int) -> None:
    """Logarithmic axes with the marks that the paper has."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    marks = [2**n for n in range(7)]
    for ax in axes.flat:
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        if figure == 4:
            ax.set_xticks(marks, [str(m) for m in marks])
        else:
            ax.set_xticks([1 / m for m in marks], ["1" if m == 1 else f"1/{m}" for m in marks])
        ax.yaxis.set_major_locator(FixedLocator([1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 90]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_locator(NullLocator())
    for ax in axes[-1]:
        ax.set_xlabel("expansion: hidden units / 50" if figure == 4 else "compression: stored / dense parameters")
