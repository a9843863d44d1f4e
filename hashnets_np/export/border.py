"""What both exporters check before they write anything, and how they write: everything or nothing."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..network import Network


def check_network(net: Network) -> tuple[int, int]:
    """Check that layers fit together and hold finite weights; returns how many inputs and outputs there are.

    Raises ValueError, which names the layer by its number from 0.
    """
    layers: list[Any] = net.layers
    sizes = [(n, layer.n_in, layer.n_out) for n, layer in enumerate(layers) if layer.params and hasattr(layer, "n_in")]
    if not sizes:
        raise ValueError("the network has no layer with weights, so that nothing says how many inputs it has")
    for (n, _, given), (m, expected, _) in zip(sizes, sizes[1:], strict=False):
        if given != expected:
            raise ValueError(f"layer {n} gives {given} numbers, but layer {m} expects {expected}")
    for name, p in net.parameters():
        if not np.isfinite(p).all():
            raise ValueError(f"weights {name} hold values that are not finite; did the training diverge?")
    return sizes[0][1], sizes[-1][2]


def check_suffix(path: str | Path, suffix: str, other: str) -> Path:
    """Check how the name of the file ends."""
    path = Path(path)
    if path.suffix != suffix:
        raise ValueError(f"{path} must end in {suffix}; {other}")
    return path


def check_inputs(inputs: ArrayLike | None, n_in: int, most: int) -> NDArray[np.float32]:
    """Check the inputs of a self-test and take the first rows; without any, draw numbers in [0, 1)."""
    if inputs is None:
        return np.random.default_rng(0).integers(0, 256, (most, n_in)).astype(np.float32) / 256
    x = np.asarray(inputs, np.float32)
    if x.ndim != 2 or x.shape[1] != n_in or len(x) == 0:
        raise ValueError(f"inputs have shape {x.shape}, expected (n, n_in={n_in}) with at least one row")
    if not np.isfinite(x[:most]).all():
        raise ValueError("inputs hold values that are not finite")
    return x[:most]


def write_together(contents: dict[Path, bytes]) -> None:
    """Write files beside their places first and rename them last: a failure leaves all of them as they were."""
    partial = {path: path.with_name(f"{path.name}.{os.getpid()}.partial") for path in contents}
    try:
        for path, content in contents.items():
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder; name a file")
            partial[path].write_bytes(content)
        for path in contents:
            os.replace(partial[path], path)
    finally:
        for leftover in partial.values():
            leftover.unlink(missing_ok=True)
