"""The recipe of the authors' released code, as far as it is known: networks, start and training.

Dropout of 0.25 on inputs and hidden units, learning rate 0.1 / (1 + 1e-4 * steps) with dampened momentum 0.9 and no
weight decay, batches of 50, a uniform start, their hash and a hashed bias (kind `authors2015`), 200 epochs. Its read-me
promises "around 1.5 %" on MNIST at 1/8 with one hidden layer.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..hashing import derive_seed
from ..layers import Dropout, HashedLinear, Layer, ReLU
from ..maps import SharingMap
from ..network import Network
from ..optim import SGD
from ..types import Compression
from .methods import DROPOUT_SEEDS
from .sizes import check_widths

DROPOUT = 0.25
EPOCHS = 200
LEARNING_RATE = 0.1
MOMENTUM = 0.9
SETTINGS = {"rate": LEARNING_RATE, "momentum": MOMENTUM, "dropout": DROPOUT, "input_dropout": DROPOUT}  # for records
PROMISE = {"1/8": "around 1.5 %"}  # of its read-me


def network(widths: Sequence[int], compression: Compression | None, seed: int) -> Network:
    """Build the network of the released code.

    >>> network([784, 1000, 10], "1/8", seed=0).num_parameters() == 98_000 + 125 + 1250 + 2
    True
    """
    rng = np.random.default_rng(seed)
    parts: list[Layer] = []
    for number, (n_in, n_out) in enumerate(pairwise(check_widths(widths))):
        parts += [ReLU()] if number else []
        parts.append(Dropout(DROPOUT, seed=derive_seed(seed, DROPOUT_SEEDS + number)))
        parts.append(HashedLinear(n_in, n_out, compression=compression, bias="hashed", kind="authors2015",
                                  init="uniform", rng=rng))
    return Network(parts)


def keep_maps(net: Network) -> None:
    """Replace the maps of a network by tables of all their buckets and signs, 9 bytes for each virtual weight.

    These maps hash a text for each virtual weight, which takes about 13 times as long as all else that a step does. The
    results are the same to the last bit (test_kept_maps_change_no_number).
    """
    for layer in net.layers:
        if isinstance(layer, HashedLinear):
            layer.map = as_table(layer.map)
            layer.bias_map = None if layer.bias_map is None else as_table(layer.bias_map)


def as_table(m: SharingMap) -> SharingMap:
    """Make an explicit map of the same buckets and signs."""
    bucket, sign = m.table()
    return SharingMap.from_table(bucket, sign, buckets=m.buckets)


def optimizer() -> SGD:
    """Make its optimizer: dampened momentum multiplies gradients by 1 - momentum, which is done to the step here."""
    return SGD(LEARNING_RATE * (1 - MOMENTUM), momentum=MOMENTUM, schedule="released")
