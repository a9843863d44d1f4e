"""Two ways to look at the hashing: one weight under the glass, and the feature-hashing view of a whole layer.

The feature-hashing view (Eq. 5 and 6) hashes the inputs instead of sharing the weights: every output unit i sums the
inputs that fall into the same bucket, with their signs, and multiplies the K sums with w. It is the same z. For
looking and testing only: it needs n_out x K sums where a layer needs none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .kernels import check
from .maps import SharingMap

LOOK_AT, AT_ONCE = 10**7, 10**5  # virtual weights among which bucket-mates are looked for, and how many at a time


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
        shown = ", ".join(f"V[{i}, {j}]" for i, j in self.mates)
        more = f" and {self.num_mates - len(self.mates)} more" if self.num_mates > len(self.mates) else ""
        among = f" of the first {self.looked_at:,}" if self.looked_at < m.n_out * m.n_cols else ""
        lines.append(f"mates   {self.num_mates} other virtual weights{among} use w[{self.bucket}]: {shown}{more}")
        return "\n".join(lines)


def explain(m: SharingMap, i: int, j: int, show: int = 5) -> Explanation:
    """Show how virtual weight (i, j) finds its real weight, and who else uses it.

    i, j: 0-based, inside the map, ValueError otherwise. show: how many bucket-mates to list. Printing the result
    gives the key bytes, the hash, bucket and sign. Looks at every virtual weight, of a large map at the first 10**7.

    >>> print(explain(SharingMap(4, 4, buckets=3, seed=7), 2, 1))
    V[2, 1] of a 4 x 4 matrix, 3 buckets, kind xxhash
    key     02 00 00 00 01 00 00 00   (i, then j, little-endian)
    hash    0xf14bd5d5 = 4048278997   (XXH32, seed 7)
    bucket  4048278997 >> 1 = 2024139498, 2024139498 mod 3 = 0
    sign    bit 0 of the hash is 1: -1
    so      V[2, 1] = -w[0]
    mates   6 other virtual weights use w[0]: V[0, 1], V[0, 2], V[1, 1], V[2, 2], V[3, 1] and 1 more
    """
    bucket, sign = (int(value) for value in m.lookup(i, j))
    here, size = int(i) * m.n_cols + int(j), m.n_out * m.n_cols
    mates: list[tuple[int, int]] = []
    num_mates, looked_at = 0, min(size, LOOK_AT)
    for start in range(0, looked_at, AT_ONCE):
        place = np.arange(start, min(start + AT_ONCE, looked_at))  # V row by row
        found = place[(m.lookup(place // m.n_cols, place % m.n_cols)[0] == bucket) & (place != here)]
        num_mates += len(found)
        mates += [divmod(int(n), m.n_cols) for n in found[: show - len(mates)]]
    steps = m.derivation(int(i), int(j))
    return Explanation(int(i), int(j), m, steps, bucket, sign, mates, num_mates, looked_at)


def feature_hash(a: NDArray, m: SharingMap, i: int) -> NDArray:
    """Hash the inputs as output unit i sees them (Eq. 6, with the sign of Eq. 7).

    a: (batch, n_cols); i: below n_out; ValueError otherwise. Returns phi_i(a), (batch, K): entry k is the sum of
    xi(i, j) a_j over all j with h(i, j) = k.

    >>> m = SharingMap.from_table([[1, 0, 1]], [[1, -1, 1]], buckets=2)
    >>> feature_hash(np.array([[1.0, 2.0, 3.0]]), m, 0)
    array([[-2.,  4.]])
    """
    a, (bucket, sign) = check("a", a, (None, m.n_cols)), m.lookup(i, np.arange(m.n_cols))
    phi = np.zeros((len(a), m.buckets), dtype=np.result_type(a, np.float32))
    for j in range(m.n_cols):
        phi[:, bucket[j]] += sign[j] * a[:, j]
    return phi


def feature_hashing_forward(w: NDArray, a: NDArray, m: SharingMap) -> NDArray:
    """Compute z by the feature-hashing view, z_i = w^T phi_i(a) (Eq. 5): the z of `hashed_forward`, another way."""
    return np.stack([feature_hash(a, m, i) @ w for i in range(m.n_out)], axis=1)
