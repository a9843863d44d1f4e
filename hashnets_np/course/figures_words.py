"""Figures of lesson 10: each takes the numbers that the lesson computed, draws them and shows them with a caption."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..plots import use_style
from .show import show_figure


def errors_by_buckets(errors: Mapping[tuple[str, int], ArrayLike], full: float, words: int) -> None:
    """Error by (way, power of two), one per seed; the whole vocabulary's error and size as lines."""
    plt = use_style()
    fig, ax = plt.subplots(figsize=(7.2, 4), layout="constrained")
    names = {"with signs": "hashed, with signs", "without signs": "hashed, without signs",
             "commonest": "only the K commonest words"}
    powers = sorted({power for _, power in errors})
    for way, label in names.items():
        runs = np.array([np.asarray(errors[way, power], dtype=float) for power in powers])
        spread = [runs.mean(axis=1) - runs.min(axis=1), runs.max(axis=1) - runs.mean(axis=1)]
        ax.errorbar(2.0 ** np.array(powers), runs.mean(axis=1), spread, capsize=3, label=label)
    ax.axhline(full, color="black", linestyle=":", linewidth=1.5)
    ax.text(2**6, full - 1, f"whole vocabulary: {full:.1f} %", va="top", fontsize=10)
    ax.axvline(words, color="black", linewidth=1)
    ax.text(words * 1.1, 50, f"{words:,} words", fontsize=10)
    ax.set_xscale("log", base=2)
    ax.set(xlabel="buckets K", ylabel="test error (%)", ylim=(0, 62))
    ax.set_xticks(2.0 ** np.array(powers))
    ax.legend(loc="lower left", fontsize=10)
    seeds = runs.shape[1]
    show_figure(
        fig, "Which of four authors wrote ten words? Linear model, 4,800 training and 1,600 test pieces; guessing is "
        f"wrong 75 % of the time. Mean and range of n = {seeds} seeds of the hash function and the order of pieces.",
        "Error against K. Both hashed curves lie on each other and fall from about 48 percent at 64 buckets to the "
        "line of the whole vocabulary, near 18 percent; the commonest words start lower and end on the same line.",
    )
