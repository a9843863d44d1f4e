"""How many real weights a compression leaves, in exact arithmetic.

Section 4.1 of the paper: the compression is the number of real weights over the number of virtual weights.
"""

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil
from numbers import Real

from ..support.checks import check_count, shown

# a quotient of integers whose divisor is not zero, or a decimal number; both without a sign
NUMBER = re.compile(r"\d+/0*[1-9]\d*|(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def exact_fraction(compression: object) -> Fraction:
    """Read a compression without rounding: text, int and Fraction as they are, a float as the decimal it prints as.

    >>> exact_fraction("1/8"), exact_fraction(0.1)
    (Fraction(1, 8), Fraction(1, 10))
    """
    text = str(compression)  # not a float's binary value: 0.1 is 1/10, and a tenth of 100 is 10, not 11
    if isinstance(compression, (str, Real, Decimal)) and NUMBER.fullmatch(text):
        return Fraction(text)
    raise ValueError(f"compression must be a number in (0, 1] such as '1/8' or 0.125, got {shown(compression)}")


def bucket_count(compression: object, virtual_weights: int) -> int:
    """Count the real weights that a compression leaves: K = max(1, ceil(c n)), in exact arithmetic.

    Parameters
    ----------
    compression : str, int, float, Fraction or Decimal
        Real weights / virtual weights, in (0, 1]: "1/8", "0.1", 0.1, Fraction(1, 8).
    virtual_weights : int
        n, the number of virtual weights.

    Returns
    -------
    int
        K, the number of real weights.

    Raises
    ------
    ValueError
        If the compression is not a number in (0, 1], or the number of virtual weights not an integer of at least 1.

    References
    ----------
    Section 4.1 of Chen et al., ICML 2015.

    Examples
    --------
    >>> bucket_count("1/8", 785 * 1000)
    98125

    """
    c = exact_fraction(compression)
    virtual_weights = check_count("virtual_weights", virtual_weights)
    if not 0 < c <= 1:
        raise ValueError(f"compression must be in (0, 1], got {shown(compression)}; it is real / virtual weights")
    return max(1, ceil(c * virtual_weights))
