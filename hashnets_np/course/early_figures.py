"""Figures of lessons 2 to 5: each takes the numbers that the lesson computed, draws them and shows them with a caption.

The figures of the other lessons are in `figures`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..datasets import Dataset
from ..experiments.methods import METHODS
from ..maps import SharingMap
from ..plots import use_style
from .show import draw_map, show_figure

BUCKETS = ("#0072B2", "#D55E00", "#009E73")  # of lesson 3's three real weights
NETWORKS = {"dense": {"color": "black", "marker": "D", "linestyle": ":"}, "hashed": METHODS["hashnet"].style,
            "equal-size": METHODS["nn"].style}  # lesson 5's three networks


def flipped_bits(without_avalanche: NDArray, full: NDArray) -> None:
    """Lesson 2: how often each bit of the hash flips with each bit of the key, (64, 32), without avalanche and with."""
    plt = use_style()
    fig, axes = plt.subplots(1, 2, figsize=(8, 5), layout="constrained", sharey=True)
    for ax, flips, title in ((axes[0], without_avalanche, "without the avalanche"), (axes[1], full, "XXH32")):
        image = ax.imshow(flips, vmin=0, vmax=1, cmap="cividis", aspect="auto", origin="lower")
        ax.set(title=title, xlabel="bit of the hash")
        ax.grid(False)
    axes[0].set_ylabel("flipped bit of the key (0-31: i, 32-63: j)")
    fig.colorbar(image, label="how often the hash bit flips")
    show_figure(fig, "Share of keys for which a bit of the hash changes when one bit of the key is flipped. "
                "n = 2000 random keys with i, j < 1000, hash seed 7.",
                "Two heat maps. Left, without the avalanche: dark areas where bits never change. Right: grey "
                "everywhere.")


def bucket_loads(loads: Mapping[str, NDArray]) -> None:
    """Lesson 2: how many virtual weights a bucket holds, by compression, and the Poisson distribution."""
    plt = use_style()
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), layout="constrained")
    for ax, (c, load) in zip(axes, loads.items(), strict=True):
        mean = load.mean()
        counts = np.arange(load.max() + 1)
        ax.bar(counts, np.bincount(load) / len(load), color="C0", width=1, label="XXH32")
        log_factorials = np.cumsum(np.log(np.maximum(counts, 1)))
        poisson = np.exp(counts * np.log(mean) - mean - log_factorials)
        ax.plot(poisson, color="C1", linestyle="", marker="s", markersize=3.5, label="Poisson")
        ax.set(title=f"c = {c}", xlabel="virtual weights in a bucket")
    axes[0].set_ylabel("share of buckets")
    axes[0].legend()
    show_figure(fig, "Loads of the buckets for a 1000 x 784 layer, map seed 1, n = 784,000 virtual weights: bars. "
                "Squares: Poisson with mean 1/c.",
                "Three bar charts with squares on top of the bars: the measured loads follow the Poisson distribution.")


def matrices(w: NDArray, maps: Mapping[str, SharingMap]) -> None:
    """Lesson 2: V without signs, made from the same real weights by several kinds of map."""
    plt = use_style()
    fig, axes = plt.subplots(1, len(maps), figsize=(10, 3), layout="constrained", sharey=True)
    for ax, (kind, m) in zip(axes, maps.items(), strict=True):
        ax.imshow(w[m.table()[0]], cmap="gray")
        ax.set(title=kind, xlabel="input j")
        ax.grid(False)
    axes[0].set_ylabel("output i")
    show_figure(fig, "V without signs, 64 x 64, from the same 128 real weights through four kinds of maps (map seed "
                "1).",
                "Four grey images: noise for xxhash, diagonal stripes, two alternating rows, vertical stripes.")


def virtual_and_real(m: SharingMap, V: NDArray, w: NDArray) -> None:
    """Lesson 3: the virtual weights of the example beside its real weights."""
    plt = use_style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.9), width_ratios=[3, 2])
    draw_map(left, m, V)
    left.set_title("V: 12 virtual weights")
    right.bar(range(3), w, color=BUCKETS, width=0.6)
    right.axhline(0, color="black", linewidth=1)
    right.set(title="w: 3 real weights", xlabel="bucket k", ylabel="value", xticks=range(3))
    fig.tight_layout()
    show_figure(fig, "The example of this lesson. Color: the bucket h(i, j). Hatching: the sign is -1. "
                "Only the three bars are stored.",
                "A 4 by 3 grid of cells, each naming a signed real weight and its value, "
                "beside a bar chart of three weights: 0.5, -1 and 2.")


def votes(places: Sequence[NDArray], dw: NDArray) -> None:
    """Lesson 3: what each place contributes to the gradient of its real weight, and the sums."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 3.4))
    for k, contributions in enumerate(places):
        x = k + np.linspace(-0.3, 0.3, len(contributions) + 2)[1:-1]
        ax.bar(x, contributions, width=0.09, color=BUCKETS[k])
        ax.plot([k - 0.36, k + 0.36], [dw[k]] * 2, color="black", marker="", linestyle="-")
        ax.text(k + 0.38, dw[k] + 0.15, f"sum {dw[k]:g}", va="bottom")  # above the line at 0, not on it
    ax.axhline(0, color="grey", linewidth=1)
    ax.set(xticks=range(3), xticklabels=["w0", "w1", "w2"], ylabel="contribution to dL/dw", xlim=(-0.5, 2.8))
    show_figure(fig, "The example: each thin bar is one place, xi(i, j) a_j delta_i; the black line is their sum, "
                "Eq. 12.",
                "Bars of contributions to w0, w1, w2, lines at their sums 9, 1 and 0; the three bars of w2 cancel.")


