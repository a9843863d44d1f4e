"""How much more or fewer errors one way of sharing weights makes than another, with an interval.

Both were run with the same seeds on the same test images. A change has two sources of luck: the seeds, seen in the
spread of the differences of one seed, and the test images, seen in the spread of the differences of one image. Their
variances are added, which counts a part of the seeds' luck twice: intervals are a little too wide, not too narrow.
Cells are taken as independent of each other in the seeds' part, and share their test images in the images' part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Wrong = NDArray[np.bool_]  # (seeds, images): who got what wrong
LARGEST_FREEDOM = 10_000  # from here on Student's distribution is the normal one


@dataclass(frozen=True)
class Change:
    """A mean difference, its standard error, and the degrees of freedom of that; all in percent."""

    mean: float
    error: float
    freedom: float

    def interval(self, level: float) -> tuple[float, float]:
        """Return Student's interval at a level such as 0.95."""
        half = student(level, self.freedom) * self.error
        return self.mean - half, self.mean + half

    def direction(self, level: float) -> str:
        """Say whether the interval lies below 0, "fewer" errors, above 0, "more", or around it, ""."""
        low, high = self.interval(level)
        return "fewer" if high < 0 else "more" if low > 0 else ""


def relative_change(pairs: Sequence[tuple[Wrong, Wrong]]) -> Change:
    """Average over cells how many percent more errors the first makes than the second, of the second's errors."""
    scaled = []
    for first, second in pairs:
        scaled.append((first.astype(float) - second) / second.mean())
    return mean_of_cells(scaled)


def change_in_points(first: Wrong, second: Wrong) -> Change:
    """Return how much larger the first's error is than the second's, in percentage points."""
    return mean_of_cells([first.astype(float) - second])


def mean_of_cells(differences: Sequence[NDArray[np.float64]]) -> Change:
    """Average differences over images, seeds and cells; each cell is (seeds, images).

    >>> change = mean_of_cells([np.array([[0.1, 0.1], [0.3, 0.3]])])
    >>> round(change.mean, 6), round(change.error, 6), round(change.freedom, 6)
    (20.0, 10.0, 1.0)
    """
    cells = len(differences)
    parts = []  # of the variance: its size and its degrees of freedom
    for difference in differences:
        by_seed = difference.mean(axis=1)
        seeds = len(by_seed)
        if seeds > 1:
            parts.append((float(np.var(by_seed, ddof=1)) / seeds / cells**2, seeds - 1))
    by_image = np.mean([difference.mean(axis=0) for difference in differences], axis=0)
    images = len(by_image)
    parts.append((float(np.var(by_image, ddof=1)) / images, images - 1))
    variance = sum(size for size, _ in parts)
    spread = sum(size**2 / freedom for size, freedom in parts)
    freedom = variance**2 / spread if spread > 0 else float(images - 1)  # Satterthwaite
    return Change(100 * float(by_image.mean()), 100 * sqrt(variance), freedom)


@lru_cache(maxsize=4096)
def student(level: float, freedom: float) -> float:
    """Return t such that Student's variable lies between -t and t with probability `level`.

    With T = sqrt(freedom) tan(angle) the density of the angle is cos(angle)^(freedom - 1), which is easy to add up.

    >>> round(student(0.95, 19), 3), round(student(0.95, 2), 3), round(student(0.95, 1e6), 2)
    (2.093, 4.303, 1.96)
    """
    freedom = min(freedom, LARGEST_FREEDOM)
    angle = np.linspace(0, np.pi / 2, 200_001)
    density = np.cos(angle) ** (freedom - 1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return float(sqrt(freedom) * np.tan(np.interp(level, below / below[-1], angle)))
