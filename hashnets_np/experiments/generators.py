"""The data sets of Larochelle et al. (2007), regenerated from a seed by the published recipes.

Six recipes: rotation and three backgrounds put on given digits, and two sets of drawn shapes. They are not the authors'
programs (those are lost): what the recipes leave open is decided here, and noted where it is. Images are float32 in [0,
1], one per row, 28 x 28 unless the digits say otherwise. Not covered here: reading the original files (`larochelle`).

Source: Larochelle, Erhan, Courville, Bergstra, Bengio: "An empirical evaluation of deep architectures on problems with
many factors of variation", ICML 2007, and the authors' page on each set (ConvexNonConvex is copied at OpenML 40765).
"""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Labels = NDArray[np.int64]

SIDE = 28
RECTANGLE_SIDES = (4, 28)  # measured in the original file; the page says only "uniform"
RECTANGLE_DIFFERENCE = 3
FIELD_SIDE = 512  # 20 pictures, as in the original set
FIELDS = 20
LOW_CONTRAST = 0.1  # patches whose standard deviation is below are drawn again ("low variance patches rejected")


def rotate(images: Images, angles: NDArray[np.float64]) -> Images:
    """Turn each square image counter-clockwise about its centre, by bilinear interpolation; outside is black.

    images: (n, side * side). angles: (n,) radians. Returns (n, side * side) float32.

    >>> rotate(np.float32([[0, 1, 0, 0]]), np.array([np.pi / 2])).round(3)
    array([[1., 0., 0., 0.]], dtype=float32)
    """
    side = round(images.shape[1] ** 0.5)
    centre = (side - 1) / 2
    y, x = np.divmod(np.arange(side * side), side) - np.array([[centre], [centre]])
    cos = np.cos(angles)[:, None]
    sin = np.sin(angles)[:, None]
    # where in the source each target pixel lies: the rotation backwards (the y axis points down)
    source_x = cos * x - sin * y + centre  # (n, pixels)
    source_y = sin * x + cos * y + centre
    return bilinear(images.reshape(-1, side, side), source_y, source_x)


def bilinear(images: Images, y: NDArray[np.float64], x: NDArray[np.float64]) -> Images:
    """Read images (n, h, w) at points y, x (n, points), between pixels by the four neighbours; black outside."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    y = np.clip(y + 1, 0, padded.shape[1] - 1.001)
    x = np.clip(x + 1, 0, padded.shape[2] - 1.001)
    row = y.astype(np.int64)
    col = x.astype(np.int64)
    down = y - row
    right = x - col
    n = np.arange(len(images))[:, None]
    top = padded[n, row, col] * (1 - right) + padded[n, row, col + 1] * right
    bottom = padded[n, row + 1, col] * (1 - right) + padded[n, row + 1, col + 1] * right
    return (top * (1 - down) + bottom * down).astype(np.float32)


def enlarge(images: Images, side: int) -> Images:
    """Scale square images up to side x side by bilinear interpolation (the shipped digits are 8 x 8)."""
    old = round(images.shape[1] ** 0.5)
    at = np.clip((np.arange(side) + 0.5) * old / side - 0.5, 0, old - 1)
    y = np.repeat(at, side)[None]
    x = np.tile(at, side)[None]
    return bilinear(images.reshape(-1, old, old), np.repeat(y, len(images), 0), np.repeat(x, len(images), 0))


def pink_field(side: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make a 1/f noise picture: amplitude 1/f, random phases, as natural images have on average; scaled to [0, 1].

    Values beyond 2.5 standard deviations are cut off, as a camera does.
    """
    white = np.fft.rfft2(rng.standard_normal((side, side)))
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    f[0, 0] = np.inf  # no constant part
    field = np.fft.irfft2(white / f, (side, side))
    return np.clip(field / (5 * field.std()) + 0.5, 0, 1)


