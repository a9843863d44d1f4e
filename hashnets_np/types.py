"""The types that signatures speak of: arrays, compressions, biases, kinds of map and losses.

They cost nothing at run time. The package ships `py.typed`, so mypy and editors see them in an installed wheel too.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]  # float32 or float64
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
BucketArray = NDArray[np.intp]  # they index w, so they have the platform's index type: 32 bits in a browser
SignArray = NDArray[np.int8]  # +1 or -1

Compression = str | int | float | Fraction | Decimal  # real / virtual weights, in (0, 1]: "1/8", 0.125, Fraction(1, 8)
Bias = Literal["column", "hashed", "dense"] | None
KindName = Literal["xxhash", "fold", "chunk", "tile", "authors2015", "pytorch2019", "keras"] | str
Init = Literal["he", "uniform"]
ScheduleName = Literal["constant", "cosine", "released"]

# (outputs of the network, targets[, weights of the examples]) -> (mean loss, its gradient with respect to the outputs)
Loss = Callable[..., tuple[float, FloatArray]]
Criterion = Callable[[FloatArray, NDArray[Any]], float]  # (outputs, targets) -> a number; the lower, the better
