"""What both exporters check before they write anything, and how they write: all files or none."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..experiments.baselines import LowRankLinear, MaskedLinear
from ..experiments.one_store import StoreLinear, TenantLinear
from ..experiments.several_hashes import MultiHashedLinear
from ..layers import Dropout, HashedLinear, Layer, Linear, ReLU, Tanh
from ..maps import SharingMap
from ..network import Network
from ..support import checks
from ..support.disk import atomic_write, user_path

# The options that both exporters write, or that change nothing once a layer has its weights (dtype, init, rate). Any
# other option of these layers is an error: a file without it would compute something else, and nobody would notice.
COMMON = {"n_in", "n_out", "seed", "dtype"}
OF_HASHED = COMMON | {"init", "buckets", "bias", "bias_buckets", "kind", "size", "signed"}
OPTIONS: dict[type[Layer], set[str]] = {
    HashedLinear: OF_HASHED,
    StoreLinear: OF_HASHED,
    TenantLinear: {"n_in", "n_out", "seed", "store", "kind"},
    MultiHashedLinear: COMMON | {"buckets", "hashes", "learn_alpha", "kind"},
    Linear: COMMON | {"init", "bias"},
    MaskedLinear: COMMON | {"survivors"},
    LowRankLinear: COMMON | {"rank"},
    ReLU: set(),
    Tanh: set(),
    Dropout: {"rate", "seed"},
}


def check_network(net: Network) -> tuple[int, int]:
    """Check that layers fit together and hold finite weights; returns how many inputs and outputs there are.

    Raises ValueError, which names the layer by its number from 0, and TypeError for what is not a network.
    """
    checks.check_network(net)
    layers: list[Any] = net.layers
    sizes = [(n, layer.n_in, layer.n_out) for n, layer in enumerate(layers)
             if getattr(layer, "n_in", None) is not None]
    if not sizes:
        raise ValueError("the network has no layer with weights, so its number of inputs is unknown")
    for (n, _, given), (m, expected, _) in itertools.pairwise(sizes):
        if given != expected:
            raise ValueError(f"layer {n} gives {given} numbers, but layer {m} expects {expected}")
    for name, p in net.parameters():
        if not np.isfinite(p).all():
            raise ValueError(f"weights {name} hold values that are not finite; did the training diverge?")
    return sizes[0][1], sizes[-1][2]


def check_one_dtype(net: Network) -> np.dtype:
    """Find the dtype that all parameters share, which the file will have."""
    dtypes = {p.dtype for _, p in net.parameters()}
    if len(dtypes) > 1:
        names = " and ".join(sorted(map(str, dtypes)))
        raise ValueError(f"the layers have parameters of {names}; convert them to one dtype with net.astype")
    return dtypes.pop()


def check_fits(net: Network, rounded: str) -> None:
    """Check that finite weights are still finite after they were rounded to what a file holds."""
    for name, p in net.parameters():
        if not np.isfinite(p).all():
            raise ValueError(f"weights {name} hold values that are too large for {rounded}; scale the layer down, or "
                             "use export_onnx, which keeps the dtype")


def check_logits(logits: NDArray) -> None:
    """Check that the logits of a self-test are finite: C has no constant for others."""
    wrong = ~np.isfinite(logits).all(axis=1)
    if wrong.any():
        raise ValueError(f"the logits of the self-test are not finite for row {wrong.argmax()} of its inputs; expected "
                         "numbers that fit float32: give smaller inputs, or scale the weights down")


def write_layers(net: Network, writers: Mapping[type[Layer], Callable], target: Any, language: str) -> None:
    """Add all layers to a program or graph with the function for each; an error names the layer."""
    for number, layer in enumerate(net.layers):
        try:
            if type(layer) not in writers:
                raise ValueError(f"known layers are {', '.join(kind.__name__ for kind in writers)}")
            check_options(layer)
            writers[type(layer)](layer, number, target)
        except ValueError as error:
            name = type(layer).__name__
            raise ValueError(f"layer {number} ({name}) cannot be written in {language}: {error}") from error


def check_options(layer: Layer) -> None:
    """Check that the layer was made with no option that a file would silently lack."""
    known = OPTIONS.get(type(layer))
    if known is None:  # a layer of somebody's own, whose writer is their own, too
        return
    config = Layer.config(layer)  # not layer.config(), which refuses a map that was replaced
    unknown = [f"{name}={value!r}" for name, value in config.items() if name not in known]
    if unknown:
        raise ValueError(f"it was made with {', '.join(unknown)}, which the exporters do not know (they know "
                         f"{', '.join(sorted(known)) or 'no options'}); make it without")


def check_map(m: SharingMap) -> None:
    """Check that what a file holds of a map is all that defines it: a map made from just that is the same map."""
    again = SharingMap(m.n_out, m.n_cols, buckets=m.buckets, seed=m.seed, kind=m.kind, size=m.size, signed=m.signed)
    if again != m:
        raise ValueError(f"its sharing map is {m!r}, but a file holds only n_out, n_cols, buckets, seed, kind, size "
                         f"and signed, which make {again!r}; use that one, or export_onnx(weights='expanded')")


def check_suffix(path: str | Path, suffix: str, other: str) -> Path:
    """Check how the name of the file ends."""
    path = user_path(path)
    if path.suffix != suffix:
        raise ValueError(f"{path} must end in {suffix}; {other}")
    return path


def check_inputs(inputs: ArrayLike | None, n_in: int, most: int) -> NDArray[np.float32]:
    """Check the inputs of a self-test and take the first rows; without any, draw numbers in [0, 1)."""
    if inputs is None:
        return np.random.default_rng(0).integers(0, 256, (most, n_in)).astype(np.float32) / np.float32(256)
    with np.errstate(over="ignore"):  # said below
        x = np.asarray(inputs, np.float32)
    if x.ndim != 2 or x.shape[1] != n_in or len(x) == 0:
        raise ValueError(f"inputs have shape {x.shape}, expected (n, n_in={n_in}) with at least one row")
    if not np.isfinite(x[:most]).all():
        raise ValueError("inputs hold values that are not finite in float32")
    return x[:most]


def write_together(contents: dict[Path, bytes]) -> None:
    """Write several files, or none: if one cannot be written, those before it are put back as they were."""
    before = {path: path.read_bytes() if path.is_file() else None for path in contents}
    written: list[Path] = []
    try:
        for path, content in contents.items():
            atomic_write(path, content)
            written.append(path)
    except OSError:
        for path in written:
            put_back(path, before[path])
        raise


def put_back(path: Path, content: bytes | None) -> None:
    """Give a file its old content; None: it did not exist."""
    if content is None:
        path.unlink()
    else:
        atomic_write(path, content)
