"""Two networks on the same test images: which images only one of them got wrong.

McNemar's test compares methods in pairs: images that both got right, or both wrong, say nothing about a difference. It
is sharper than a comparison of two error rates, because methods make mistakes on much the same images.
"""

import base64
import zlib

import numpy as np
from numpy.typing import NDArray


def pack(wrong: NDArray[np.bool_]) -> str:
    """Write which images were wrong as a short text: bits, compressed.

    >>> unpack(pack(np.array([True, False, False, True])), 4)
    array([ True, False, False,  True])
    """
    return base64.b85encode(zlib.compress(np.packbits(wrong).tobytes(), 9)).decode()


def unpack(text: str, images: int) -> NDArray[np.bool_]:
    """Read what `pack` wrote, of so many images; raises ValueError for anything else."""
    size = -(-images // 8)
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b85decode(text), size + 1)  # a short text may hold many gigabytes of 0
    except (ValueError, zlib.error) as error:
        raise ValueError(f"this does not list the wrong images of a run: {error}") from error
    if len(content) > size:
        raise ValueError(f"this lists the wrong ones among more than {8 * size} images, expected {images}")
    if not unpacking.eof:
        raise ValueError("this does not list the wrong images of a run: its end is missing")
    if len(content) < size:
        raise ValueError(f"this lists the wrong ones among {8 * len(content)} images, expected {images}")
    bits = np.frombuffer(content, np.uint8)
    return np.unpackbits(bits, count=images).astype(bool)


def paired_difference(first: list[NDArray[np.bool_]], second: list[NDArray[np.bool_]],
                      times: float = 1.0) -> tuple[float, float]:
    """Compare two methods over the same test images: difference of the errors in percent, and its standard error.

    first, second: which images each seed's network got wrong; the second's errors are multiplied by `times`. For one
    seed, difference / standard error is McNemar's (b - c) / sqrt(b + c), with b and c the images that only one of the
    two got wrong. For several, an image counts with the share of seeds that got it wrong. The standard error is that of
    the images alone; `report.results.difference` adds the spread between seeds.

    >>> a, b = np.zeros((2, 100), bool); a[:10] = True; b[8:11] = True
    >>> difference, error = paired_difference([a], [b])
    >>> round(difference, 2), round(difference / error, 3) == round((8 - 1) / (8 + 1) ** 0.5, 3)
    (7.0, True)
    """
    apart = np.mean(first, axis=0) - times * np.mean(second, axis=0)  # (images,) of shares of the seeds
    return 100 * float(apart.mean()), 100 * float(np.sqrt((apart**2).sum())) / len(apart)
