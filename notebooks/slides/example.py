"""The 4 x 3 example of lesson 3, for the slides, the handout and the moving pictures."""

import numpy as np

import hashnets_np as hn

M = hn.SharingMap.from_table([[0, 1, 2], [2, 0, 0], [1, 2, 1], [0, 1, 0]],
                             [[1, -1, 1], [1, 1, -1], [-1, 1, 1], [1, 1, -1]], buckets=3)
BUCKET, SIGN = M.table()
W = np.array([0.5, -1.0, 2.0])
A = np.array([1.0, -2.0, 3.0])
DELTA = np.array([1.0, -2.0, 0.5, 1.0])

V = hn.hash_gather(W, M)  # Eq. 7
Z = hn.hashed_forward(W, A[None], M)[0]  # Eq. 8
DV = np.outer(DELTA, A)  # Eq. 10
DW, DA = (found.squeeze() for found in hn.hashed_backward(W, A[None], DELTA[None], M))  # Eq. 12, Eq. 9
