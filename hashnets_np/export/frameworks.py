"""What the ways back from PyTorch and JAX share."""

from typing import Any

from numpy.typing import NDArray

from ..conformance.host import HostMap, check_same_map
from ..layers import HashedLinear


def hashed_layer(
    n_in: int, m: HostMap, bias: Any, bias_map: HostMap | None, weights: dict[str, NDArray]
) -> HashedLinear:
    """Make the hashed layer with the same maps and these real weights."""
    bias_buckets = bias_map.buckets if bias_map else None
    layer = HashedLinear(n_in, m.n_out, buckets=m.buckets, seed=m.seed, bias=bias, kind=m.kind, size=m.size,
                         signed=m.signed, bias_buckets=bias_buckets, dtype=weights["w"].dtype)
    check_same_map(m, layer.map)
    if bias_map is not None:
        check_same_map(bias_map, layer.bias_map)
    layer.params = weights
    return layer