def step_sizes(sizes: NDArray, error: Sequence[float]) -> None:
    """Lesson 3: error of a measured slope against the step."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 3.6))
    ax.loglog(sizes, error, label="measured error")
    ax.loglog(sizes, sizes**2, marker="", label="step squared: the curve bends")
    ax.loglog(sizes, 2.2e-16 / sizes, marker="", label="2.2e-16 / step: float64 rounds")
    ax.set(xlabel="step", ylabel="relative error of the slope", ylim=(1e-13, 10))
    ax.legend()
    show_figure(fig, "The two-layer example in float64: error of the measured slope against the step. Best near 1e-5.",
                "Log-log curve shaped like a V: smaller steps help down to about 1e-5, then rounding takes over.")


def caught_mistakes(shared: Mapping[str, Sequence[float]], alone: Mapping[str, Sequence[float]]) -> None:
    """Lesson 3: which mistakes a gradient check finds, with sharing and without; errors of dw and da by name."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 3.6))
    names = list(shared)
    for results, label, color, marker in ((shared, "3 buckets, both signs", "#0072B2", "o"),
                                          (alone, "16 buckets, no sharing", "#D55E00", "s")):
        worst = [max(results[name]) for name in names]
        ax.plot(worst, range(len(names)), linestyle="", markersize=9, label=label, color=color, marker=marker)
    ax.axvline(1e-6, color="black", linewidth=1)
    ax.text(1.5e-6, 4.25, "caught, right of this line", fontsize=10)
    ax.set(xscale="log", yticks=range(len(names)), yticklabels=names, ylim=(-0.5, 4.6),
           xlabel="worst relative error of dw and da")
    ax.legend(loc="center left", bbox_to_anchor=(0.43, 0.45))
    show_figure(fig, "Five backward passes of a 4 x 4 layer on a batch of 5, one draw of weights each (seed 1). "
                "Without sharing, three mistakes hide left of the line.",
                "Dot plot of errors: with sharing all four mistakes are near 1, without it only untransposed.")


def peak_memory(sizes: Sequence[int], peaks: Mapping[str, Sequence[float]]) -> None:
    """Lesson 4: peak memory of a forward pass in MiB, by version and size of the layer."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 3.8))
    for name, values in peaks.items():
        ax.plot(sizes, values, label=name)
    dense = np.array([4 * n * n / 2**20 for n in sizes])
    ax.plot(sizes, dense, color="black", marker="", linestyle=":", label="dense matrix")
    ax.plot(sizes, dense / 64, color="grey", marker="", linestyle="-", label="w, at 1/64")
    ax.set(xscale="log", yscale="log", xlabel="n (layer n x n)", ylabel="peak extra memory (MiB)")
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.minorticks_off()
    ax.legend(fontsize=9, ncols=2)
    show_figure(fig, "Peak memory of one forward pass, float32, batch of 8, beyond parameters and input. "
                "One run per point, one thread.",
                "Log-log curves: the table version lies far above the dense matrix, the fast version stays almost "
                "flat.")


def where_the_time_goes(nanoseconds: Mapping[str, float]) -> None:
    """Lesson 4: nanoseconds for each virtual weight, by step; the last is the matrix product."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 3.2))
    ax.barh(list(nanoseconds), list(nanoseconds.values()), color=["C0"] * (len(nanoseconds) - 1) + ["0.6"])
    ax.invert_yaxis()
    ax.set(xlabel="nanoseconds per virtual weight (one core, this run)")
    show_figure(fig, "Inner loops of the fast kernel on a line of 16,384 virtual weights, float32, K = 15,625; below "
                "them the matrix product with a batch of 50. Shortest of 50 runs on a noisy machine.",
                "Horizontal bars of nanoseconds for each step; hash, mod K and sign are short.")


