"""Figures in one style, and the curves of error against compression.

The only module that imports matplotlib. How a method is drawn is part of its record (`experiments/methods.py`).
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from .experiments.methods import METHODS
from .support.disk import atomic_write

STYLE_FILE = Path(__file__).with_name("hashnets.mplstyle")

def use_style() -> Any:
    """Switch matplotlib to the house style and return pyplot."""
    import matplotlib.pyplot as plt

    plt.style.use(STYLE_FILE)
    return plt


def save_figure(figure: Any, path: Path, **options: Any) -> None:
    """Write a figure whole or not at all, in the format that the suffix of `path` names, and close it."""
    import matplotlib.pyplot as plt

    atomic_write(path, lambda file: figure.savefig(file, format=path.suffix[1:], **options))
    plt.close(figure)


def plot_error_curves(
    ax: Any, curves: Mapping[str, tuple[Sequence[str], Sequence[float], Sequence[float]]], xlabel: str
) -> None:
    """Draw one error curve per method, with a band of one standard deviation.

    curves: label of a method -> (x as text such as "1/8", mean errors in percent, standard deviations in percent). The
    x axis is logarithmic to base 2 and labelled with the texts.
    """
    styles = {method.label: method.style for method in METHODS.values()}
    labels: dict[float, str] = {}
    for method, (texts, means, spreads) in curves.items():
        x = [float(Fraction(text)) for text in texts]
        labels.update(zip(x, texts, strict=True))
        style = styles.get(method, {})
        ax.plot(x, means, label=method, **style)
        low, high = zip(*((m - s, m + s) for m, s in zip(means, spreads, strict=True)), strict=True)
        ax.fill_between(x, low, high, color=style.get("color"), alpha=0.18, linewidth=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(labels), list(labels.values()))
    ax.minorticks_off()
    ax.set_xlabel(xlabel)
    ax.set_ylabel("test error (%)")
    ax.legend()
