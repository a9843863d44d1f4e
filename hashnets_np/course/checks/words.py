"""Checks of exercise 10: feature hashing with words."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from ..marking import Example, done, mark


def hashed_text(function: Callable) -> None:
    """Check the hashed features of one text: function(hashes, K) -> phi (K,), hashes one for each word, repeated."""
    rng = np.random.default_rng(20)
    examples = []
    for words, K in ((12, 4), (30, 5), (3, 8), (50, 7)):
        different = rng.integers(0, 2**32, size=max(2, words // 2))
        x = different[rng.integers(0, len(different), size=words)]  # words occur again
        bucket = (x >> 1) % K
        sign = 1 - 2 * (x & 1)
        phi = np.bincount(bucket, sign, K)
        once = np.zeros(K)
        once[bucket] += sign
        first = np.unique(x)
        distinct = np.bincount((first >> 1) % K, 1 - 2 * (first & 1), K)
        examples.append(Example((x, K), phi, [
            ("the signs are missing", np.bincount(bucket, minlength=K)),
            ("bit 0 set means -1; these signs are the wrong way round", -phi),
            ("bit 0 belongs to the sign: take the bucket from the bits above it", np.bincount(x % K, sign, K)),
            ("shift first, then take the remainder", np.bincount((x % K) >> 1, sign, K)),
            ("of the words that meet in a bucket only the last is left, as fancy += and = do it", once),
            ("a word that occurs twice counts twice", distinct),
            ("this is the mean; add up", phi / words),
            ("the sign is bit 0 of the hash, not of the bucket", np.bincount(bucket, 1 - 2 * (bucket & 1), K)),
        ], f"{words} words, K = {K}"))
    mark(function, examples, "phi")
    done("Equation (6), for words that nobody has put into a table.")


def word_gradient(function: Callable) -> None:
    """Check the gradient of the word model: function(dz, bucket, sign, K) -> dW (classes, K)."""
    rng = np.random.default_rng(21)
    examples = []
    for batch, words, classes, K in ((3, 6, 2, 4), (2, 5, 3, 8), (5, 4, 4, 3), (1, 7, 2, 2)):
        dz = rng.normal(size=(batch, classes))
        bucket = rng.integers(0, K, size=(batch, words))
        sign = rng.choice([-1, 1], size=(batch, words))
        dW = np.zeros((classes, K))
        unsigned = dW.copy()
        lost = dW.copy()
        lost_in_text = dW.copy()
        for n in range(batch):
            for u in range(words):
                dW[:, bucket[n, u]] += dz[n] * sign[n, u]
                unsigned[:, bucket[n, u]] += dz[n]
            lost_in_text[:, bucket[n]] += dz[n][:, None] * sign[n]
        for c in range(classes):
            lost[c, bucket] += dz[:, [c]] * sign
        examples.append(Example((dz, bucket, sign, K), dW, [
            ("where a bucket occurs several times in one text only the last is left, as fancy += and = do it",
             lost_in_text),
            ("of the words that meet in a bucket only the last is left, as fancy += and = do it", lost),
            ("the signs are missing", unsigned),
            ("this is dW transposed: one row for each class", dW.T),
            ("dz holds the 1 / batch already", dW / batch),
            ("add up over the words of a text; this is the mean", dW / words),
        ], f"{batch} texts of {words} words, {classes} classes, K = {K}"))
    mark(function, examples, "dW")
    done("A scatter-add: Eq. 12 with one row of buckets for each text.")


def without_accidents(function: Callable) -> None:
    """Check an inner product estimated from hashes without signs: function(phi_x, phi_y) -> number, both (K,)."""
    rng = np.random.default_rng(22)
    pairs = [(np.array([3.0, 2, 0, 0]), np.array([0.0, 1, 4, 5])), (np.array([2.0, 0, 0]), np.array([0.0, 1, 1]))]
    for size, K in ((6, 4), (9, 16), (5, 2), (40, 7)):
        bucket = rng.integers(0, K, size=size)
        x = rng.integers(0, 4, size=size) + np.eye(size, dtype=int)[0]
        y = rng.integers(0, 3, size=size) + np.eye(size, dtype=int)[1]
        pairs.append((np.bincount(bucket, x, K), np.bincount(bucket, y, K)))
    examples = []
    for phi_x, phi_y in pairs:  # the first two meet less often than chance would have it: their estimate is negative
        K = len(phi_x)
        raw = phi_x @ phi_y
        lengths = phi_x.sum() * phi_y.sum()
        right = (K * raw - lengths) / (K - 1)
        examples.append(Example((phi_x, phi_y), right, [
            ("the accidents are still in it", raw),
            ("a word and itself are no accident, so not all pairs meet with probability 1 / K: solve for x . y",
             raw - lengths / K),
            ("accidents have probability 1 / K each", raw - lengths),
            ("accidents were added; take them away", (K * raw + lengths) / (K - 1)),
            ("accidents were added; take them away", raw + lengths / K),
            ("these are the accidents; x . y is what is left", (lengths - raw) / (K - 1)),
            ("this is what two texts without a common word have on average", lengths / K),
            ("this is the covariance of the buckets, a mean; add up over them", (raw - lengths / K) / K),
            ("this is the covariance of the buckets, a mean; add up over them", right / K),
            ("this is K - 1 times as much", (K - 1) * right),
            ("the length of a text is the sum of phi; this counts buckets that are not empty",
             (K * raw - np.count_nonzero(phi_x) * np.count_nonzero(phi_y)) / (K - 1)),
            ("the length of a text is the sum of phi, not its norm",
             (K * raw - np.linalg.norm(phi_x) * np.linalg.norm(phi_y)) / (K - 1)),
            ("two texts may meet less often than expected; cut off at 0, the estimate is too large on average",
             max(0.0, right)),
            ("two texts may meet less often than expected: the sign is lost here", abs(right)),
        ], f"K = {K}"))
    mark(function, examples, "the estimate")
    done("The bias is gone, and no sign was needed.")


def least_buckets(function: Callable) -> None:
    """Check the least K at which a word is alone with a given probability: function(words, share) -> K."""
    examples = []
    # at 0.875 and 0.5 K is exactly 8 and 2, also in floats with logarithms; 0.35 tells the limit from plain rounding
    for words, share in ((10, 0.5), (6318, 0.9), (100, 0.3), (2, 0.875), (50, 0.05), (2, 0.5), (2, 0.35)):
        exact = 1 / (1 - share ** (1 / (words - 1)))
        K = int(np.ceil(exact - 1e-9))
        limit = int(np.ceil(-words / np.log(share)))
        limit_of_others = int(np.ceil(-(words - 1) / np.log(share)))
        itself = int(np.ceil(1 / (1 - share ** (1 / words)) - 1e-9))
        reverse = int(np.ceil(1 / (1 - (1 - share) ** (1 / (words - 1))) - 1e-9))
        examples.append(Example((words, share), K, [
            ("exp(-n / K) is the limit for many words; here the exact probability is asked for", limit),
            ("exp(-n / K) is the limit for many words; here the exact probability is asked for", limit_of_others),
            ("the word itself is no obstacle: there are n - 1 others", itself),
            ("this is one too small: at this K the share is not reached; round up", K - 1),
            ("that is the K at which a word *shares* with this probability", reverse),
            ("this is the K at which all words together are alone: one word is asked for",
             int(np.ceil(words * (words - 1) / 2 / -np.log(share)))),
            ("K is the number of buckets, not the exponent of 2", np.log2(K)),
        ], f"{words} words, share {share}"))
    mark(function, examples, "K", tolerance=1e-9)
    done("For 6,318 words and 90 %: about ten buckets for each word.")


def hashed_pairs(function: Callable) -> None:
    """Check words and pairs of neighbours, hashed: function(words, hash_of, K) -> phi (K,); hash_of takes one str."""
    rng = np.random.default_rng(23)
    letters = list("abcdefgh")
    examples = []

    def hash_of(text: str) -> int:
        """Hash a text; not XXH32, so that answers have to use what they were given."""
        value = 7
        for letter in text:
            value = (value * 1_000_003 ^ ord(letter)) & 0xFFFFFFFF
        value = (value ^ value >> 15) * 0x85EBCA77 & 0xFFFFFFFF
        return value ^ value >> 13

    def phi_of(features: list[str], K: int, signed: bool = True) -> np.ndarray:
        x = np.array([hash_of(feature) for feature in features], dtype=np.int64)
        return np.bincount((x >> 1) % K, (1 - 2 * (x & 1)) if signed else None, K)

    for size, K in ((5, 8), (9, 5), (1, 4), (12, 32)):
        words = [letters[n] for n in rng.integers(0, len(letters), size=size)]
        pairs = [f"{a} {b}" for a, b in pairwise(words)]
        glued = [a + b for a, b in pairwise(words)]
        every_pair = [f"{a} {b}" for n, a in enumerate(words) for b in words[n + 1 :]]
        turned = [f"{b} {a}" for a, b in pairwise(words)]
        around = [f"{a} {b}" for a, b in zip(words, [*words[1:], words[0]], strict=False)]
        examples.append(Example((words, hash_of, K), phi_of(words + pairs, K), [
            ("the pairs are missing", phi_of(words, K)),
            ("the single words are missing", phi_of(pairs, K) if pairs else np.zeros(K)),
            ("put a space between the words of a pair: \"a be\" and \"ab e\" are two pairs", phi_of(words + glued, K)),
            ("only neighbours are pairs", phi_of(words + every_pair, K)),
            ("a pair is the word and the one after it, in this order", phi_of(words + turned, K)),
            ("the last word has no word after it", phi_of(words + around, K)),
            ("the signs are missing", phi_of(words + pairs, K, signed=False)),
        ], f"{size} words, K = {K}"))
    mark(function, examples, "phi")
    done("The same K buckets, five times the features, and no table.")
