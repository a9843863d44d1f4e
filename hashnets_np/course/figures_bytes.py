"""Figures of lesson 11: each takes the numbers that the lesson computed, draws them and shows them with a caption."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..plots import use_style
from ..types import IntArray
from .show import show_figure

FAMILIES = {  # marker, color, line
    "dense": ("D", "C3", ""),
    "pruned": ("^", "C2", "-."),
    "narrow": ("s", "C1", "--"),
    "hashed": ("o", "C0", "-"),
}


def codes_of_weights(codes: Mapping[str, IntArray], bits: Mapping[str, float]) -> None:
    """Draw how often each code of four bits occurs, for some networks; bits: Shannon's bound for each weight."""
    plt = use_style()
    fig, axes = plt.subplots(1, len(codes), figsize=(9.6, 3.2), layout="constrained", sharey=True)
    for n, (ax, (name, values)) in enumerate(zip(axes, codes.items(), strict=True)):
        kinds, counts = np.unique(values, return_counts=True)
        ax.bar(kinds, 100 * counts / values.size, 0.8, color=f"C{n}")
        ax.set(title=f"{name}: {bits[name]:.2f} bits a weight", xlabel="code", xlim=(-8, 8))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("weights (%)")
    show_figure(
        fig, "Digits, 64-256-10, seed 0, first layer: how often each of the 15 codes occurs after rounding to four "
        "bits. If all were equally frequent, a weight would need 3.91 bits.",
        "Two bar charts of codes from minus 7 to 7, both highest near 0 and falling to both sides.",
    )


def errors_by_bytes(points: Mapping[tuple[str, int], Mapping[str, tuple[ArrayLike, ArrayLike]]]) -> None:
    """Error against bytes, a panel for each number of bits: points[family, bits][size] = (bytes, errors) by seed."""
    plt = use_style()
    widths = sorted({bits for _, bits in points}, reverse=True)
    fig, axes = plt.subplots(1, len(widths), figsize=(9.6, 4.2), layout="constrained", sharey=True)
    for ax, bits in zip(axes, widths, strict=True):
        for family, (marker, color, line) in FAMILIES.items():
            sizes = list(points[family, bits].values())
            x = [np.mean(np.asarray(size, dtype=float)) for size, _ in sizes]
            errors = [np.asarray(error, dtype=float) for _, error in sizes]
            y = [error.mean() for error in errors]
            spread = [error.std(ddof=1) for error in errors]
            ax.errorbar(x, y, spread, marker=marker, color=color, linestyle=line, capsize=2, markersize=5, label=family)
        ax.set(xscale="log", xlabel="bytes on disk", title="float32" if bits == 32 else f"{bits} bits", ylim=(0, 36))
    axes[0].set_ylabel("test error (%)")
    axes[-1].legend(fontsize=10, loc="upper right")
    seeds = len(np.atleast_1d(np.asarray(errors[0])))
    show_figure(
        fig, f"Digits, virtual 64-256-10: mean and standard deviation of n = {seeds} seeds, 600 test images. Bytes are "
        "those of the whole packed network, entropy-coded, with all scales, seeds and places.",
        "Three panels of error against bytes. In each, hashed networks reach the smallest sizes before the error "
        "rises; narrow ones follow, pruned ones need more, the dense one is a single point far right.",
    )
