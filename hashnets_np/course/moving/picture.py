"""What all moving pictures share: writing SVG, and putting drawing, numbers, words and script into one piece of HTML.

The drawing goes into an `<img>`, because sites that strip scripts also strip SVG that stands in the page. The script
takes the drawing out of the `<img>` and makes it move. No element has an id, so any number of pictures fit on one page.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito: told apart by everybody
INK = "#111"
MINUS = "\u2212"  # a real minus sign: as wide as a plus sign
WIDTH = 480  # of every drawing: its text is still readable on a phone, where 480 becomes about 340 pixels
TEXT = 17  # the usual size of its text
MOST_BYTES = 60_000
CARD = "margin:0;max-width:42rem;padding:8px;box-sizing:border-box;background:white;color:#111;color-scheme:light"


def write_number(value: float) -> str:
    """Write a number for a reader: no rounding noise, and a real minus sign.

    >>> write_number(-0.1 - 0.2) == MINUS + "0.3", write_number(3.0)
    (True, '3')
    """
    return f"{round(float(value), 4) + 0.0:g}".replace("-", MINUS)


def signed(value: float) -> str:
    """Write a number with its sign, also if it is positive.

    >>> signed(4), signed(-0.5) == MINUS + "0.5"
    ('+4', True)
    """
    return ("+" if value >= 0 else "") + write_number(value)


def tag(name: str, *inside: str, **attributes: Any) -> str:
    """Write one element; `stroke_width` becomes stroke-width, and `class_` becomes class.

    >>> tag("line", x1=0, stroke_width=2)
    '<line x1="0" stroke-width="2"/>'
    """
    written = ""
    for key, value in attributes.items():
        text = f"{value:.6g}" if isinstance(value, int | float | np.number) else escape(str(value))
        written += f' {key.rstrip("_").replace("_", "-")}="{text}"'
    return f"<{name}{written}>{''.join(inside)}</{name}>" if inside else f"<{name}{written}/>"


def label(x: float, y: float, words: str, size: float = TEXT, anchor: str = "middle", **attributes: Any) -> str:
    """Write text whose middle stands at (x, y); anchor is start, middle or end."""
    return tag("text", escape(words), x=x, y=y + 0.35 * size, font_size=size, text_anchor=anchor, **attributes)


def drawing(height: float, *inside: str) -> str:
    """Put elements into a drawing with a white ground."""
    ground = tag("rect", width=WIDTH, height=height, fill="white")
    return tag("svg", ground, *inside, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height:g}",
               width=WIDTH, height=height, font_family="sans-serif", fill=INK)


class MovingPicture:
    """A drawing that a script makes move; in a notebook, the last expression of a cell shows it.

    Parameters
    ----------
    name : str
        The picture's name; the script is the file of that name beside this module.
    svg : str
        The drawing as it stands without a script.
    numbers : mapping
        What the script needs to know, as JSON.
    caption : str
        What the reader should see and do.
    alt : str
        The drawing in words.
    still : str
        The text that stands below the drawing without a script; the script replaces it.
    """

    def __init__(self, name: str, svg: str, numbers: Mapping[str, Any], caption: str, alt: str, still: str) -> None:
        self.name = name
        self.svg = svg
        self.numbers = numbers
        self.caption = caption
        self.alt = alt
        self.still = still

    def __repr__(self) -> str:
        """Give the drawing in words, for terminals and for people who search a notebook's text."""
        return f"[moving picture: {self.alt} {self.still}]"

    def _repr_html_(self) -> str:
        """Write the whole picture as HTML that needs nothing else."""
        ascii_svg = self.svg.encode("ascii", "xmlcharrefreplace")  # the browser's atob knows bytes, not letters
        source = f"data:image/svg+xml;base64,{base64.b64encode(ascii_svg).decode()}"
        image = f'<img src="{source}" alt="{escape(self.alt)}" style="display:block;width:100%;height:auto">'
        words = f'<p data-part="words" style="margin:6px 0;color:#111">{escape(self.still)}</p>'
        look = "color:#333;text-align:left;font-weight:400"
        caption = f'<figcaption style="{look}">{escape(self.caption)}</figcaption>'
        numbers = escape(json.dumps(self.numbers, separators=(",", ":")))
        html = (f'<figure data-moving="{self.name}" data-numbers="{numbers}" style="{CARD}">{image}{words}{caption}'
                f"<script>{script(self.name)}</script></figure>")
        if len(html.encode()) > MOST_BYTES:
            raise ValueError(f"the picture {self.name!r} has {len(html.encode())} bytes, at most {MOST_BYTES} are "
                             "allowed; draw fewer elements")
        return html


def script(name: str) -> str:
    """Join what all scripts share and the script of one picture, closed against names of the page around them."""
    shared = (HERE / "shared.js").read_text(encoding="utf-8")
    own = (HERE / f"{name}.js").read_text(encoding="utf-8")
    return "(() => {\n" + shared + own + "})();"


def colour_of(k: int) -> str:
    """Give the colour of a bucket."""
    return COLOURS[k % len(COLOURS)]


def hatch(x: float, y: float, width: float, height: float, colour: str) -> str:
    """Draw two slanted lines into the corners of a cell: the sign is minus."""
    low = f"M{x + 2:g} {y + 12:g}l10 -10"
    high = f"M{x + width - 12:g} {y + height - 2:g}l10 -10"
    return tag("path", d=f"{low}{high}", stroke=colour, stroke_width=2, fill="none")


def cell(x: float, y: float, width: float, height: float, k: int, sign: int, words: str, **attributes: Any) -> str:
    """Draw one entry of a matrix, in the colour of its bucket."""
    colour = colour_of(k)
    box = tag("rect", x=x + 1, y=y + 1, width=width - 2, height=height - 2, fill=colour, fill_opacity=0.25,
              stroke=colour, stroke_width=1.5)
    minus = hatch(x, y, width, height, colour) if sign < 0 else ""
    return tag("g", box, minus, label(x + width / 2, y + height / 2, words), **attributes)


def plain_numbers(values: Any) -> Sequence[Any]:
    """Turn an array into nested lists of Python numbers, as JSON needs them."""
    return np.asarray(values).tolist()