def patches(pictures: list[NDArray], n: int, side: int, rng: np.random.Generator) -> Images:
    """Cut n square patches at random from pictures (2-D, in [0, 1]), leaving out those of low contrast.

    Returns (n, side * side) float32. Raises ValueError if the pictures are too small or too flat.
    """
    if any(min(p.shape) < side for p in pictures):
        raise ValueError(f"every background picture must be at least {side} x {side} pixels")
    out = np.empty((n, side * side), np.float32)
    done = tried = 0
    while done < n:
        picture = pictures[rng.integers(len(pictures))]
        row = rng.integers(picture.shape[0] - side + 1)
        col = rng.integers(picture.shape[1] - side + 1)
        patch = picture[row : row + side, col : col + side]
        tried += 1
        if patch.std() >= LOW_CONTRAST:
            out[done] = patch.ravel()
            done += 1
        elif tried > 1000 * (done + 1):
            raise ValueError(f"the background pictures are too flat: hardly any patch has contrast >= {LOW_CONTRAST}")
    return out


def pink_patches(n: int, side: int, rng: np.random.Generator) -> Images:
    """Cut n patches from 20 pictures of 1/f noise: (n, side * side)."""
    return patches([pink_field(FIELD_SIDE, rng) for _ in range(FIELDS)], n, side, rng)


def uniform_noise(n: int, side: int, rng: np.random.Generator) -> Images:
    """Draw every pixel uniformly from [0, 1): (n, side * side)."""
    return rng.random((n, side * side), np.float32)


def rotated(digits: Images, rng: np.random.Generator) -> Images:
    """Turn each digit by an angle of its own, uniform in [0, 2 pi): the recipe of ROT."""
    return rotate(digits, rng.uniform(0, 2 * np.pi, len(digits)))


def on_background(digits: Images, background: Images) -> Images:
    """Lay digits on backgrounds: the brighter of the two at every pixel. How the authors did it is not known."""
    return np.maximum(digits, background)


