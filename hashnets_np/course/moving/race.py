"""Two threads add to one bucket, each in three steps; the student chooses whose turn it is, and loses an addition."""

from itertools import permutations
from typing import Any

import numpy as np

from .picture import INK, MovingPicture, colour_of, drawing, label, plain_numbers, tag, write_number

HEIGHT = 306
LINES = ("value = dw[k]", "value = value + g", "dw[k] = value")
NAMES = ("A", "B")
BOXES = (8.0, 246.0)  # where the two programs begin
BOX_WIDTH = 226.0
FIRST_LINE = 66.0
LINE_HEIGHT = 34.0


def race(start: float = 5.0, added: tuple[float, float] = (1.0, 1.0), shown: str = "ABABAB") -> MovingPicture:
    """Draw two threads that add to one bucket; each press lets one of them do its next step.

    Parameters
    ----------
    start : float
        What the bucket holds at first.
    added : (float, float)
        What thread A and thread B add.
    shown : str
        The order of steps after which the still picture is drawn.

    Returns
    -------
    MovingPicture
        Shown as the last expression of a cell.
    """
    right = start + added[0] + added[1]
    ends = [run_in_order(order, start, added)["bucket"] for order in all_orders()]
    good = sum(end == right for end in ends)
    state = run_in_order(shown, start, added)
    gains = plain_numbers(np.asarray(added, dtype=float))
    numbers = {"start": float(start), "added": gains, "right": float(right), "orders": len(ends), "good": good}
    end = write_number(state["bucket"])
    return MovingPicture(
        "race", drawing(HEIGHT, *draw_state(state, added)), numbers,
        f"dw[k] += g in two threads, step by step. You are the scheduler: of the {len(ends)} orders in which the six "
        f"steps can happen, only {good} give {write_number(right)}. Press the buttons, or the keys A and B.",
        f"Two programs of three lines, read, add and write, side by side; both have ended. The bucket below them "
        f"began with {write_number(start)} and holds {end} instead of {write_number(right)}.",
        f"A still picture of the order {', '.join(shown)}: both threads read {write_number(start)} before either "
        f"writes, so both write the same, and dw[k] ends at {end}, not at {write_number(right)}.",
    )


def all_orders() -> list[str]:
    """List the orders in which two threads can do three steps each."""
    return sorted({"".join(order) for order in permutations("AAABBB")})


def run_in_order(order: str, start: float, added: tuple[float, float]) -> dict[str, Any]:
    """Do the steps in this order; return the bucket, and each thread's value and how many steps it has done.

    >>> run_in_order("AAABBB", 5, (1, 1))["bucket"], run_in_order("ABABAB", 5, (1, 1))["bucket"]
    (7, 6)
    """
    bucket = start
    values: list[float | None] = [None, None]
    counters = [0, 0]
    for name in order:
        thread = NAMES.index(name)
        value = values[thread]
        if value is None:
            values[thread] = bucket  # read
        elif counters[thread] == 1:
            values[thread] = value + added[thread]  # add
        else:
            bucket = value  # write
        counters[thread] += 1
    return {"bucket": bucket, "values": values, "counters": counters}


def draw_state(state: dict[str, Any], added: tuple[float, float]) -> list[str]:
    """Draw both programs with their counters, and the bucket."""
    parts = []
    for thread, left in enumerate(BOXES):
        parts += draw_program(thread, left, state["counters"][thread], state["values"][thread], added[thread])
    parts.append(tag("rect", x=150, y=244, width=180, height=48, rx=6, fill=colour_of(1), fill_opacity=0.15,
                     stroke=colour_of(1), stroke_width=2, class_="memory"))
    parts.append(label(240, 268, f"dw[k] = {write_number(state['bucket'])}", 21, class_="bucket", font_weight="bold"))
    return parts


def draw_program(thread: int, left: float, counter: int, value: float | None, added: float) -> list[str]:
    """Draw one program: its lines, the counter before the next one, and its own value."""
    colour = colour_of(0 if thread == 0 else 2)
    parts = [
        tag("rect", x=left, y=6, width=BOX_WIDTH, height=220, rx=6, fill=colour, fill_opacity=0.08, stroke=colour,
            stroke_width=2),
        label(left + BOX_WIDTH / 2, 28, f"thread {NAMES[thread]}, g = {write_number(added)}", font_weight="bold"),
    ]
    for n, line in enumerate(LINES):
        parts.append(label(left + 32, FIRST_LINE + n * LINE_HEIGHT, line, 17, "start", font_family="monospace"))
    parts.append(label(left + 32, FIRST_LINE + 3 * LINE_HEIGHT, "ended", 17, "start", class_="ended",
                       fill=INK if counter == 3 else "#999"))
    y = FIRST_LINE + counter * LINE_HEIGHT
    place = f"translate({left + 10:g} {y:g})"
    parts.append(tag("path", class_="counter", d="M0 -8v16l14 -8z", fill=colour, transform=place))
    known = "?" if value is None else write_number(value)
    parts.append(label(left + BOX_WIDTH / 2, 206, f"value = {known}", 18, class_="own"))
    return parts
