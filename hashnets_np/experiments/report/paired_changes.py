"""How much more or fewer errors one way of sharing weights makes than another, with an interval.

Both were run with the same seeds on the same test images. A change has two sources of luck: the seeds, seen in the
spread of the differences of one seed, and the test images, seen in the spread of the differences of one image. Their
variances are added, which counts a part of the seeds' luck twice: intervals are a little too wide, not too narrow.
Cells are taken as independent of each other in the seeds' part, and share their test images in the images' part.

A relative change, first / second - 1, is uncertain in both of its terms. So its variance is that of first - r second,
with r = first / second, divided by the mean of the second. With first - second in its place the second's errors count
as known, and at a ratio of 4 intervals come out several times too short
(test_intervals_of_a_large_ratio_contain_the_truth).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .changes import Change, Part, change_of

Wrong = NDArray[np.bool_]  # (seeds, images): who got what wrong


def relative_change(pairs: Sequence[tuple[Wrong, Wrong]]) -> Change:
    """Average over cells how many percent more errors the first makes than the second, of the second's errors."""
    ratios = [float(first.mean() / second.mean()) for first, second in pairs]
    scaled = [(first - ratio * second) / second.mean() for (first, second), ratio in zip(pairs, ratios, strict=True)]
    return change_of(100 * float(np.mean(ratios) - 1), parts_of_cells(scaled))


def change_in_points(first: Wrong, second: Wrong) -> Change:
    """Return how much larger the first's error is than the second's, in percentage points."""
    difference = first.astype(float) - second
    return change_of(100 * float(difference.mean(axis=0).mean()), parts_of_cells([difference]))


def parts_of_cells(differences: Sequence[NDArray[np.float64]]) -> list[Part]:
    """List the sources of chance in a mean over images, seeds and cells, in percent; each cell is (seeds, images).

    >>> change_of(20.0, parts_of_cells([np.array([[0.1, 0.1], [0.3, 0.3]])]))
    Change(mean=20.0, error=10.0, freedom=1.0)
    """
    cells = len(differences)
    parts = []
    for difference in differences:
        by_seed = 100 * difference.mean(axis=1)
        seeds = len(by_seed)
        if seeds > 1:
            parts.append(Part(float(np.var(by_seed, ddof=1)) / seeds / cells**2, seeds - 1))
    by_image = 100 * np.mean([difference.mean(axis=0) for difference in differences], axis=0)
    images = len(by_image)
    return [*parts, Part(float(np.var(by_image, ddof=1)) / images, images - 1)]