def rectangles(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw n outlines of rectangles, one pixel wide; label 1 where taller than wide: the recipe of RECT.

    Sides are uniform over 4..28, pairs that differ by less than 3 are drawn again, and the place is uniform inside the
    frame: so it is in the original file, as `tests/experiments/test_larochelle.py` shows. Returns (n, 784) float32 and
    (n,) int64.
    """
    low, high = RECTANGLE_SIDES
    pairs = [(h, w) for h in range(low, high + 1) for w in range(low, high + 1) if abs(h - w) >= RECTANGLE_DIFFERENCE]
    h, w = np.array(pairs)[rng.integers(len(pairs), size=n)].T
    top = rng.integers(SIDE - h + 1)
    left = rng.integers(SIDE - w + 1)
    y = np.arange(SIDE)[None, :, None] - top[:, None, None]
    x = np.arange(SIDE)[None, None, :] - left[:, None, None]
    h_ = h[:, None, None]
    w_ = w[:, None, None]
    inside = (y >= 0) & (y < h_) & (x >= 0) & (x < w_)
    core = (y >= 1) & (y < h_ - 1) & (x >= 1) & (x < w_ - 1)
    return (inside & ~core).reshape(n, -1).astype(np.float32), (h > w).astype(np.int64)


# CONVEX. The page gives the two geometric parameters, the smallest areas and the numbers of sets, and says that they
# were balanced so that both classes have the same mean number of white pixels. It does not say what "location" is
# uniform over, nor whether the geometric distribution counts from 0 (as in MATLAB, which the authors used) or from 1.
# Which readings are balanced, and why this one was taken, is in `data/records/protocol1.md`: the boundary of each
# half-plane lies at a signed distance from the centre (negative: the centre is black), uniform in this range of pixels.
CONVEX_DISTANCES = (-1.5, 14.0)
CONVEX_GEOMETRIC = 0.195
PIECE_GEOMETRIC = 0.07
CONVEX_AREA = 19
PIECE_AREA = 10
PIECES = (2, 4)


def half_plane_sets(n: int, p: float, smallest: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw n intersections of Geometric(p) half-planes of at least `smallest` pixels each: (n, 784)."""
    y, x = (np.indices((SIDE, SIDE), np.float32) - np.float32((SIDE - 1) / 2)).reshape(2, -1)
    kept = []
    missing = n
    while missing > 0:
        draws = missing + missing // 4 + 10
        planes = rng.geometric(p, draws) - 1  # from 0
        white = np.ones((draws, SIDE * SIDE), bool)
        for number in range(planes.max(initial=0)):
            rows = np.flatnonzero(planes > number)
            angle = rng.uniform(0, 2 * np.pi, (len(rows), 1)).astype(np.float32)
            distance = rng.uniform(*CONVEX_DISTANCES, (len(rows), 1)).astype(np.float32)
            white[rows] &= np.cos(angle) * x + np.sin(angle) * y <= distance
        kept.append(white[white.sum(axis=1) >= smallest][:missing])
        missing -= len(kept[-1])
    return np.concatenate(kept) if kept else np.zeros((0, SIDE * SIDE), bool)


def is_convex(white: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell for each image (n, 784) whether its white pixels are all the pixels in their convex hull.

    The hull's reach in row y is the furthest point of any chord between a row above and a row below, so every pair of
    rows is looked at: the page's "convexity condition for every pair of pixels". Empty images count as convex.
    """
    images = white.reshape(-1, SIDE, SIDE)
    filled = images.any(axis=2)  # (n, rows)
    left = np.where(filled, images.argmax(axis=2), np.inf)
    right = np.where(filled, SIDE - 1 - images[:, :, ::-1].argmax(axis=2), -np.inf)
    in_hull = np.zeros(len(images), np.int64)
    for row in range(SIDE):
        above = np.arange(row + 1)[:, None]
        below = np.arange(row, SIDE)[None, :]
        t = (row - above) / np.maximum(below - above, 1)  # (above, below): how far down the chord
        with np.errstate(invalid="ignore"):  # 0 * inf where a row is empty: no chord
            first = np.nanmin(chord(left, above, below, t, np.inf), axis=(1, 2))
            last = np.nanmax(chord(right, above, below, t, -np.inf), axis=(1, 2))
            width = np.floor(last + 1e-9) - np.ceil(first - 1e-9) + 1
        in_hull += np.where(np.isfinite(width), np.maximum(width, 0), 0).astype(np.int64)
    return in_hull == white.sum(axis=1)


def chord(edge: NDArray, above: NDArray, below: NDArray, t: NDArray, nothing: float) -> NDArray:
    """Interpolate between the edges (n, rows) of two rows; `nothing` where one of them is empty."""
    a = edge[:, above]  # (n, above, 1), (n, 1, below)
    b = edge[:, below]
    return np.where(np.isfinite(a) & np.isfinite(b), a * (1 - t) + b * t, nothing)


def non_convex_sets(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw n unions of 2 to 4 half-plane sets that are not convex: (n, 784)."""
    kept = []
    missing = n
    while missing > 0:
        draws = min(missing + missing // 2 + 10, 4000)
        pieces = half_plane_sets(PIECES[1] * draws, PIECE_GEOMETRIC, PIECE_AREA, rng).reshape(draws, PIECES[1], -1)
        used = np.arange(PIECES[1])[None, :] < rng.integers(PIECES[0], PIECES[1] + 1, (draws, 1))
        union = np.asarray((pieces & used[:, :, None]).any(axis=1))  # (draws, 784)
        kept.append(union[~is_convex(union)][:missing])
        missing -= len(kept[-1])
    return np.concatenate(kept) if kept else np.zeros((0, SIDE * SIDE), bool)


def convex(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw n white shapes on black; label 1 where convex, each class with probability 1/2: the recipe of CONVEX.

    Returns (n, 784) float32 and (n,) int64.
    """
    y = rng.integers(2, size=n)
    x = np.empty((n, SIDE * SIDE), np.float32)
    x[y == 1] = half_plane_sets(int(y.sum()), CONVEX_GEOMETRIC, CONVEX_AREA, rng)
    x[y == 0] = non_convex_sets(int(n - y.sum()), rng)
    return x, y
