"""Lesson 7's linear model on the hashed gradients of a random network: what Equation (1) alone says about inflation."""

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from ..kernels import hash_scatter_add
from ..maps import SharingMap

PENALTY = 1e-3  # of the mean squared length of the features


def hashed_gradients(x: NDArray, width: int, K: int, seed: int) -> NDArray[np.float64]:
    """Hash each image's gradient with respect to the first layer of a random network with one output: (n, K)."""
    rng = np.random.default_rng(seed)
    a = np.insert(np.asarray(x, dtype=float), 0, 1.0, axis=1)
    V1 = rng.normal(size=(width, a.shape[1])) * np.sqrt(2 / (a.shape[1] - 1))
    v2 = rng.choice([-1, 1], size=width) / np.sqrt(width)
    error_terms = (a @ V1.T > 0) * v2  # (n, width)
    m = SharingMap(width, a.shape[1], buckets=K, seed=seed)
    return np.stack([hash_scatter_add(np.outer(delta, row), m) for delta, row in zip(error_terms, a, strict=True)])


def linear_model_error(data: Dataset, width: int, K: int, seed: int, examples: int = 400) -> float:
    """Fit the classes by ridge regression on hashed gradients of some training images; return the test error in %."""
    train = hashed_gradients(data.x_train[:examples], width, K, seed)
    test = hashed_gradients(data.x_test, width, K, seed)
    labels = np.eye(int(data.y_train.max()) + 1)[data.y_train[:examples]] - 0.1
    inner = train @ train.T
    inner[np.diag_indices(len(inner))] += PENALTY * np.trace(inner) / len(inner)
    outputs = test @ (train.T @ np.linalg.solve(inner, labels))
    return float(100 * np.mean(outputs.argmax(axis=1) != data.y_test))
