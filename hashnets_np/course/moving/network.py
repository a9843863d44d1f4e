"""A small network with its connections colored by bucket: touch one, and its mates light up; drag w_k, and all move."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels import hash_gather, hashed_forward
from ...maps import SharingMap
from .picture import INK, WIDTH, MovingPicture, colour_of, drawing, label, plain_numbers, tag, write_number

HEIGHT = 400
RADIUS = 25
HIT = 16  # how wide a connection is for a finger
VALUE_AT = 0.3  # how far along a connection its value stands


def network(maps: Sequence[SharingMap], weights: Sequence[ArrayLike], inputs: ArrayLike) -> MovingPicture:
    """Draw a network of hashed layers with ReLU between them; touch a connection or drag a real weight.

    Parameters
    ----------
    maps : sequence of SharingMap
        One for each layer.
    weights : sequence of (buckets,) float
        The real weights of each layer.
    inputs : (n_in,) float
        What is sent through the network.

    Returns
    -------
    MovingPicture
        Shown as the last expression of a cell.
    """
    real = [np.asarray(w, dtype=float) for w in weights]
    sums = forward(maps, real, np.asarray(inputs, dtype=float))
    places = node_places([maps[0].n_cols, *(m.n_out for m in maps)])
    numbers = {
        "inputs": plain_numbers(inputs),
        "weights": [plain_numbers(w) for w in real],
        "buckets": [plain_numbers(m.table()[0]) for m in maps],
        "signs": [plain_numbers(m.table()[1]) for m in maps],
        "colours": [[colour_of(k) for k in buckets_of(maps, n)] for n in range(len(maps))],
    }
    virtual = sum(m.n_out * m.n_cols for m in maps)
    stored = sum(len(w) for w in real)
    svg = drawing(HEIGHT, *draw_wires(maps, real, places), *draw_nodes(places, sums), *draw_titles(places))
    return MovingPicture(
        "network", svg, numbers,
        f"{virtual} connections, {stored} real weights. A color is one real weight, the width of a line is the size of "
        "its value, and a dashed line is negative. Touch a line to see its mates; drag a weight to move all of them. "
        "With the keyboard: Tab to the drawing, then the arrow keys.",
        f"A network with {' + '.join(str(len(column)) for column in places)} units; its {virtual} lines have only "
        f"{stored} colors, and lines of one color have one width.",
        f"A still picture. The inputs {values_of(sums[0])} give the hidden sums {values_of(sums[1])} and the outputs "
        f"{values_of(sums[-1])}. Lines of one color are copies of one real weight.",
    )


def values_of(values: NDArray) -> str:
    """Write some numbers as a list."""
    return ", ".join(write_number(value) for value in values)


def forward(maps: Sequence[SharingMap], weights: Sequence[NDArray], inputs: NDArray) -> list[NDArray]:
    """Send inputs through the layers; return what each unit shows: the inputs, then each layer's sums."""
    shown = [inputs]
    a = inputs
    for m, w in zip(maps, weights, strict=True):
        z = hashed_forward(w, a[None, :], m)[0]  # Eq. 4
        shown.append(z)
        a = np.maximum(z, 0)  # Eq. 2
    return shown


def buckets_of(maps: Sequence[SharingMap], layer: int) -> range:
    """Number the buckets of all layers one after the other, so that each layer has colors of its own."""
    first = sum(m.buckets for m in maps[:layer])
    return range(first, first + maps[layer].buckets)


def node_places(counts: Sequence[int]) -> list[list[tuple[float, float]]]:
    """Place the units of each column evenly: (x, y)."""
    columns = []
    for n, count in enumerate(counts):
        x = 45 + n * (WIDTH - 90) / (len(counts) - 1)
        step = (HEIGHT - 40) / count
        columns.append([(x, 40 + step * (row + 0.5)) for row in range(count)])
    return columns


def draw_wires(maps: Sequence[SharingMap], weights: Sequence[NDArray], places: list) -> list[str]:
    """Draw a line for each virtual weight, a wide unseen one to be touched, and its value, unseen at first."""
    wires = []
    touched = []
    values = []
    for n, (m, w) in enumerate(zip(maps, weights, strict=True)):
        bucket, _ = m.table()
        V = hash_gather(w, m)  # Eq. 3
        for i, j in np.ndindex(V.shape):
            (x1, y1), (x2, y2) = places[n][j], places[n + 1][i]
            ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
            colour = colour_of(buckets_of(maps, n)[bucket[i, j]])
            dashes = {"stroke_dasharray": "7 5"} if V[i, j] < 0 else {}
            width = line_width(float(V[i, j]))
            wires.append(tag("line", class_="wire", **ends, stroke=colour, stroke_width=width, **dashes))
            touched.append(tag("line", class_="hit", **ends, stroke="transparent", stroke_width=HIT))
            x, y = x1 + VALUE_AT * (x2 - x1), y1 + VALUE_AT * (y2 - y1)
            values.append(label(x, y, write_number(float(V[i, j])), class_="value", display="none", stroke="white",
                                stroke_width=5, paint_order="stroke", font_weight="bold"))
    return [*wires, *touched, *values]


def line_width(value: float) -> float:
    """Choose the width of a line: as in network.js."""
    return 1 + 2 * abs(value)


def draw_nodes(places: list, shown: Sequence[NDArray]) -> list[str]:
    """Draw the units, each with its number."""
    nodes = []
    for column, values in zip(places, shown, strict=True):
        for (x, y), value in zip(column, values, strict=True):
            nodes.append(tag("circle", cx=x, cy=y, r=RADIUS, fill="white", stroke=INK, stroke_width=1.5))
            nodes.append(label(x, y, write_number(value), 16, class_="unit"))
    return nodes


def draw_titles(places: list) -> list[str]:
    """Write what each column is."""
    hidden = ["hidden sums z"] * (len(places) - 2)
    titles = ["inputs a", *hidden, "outputs z"]
    anchors = ["start", *["middle"] * len(hidden), "end"]
    edges = [5, *[column[0][0] for column in places[1:-1]], WIDTH - 5]
    return [label(x, 16, words, anchor=anchor) for x, words, anchor in zip(edges, titles, anchors, strict=True)]
