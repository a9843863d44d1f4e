"""Balls into bins: the virtual weights of a real map are thrown into its buckets, beside what Poisson predicts."""

from math import exp, factorial

import numpy as np
from numpy.typing import NDArray

from ...maps import SharingMap
from .picture import INK, WIDTH, MovingPicture, colour_of, drawing, label, plain_numbers, tag

HEIGHT = 440
FLOOR = 150.0  # where the piles stand
LEFT = 46.0
RIGHT = 470.0
PLOT_TOP = 206.0
PLOT_FLOOR = 390.0
MOST_LOAD = 12  # the histogram's last column
PILES_TOP = 26.0  # below the line of text


def balls(m: SharingMap, thrown: int) -> MovingPicture:
    """Throw the virtual weights of a map into its buckets, row by row, and count the loads.

    Parameters
    ----------
    m : SharingMap
        About 60 buckets, and about 4 virtual weights for each; no bucket may hold more than 12.
    thrown : int
        How many balls the still picture shows.

    Returns
    -------
    MovingPicture
        Shown as the last expression of a cell.

    Raises
    ------
    ValueError
        If a pile does not fit into the picture, or `thrown` is not a number of its balls.
    """
    order = m.table()[0].ravel()
    highest = int(m.loads().max())
    room = min(MOST_LOAD, int((FLOOR - PILES_TOP) / (2 * radius_of(m.buckets))))
    if highest > room:
        raise ValueError(f"a bucket of the map holds {highest} virtual weights; with {m.buckets} buckets this picture "
                         f"has room for {room}")
    if not 0 < thrown <= order.size:
        raise ValueError(f"thrown is {thrown}, expected 1 to {order.size}, the number of virtual weights of the map")
    loads = np.bincount(order[:thrown], minlength=m.buckets)
    empty = int((loads == 0).sum())
    share = exp(-thrown / m.buckets)
    top = m.buckets // 2
    svg = drawing(HEIGHT, *draw_piles(order, thrown, m.buckets), *draw_histogram(loads, thrown / m.buckets, top))
    numbers = {"order": plain_numbers(order), "buckets": m.buckets, "thrown": thrown, "floor": PLOT_FLOOR,
               "plotHeight": PLOT_FLOOR - PLOT_TOP}
    return MovingPicture(
        "balls", svg, numbers,
        f"The {order.size} virtual weights of a {m.n_out} x {m.n_cols} map (seed {m.seed}) fall into its {m.buckets} "
        "buckets. Below: how many buckets hold 0, 1, 2, ... of them (bars), and how many Poisson expects (points).",
        f"{m.buckets} narrow bins with piles of balls, some empty, some with four or more; below them a bar chart of "
        "the loads with points of the Poisson distribution near the ends of the bars.",
        f"A still picture, after {thrown} balls: {empty} of {m.buckets} buckets ({empty / m.buckets:.0%}) are empty, "
        f"Poisson expects {share:.0%}; the fullest holds {loads.max()}.",
    )


def poisson(mean: float, load: int) -> float:
    """Give the chance that a bucket holds so many, if they hold `mean` on average."""
    return exp(-mean) * mean**load / factorial(load)


def radius_of(buckets: int) -> float:
    """Give the radius of a ball that falls into one of so many bins."""
    return 0.47 * (RIGHT - 10) / buckets


def draw_piles(order: NDArray, thrown: int, buckets: int) -> list[str]:
    """Draw every ball where it will lie; those that are not thrown yet are unseen."""
    width = (RIGHT - 10) / buckets
    radius = radius_of(buckets)
    heights = np.zeros(buckets, int)
    parts = [label(WIDTH / 2, 14, f"{buckets} buckets"),
             tag("line", x1=10, y1=FLOOR, x2=RIGHT, y2=FLOOR, stroke=INK, stroke_width=2)]
    for n, k in enumerate(order):
        x = 10 + (k + 0.5) * width
        y = FLOOR - 1 - radius - 2 * radius * heights[k]
        heights[k] += 1
        unseen = {} if n < thrown else {"display": "none"}
        parts.append(tag("circle", class_="ball", cx=round(x, 1), cy=round(y, 1), r=round(radius, 2),
                         fill=colour_of(0), **unseen))
    for k in range(buckets):
        parts.append(tag("rect", class_="empty", x=round(10 + k * width + 1, 1), y=FLOOR + 3, width=round(width - 2, 1),
                         height=7, fill=colour_of(1), opacity=0 if (order[:thrown] == k).any() else 1))
    parts.append(label(10, FLOOR + 22, "marked: empty", 15, "start", fill=colour_of(1)))
    return parts


def draw_histogram(loads: NDArray, mean: float, top: int) -> list[str]:
    """Draw how many buckets have each load, and how many Poisson expects; `top` buckets fill the height."""
    width = (RIGHT - LEFT) / (MOST_LOAD + 1)
    unit = (PLOT_FLOOR - PLOT_TOP) / top
    parts = [label(LEFT - 40, PLOT_TOP - 16, "number of buckets", 15, "start")]
    for share in (0, 0.5, 1):
        y = PLOT_FLOOR - share * (PLOT_FLOOR - PLOT_TOP)
        parts.append(tag("line", x1=LEFT, y1=y, x2=RIGHT, y2=y, stroke="#ccc", stroke_width=1))
        parts.append(label(LEFT - 6, y, f"{share * top:g}", 15, "end", class_="tick"))
    points = []
    for load in range(MOST_LOAD + 1):
        x = LEFT + load * width
        count = int((loads == load).sum())
        expected = len(loads) * poisson(mean, load)
        parts.append(tag("rect", class_="column", x=x + 3, y=PLOT_FLOOR - count * unit, width=width - 6,
                         height=count * unit, fill=colour_of(0), fill_opacity=0.55))
        parts.append(label(x + width / 2, PLOT_FLOOR + 15, f"{load}", 15))
        points.append((x + width / 2, PLOT_FLOOR - expected * unit))
    line = " ".join(f"{x:g},{y:.1f}" for x, y in points)
    parts.append(tag("polyline", class_="curve", points=line, fill="none", stroke=colour_of(1), stroke_width=2,
                     stroke_dasharray="5 4"))
    for x, y in points:
        parts.append(tag("rect", class_="point", x=x - 5, y=round(y - 5, 1), width=10, height=10, fill=colour_of(1)))
    parts.append(label((LEFT + RIGHT) / 2, HEIGHT - 14, "balls in a bucket"))
    parts.append(label(RIGHT, PLOT_TOP + 12, "bars: counted", 15, "end", fill=colour_of(0)))
    parts.append(label(RIGHT, PLOT_TOP + 34, "points: Poisson", 15, "end", fill="#B34700"))
    return parts
