"""The parts of a slide: claims, formulas, figures, votes, and grids of cells. All text has at least 28 points.

A slide is 1280 x 720 pixels, as wide as 960 points. Formulas and curves are drawn by matplotlib and become images, so a
deck needs no fonts, no MathJax and no network.
"""

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from hashnets_np.course.moving.picture import INK, colour_of, label, tag
from hashnets_np.plots import use_style

HERE = Path(__file__).parent
LEAST_POINTS = 28
INDEX = 0.7  # matplotlib's size of an index
LEAST = 38  # pixels: 28.5 points at 96 pixels an inch


@dataclass
class Slide:
    """One claim, one picture, what the speaker says about it, and for how long."""

    claim: str
    body: str
    notes: str
    minutes: float
    vote: bool = field(default=False)


def paragraph(words: str, step: int = 0) -> str:
    """Write a line of text (HTML); with a step it appears then."""
    return f"<p{at_step(step)}>{words}</p>"


def at_step(step: int) -> str:
    """Write the attribute that makes a part wait for a step."""
    return f' data-step="{step}"' if step else ""


def row(*parts: str) -> str:
    """Put parts side by side."""
    return f'<div class="row">{"".join(parts)}</div>'


def column(*parts: str, last: bool = False) -> str:
    """Put parts below each other; on a last slide they are larger."""
    return f'<div class="column{" last" if last else ""}">{"".join(parts)}</div>'


def code(line: str) -> str:
    """Write a line of code."""
    return f"<code>{escape(line)}</code>"


def options(answers: Sequence[str], right: int | None = None, step: int = 1) -> str:
    """Write the answers of a vote, A to D; the right one, if it is given, is marked at a step."""
    items = []
    for n, answer in enumerate(answers):
        mark = f' data-mark="{step}"' if n == right else ""
        items.append(f"<li{mark}><b>{'ABCD'[n]}</b><span>{answer}</span></li>")
    return f'<ol class="options">{"".join(items)}</ol>'


def image(svg: bytes, alt: str, step: int = 0) -> str:
    """Put a drawing of matplotlib into an image, at its own size."""
    text = re.sub(r"<metadata>.*?</metadata>", "", svg.decode(), flags=re.S)
    width = pixels(text, "width")
    height = pixels(text, "height")
    source = base64.b64encode(text.encode()).decode()
    return (f'<img src="data:image/svg+xml;base64,{source}" alt="{escape(alt)}" width="{width:.0f}" '
            f'height="{height:.0f}"{at_step(step)}>')


def pixels(svg: str, name: str) -> float:
    """Read the width or the height of a drawing, which matplotlib gives in points."""
    return float(re.search(rf'<svg[^>]* {name}="([\d.]+)pt"', svg)[1]) * 96 / 72


def formula(tex: str, step: int = 0, points: float = 40) -> str:
    """Set a formula (without the dollars) as an image; its alternative text is the formula."""
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    if points * INDEX < LEAST_POINTS:
        raise ValueError(f"the indices of a formula of {points} points have {points * INDEX:.0f}, too small for the "
                         f"last row; use {LEAST_POINTS / INDEX:.0f} or more")
    drawn = BytesIO()
    with rc_context({"mathtext.fontset": "cm", "svg.hashsalt": "slides"}):
        math_to_image(rf"$\,{tex}\;$", drawn, prop=FontProperties(size=points), format="svg", dpi=72)
    return image(drawn.getvalue(), tex, step)


def figure(draw: Callable[[Any, Any], None], alt: str, size: tuple[float, float] = (1180, 500), step: int = 0) -> str:
    """Draw a figure of some pixels: `draw(plt, ax)`. A text of less than 28 points is an error."""
    from matplotlib import rc_context
    from matplotlib.text import Text

    plt = use_style()
    sizes = {name: LEAST_POINTS for name in ("font.size", "axes.labelsize", "axes.titlesize", "xtick.labelsize",
                                             "ytick.labelsize", "legend.fontsize")}
    looks = {"lines.linewidth": 5, "lines.markersize": 15, "axes.linewidth": 2, "grid.linewidth": 1.5,
             "svg.hashsalt": "slides", "savefig.bbox": "standard", "svg.fonttype": "path"}
    drawn = StringIO()
    with rc_context(sizes | looks):
        fig, ax = plt.subplots(figsize=(size[0] / 96, size[1] / 96), layout="constrained")
        draw(plt, ax)
        fig.savefig(drawn, format="svg")
        small = {text.get_text() for text in fig.findobj(Text)
                 if text.get_text() and text.get_visible() and text.get_fontsize() < LEAST_POINTS}
        plt.close(fig)
    if small:
        raise ValueError(f"too small for the last row: {sorted(small)}; use {LEAST_POINTS} points or more")
    return image(drawn.getvalue().encode(), alt, step)


def picture(width: float, height: float, parts: Iterable[str], alt: str) -> str:
    """Put elements into a drawing that stands in the page, so that its parts can appear step by step."""
    return tag("svg", *parts, xmlns="http://www.w3.org/2000/svg", width=width, height=height,
               viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=alt, fill=INK)


def text(x: float, y: float, words: str, anchor: str = "middle", size: float = LEAST, **attributes: Any) -> str:
    """Write text into a drawing."""
    return label(x, y, words, size, anchor, **attributes)


def stepped(step: int, *parts: str) -> str:
    """Let parts of a drawing appear at a step."""
    return tag("g", *parts, data_step=step)


def box(x: float, y: float, width: float, height: float, k: int | None, words: str, minus: bool = False,
        strong: bool = False) -> str:
    """Draw a cell in the colour of a bucket; pale without one, hatched for a minus, framed if it matters now."""
    colour = "#999" if k is None else colour_of(k)
    opacity = 0.05 if k is None else 0.3
    parts = [tag("rect", x=x + 2, y=y + 2, width=width - 4, height=height - 4, fill=colour, fill_opacity=opacity,
                 stroke=INK if strong else colour, stroke_width=6 if strong else 2.5)]
    if minus:
        corners = f"M{x + 5:g} {y + 23:g}l18 -18M{x + width - 23:g} {y + height - 5:g}l18 -18"
        parts.append(tag("path", d=corners, stroke=colour, stroke_width=4, fill="none"))
    parts.append(text(x + width / 2, y + height / 2, words))
    return tag("g", *parts)
