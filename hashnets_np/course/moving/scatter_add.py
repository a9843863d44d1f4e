"""The scatter-add as arrows: each entry of dV falls, with its sign, into the bar of its real weight."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels import hash_scatter_add
from ...maps import SharingMap
from .picture import (
    INK,
    MINUS,
    TEXT,
    MovingPicture,
    cell,
    colour_of,
    drawing,
    label,
    plain_numbers,
    signed,
    tag,
    write_number,
)

CELL = (56.0, 30.0)  # width and height of an entry
LEFT_GRID = 52.0
RIGHT_GRID = 300.0
TOP = 52.0
BAR_MIDDLES = (85.0, 245.0, 400.0)
ARROW_STEP = 28.0  # from one arrow to the next
PLOT_TOP = 222.0
PLOT_HEIGHT = 190.0


def scatter_add(m: SharingMap, a: ArrayLike, delta: ArrayLike) -> MovingPicture:
    """Draw the gradient of the real weights as a sum of signed arrows, one for each entry of dV = delta a^T.

    Parameters
    ----------
    m : SharingMap
        At most 3 buckets and 5 rows, so that everything can be read.
    a : (n_cols,) float
        The layer's input.
    delta : (n_out,) float
        The error terms of its outputs.

    Returns
    -------
    MovingPicture
        Shown as the last expression of a cell.
    """
    if m.buckets > len(BAR_MIDDLES) or m.n_out * m.n_cols > 15:
        raise ValueError(f"the map is {m.n_out} x {m.n_cols} with {m.buckets} buckets; this picture has room for "
                         f"{len(BAR_MIDDLES)} buckets and 15 entries, so choose a smaller map")
    steps, sums = additions(m, np.asarray(a, dtype=float), np.asarray(delta, dtype=float))
    reached = [0.0, *(step["before"] for step in steps), *(step["after"] for step in steps)]
    unit = PLOT_HEIGHT / (max(reached) - min(reached))
    zero = PLOT_TOP + max(reached) * unit
    placed = place_arrows(steps, zero, unit)
    height = PLOT_TOP + PLOT_HEIGHT + 44
    svg = drawing(height, *draw_grids(m, steps, a, delta), *draw_bars(sums, zero, unit, height), *draw_arrows(placed))
    numbers = {"steps": placed, "buckets": m.buckets, "zero": zero, "unit": unit}
    in_words = "; ".join(sum_in_words(k, steps, total) for k, total in enumerate(sums))
    return MovingPicture(
        "scatter_add", svg, numbers,
        f"Equation 12, one addition at a time: each of the {len(steps)} entries of dV (left) goes to the bar of its "
        "real weight, up or down by its own sign times the sign of its place (right). Press Step, or the right "
        "arrow key.",
        f"Two grids, dV and the signed buckets. Below them {len(steps)} arrows stand head to tail in {m.buckets} "
        f"columns; the bars end at the sums {', '.join(write_number(s) for s in sums)}.",
        f"A still picture, after the last addition: {in_words}.",
    )


def additions(m: SharingMap, a: NDArray, delta: NDArray) -> tuple[list[dict[str, Any]], NDArray]:
    """List the additions of Equation 12 in the order of the loop over i and j, and give the sums."""
    bucket, sign = m.table()
    dV = np.outer(delta, a)  # Eq. 10
    running = np.zeros(m.buckets)
    steps = []
    for i, j in np.ndindex(dV.shape):
        k = int(bucket[i, j])
        value = float(dV[i, j] * sign[i, j])
        steps.append({
            "i": i, "j": j, "k": k, "sign": int(sign[i, j]), "a": float(a[j]), "delta": float(delta[i]),
            "value": value, "before": float(running[k]), "after": float(running[k]) + value,
        })
        running[k] += value  # Eq. 12
    sums = hash_scatter_add(dV, m)
    if not np.allclose(running, sums):
        raise AssertionError(f"the arrows add up to {running}, the package's scatter-add gives {sums}")
    return steps, sums


def sum_in_words(k: int, steps: list[dict[str, Any]], total: float) -> str:
    """Write the sum of one bucket: dw[2] = +3 -2 -1 = 0."""
    terms = " ".join(signed(step["value"]) for step in steps if step["k"] == k)
    return f"dw[{k}] = {terms} = {write_number(total)}"


def place_arrows(steps: list[dict[str, Any]], zero: float, unit: float) -> list[dict[str, Any]]:
    """Add to each step where its arrow stands, and where its entry of dV is, from which the arrow starts."""
    placed = []
    counts: dict[int, int] = {}
    loads = np.bincount([step["k"] for step in steps])
    for step in steps:
        k = step["k"]
        n = counts.get(k, 0)
        counts[k] = n + 1
        x = BAR_MIDDLES[k] + (n - (loads[k] - 1) / 2) * ARROW_STEP
        placed.append(step | {
            "x": round(float(x), 2),
            "y1": round(zero - step["before"] * unit, 2),
            "y2": round(zero - step["after"] * unit, 2),
            "from_x": LEFT_GRID + (step["j"] + 0.5) * CELL[0],
            "from_y": TOP + (step["i"] + 0.5) * CELL[1],
        })
    return placed


def draw_grids(m: SharingMap, steps: list[dict[str, Any]], a: ArrayLike, delta: ArrayLike) -> list[str]:
    """Draw dV with a above and delta beside it, and the signed buckets."""
    width, height = CELL
    parts = [label(LEFT_GRID + m.n_cols * width / 2, 14, "dV = delta a"),
             label(RIGHT_GRID + m.n_cols * width / 2, 14, "sign and bucket")]
    for j, value in enumerate(plain_numbers(a)):
        parts.append(label(LEFT_GRID + (j + 0.5) * width, TOP - 13, write_number(value), 15, fill="#555"))
    for i, value in enumerate(plain_numbers(delta)):
        parts.append(label(LEFT_GRID - 8, TOP + (i + 0.5) * height, write_number(value), 15, "end", fill="#555"))
    for step in steps:
        i, j, k, sign = step["i"], step["j"], step["k"], step["sign"]
        y = TOP + i * height
        gradient = write_number(step["delta"] * step["a"])
        name = f"{'+' if sign > 0 else MINUS}w{k}"
        parts.append(cell(LEFT_GRID + j * width, y, width, height, k, 1, gradient, class_="entry"))
        parts.append(cell(RIGHT_GRID + j * width, y, width, height, k, sign, name, class_="mate"))
    return parts


def draw_bars(sums: NDArray, zero: float, unit: float, height: float) -> list[str]:
    """Draw a bar for each real weight, from zero to its sum, with a line at its end."""
    parts = [tag("line", x1=8, y1=zero, x2=472, y2=zero, stroke="#888", stroke_width=1)]
    for k, total in enumerate(sums):
        middle = BAR_MIDDLES[k]
        end = zero - total * unit
        parts.append(tag("rect", class_="bar", x=middle - 68, y=min(zero, end), width=136, height=abs(zero - end),
                         fill=colour_of(k), fill_opacity=0.15))
        parts.append(tag("line", class_="sum", x1=middle - 68, y1=end, x2=middle + 68, y2=end, stroke=INK,
                         stroke_width=2.5))
        parts.append(label(middle, height - 14, f"dw[{k}] = {write_number(total)}", class_="total", font_weight="bold"))
    return parts


def draw_arrows(placed: list[dict[str, Any]]) -> list[str]:
    """Draw the arrows where they stand at the end; each with its value above it."""
    parts = []
    for step in placed:
        x, y1, y2, colour = step["x"], step["y1"], step["y2"], colour_of(step["k"])
        down = 1 if y2 > y1 else -1
        tip = min(9.0, abs(y2 - y1))
        shaft = tag("line", x1=x, y1=y1, x2=x, y2=y2 - (tip - 1) * down, stroke=colour, stroke_width=4)
        head = tag("path", d=f"M{x - 6:g} {y2 - tip * down:g}h12L{x:g} {y2:g}z", fill=colour)
        words = label(x, min(y1, y2) - 10, signed(step["value"]), TEXT - 2)
        parts.append(tag("g", shaft, head, words, class_="arrow"))
    return parts