def digits(data: Dataset) -> None:
    """Lesson 5: the first 20 training images with their labels."""
    plt = use_style()
    fig, axes = plt.subplots(2, 10, figsize=(8, 1.9))
    for ax, pixels, label in zip(axes.flat, data.x_train, data.y_train, strict=False):
        ax.imshow(pixels.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(label, fontsize=10)
        ax.axis("off")
    show_figure(fig, "The first 20 of 958 training images: real digits, 8 x 8 pixels, with their labels.",
                "Two rows of ten small grey pictures of handwritten digits with their labels above.")


def learning_rates(valid: Mapping[tuple[str, float], float], rates: Sequence[float]) -> None:
    """Lesson 5: mean validation error by network and learning rate."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 3.6))
    for name, style in NETWORKS.items():
        ax.plot(rates, [valid[name, rate] for rate in rates], label=name, **style)
    ax.set(xscale="log", xlabel="learning rate", ylabel="validation error (%)", ylim=(0, None), xticks=rates)
    ax.set_xticklabels([str(rate) for rate in rates])
    ax.legend()
    show_figure(fig, "Digits, 64-256-10, compression 1/32 or equal size; 30 epochs, momentum 0.9, cosine decay. "
                "Best validation error (239 images), mean of n = 5 seeds.",
                "Three curves of validation error against learning rate: dense flat and lowest, equal-size highest.")


def five_seeds(valid: Mapping[str, NDArray], test: Mapping[str, NDArray]) -> None:
    """Lesson 5: validation errors by epoch, (seeds, epochs), and test errors, one per seed, of each network."""
    plt = use_style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.8), layout="constrained")
    for n, (name, style) in enumerate(NETWORKS.items()):
        curves = valid[name]
        epochs = np.arange(1, curves.shape[1] + 1)
        left.plot(epochs, curves.mean(axis=0), markevery=4, label=name, **style)
        left.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), alpha=0.15, color=style["color"], linewidth=0)
        right.plot([n] * len(test[name]), test[name], linestyle="", color=style["color"], marker=style["marker"])
        right.plot([n - 0.25, n + 0.25], [test[name].mean()] * 2, color="black", marker="", linestyle="-")
    left.set(xlabel="epoch", ylabel="validation error (%)", ylim=(0, 50))
    left.legend()
    right.set(xticks=range(3), xticklabels=list(NETWORKS), ylabel="test error (%)", ylim=(0, None), xlim=(-0.5, 2.5))
    show_figure(fig, "Digits, n = 5 seeds (0-4). Left: mean and range of validation errors. Right: test errors "
                "(600 images), line: mean.", "Dense learns fastest and makes the "
                "fewest errors, then hashed, then equal-size.")


def weights_as_pictures(dense: ArrayLike, hashed: ArrayLike) -> None:
    """Lesson 5: the weights into the ten strongest hidden units, (units, 64), as pictures of 8 x 8 pixels."""
    plt = use_style()
    fig, axes = plt.subplots(2, 10, figsize=(8.4, 2.1))
    for row, V in zip(axes, (np.asarray(dense), np.asarray(hashed)), strict=True):
        strongest = np.argsort(-np.abs(V).sum(axis=1))[:10]
        for ax, unit in zip(row, strongest, strict=True):
            largest = abs(V[unit]).max()
            ax.imshow(V[unit].reshape(8, 8), cmap="gray", vmin=-largest, vmax=largest)
            ax.axis("off")
    show_figure(fig, "Weights into the ten strongest hidden units as 8 x 8 pictures (seed 0). Top: dense. Bottom: "
                "hashed.",
                "Two rows of ten grey pictures. The top row has some smooth areas, the bottom row looks like noise.")
