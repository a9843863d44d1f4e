"""What inputs are made of: numbers and words that nobody expects, and bytes of right files with changes in them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

HUGE = [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, 10**30, -(2**31), -(2**63)]
INTEGERS = st.one_of(st.integers(-3, 70), st.sampled_from(HUGE))
FLOATS = st.one_of(st.floats(), st.sampled_from([0.5, 1e-300, 1e300, -0.0]))
WORDS = st.one_of(st.text(max_size=8), st.sampled_from(
    ["", "1/8", "1/0", "0", "-1", "1e999", "he", "column", "xxhash", "fold", "float32", "\x00", "nan", "²", "\ud800"]))
PLAIN = st.one_of(st.none(), st.booleans(), INTEGERS, FLOATS, WORDS)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
                    max_leaves=8)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Draw small arrays of any type, shape and layout, now and then with NaN or infinity."""
    dtype = draw(st.sampled_from(["f4", "f8", "f2", "i8", "i4", "u1", "?", "c16", "O", "U3", ">f4", "M8[s]"]))
    shape = draw(st.lists(st.integers(0, 6), max_size=3).map(tuple))
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    if array.size and dtype in ("f4", "f8") and draw(st.integers(0, 9)) == 0:
        array.flat[0] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e38]))
    if draw(st.booleans()):
        array.flags.writeable = False
    return draw(st.sampled_from([array, array.T, array[::-1] if array.ndim else array]))


WILD: st.SearchStrategy[Any] = st.one_of(
    PLAIN, arrays(), st.lists(PLAIN, max_size=4), st.sampled_from([..., (), {}, int, np.float32, b"", 1j, np.int8(3)]))


@st.composite
def changed(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """Take a right file and change a few bytes of it, cut it, or put something in."""
    content = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.integers(0, 4)):
            case 0:
                content[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                del content[at:]
            case 2:
                content[at:at] = draw(st.binary(max_size=12))
            case 3:
                del content[at : at + draw(st.integers(1, 20))]
            case 4:
                content[at : at + 8] = draw(st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7]))
    return bytes(content)
