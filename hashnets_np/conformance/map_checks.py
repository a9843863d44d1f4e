"""Whether a map that was read off a layer is that of the specification, or at least looks like a hash."""

import numpy as np

from ..maps import SharingMap
from .adapter import LayerSpec
from .findings import Map, Probe


def is_right_map(m: Map, spec: LayerSpec) -> bool:
    """Whether a map that was read off a layer is that of the specification."""
    constant = spec.bias == "column"  # it is read as `m.column`
    right = SharingMap(spec.n_out, spec.n_in + constant, buckets=spec.buckets, seed=spec.seed or 0, kind=spec.kind,
                       size=spec.size)
    i, j = np.indices(m.bucket.shape)
    bucket, sign = right.lookup(i, j + constant)
    return np.array_equal(bucket, m.bucket) and np.array_equal(sign, m.sign)


def check_map(probe: Probe, m: Map, K: int, where: str = "") -> None:
    """Check that the map looks like a hash: even buckets, balanced and independent signs, no equal rows."""
    n_out, n_in = m.bucket.shape
    load = np.bincount(m.bucket.ravel(), minlength=K)
    mean = m.bucket.size / K
    chi2 = ((load - mean) ** 2 / mean).sum()
    even = chi2 <= K - 1 + 5 * (2 * (K - 1)) ** 0.5
    probe.note(even, f"the buckets are filled as evenly as by chance {where}".strip())
    chance = mean > 12 and load[-1] == 0  # probability e^-12
    probe.note(not chance, f"the last bucket is used {where}".strip())
    distinct = len(np.unique(m.bucket, axis=0)) == n_out and len(np.unique(m.bucket.T, axis=0)) == n_in
    probe.note(distinct, f"no two rows and no two columns of V share all buckets {where}".strip())
    n = min(n_out, n_in)
    upper = np.triu_indices(n, 1)
    equal = (m.bucket[:n, :n] == m.bucket[:n, :n].T)[upper].mean()
    probe.note(
        equal < 1 / K + 5 / len(upper[0]) ** 0.5, f"V is not symmetric: (i, j) and (j, i) differ {where}".strip()
    )
    check_signs(probe, m, K, where)


def check_signs(probe: Probe, m: Map, K: int, where: str) -> None:
    """Check the signs, if there are any."""
    if (m.sign > 0).all():
        probe.note(None, "there are no signs; the paper's sign factor removes a bias, so add them if you can")
        return
    probe.note(abs(m.sign.mean()) < 5 / m.sign.size**0.5, f"as many signs are + as - {where}".strip())
    rows = (np.abs(m.sign.mean(axis=1)) == 1).mean()
    columns = (np.abs(m.sign.mean(axis=0)) == 1).mean()
    probe.note(max(rows, columns) < 0.5, f"the sign depends on both the row and the column {where}".strip())
    load = np.bincount(m.bucket.ravel(), minlength=K)
    total = np.bincount(m.bucket.ravel(), m.sign.ravel(), K)
    many = load > 3
    alike = (np.abs(total)[many] == load[many]).mean() if many.any() else 0.0
    probe.note(alike < 0.5, f"the sign is independent of the bucket {where}".strip())
