"""Two ways to look at the hashing: one virtual weight step by step, and the feature-hashing view of a whole layer.

The feature-hashing view (Eq. 5 and 6) hashes the inputs instead of sharing the weights: every output unit i sums the
inputs that fall into the same bucket, with their signs, and multiplies the K sums with w. It is the same z. For
looking and testing only: it needs n_out x K sums, and a layer needs none.
"""

from dataclasses import dataclass

import numpy as np

from .kernels import check, check_map
from .maps import SharingMap
from .support.checks import check_count, check_integer, real_numbers
from .types import FloatArray

LOOK_AT = 10**7  # how many virtual weights are searched for bucket-mates, and how many at a time
AT_ONCE = 10**5


@dataclass(frozen=True)
class Explanation:
    """What a sharing map does with one virtual weight; `mates` are the first other (i, j) in its bucket.

    looked_at: how many virtual weights were looked at for mates, from (0, 0) on, row by row; of a large matrix not all.
    """

    i: int
    j: int
    map: SharingMap
    derivation: list[str]  # the steps from (i, j) to bucket and sign, as text
    bucket: int
    sign: int
    mates: list[tuple[int, int]]
    num_mates: int
    looked_at: int

    def __str__(self) -> str:
        m = self.map
        lines = [f"V[{self.i}, {self.j}] of a {m.n_out} x {m.n_cols} matrix, {m.buckets} buckets, kind {m.kind}"]
        lines += self.derivation
        lines.append(f"so      V[{self.i}, {self.j}] = {'-' if self.sign < 0 else ''}w[{self.bucket}]")
        lines.append(f"mates   {self._count_mates()} w[{self.bucket}]{self._name_mates()}")
        return "\n".join(lines)

    def _count_mates(self) -> str:
        among = f" of the first {self.looked_at:,}" if self.looked_at < self.map.n_out * self.map.n_cols else ""
        if self.num_mates == 0:
            return f"no other virtual weight{among} uses"
        if self.num_mates == 1:
            return f"1 other virtual weight{among} uses"
        return f"{self.num_mates} other virtual weights{among} use"

    def _name_mates(self) -> str:
        if not self.mates:
            return ""
        left = self.num_mates - len(self.mates)
        return ": " + ", ".join(f"V[{i}, {j}]" for i, j in self.mates) + (f" and {left} more" if left else "")


def explain(m: SharingMap, i: int, j: int, show: int = 5) -> Explanation:
    """Show how virtual weight (i, j) finds its real weight, and who else uses it.

    Parameters
    ----------
    m : SharingMap
        The map of a layer, such as `layer.map`.
    i, j : int
        0-based row and column, inside V.
    show : int
        How many of the other virtual weights in the same bucket to list.

    Returns
    -------
    Explanation
        Print it to see the key, the hash, the bucket and the sign. Of a map with more than 10**7 virtual weights only
        the first 10**7 are searched for others in the bucket.

    Raises
    ------
    ValueError
        For anything but a map, for indices outside V, and for a negative number of others.

    Examples
    --------
    >>> print(explain(SharingMap(4, 4, buckets=3, seed=7), 2, 1))
    V[2, 1] of a 4 x 4 matrix, 3 buckets, kind xxhash
    key     02 00 00 00 01 00 00 00   (i, then j, little-endian)
    hash    0xf14bd5d5 = 4048278997   (XXH32, seed 7)
    bucket  4048278997 >> 1 = 2024139498, 2024139498 mod 3 = 0
    sign    bit 0 of the hash is 1: -1
    so      V[2, 1] = -w[0]
    mates   6 other virtual weights use w[0]: V[0, 1], V[0, 2], V[1, 1], V[2, 2], V[3, 1] and 1 more
    """
    if not isinstance(m, SharingMap):
        raise ValueError(f"explain needs a SharingMap, got {type(m).__name__}; for a HashedLinear, pass layer.map")
    show = check_count("show", show, at_least=0)
    i = check_integer("i", i, 0, m.n_out - 1)
    j = check_integer("j", j, 0, m.n_cols - 1)
    bucket, sign = (int(value) for value in m.lookup(i, j))
    here = i * m.n_cols + j
    searched = min(m.n_out * m.n_cols, LOOK_AT)
    mates: list[tuple[int, int]] = []
    num_mates = 0
    for start in range(0, searched, AT_ONCE):
        place = np.arange(start, min(start + AT_ONCE, searched), dtype=np.int64)  # V row by row
        buckets, _ = m.lookup(place // m.n_cols, place % m.n_cols)
        found = place[(buckets == bucket) & (place != here)]
        num_mates += len(found)
        mates += [divmod(int(n), m.n_cols) for n in found[: show - len(mates)]]
    return Explanation(i, j, m, m.derivation(i, j), bucket, sign, mates, num_mates, searched)


def feature_hash(a: FloatArray, m: SharingMap, i: int) -> FloatArray:
    """Hash the inputs as output unit i sees them.

    Parameters
    ----------
    a : (batch, n_cols) array
        The input of a layer.
    m : SharingMap
        With K buckets.
    i : int
        The output unit, 0-based, below n_out.

    Returns
    -------
    (batch, K) array
        phi_i(a): entry k is the sum of xi(i, j) a_j over all j with h(i, j) = k.

    Raises
    ------
    ValueError
        If a has another shape, or is not of real numbers, or i lies outside V.

    References
    ----------
    Eq. 6, with the sign of Eq. 7, of Chen et al., ICML 2015.

    Examples
    --------
    >>> m = SharingMap.from_table([[1, 0, 1]], [[1, -1, 1]], buckets=2)
    >>> feature_hash(np.array([[1.0, 2.0, 3.0]]), m, 0)
    array([[-2.,  4.]])
    """
    m = check_map(m)
    a = check("a", real_numbers("a", a), (None, m.n_cols))
    i = check_integer("i", i, 0, m.n_out - 1)
    bucket, sign = m.lookup(i, np.arange(m.n_cols))
    phi = np.zeros((len(a), m.buckets), dtype=np.result_type(a, np.float32))
    a = a.astype(phi.dtype, copy=False)  # small integers would overflow
    for j in range(m.n_cols):
        phi[:, bucket[j]] += sign[j] * a[:, j]  # Eq. 6; the signs make phi(a) . phi(b) = a . b on average: Eq. 1
    return phi


def feature_hashing_forward(w: FloatArray, a: FloatArray, m: SharingMap) -> FloatArray:
    """Compute z by the feature-hashing view, z_i = w^T phi_i(a): the z of `hashed_forward`, computed another way.

    Parameters
    ----------
    w : (K,) array
        The real weights.
    a : (batch, n_cols) array
        The input of a layer.
    m : SharingMap
        With K buckets.

    Returns
    -------
    (batch, n_out) array
        z.

    Raises
    ------
    ValueError
        If w or a has another shape, or is not of real numbers.

    References
    ----------
    Eq. 5 of Chen et al., ICML 2015.

    Examples
    --------
    >>> m = SharingMap.from_table([[1, 0, 1]], [[1, -1, 1]], buckets=2)
    >>> feature_hashing_forward(np.array([10.0, 1.0]), np.array([[1.0, 2.0, 3.0]]), m)
    array([[-16.]])
    """
    m = check_map(m)
    w = check("w", real_numbers("w", w), (m.buckets,))
    return np.stack([feature_hash(a, m, i) @ w for i in range(m.n_out)], axis=1)  # Eq. 5: z_i = w . phi_i(a)
