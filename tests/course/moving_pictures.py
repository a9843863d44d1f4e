"""The four moving pictures with the numbers of the lessons, for the tests."""

import numpy as np

import hashnets_np as hn
from hashnets_np.course import moving

# lesson 1: the paper's Figure 1
W1, W2 = np.array([3.2, 1.1, -0.5]), np.array([2.5, -0.7, 1.3])
M1 = hn.SharingMap.from_table([[1, 0, 0, 2], [0, 1, 0, 0], [2, 1, 0, 1], [0, 2, 1, 2]], buckets=3)
M2 = hn.SharingMap.from_table([[0, 1, 1, 2], [2, 2, 0, 0]], buckets=3)
INPUTS = np.array([1.0, 1.0, 0.0, 2.0])
# lesson 3: four outputs, three inputs, three real weights
M = hn.SharingMap.from_table([[0, 1, 2], [2, 0, 0], [1, 2, 1], [0, 1, 0]],
                             [[1, -1, 1], [1, 1, -1], [-1, 1, 1], [1, 1, -1]], buckets=3)
A, DELTA = np.array([1.0, -2.0, 3.0]), np.array([1.0, -2.0, 0.5, 1.0])
# lesson 2
BALLS = hn.SharingMap(12, 20, buckets=60, seed=1)

PICTURES = {
    "network": moving.network([M1, M2], [W1, W2], INPUTS),
    "scatter_add": moving.scatter_add(M, A, DELTA),
    "balls": moving.balls(BALLS, 60),
    "race": moving.race(),
}
