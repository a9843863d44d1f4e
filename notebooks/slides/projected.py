"""All four moving pictures on one page, large enough for a projector."""

import numpy as np
from example import DELTA, A, M

import hashnets_np as hn
from hashnets_np.course import moving

STYLE = ("body{margin:0;background:#333;font:26px/1.3 Arial,'Liberation Sans',sans-serif}"
         "figure{max-width:920px!important;margin:0 auto 40px!important}figcaption{font-size:20px}")


def pictures() -> list:
    """Make the four pictures, with the numbers of lessons 1, 2, 3 and 4."""
    w1, w2 = np.array([3.2, 1.1, -0.5]), np.array([2.5, -0.7, 1.3])
    m1 = hn.SharingMap.from_table([[1, 0, 0, 2], [0, 1, 0, 0], [2, 1, 0, 1], [0, 2, 1, 2]], buckets=3)
    m2 = hn.SharingMap.from_table([[0, 1, 1, 2], [2, 2, 0, 0]], buckets=3)
    return [
        moving.network([m1, m2], [w1, w2], [1.0, 1.0, 0.0, 2.0]),
        moving.balls(hn.SharingMap(12, 20, buckets=60, seed=1), 60),
        moving.scatter_add(M, A, DELTA),
        moving.race(),
    ]


def page() -> str:
    """Write the page."""
    figures = "".join(picture._repr_html_() for picture in pictures())
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Moving pictures</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
            f"<body>{figures}</body></html>\n")
