"""Real weights in one byte: w is about scale * q, with q an integer in -127..127 and one scale for each array.

Weights are rounded, dense biases are not: there are few of them, and each is used once. A hashed bias is rounded
with a scale of its own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..layers import Layer
from ..network import Network

LARGEST = 127


def int8_scale(w: NDArray) -> float:
    """Find the scale that brings the largest weight to 127, as a float32; 1 if all weights are 0.

    >>> int8_scale(np.array([-2.54, 1.0]))
    0.019999999552965164
    """
    largest = float(np.abs(w).max(initial=0.0))
    scale = float(np.float32(largest / LARGEST))
    return scale or 1.0  # also where the weights are too small for a float32 scale


def to_int8(w: NDArray, scale: float) -> NDArray[np.int8]:
    """Round weights to integers in -127..127."""
    return np.clip(np.rint(w / scale), -LARGEST, LARGEST).astype(np.int8)


def is_rounded(layer: Layer, name: str) -> bool:
    """Tell whether an array of a layer is rounded: all but dense biases and the weights of several hashes are."""
    hashed_bias: Any = getattr(layer, "bias_map", None)
    return name not in ("b", "alpha") or (name == "b" and hashed_bias is not None)


def quantize(net: Network) -> Network:
    """Copy a network with its weights rounded to int8, one scale for each array, as `export_c(weights="int8")` does.

    The copy computes in float32 with the rounded weights, so its error on a test set is that of the exported file.

    Parameters
    ----------
    net : Network
        Stays as it is.

    Returns
    -------
    Network
        In float32, each weight an integer in -127..127 times the scale of its array; dense biases unchanged.

    Examples
    --------
    >>> import hashnets_np as hn
    >>> layer = hn.Linear(2, 1, bias=False)
    >>> layer.params["w"][:] = [[1.0, 0.3]]
    >>> quantize(hn.Network([layer])).layers[0].params["w"] * 127
    array([[127.,  38.]], dtype=float32)
    """
    rounded = net.astype(np.float32)
    for layer in rounded.layers:
        for name, w in layer.params.items():
            if is_rounded(layer, name):
                scale = int8_scale(w)
                layer.params[name] = np.float32(scale) * to_int8(w, scale).astype(np.float32)
    return rounded
