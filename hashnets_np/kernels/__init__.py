"""Gather, scatter-add, forward and backward of a hashed layer: arguments are checked here.

The work is done in `plain` (NumPy, the specification) or `fast` (numba), with the same names, arguments and results.
`support/backend.py` chooses between them.
"""

from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..maps import SharingMap
from ..support.backend import uses_numba
from ..support.checks import check_flag, unmasked
from ..types import FloatArray
from . import plain

__all__ = ["hash_gather", "hash_scatter_add", "hashed_backward", "hashed_forward"]


class Kernels(Protocol):
    """What both versions have: the same names, arguments and results."""

    def hash_gather(self, w: FloatArray, m: SharingMap) -> FloatArray:
        """V (n_out, n_cols) from w (K,), Eq. 7."""

    def hash_scatter_add(self, dV: FloatArray, m: SharingMap) -> FloatArray:
        """dw (K,) from dV (n_out, n_cols), Eq. 12."""

    def hashed_forward(self, w: FloatArray, a: FloatArray, m: SharingMap) -> FloatArray:
        """z (batch, n_out), Eq. 8."""

    def hashed_backward(
        self, w: FloatArray, a: FloatArray, dz: FloatArray, m: SharingMap, input_grad: bool = True
    ) -> tuple[FloatArray, FloatArray | None]:
        """dw (K,), Eq. 12, and da (batch, n_cols), Eq. 9."""


def kernels() -> Kernels:
    """Choose the module that does the work."""
    return fast_kernels() if uses_numba() else plain


@cache
def fast_kernels() -> Kernels:
    """Import the numba version, once: even an import that does nothing takes longer than a small layer."""
    from . import fast

    return fast


def check(name: str, array: NDArray, shape: tuple[int | None, ...]) -> NDArray:
    """Check the shape of an array; None stands for any length."""
    array = unmasked(name, array)
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{name} has shape {array.shape}, expected ({wanted})")
    return array


def check_map(m: object) -> SharingMap:
    """Check that an argument is a sharing map and not, for example, the layer that has one."""
    if not isinstance(m, SharingMap):
        raise TypeError(f"m must be a SharingMap, got {type(m).__name__}; for a layer, pass layer.map")
    return m


def as_floats(*arrays: NDArray) -> tuple[NDArray, ...]:
    """Bring arrays to their common dtype, float32 or float64."""
    dtype = np.result_type(*arrays)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"arrays must be float32 or float64, got {', '.join(str(x.dtype) for x in arrays)}")
    return tuple(x.astype(dtype, copy=False) for x in arrays)


def hash_gather(w: FloatArray, m: SharingMap) -> FloatArray:
    """Build V from the real weights. For looking and testing: a layer never builds it.

    Parameters
    ----------
    w : (K,) float32 or float64
        The real weights.
    m : SharingMap
        With K buckets.

    Returns
    -------
    (n_out, n_cols) array of the dtype of w
        V[i, j] = xi(i, j) w[h(i, j)], the virtual weights.

    Raises
    ------
    ValueError
        For another shape or dtype.
    TypeError
        If m is not a SharingMap.

    References
    ----------
    Eq. 7 of Chen et al., ICML 2015.

    Examples
    --------
    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hash_gather(np.array([3.0, 0.5]), m)
    array([[ 0.5, -3. ],
           [ 3. ,  0.5]])
    """
    m = check_map(m)
    (w,) = as_floats(check("w", w, (m.buckets,)))
    return kernels().hash_gather(w, m)


def hash_scatter_add(dV: FloatArray, m: SharingMap) -> FloatArray:
    """Turn the gradient with respect to V into that with respect to w: the transpose of `hash_gather`.

    Parameters
    ----------
    dV : (n_out, n_cols) float32 or float64
        The gradient of the loss with respect to the virtual weights.
    m : SharingMap
        With K buckets.

    Returns
    -------
    (K,) array of the dtype of dV
        dw[k], the sum (not the mean) of xi(i, j) dV[i, j] over all (i, j) of bucket k; 0 for an empty bucket.

    Raises
    ------
    ValueError
        For another shape or dtype.
    TypeError
        If m is not a SharingMap.

    References
    ----------
    Eq. 11 and 12 of Chen et al., ICML 2015.

    Examples
    --------
    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hash_scatter_add(np.array([[1.0, 2.0], [3.0, 4.0]]), m)
    array([1., 5.])
    """
    m = check_map(m)
    (dV,) = as_floats(check("dV", dV, (m.n_out, m.n_cols)))
    return kernels().hash_scatter_add(dV, m)


def hashed_forward(w: FloatArray, a: FloatArray, m: SharingMap) -> FloatArray:
    """Compute z = a V^T without building V.

    Parameters
    ----------
    w : (K,) float32 or float64
        The real weights.
    a : (batch, n_cols) float32 or float64
        The input of the layer.
    m : SharingMap
        With K buckets.

    Returns
    -------
    (batch, n_out) array of np.result_type(w, a)
        z, what the layer computes.

    Raises
    ------
    ValueError
        For other shapes, and if the common dtype of the arrays is neither float32 nor float64.
    TypeError
        If m is not a SharingMap.

    References
    ----------
    Eq. 8 of Chen et al., ICML 2015.

    Examples
    --------
    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hashed_forward(np.array([3.0, 0.5]), np.array([[1.0, 2.0]]), m)
    array([[-5.5,  4. ]])
    """
    m = check_map(m)
    w = check("w", w, (m.buckets,))
    a = check("a", a, (None, m.n_cols))
    w, a = as_floats(w, a)
    return kernels().hashed_forward(w, a, m)


def hashed_backward(
    w: FloatArray, a: FloatArray, dz: FloatArray, m: SharingMap, input_grad: bool = True
) -> tuple[FloatArray, FloatArray | None]:
    """Compute the gradients with respect to the real weights and the input, without building V.

    Parameters
    ----------
    w : (K,) float32 or float64
        The real weights.
    a : (batch, n_cols) float32 or float64
        The input of the layer.
    dz : (batch, n_out) float32 or float64
        The error term: the gradient of the loss with respect to z.
    m : SharingMap
        With K buckets.
    input_grad : bool
        Whether da is wanted. A first layer needs none, and saves a third of the work.

    Returns
    -------
    dw : (K,) array of np.result_type(w, a, dz)
        The gradient with respect to w.
    da : (batch, n_cols) array, or None
        The gradient with respect to a; None with input_grad=False.

    Raises
    ------
    ValueError
        For other shapes, and if the common dtype of the arrays is neither float32 nor float64.
    TypeError
        If m is not a SharingMap.

    References
    ----------
    Eq. 12 (dw) and 9 (da) of Chen et al., ICML 2015.

    Examples
    --------
    >>> from hashnets_np import SharingMap
    >>> m = SharingMap.from_table([[1, 0], [0, 1]], [[1, -1], [1, 1]], buckets=2)
    >>> hashed_backward(np.array([3.0, 0.5]), np.array([[1.0, 2.0]]), np.array([[1.0, 10.0]]), m)
    (array([ 8., 21.]), array([[30.5,  2. ]]))
    """
    m = check_map(m)
    w = check("w", w, (m.buckets,))
    a = check("a", a, (None, m.n_cols))
    dz = check("dz", dz, (None, m.n_out))
    w, a, dz = as_floats(w, a, dz)
    if len(a) != len(dz):
        raise ValueError(f"a has {len(a)} rows and dz has {len(dz)}; both must have one row per example")
    return kernels().hashed_backward(w, a, dz, m, check_flag("input_grad", input_grad))
