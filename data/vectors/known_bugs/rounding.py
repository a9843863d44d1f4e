"""Numbers as computers keep them."""

import struct
from fractions import Fraction


def float32(x):
    """Round to the nearest float32, exactly."""
    return Fraction(struct.unpack("<f", struct.pack("<f", float(x)))[0])


def signed(x):
    """Read 32 bits as a two's complement number."""
    return x - 2**32 if x >= 2**31 else x
