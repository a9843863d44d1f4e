"""Showing things in a notebook: figures that carry their caption and alt text, and sharing maps small enough to read.

A figure goes into the notebook as HTML, so that the alt text for people who hear the page, the caption and the picture
cannot be separated. Not covered here: the plots themselves, which the lessons draw, and the house style (`plots.py`).
"""

import base64
from html import escape
from io import BytesIO
from typing import Any

from numpy.typing import NDArray

from ..maps import SharingMap

BUCKET_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
TEXT_BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1.5}  # hatching must not hide a minus sign
CARD = "max-width:100%;background:white;padding:6px;box-sizing:border-box"
PALETTE = 128  # colors of a picture
DPI = 100  # a figure wider than WIDE pixels scrolls on a phone; scaled down it would be illegible
WIDE = 740


def show_figure(fig: Any, caption: str, alt: str) -> None:
    """Show a matplotlib figure with its caption and its alt text, and close it.

    caption: what the reader should see, with data, seeds and n. alt: the picture in words.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display
    from PIL import Image  # matplotlib needs it, too

    drawn = BytesIO()
    png = BytesIO()
    fig.savefig(drawn, format="png", dpi=DPI)
    plt.close(fig)
    Image.open(drawn).convert("RGB").quantize(PALETTE).save(png, format="png", optimize=True)  # a third of the size
    source = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    least = 640 if fig.get_figwidth() * DPI > WIDE else 0
    image = f'<img style="{CARD};min-width:{least}px" alt="{escape(alt)}" src="{source}">'
    picture = f'<div style="overflow-x:auto">{image}</div>'
    words = f'<figcaption style="max-width:46em">{escape(caption)}</figcaption>'
    html = f'<figure style="margin:0">{picture}{words}</figure>'
    display({"text/html": html, "text/plain": f"[figure: {alt}]"}, raw=True)


def symbol_table(m: SharingMap) -> str:
    """Write V as signs and names of real weights, one row per line.

    >>> print(symbol_table(SharingMap.from_table([[0, 2], [1, 0]], [[1, -1], [1, 1]], buckets=3)))
    +w0 -w2
    +w1 +w0
    """
    bucket, sign = m.table()
    width = 2 + len(str(m.buckets - 1))
    names = [[_name(bucket[i, j], sign[i, j]).ljust(width) for j in range(m.n_cols)] for i in range(m.n_out)]
    return "\n".join(" ".join(row).rstrip() for row in names)


def _name(k: int, sign: int) -> str:
    """Name a real weight with its sign: +w0."""
    return f"{'+' if sign > 0 else '-'}w{k}"


def draw_map(ax: Any, m: SharingMap, values: NDArray | None = None) -> None:
    """Draw V as coloured cells: the colour is the bucket, the text is sign and real weight, below it the value."""
    bucket, sign = m.table()
    for i in range(m.n_out):
        for j in range(m.n_cols):
            k = int(bucket[i, j])
            hatch = None if sign[i, j] > 0 else "///"
            ax.add_patch(_cell(j, i, BUCKET_COLOURS[k % len(BUCKET_COLOURS)], hatch))
            text = _name(k, sign[i, j]) + ("" if values is None else f"\n{values[i, j]:g}")
            ax.text(j, i, text, ha="center", va="center", fontsize=12, bbox=TEXT_BOX)
    ax.set(xlim=(-0.5, m.n_cols - 0.5), ylim=(m.n_out - 0.5, -0.5), xlabel="input j", ylabel="output i", aspect="equal")
    ax.set_xticks(range(m.n_cols))
    ax.set_yticks(range(m.n_out))
    ax.grid(False)


def _cell(x: float, y: float, colour: str, hatch: str | None) -> Any:
    """Make one pale square; hatched where the sign is negative."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    pale = tuple(1 - 0.35 * (1 - c) for c in to_rgb(colour))
    return Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=pale, edgecolor=colour, hatch=hatch, linewidth=1.5)


def in_notebook() -> bool:
    """Say whether this runs in a notebook, where pictures can be shown."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


def draw_puzzle(name: str, target: NDArray, answer: NDArray | None, equal: bool) -> None:
    """Draw the target of a puzzle and, beside it, what the reader's line makes; equal: what the check says of them."""
    from ..plots import use_style

    plt = use_style()
    fig, axes = plt.subplots(1, 2, figsize=(6, 2.4), layout="constrained")
    for ax, values, title in ((axes[0], target, "target"), (axes[1], answer, "yours")):
        ax.set(title=title, xticks=[], yticks=[])
        ax.grid(False)
        if values is not None:
            ax.imshow(values, cmap="cividis", vmin=target.min(), vmax=target.max(), aspect="equal")
    show_figure(fig, f"{name}: the target and your answer, on one of four random examples.",
                "Two small matrices of colored cells, " + ("equal." if equal else "different."))
