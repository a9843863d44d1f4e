"""How large each layer may be: the stored numbers that a compression or an expansion leaves, and equal-size widths.

All methods of the study are compared at the same stored size, biases included (section 5 of the paper, "Baselines and
method"). `methods` builds the networks that fit these sizes.
"""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

from ..maps import bucket_count
from ..support.checks import shown


def dense_count(widths: Sequence[int]) -> int:
    """Count the weights and biases of a dense network: sum of (n_in + 1) n_out.

    >>> dense_count([784, 1000, 10])
    795010
    """
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(widths))


def budgets(widths: Sequence[int], compression: object = None, expansion: object = None) -> tuple[list[int], list[int]]:
    """Find the virtual widths and the stored numbers K of each layer, for exactly one of compression and expansion.

    compression: K = ceil(c (n_in + 1) n_out) at the widths given. expansion: the stored numbers of the dense network at
    the widths given, and hidden layers that many times wider (the paper's Figure 4).

    >>> budgets([784, 50, 10], expansion=8)
    ([784, 400, 10], [39250, 510])
    """
    if (compression is None) == (expansion is None):
        raise ValueError(f"give exactly one of compression and expansion, got {shown(compression)} and "
                         f"{shown(expansion)}")
    widths = check_widths(widths)
    if compression is not None:
        return widths, [bucket_count(compression, (n + 1) * m) for n, m in itertools.pairwise(widths)]
    factor = read_expansion(expansion)
    if factor < 1:
        raise ValueError(f"expansion must be at least 1, got {shown(expansion)}; to shrink a network use compression")
    wide = [widths[0], *(round(factor * h) for h in widths[1:-1]), widths[-1]]
    return wide, [(n + 1) * m for n, m in itertools.pairwise(widths)]


def read_expansion(expansion: object) -> Fraction:
    """Read an expansion without rounding: text, int and Fraction as they are, a float as the decimal it prints as."""
    try:
        return Fraction(str(expansion))
    except (ValueError, ZeroDivisionError) as error:
        what = f"expansion must be a number of at least 1, such as 8 or '3/2', got {shown(expansion)}"
        raise ValueError(what) from error


def check_widths(widths: Sequence[int]) -> list[int]:
    """Check that widths are at least two positive whole numbers."""
    try:
        whole = [int(w) for w in widths]
    except (TypeError, ValueError, OverflowError):  # not a sequence, or not of numbers: 64, None, ["a", 3], nan
        whole = []
    if len(whole) < 2 or min(whole) < 1 or any(isinstance(w, bool) for w in widths) or whole != list(widths):
        raise ValueError("widths must be two or more positive whole numbers, inputs first, such as [784, 100, 10], got "
                         f"{shown(widths)}")
    return whole


def equal_size_widths(widths: Sequence[int], stored: int) -> list[int]:
    """Shrink all hidden layers at one rate until the dense network has as nearly `stored` parameters as it can.

    Without a hidden layer there is nothing to shrink: then fewer numbers than the dense network has are a ValueError.

    >>> equal_size_widths([784, 1000, 10], stored=12423)
    [784, 16, 10]
    """
    if len(widths) == 2 and stored < dense_count(widths):
        raise ValueError(f"a dense network {widths[0]}-{widths[1]} has no hidden layer to shrink; it has "
                         f"{dense_count(widths)} numbers, but may store {stored}; use compression 1, or add a hidden "
                         "layer")
    widest = max(widths[1:-1], default=1)

    def candidate(step: int) -> list[int]:
        return [widths[0], *(max(1, round(h * step / widest)) for h in widths[1:-1]), widths[-1]]

    # the size grows with the step: halve the range until the last step that is not too large is found
    step = bisect_right(range(1, widest + 1), stored, key=lambda step: dense_count(candidate(step)))
    nearest = [candidate(min(max(1, n), widest)) for n in (step, step + 1)]
    return min(nearest, key=lambda c: abs(dense_count(c) - stored))
