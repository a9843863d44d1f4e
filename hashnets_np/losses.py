"""Losses with their gradients by hand, as means over the mini-batch.

Softmax cross-entropy for class labels, and the error rate that the paper reports. The soft-target loss of dark
knowledge stands with the other baselines (`baselines.py`).
"""

import numpy as np
from numpy.typing import NDArray


def log_softmax(z: NDArray) -> NDArray:
    """Compute log(exp(z_c) / sum_k exp(z_k)) by row, shifted by the row's maximum so that exp never overflows."""
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax_cross_entropy(z: NDArray, y: NDArray) -> tuple[float, NDArray]:
    """Compute the mean cross-entropy of softmax(z) with class labels, and its gradient.

    z: (batch, classes) logits. y: (batch,) integers in 0..classes-1. Returns the loss in nats and dz (batch, classes),
    of the dtype of z; an empty batch has loss 0. Raises ValueError for labels outside.

    >>> loss, dz = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss, 4), dz
    (0.6931, array([[ 0.5, -0.5]]))
    """
    z, y = np.asarray(z), np.asarray(y)
    if z.ndim != 2 or y.shape != z.shape[:1]:
        raise ValueError(f"z must be (batch, classes) and y (batch,), got {z.shape} and {y.shape}")
    if y.size == 0:
        return 0.0, np.zeros_like(z)
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= z.shape[1]:
        raise ValueError(f"y must be integers in 0..{z.shape[1] - 1}, got {y.dtype} from {y.min()} to {y.max()}")
    rows, log_p = np.arange(len(y)), log_softmax(z)
    dz = np.exp(log_p)  # softmax(z) - onehot(y), over the batch size
    dz[rows, y] -= 1
    return float(-log_p[rows, y].mean()), dz / len(y)


def error_rate(z: NDArray, y: NDArray) -> float:
    """Count how often the largest logit is not the label, in percent; ValueError unless z and y have one length.

    >>> error_rate(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    50.0
    """
    if np.shape(y) != np.shape(z)[:1]:  # (n, 1) labels would be compared with every row
        raise ValueError(f"z must be (n, classes) and y (n,), got {np.shape(z)} and {np.shape(y)}")
    return 100.0 * float(np.mean(np.argmax(z, axis=1) != y)) if len(y) else 0.0
