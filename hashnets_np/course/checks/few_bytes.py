"""Checks of exercise 11: how few bytes?"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..marking import Example, done, mark


def _bits(counts: NDArray) -> float:
    """Shannon's bound in bits for symbols that occur so often."""
    counts = counts[counts > 0]
    return float(-np.sum(counts * np.log2(counts / counts.sum())))


def entropy_bits(function: Callable) -> None:
    """Check Shannon's bound in bits for all codes together: function(codes) -> number."""
    rng = np.random.default_rng(30)
    examples = []
    for size, most in ((20, 3), (100, 7), (8, 1), (333, 127)):
        codes = np.rint(rng.normal(size=size) * most / 2).astype(int).clip(-most, most)
        codes[:2] = most, -most
        counts = np.unique(codes, return_counts=True)[1]
        bits = _bits(counts)
        examples.append(Example((codes,), bits, [
            ("this is for one code; for all of them, multiply by their number", bits / size),
            ("in bits: take the logarithm to the base 2", bits * np.log(2)),
            ("bits are asked for, not bytes", bits / 8),
            ("all codes are not equally frequent: the frequent ones get short codes", size * np.log2(len(counts))),
            ("this is what codes of one length need", size * np.ceil(np.log2(len(counts)))),
            ("each kind of code counts as often as it occurs", -np.sum(np.log2(counts / size))),
            ("a logarithm of a share is negative; the bound is not", -bits),
            ("divide the counts by their sum, to have shares", -np.sum(counts * np.log2(counts))),
        ], f"{size} codes"))
    mark(function, examples, "the bound")
    done("No coder that sees one code at a time can do better.")


