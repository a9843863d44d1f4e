"""Figures of lesson 12: loads, variance and memory traffic of the kinds of map."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap
from ..plots import use_style
from .show import show_figure

COLOURS = {"xxhash": "#0072B2", "fold": "#D55E00", "chunk": "#009E73", "tile": "#CC79A7"}
CACHE_LINE = 16  # weights of 4 bytes in 64 bytes


def colour(name: str) -> str:
    """Return the colour of a kind, whatever its size: "chunk of 16"."""
    return COLOURS[name.split()[0]]


def loads_of_kinds(loads: Mapping[str, NDArray], predicted: Mapping[str, float]) -> None:
    """Lesson 12, Figure 1: how often a real weight is used so many times, by kind; the predicted variance as text."""
    plt = use_style()
    fig, axes = plt.subplots(1, len(loads), figsize=(9.6, 3.2), layout="constrained", sharex=True, sharey=True)
    for ax, (kind, counts) in zip(axes, loads.items(), strict=True):
        shares = np.bincount(counts.ravel()) / counts.size
        ax.bar(range(len(shares)), 100 * shares, color=colour(kind), width=0.85)
        ax.set(title=kind, xlabel="load", xticks=[0, 8, 16, 24], ylim=(0, 30))
        ax.text(0.97, 0.95, f"variance\n{np.var(counts):.2f} measured\n{predicted[kind]:.2f} predicted", ha="right",
                va="top", fontsize=9, transform=ax.transAxes)
    axes[0].set_ylabel("real weights (%)")
    ranges = "; ".join(f"{kind}: {counts.min()} to {counts.max()}" for kind, counts in loads.items())
    show_figure(
        fig, "How many virtual weights share a real one: 128 x 128 virtual, K = 2,048, so 8 on average. "
        f"n = {len(next(iter(loads.values())))} map seeds. The bar of fold reaches 100 %.",
        "Histograms of loads. xxhash and chunks of 16: a bell around 8. Tiles of 32: a narrower bell. fold: a single "
        f"bar at 8. The loads: {ranges}.",
    )


def variance_of_kinds(measured: Mapping[tuple[str, str], float], predicted: Mapping[tuple[str, str], float]) -> None:
    """Lesson 12, Figure 2: the variance of hashed inner products by (vectors, kind), against that of xxhash."""
    plt = use_style()
    names = list(dict.fromkeys(name for name, _ in measured))
    kinds = list(dict.fromkeys(kind for _, kind in measured))
    fig, axes = plt.subplots(1, len(names), figsize=(9.6, 3.6), layout="constrained", sharey=True)
    for ax, name in zip(axes, names, strict=True):
        base = predicted[name, kinds[0]]
        ax.bar(range(len(kinds)), [measured[name, kind] / base for kind in kinds], color=list(map(colour, kinds)),
               width=0.7, label="measured")
        ax.plot(range(len(kinds)), [predicted[name, kind] / base for kind in kinds], linestyle="", marker="_",
                markersize=22, markeredgewidth=2, color="black", label="predicted")
        ax.set(title=name, yscale="log", ylim=(0.5, 20))
        ax.set_xticks(range(len(kinds)), kinds, rotation=30, ha="right")
        ax.set_yticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
        ax.minorticks_off()
    axes[0].set_ylabel("variance, xxhash = 1")
    axes[-1].legend(loc="upper right", fontsize=9)
    show_figure(
        fig, "Variance of the hashed inner product of two 8 x 64 matrices, K = 128, over n = 1,000 map seeds; "
        "logarithmic. Black: the prediction.",
        "Three panels of bars with black marks on them. Rough vectors: all kinds near 1, fold at 0.75. Smooth vectors: "
        "chunk of 4 near 3, chunk of 16 and tile of 4 near 10. Gradients of digits: between the two.",
    )


def traffic(maps: Mapping[str, SharingMap]) -> None:
    """Lesson 12, Figure 3: where in w the weights of one row of V are, and how often the cache line changes."""
    plt = use_style()
    fig, axes = plt.subplots(1, len(maps), figsize=(9.6, 3.4), layout="constrained", sharey=True)
    for ax, (name, m) in zip(axes, maps.items(), strict=True):
        bucket, _ = m.tile(slice(0, 1), slice(0, 64))
        line = bucket[0] // CACHE_LINE
        jumps = int(np.sum(line[1:] != line[:-1])) + 1
        ax.plot(range(64), bucket[0], linestyle="", marker=".", markersize=5, color=colour(name))
        ax.set(title=f"{name}\n{jumps} lines fetched", xlabel="column j", xticks=[0, 32, 64])
    axes[0].set_ylabel("bucket: place in w")
    show_figure(
        fig, "The first 64 weights of row 0 of V: where each lies in w, K = 4,096. A processor fetches w in lines of "
        "16 weights; the number counts how often the next weight is in another line.",
        "Four panels. xxhash: 64 points all over w. fold: one rising line. Chunks of 16: four short pieces. Tiles of "
        "32: two pieces.",
    )
