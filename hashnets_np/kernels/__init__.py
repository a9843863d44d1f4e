"""Gather, scatter-add, forward and backward of a hashed layer: arguments are checked here.

Behind it stand `plain` (NumPy, the specification) and `fast` (numba), with the same names, arguments and results.
`backend` says which of them does the work.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..backend import importing_numba_code, uses_numba
from ..maps import SharingMap
from . import plain

__all__ = ["hash_gather", "hash_scatter_add", "hashed_backward", "hashed_forward"]


class Kernels(Protocol):
    """What both versions have: the same names, arguments and results."""

    def hash_gather(self, w: NDArray, m: SharingMap) -> NDArray:
        """V (n_out, n_cols) from w (K,), Eq. 7."""

    def hash_scatter_add(self, dV: NDArray, m: SharingMap) -> NDArray:
        """dw (K,) from dV (n_out, n_cols), Eq. 12."""

    def hashed_forward(self, w: NDArray, a: NDArray, m: SharingMap) -> NDArray:
        """z (batch, n_out), Eq. 8."""

    def hashed_backward(
        self, w: NDArray, a: NDArray, dz: NDArray, m: SharingMap, input_grad: bool = True
    ) -> tuple[NDArray, NDArray | None]:
        """dw (K,), Eq. 12, and da (batch, n_cols), Eq. 9."""


def kernels() -> Kernels:
    """Choose the module that does the work."""
    if not uses_numba():
        return plain
    with importing_numba_code():
        from . import fast
    return fast


def check(name: str, array: NDArray, shape: tuple[int | None, ...]) -> NDArray:
    """Check the shape of an array; None stands for any length."""
    array = np.asarray(array)
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{name} has shape {array.shape}, expected ({wanted})")
    return array


def as_floats(*arrays: NDArray) -> tuple[NDArray, ...]:
    """Bring arrays to their common dtype, float32 or float64."""
    dtype = np.result_type(*arrays)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"arrays must be float32 or float64, got {', '.join(str(x.dtype) for x in arrays)}")
    return tuple(x.astype(dtype, copy=False) for x in arrays)


def hash_gather(w: NDArray, m: SharingMap) -> NDArray:
    """Build V from the real weights (Eq. 7). For looking and testing: a layer never builds it.

    w: (K,) float32 or float64. Returns V (n_out, n_cols) of the same dtype. ValueError for another shape or dtype.

    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hash_gather(np.array([3.0, 0.5]), m)
    array([[ 0.5, -3. ],
           [ 3. ,  0.5]])
    """
    (w,) = as_floats(check("w", w, (m.buckets,)))
    return kernels().hash_gather(w, m)


def hash_scatter_add(dV: NDArray, m: SharingMap) -> NDArray:
    """Turn the gradient of V into that of the real weights (Eq. 11 and 12): the transpose of `hash_gather`.

    dV: (n_out, n_cols) float32 or float64. Returns dw (K,) of the same dtype, summed, not averaged, over each bucket.

    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hash_scatter_add(np.array([[1.0, 2.0], [3.0, 4.0]]), m)
    array([1., 5.])
    """
    (dV,) = as_floats(check("dV", dV, (m.n_out, m.n_cols)))
    return kernels().hash_scatter_add(dV, m)


def hashed_forward(w: NDArray, a: NDArray, m: SharingMap) -> NDArray:
    """Compute z = a V^T without building V (Eq. 8).

    w: (K,); a: (batch, n_cols), float32 or float64. Returns z (batch, n_out) of np.result_type(w, a).

    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hashed_forward(np.array([3.0, 0.5]), np.array([[1.0, 2.0]]), m)
    array([[-5.5,  4. ]])
    """
    w, a = as_floats(check("w", w, (m.buckets,)), check("a", a, (None, m.n_cols)))
    return kernels().hashed_forward(w, a, m)


def hashed_backward(
    w: NDArray, a: NDArray, dz: NDArray, m: SharingMap, input_grad: bool = True
) -> tuple[NDArray, NDArray | None]:
    """Compute the gradients of the real weights (Eq. 12) and of the input (Eq. 9) without building V.

    w: (K,); a: (batch, n_cols); dz: (batch, n_out), the gradient of the loss with respect to z. Returns dw (K,) and da
    (batch, n_cols), of np.result_type(w, a, dz). A first layer needs no da: input_grad=False leaves it out, as None.

    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hashed_backward(np.array([3.0, 0.5]), np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]]), m)
    (array([ 8., 21.]), array([[30.5,  2. ]]))
    """
    w, a, dz = as_floats(check("w", w, (m.buckets,)), check("a", a, (None, m.n_cols)), check("dz", dz, (None, m.n_out)))
    if len(a) != len(dz):
        raise ValueError(f"a has {len(a)} rows and dz has {len(dz)}; both must have one row per example")
    return kernels().hashed_backward(w, a, dz, m, input_grad)