def gaps_of_places(function: Callable) -> None:
    """Check the gaps that a pruned layer stores: function(places, largest) -> gaps, none above largest."""
    examples = []
    for places, largest in (([1, 4, 5], 255), ([0, 300, 301], 255), ([20, 47], 8), ([7], 3), ([3, 6, 9], 3)):
        gaps: list[int] = []
        to_the_end: list[int] = []
        one_step: list[int] = []
        plain = np.diff(places, prepend=0)
        for way in plain.tolist():
            whole = (way - 1) // largest if way > largest else 0
            gaps += [largest] * whole + [way - whole * largest]
            to_the_end += [largest] * (way // largest) + [way % largest]
            one_step += [largest, way - largest] if way > largest else [way]
        started = np.array(gaps) - np.eye(len(gaps), dtype=int)[0]
        examples.append(Example((np.array(places), largest), gaps, [
            ("a way above `largest` needs more than one step", plain),
            ("a way above `largest` needs more than one step; this cuts it off", np.minimum(plain, largest)),
            ("a way of exactly `largest` is one gap; this adds a gap of 0 after it", to_the_end),
            ("one step of `largest` is not enough for a long way: repeat it", one_step),
            ("what does not fit is lost here: the remainder alone ends at another place", plain % (largest + 1)),
            ("these are places; gaps are the way from one to the next", places),
            ("the first gap counts from place 0", np.diff(places)),
            ("the first gap counts from place 0, not from -1", np.array(gaps) + np.eye(len(gaps), dtype=int)[0]),
            ("the gap to a neighbour is 1, as the places differ by 1", np.array(gaps) - 1),
            ("the first gap counts from place 0, not from 1", started),
        ], f"places {places}, largest gap {largest}"))
    mark(function, examples, "the result")
    done("Every place can be reached with one byte a step.")


def best_scale(function: Callable) -> None:
    """Check the scale with the least squared error for given codes: function(w, codes) -> scale."""
    rng = np.random.default_rng(31)
    examples = []
    for size, most in ((10, 7), (40, 127), (5, 1), (12, 3)):
        w = rng.normal(size=size)
        codes = np.clip(np.rint(w * most / 1.5), -most, most).astype(int)
        codes[0] = most
        scale = float(w @ codes / (codes @ codes))
        nonzero = codes != 0
        examples.append(Example((w, codes), scale, [
            ("this is the scale of the largest weight; it need not be the best for these codes",
             np.abs(w).max() / np.abs(codes).max()),
            ("this is the mean of the quotients; large codes count more in the squared error",
             float(np.mean(w[nonzero] / codes[nonzero]))),
            ("this compares the sizes and forgets the signs", np.linalg.norm(w) / np.linalg.norm(codes)),
            ("divide by the sum of squared codes, not by that of squared weights", float(w @ codes / (w @ w))),
            ("this is one over the scale", 1 / scale),
            ("w is about scale times codes; this minimises the distance of codes and w / scale",
             float(w @ w / (w @ codes))),
            ("this is <w, codes>; divide by what the derivative says", float(w @ codes)),
            ("this is the quotient of the mean sizes", float(np.abs(w).mean() / np.abs(codes).mean())),
        ], f"{size} weights, codes up to {most}"))
    mark(function, examples, "the scale")
    done("Least squares with one unknown.")


def as_array(function: Callable) -> Callable:
    """Let a function return its bytes as bytes or a bytearray, too."""

    @wraps(function)
    def converted(*arguments: Any) -> Any:
        found = function(*arguments)
        return np.frombuffer(found, dtype=np.uint8) if isinstance(found, bytes | bytearray) else found

    return converted if callable(function) else function


def packed_pairs(function: Callable) -> None:
    """Check two codes in a byte: function(codes), whole numbers in -8..7, -> uint8, the first in the high half."""
    rng = np.random.default_rng(32)
    examples = []
    for size in (6, 1, 9, 16):
        codes = rng.integers(-8, 8, size=size)
        codes[0] = -3
        even = np.append(codes, np.zeros(size % 2, dtype=int))
        high = even[0::2]
        low = even[1::2]
        right = (high & 15) << 4 | low & 15
        examples.append(Example((codes,), right, [
            ("the first code of a pair goes into the high half", (low & 15) << 4 | high & 15),
            ("a negative code has ones in all its upper bits: keep four of them, with & 15", (high << 4 | low) & 255),
            ("this adds 8 to every code; take its own four bits, as two's complement", (high + 8) << 4 | low + 8),
            ("this drops the last code of an odd number", right[: size // 2]),
            ("each byte holds two codes", codes & 15),
            ("each byte holds two codes", codes & 255),
            ("the sign is lost: -3 and 3 give the same", (np.abs(high) & 15) << 4 | np.abs(low) & 15),
            ("a half byte has four bits: shift by 4", (high & 15) << 3 | low & 15),
            ("pairs are neighbours: codes 0 and 1, then 2 and 3",
             (even[: len(high)] & 15) << 4 | even[len(high) :] & 15),
        ], f"{size} codes"))
    mark(as_array(function), examples, "the result")
    done("Four bits for each weight, really.")


def pruned_bits(function: Callable) -> None:
    """Check the bits of a pruned layer, the places at Shannon's bound: function(n, kept, bits) -> number."""
    examples = []
    for n, kept, bits in ((16, 4, 8), (18_944, 296, 4), (1000, 500, 32), (64, 1, 8), (50, 50, 4)):
        places = _bits(np.array([kept, n - kept]))
        half = places / 2 if kept not in (0, n) else places
        wanted = kept * bits + places
        yes_only = -kept * np.log2(kept / n)
        examples.append(Example((n, kept, bits), wanted, [
            ("the places are missing: which weights were kept must be stored, too", kept * bits),
            ("these are the places alone", places),
            ("a weight that is gone needs no bits for its value", n * bits + places),
            ("a yes or no that is nearly always no costs less than one bit", kept * bits + n),
            ("log2(n) for each place is more than Shannon's bound", kept * (bits + np.log2(n))),
            ("the places that were not kept carry information, too: sum over yes and no", kept * bits + yes_only),
            ("in bits: take the logarithm to the base 2", kept * bits + places * np.log(2)),
            ("the entropy of one place has to be paid n times, not once", kept * bits + places / n),
            ("the entropy of one place has to be paid n times, not only for those that were kept",
             kept * bits + places / n * kept),
            ("bits are asked for, not bytes", wanted / 8),
            ("this pays half of the places", kept * bits + half),
        ], f"{kept} of {n} weights, {bits} bits each"))
    mark(function, examples, "the number of bits")
    done("At 1/64 a place costs more than a weight of four bits. A hashed network pays for one seed.")
