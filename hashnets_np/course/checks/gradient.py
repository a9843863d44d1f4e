"""Checks of exercise 3: the gradient."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...gradient_check import gradcheck
from ...kernels import hash_gather, hash_scatter_add, hashed_forward
from ...layers import HashedLinear, ReLU
from ...maps import SharingMap
from ...network import Network
from ..marking import MAP, NotYet, call, compare, done, number, numbers, require


def _layer() -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Make an example: bucket, sign, w, a (batch 3), dz."""
    rng = np.random.default_rng(0)
    return *MAP.table(), rng.normal(size=4), rng.normal(size=(3, 5)), rng.normal(size=(3, 6))


def gather(function: Callable) -> None:
    """Check Equation 7: function(w, bucket, sign) -> V."""
    bucket, sign, w, _, _ = _layer()
    compare(call(function, w, bucket, sign), hash_gather(w, MAP), "V", {"the signs are missing": w[bucket]})
    done("The same as hn.hash_gather.")


def scatter_add(function: Callable) -> None:
    """Check Equation 12: function(dV, bucket, sign, buckets) -> dw."""
    bucket, sign, _, a, dz = _layer()
    dV, right = dz.T @ a, hash_scatter_add(dz.T @ a, MAP)
    fancy = np.zeros(4)
    fancy[bucket] += dV * sign
    compare(call(function, dV, bucket, sign, 4), right, "dw", {
        "the signs are missing": np.bincount(bucket.ravel(), dV.ravel(), 4),
        "this is the mean over each bucket, the gradient is the sum": right / np.bincount(bucket.ravel(), minlength=4),
        "fancy += adds once per bucket; use np.bincount(..., weights=...)": fancy,
    })
    done("The same as hn.hash_scatter_add.")


def input_gradient(function: Callable) -> None:
    """Check Equation 9: function(dz, w, bucket, sign) -> da."""
    bucket, sign, w, _, dz = _layer()
    V = w[bucket] * sign
    compare(call(function, dz, w, bucket, sign), dz @ V, "da", {"the signs are missing": dz @ w[bucket]})
    done("dz V: the same V as in the forward pass, read along its columns.")


def slope(function: Callable) -> None:
    """Check central differences along a direction: function(loss, w, direction, step) -> slope."""
    w, u = np.array([1.0, -2.0]), np.array([0.6, 0.8])
    found = number(call(function, lambda w: float(np.sum(w**3)), w, u, 1e-3), "the slope")
    exact = float(3 * w**2 @ u)
    require(abs(found - exact / 2) > 1e-2, "half of it: the two points are 2 steps apart, or you went one way only")
    require(abs(found - 2 * exact) > 1e-2, "twice too large: the two points are 2 steps apart")
    require(abs(found - exact) < 1e-4, f"the slope of sum(w**3) is {exact:.4f} here, you measured {found:.4f}"
            + ("; that is a one-sided difference" if abs(found - exact) < 1e-1 else ""))
    require(np.array_equal(w, [1.0, -2.0]), "w was changed; work on w + step * direction, not in place")
    done("A central difference: its error shrinks with the square of the step.")


def layer_gradients(layer_class: type[HashedLinear]) -> None:
    """Check the backward pass of a subclass of HashedLinear by the gradient check, in a network of two layers."""
    rng = np.random.default_rng(0)
    try:
        layers = [HashedLinear(5, 7, "1/4", seed=1), ReLU(), layer_class(7, 4, "1/4", seed=2)]
        report = gradcheck(Network(layers), rng.normal(size=(6, 5)), np.array([0, 1, 2, 3, 0, 1]))
    except NotImplementedError as error:
        raise NotYet("backward is still empty") from error
    except Exception as error:
        raise NotYet(f"the network stopped with {type(error).__name__}: {error}") from error
    names = {"2.w": "the gradient of w (Eq. 12)", "0.w": "what reaches the layer below (Eq. 9)",
             "input": "what reaches the input (Eq. 9)"}
    for name, what in names.items():
        off = report.errors[name]
        require(off <= 1e-6, f"{what} is wrong: relative error {off:.1e} against central differences")
    done(f"The gradient check passes, worst relative error {report.worst:.0e}.")


def tied_gradient(function: Callable) -> None:
    """Check the gradient of one w shared by two layers: function(w, x, dz2, m1, m2) -> dw; linear layers."""
    rng = np.random.default_rng(1)
    m1, m2 = SharingMap(4, 5, buckets=3, seed=1), SharingMap(2, 4, buckets=3, seed=2)
    w, x, dz2 = rng.normal(size=3), rng.normal(size=(6, 5)), rng.normal(size=(6, 2))

    def loss(w: NDArray) -> float:
        return float(np.sum(dz2 * hashed_forward(w, hashed_forward(w, x, m1), m2)))

    slopes = [(loss(w + e) - loss(w - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    found = numbers(call(function, w, x, dz2, m1, m2), "dw")
    require(found.shape == w.shape, f"dw has shape {found.shape}, expected {w.shape}: one number per real weight")
    second = hash_scatter_add(dz2.T @ hashed_forward(w, x, m1), m2)
    require(not np.allclose(found, second), "this is the second layer's part only; w is used in the first layer, too")
    right = np.allclose(found, slopes, rtol=1e-5, atol=1e-7)
    require(right, f"dw is {found}, central differences say {np.array(slopes)}")
    done("One weight, two layers: the contributions add up, as over the places of one layer.")
