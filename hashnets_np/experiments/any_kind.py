"""HashNets whose maps are of any kind, for the scikit-learn estimators.

`methods.build` gives every layer the paper's bias column. Some kinds have none; here their layers get a dense bias, and
store fewer real weights for it, so that a network has the same size whatever its kind.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..hashing import derive_seed
from ..layers import Dropout, HashedLinear, Layer, ReLU
from ..maps import allowed_biases, find_kind
from ..network import Network
from ..types import Compression
from .methods import DROPOUT_SEEDS, check_rates
from .sizes import budgets


def hashed_network(
    widths: Sequence[int], compression: Compression | None, expansion: Compression | None, kind: str, seed: int,
    dropout: float, input_dropout: float, dtype: Any,
) -> Network:
    """Build a HashNet whose maps are of any kind; where a kind allows no bias column, the bias is dense."""
    check_rates(dropout, input_dropout)
    widths, stored = budgets(widths, compression, expansion)
    bias: Any = "column" if "column" in allowed_biases(kind) else "dense"
    layers: list[Layer] = [Dropout(input_dropout, seed=derive_seed(seed, DROPOUT_SEEDS))] if input_dropout else []
    for number, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        if number:
            layers.append(ReLU())
        if number and dropout:
            layers.append(Dropout(dropout, seed=derive_seed(seed, DROPOUT_SEEDS + number)))
        buckets = stored[number] if bias == "column" else max(1, stored[number] - n_out)
        layer_seed = derive_seed(seed, number) if find_kind(kind).default_seed is None else None
        layers.append(HashedLinear(n_in, n_out, buckets=buckets, seed=layer_seed, bias=bias, kind=kind, dtype=dtype,
                                   rng=np.random.default_rng(derive_seed(seed, number))))
    return Network(layers)
