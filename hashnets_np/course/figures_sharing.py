"""Figures of lesson 6 on weight sharing as one matrix: vec(V) = S w."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..plots import use_style
from .show import BUCKET_COLOURS, show_figure

COLORS = (*BUCKET_COLOURS, "#E69F00", "#56B4E9")


def which_s(matrices: Mapping[str, NDArray], n_out: int, n_in: int) -> None:
    """Lesson 6: V colored by the number that each place uses, above the matrix S with vec(V) = S w.

    matrices: S by name, (n_out * n_in, K), with at most one entry other than 0 in each row.
    """
    plt = use_style()
    fig, axes = plt.subplots(2, len(matrices), figsize=(9.6, 5.6), layout="constrained", height_ratios=[1, 2.4])
    for (name, S), (above, below) in zip(matrices.items(), axes.T, strict=True):
        _colored_places(above, S, n_out, n_in)
        above.set_title(name, fontsize=11)
        below.imshow(S, cmap="RdBu", vmin=-1.2, vmax=1.2, aspect="auto", interpolation="nearest")
        below.set_xlabel(f"w, K = {S.shape[1]}")
        below.set_xticks([])
        below.set_yticks([])
        below.grid(False)
    axes[0, 0].set_ylabel("V: output i")
    axes[1, 0].set_ylabel("S: one row for each place of V")
    show_figure(
        fig, f"Above: V with {n_out} outputs and {n_in} inputs. A place has the color and the number of the weight "
        "that it uses (the dense layer's 24 repeat six colors); white: none; hatched: with a minus; paler: times a "
        "smaller number. Below: S, blue positive, red negative.",
        "Five pairs of pictures. Dense: every place has its own number, S is a diagonal. Convolution: three colors "
        "in diagonal bands, white elsewhere. Random edges: six places are colored, most rows of S are empty. Low rank: "
        "each row of V has one color in changing strength. Hashing: six colors are scattered over all places, half of "
        "them hatched; each row of S has one entry.",
    )


def _colored_places(ax: Any, S: NDArray, n_out: int, n_in: int) -> None:
    """Draw V: one cell for each row of S."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    largest = np.abs(S).max()
    for row, entries in enumerate(S):
        i, j = divmod(row, n_in)
        k = int(np.argmax(np.abs(entries)))
        strength = 0.75 * abs(entries[k]) / largest
        color = to_rgb(COLORS[k % len(COLORS)])
        pale = tuple(1 - strength * (1 - c) for c in color)
        hatch = "////" if entries[k] < 0 else None
        ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=pale, edgecolor="gray", hatch=hatch, linewidth=0.7))
        if entries[k]:
            ax.text(j, i, str(k), ha="center", va="center", fontsize=8,
                    bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 0.6})
    ax.set(xlim=(-0.55, n_in - 0.45), ylim=(n_out - 0.45, -0.55), xticks=[], yticks=[], aspect="equal")
    ax.set_xlabel("input j")
    ax.grid(False)
