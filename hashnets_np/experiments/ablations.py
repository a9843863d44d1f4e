"""Other ways to share weights, each as a method of the study: what `sweep ablations` compares with HashNet.

Each record changes one choice of the paper's and leaves everything else: the kind of map, signs, the number of hashes,
the store, the seeds, and what the gradient of a shared weight is divided by. All store as many numbers as HashNet:
where alpha is learned, w is shorter by as much.

Sources: `fold` is RANDOMFOLD (Desai and Shrivastava, ICLR 2024), `chunk` ROBE-Z (Desai, Chou and Shrivastava, MLSys
2022), `tile` and one store ROAST (Desai, Zhou and Shrivastava, ICML 2023), several hashes FunHashNN (Shi, Feng and Zhu,
2016). One seed for all layers is what the authors' released code has.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from ..datasets import Dataset, load_dataset, register_dataset
from ..layers import HashedLinear, Layer
from .methods import Hashing, Maker, Method, hashed_layer, register_method, several_hashes_layer

TRAINING_IMAGES = 8_000  # of the 14 x 14 digits; the first of MNIST's, and the next ones for validation
VALIDATION_IMAGES = 2_000


def changed_layer(
    n_in: int, n_out: int, stored: int, seed: int, rng: Generator, dtype: DTypeLike, **choices: Any
) -> Layer:
    """Make a hashed layer with another map than the paper's."""
    return HashedLinear(n_in, n_out, buckets=stored, seed=seed, rng=rng, dtype=dtype, **choices)


def layer_with(**choices: Any) -> Maker:
    """Name the function that makes a layer with these choices; unlike a lambda it can be sent to another process."""
    return partial(changed_layer, **choices)


def layer_of(hashes: int, learn_alpha: bool = False) -> Maker:
    """Name the function that makes a layer with so many hashes."""
    return partial(several_hashes_layer, hashes=hashes, learn_alpha=learn_alpha)


BASELINE = "hashnet"
VARIANTS = (
    Method(name="fold", label="fold", maker=layer_with(kind="fold")),
    Method(name="chunk-4", label="chunk of 4", maker=layer_with(kind="chunk", size=4)),
    Method(name="chunk-16", label="chunk of 16", maker=layer_with(kind="chunk", size=16)),
    Method(name="chunk-64", label="chunk of 64", maker=layer_with(kind="chunk", size=64)),
    Method(name="tile-8", label="tile of 8", maker=layer_with(kind="tile", size=8)),
    Method(name="tile-32", label="tile of 32", maker=layer_with(kind="tile", size=32)),
    Method(name="no-signs", label="no signs", maker=layer_with(signed=False)),
    Method(name="hashes-2", label="2 hashes", maker=layer_of(2)),
    Method(name="hashes-2-learned", label="2 hashes, alpha learned", maker=layer_of(2, learn_alpha=True)),
    Method(name="hashes-4", label="4 hashes", maker=layer_of(4)),
    Method(name="hashes-4-learned", label="4 hashes, alpha learned", maker=layer_of(4, learn_alpha=True)),
    Method(name="by-load", label="gradient / load", maker=hashed_layer, load_exponent=1.0),
    Method(name="by-root-load", label="gradient / root of load", maker=hashed_layer, load_exponent=0.5),
    Method(name="one-store", label="one store", maker=hashed_layer, hashing=Hashing(share="network")),
    Method(name="one-seed", label="one seed", maker=hashed_layer, hashing=Hashing(layer_seeds="shared")),
)


def load_small_mnist(data_dir: Any = None) -> Dataset:
    """Load MNIST at half its resolution: the means of 2 x 2 pixels, of 10,000 training images and all test images."""
    mnist = load_dataset("mnist", data_dir)
    x = halve(mnist.x_train[: TRAINING_IMAGES + VALIDATION_IMAGES])
    y = mnist.y_train[: TRAINING_IMAGES + VALIDATION_IMAGES]
    return Dataset("mnist14", x[:TRAINING_IMAGES], y[:TRAINING_IMAGES], x[TRAINING_IMAGES:], y[TRAINING_IMAGES:],
                   halve(mnist.x_test), mnist.y_test, f"{mnist.provenance}; means of 2 x 2 pixels, 10,000 images")


def halve(x: np.ndarray) -> np.ndarray:
    """Average 2 x 2 pixels of 28 x 28 images given as rows.

    >>> halve(np.arange(784.0).reshape(1, 784))[0, :2]
    array([14.5, 16.5])
    """
    return x.reshape(len(x), 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(x), 196)


register_dataset("mnist14", load_small_mnist)
for variant in VARIANTS:
    register_method(variant)
