"""XXH32 of a pair of indices: every sharing map, derived seed and mask of this package comes from it.

The key is 8 bytes: row i, then column j, each an unsigned 32-bit little-endian integer. XXH32 of so short a key is two
"lanes" (one per index) and a final "avalanche". This is the plain version, in NumPy; the same in numba is in
`maps/xxhash_fast.py`. Not covered here: keys of other lengths, which `maps/text.py` has for maps that hash text.

Source: the xxHash specification, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .support.checks import check_seed, shown, unmasked

PRIME_1 = 0x9E3779B1
PRIME_2 = 0x85EBCA77
PRIME_3 = 0xC2B2AE3D
PRIME_4 = 0x27D4EB2F
PRIME_5 = 0x165667B1
MAX_UINT32 = 2**32 - 1
KEY_BYTES = 8


def as_uint32(value: ArrayLike, name: str) -> NDArray[np.uint32]:
    """Turn integers in 0..2**32-1 into a uint32 array; anything else is a ValueError that names the argument."""
    array = unmasked(name, value)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers in 0..2**32-1, got {array.dtype} ({shown(value)})")
    if array.size and (int(array.min()) < 0 or int(array.max()) > MAX_UINT32):
        found = f"values from {array.min()} to {array.max()}" if array.size > 1 else array.item()
        raise ValueError(f"{name} must be in 0..2**32-1, got {found}")
    return array.astype(np.uint32)


def broadcast_shape(**arrays: NDArray[np.uint32]) -> tuple[int, ...]:
    """Find the shape to which arrays broadcast; a ValueError names those that do not."""
    try:
        return np.broadcast(*arrays.values()).shape
    except ValueError:
        shapes = " and ".join(f"{name} of shape {array.shape}" for name, array in arrays.items() if array.ndim)
        raise ValueError(f"{shapes} do not broadcast; to pair each i with each j, make i a column") from None


def rotate_left(x: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    """Rotate each 32-bit word: the bits that fall out on the left come back in on the right."""
    return (x << np.uint32(bits)) | (x >> np.uint32(32 - bits))


def avalanche(h: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Spread every input bit over the whole word, so that even the lowest bits of the hash can be used."""
    h = (h ^ (h >> np.uint32(15))) * np.uint32(PRIME_2)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(PRIME_3)
    return h ^ (h >> np.uint32(16))


def xxh32_pair(i: ArrayLike, j: ArrayLike, seed: ArrayLike) -> NDArray[np.uint32]:
    """Hash the 8-byte key (i, j) with XXH32.

    Parameters
    ----------
    i, j : integers in 0..2**32-1
        Row and column: the first and the last four bytes of the key, little-endian. Arrays broadcast.
    seed : integers in 0..2**32-1
        The seed of the hash; it broadcasts as well.

    Returns
    -------
    uint32 array of the broadcast shape
        The hashes.

    Raises
    ------
    ValueError
        For anything but integers in that range, and for arrays that do not broadcast.

    References
    ----------
    The xxHash specification, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

    Examples
    --------
    >>> int(xxh32_pair(2, 1, seed=7))
    4048278997
    >>> xxh32_pair([[0], [1]], [0, 1, 2], seed=7).shape
    (2, 3)
    """
    i = as_uint32(i, "i")
    j = as_uint32(j, "j")
    seed = as_uint32(seed, "seed")
    broadcast_shape(i=i, j=j, seed=seed)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**32 is what the specification asks for
        h = seed + np.uint32((PRIME_5 + KEY_BYTES) & MAX_UINT32)
        for lane in (i, j):
            h = rotate_left(h + lane * np.uint32(PRIME_3), 17) * np.uint32(PRIME_4)
        return avalanche(h)


def derive_seed(seed: int, n: int) -> int:
    """Derive the n-th seed from a seed, as for the hash functions of the n-th layer of a network.

    Parameters
    ----------
    seed : int
        In 0..2**32-1.
    n : int
        In 0..2**32-1, for example the number of a layer.

    Returns
    -------
    int
        XXH32 of the pair (seed, n) with seed 0.

    Raises
    ------
    ValueError
        For anything but integers in that range.

    References
    ----------
    Section 4.2 of Chen et al., ICML 2015: each layer has "dedicated hash functions".

    Examples
    --------
    >>> derive_seed(1, 0) != derive_seed(1, 1)
    True
    """
    return int(xxh32_pair(check_seed(seed), check_seed(n, "n"), 0))
