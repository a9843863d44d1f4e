"""hashnets_np: the reference implementation of HashedNets (Chen et al., ICML 2015) in NumPy and numba."""

from .hashing import derive_seed, xxh32_pair
from .kernels import hash_gather, hash_scatter_add, hashed_backward, hashed_forward
from .sharing import SharingMap

__version__ = "0.1.0"
__all__ = [
    "SharingMap",
    "derive_seed",
    "hash_gather",
    "hash_scatter_add",
    "hashed_backward",
    "hashed_forward",
    "xxh32_pair",
]
