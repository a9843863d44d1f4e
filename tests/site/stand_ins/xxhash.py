"""The reference library's XXH32 in plain Python, for tests in Pyodide, where the real one cannot be installed.

Written from the published specification of xxHash; where both are there, test_webassembly.py compares them.
"""

PRIMES = (2654435761, 2246822519, 3266489917, 668265263, 374761393)
WORD = 0xFFFFFFFF


def rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & WORD


def stripes(data: bytes, seed: int) -> int:
    """Mix whole stripes of 16 bytes into four lanes, and the lanes into one word."""
    p1, p2 = PRIMES[:2]
    lanes = [seed + p1 + p2, seed + p2, seed, seed - p1]
    for start in range(0, len(data) - 15, 16):
        for n in range(4):
            word = int.from_bytes(data[start + 4 * n : start + 4 * n + 4], "little")
            lanes[n] = rotate((lanes[n] + word * p2) & WORD, 13) * p1
    return sum(rotate(lane & WORD, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True))


def xxh32_intdigest(data: bytes | str, seed: int = 0) -> int:
    data = data.encode() if isinstance(data, str) else bytes(data)
    p1, p2, p3, p4, p5 = PRIMES
    h = (stripes(data, seed) if len(data) >= 16 else seed + p5) + len(data)
    rest = data[len(data) // 16 * 16 :]
    whole = len(rest) // 4 * 4
    for start in range(0, whole, 4):
        h = rotate((h + int.from_bytes(rest[start : start + 4], "little") * p3) & WORD, 17) * p4
    for byte in rest[whole:]:
        h = rotate((h + byte * p5) & WORD, 11) * p1
    h &= WORD
    h = (h ^ h >> 15) * p2 & WORD
    h = (h ^ h >> 13) * p3 & WORD
    return h ^ h >> 16


class xxh32:
    def __init__(self, data: bytes | str, seed: int = 0) -> None:
        self.value = xxh32_intdigest(data, seed)

    def intdigest(self) -> int:
        return self.value
