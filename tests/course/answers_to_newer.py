"""Right and wrong answers to the exercises of lessons 10 and 11; see answers_to_lessons."""

from collections import Counter
from itertools import pairwise
from math import ceil, log, log2

import numpy as np

from hashnets_np.course import checks

RIGHT: dict = {}
WRONG: dict = {}


# ---------------------------------------------------------------- 10.1
def text_by_loop(x, K):
    phi = [0] * K
    for one in x.tolist():
        phi[(one >> 1) % K] += -1 if one & 1 else 1
    return phi


def text_at(x, K):
    phi = np.zeros(K, np.float32)
    np.add.at(phi, (x // 2) % K, np.where(x % 2, -1.0, 1.0))
    return phi


def text_one_hot(x, K):
    return (1.0 - 2.0 * (x & 1)) @ np.eye(K)[(x >> 1) % K]


def text_fancy(x, K):
    phi = np.zeros(K)
    phi[(x >> 1) % K] += 1 - 2 * (x & 1)
    return phi


def text_assigned(x, K):
    phi = np.zeros(K)
    phi[(x >> 1) % K] = 1 - 2 * (x & 1)
    return phi


RIGHT[checks.hashed_text] = [
    text_by_loop, text_at, text_one_hot, lambda x, K: np.bincount((x >> 1) % K, (-1.0) ** (x & 1), K)]
WRONG[checks.hashed_text] = [
    (lambda x, K: np.bincount((x >> 1) % K, minlength=K), "signs are missing"),
    (lambda x, K: -text_one_hot(x, K), "wrong way round"),
    (lambda x, K: np.bincount(x % K, 1 - 2 * (x & 1), K), "belongs to the sign"),
    (lambda x, K: np.bincount((x % K) >> 1, 1 - 2 * (x & 1), K), "shift first"),
    (text_fancy, "fancy|not right"),
    (text_assigned, "not right|fancy"),
    (lambda x, K: text_one_hot(np.unique(x), K), "counts twice"),
    (lambda x, K: text_one_hot(x, K) / len(x), "mean"),
    (lambda x, K: np.bincount((x >> 1) % K, 1 - 2 * (x & 1)), "shape|not right"),
    (lambda x, K: None, "None"),
    (lambda x, K: np.bincount((x >> 1) % K, 1 - 2 * ((x >> 1) % K & 1), K), "of the bucket"),
]


# ---------------------------------------------------------------- 10.2
def gradient_by_loops(dz, bucket, sign, K):
    dW = np.zeros((dz.shape[1], K))
    for n, u in np.ndindex(bucket.shape):
        dW[:, bucket[n, u]] += dz[n] * sign[n, u]
    return dW


def gradient_by_features(dz, bucket, sign, K):
    phi = np.stack([np.bincount(b, s, K) for b, s in zip(bucket, sign, strict=True)])
    return dz.T @ phi


def gradient_at(dz, bucket, sign, K):
    dW = np.zeros((K, dz.shape[1]))
    np.add.at(dW, bucket.ravel(), np.repeat(dz, bucket.shape[1], axis=0) * sign.reshape(-1, 1))
    return dW.T


def gradient_one_hot(dz, bucket, sign, K):
    return np.einsum("nc,nu,nuk->ck", dz, sign, np.eye(K)[bucket])


def gradient_lost_in_text(dz, bucket, sign, K):
    dW = np.zeros((dz.shape[1], K))
    for n in range(len(dz)):
        dW[:, bucket[n]] += dz[n][:, None] * sign[n]
    return dW


def gradient_lost(dz, bucket, sign, K):
    dW = np.zeros((dz.shape[1], K))
    for c in range(dz.shape[1]):
        dW[c, bucket] += dz[:, [c]] * sign
    return dW


RIGHT[checks.word_gradient] = [gradient_by_loops, gradient_by_features, gradient_at, gradient_one_hot]
WRONG[checks.word_gradient] = [
    (gradient_lost_in_text, "in one text"),
    (gradient_lost, "only the last is left"),
    (lambda dz, b, s, K: gradient_one_hot(dz, b, np.abs(s), K), "signs are missing"),
    (lambda dz, b, s, K: gradient_one_hot(dz, b, s, K).T, "transposed|shape"),
    (lambda dz, b, s, K: gradient_one_hot(dz, b, s, K) / len(dz), "already"),
    (lambda dz, b, s, K: gradient_one_hot(dz, b, s, K) / b.shape[1], "mean"),
    (lambda dz, b, s, K: dz.T @ np.eye(K)[b], "shape|fit"),
    (lambda dz, b, s, K: -gradient_one_hot(dz, b, s, K), "-1 times"),
]

# ---------------------------------------------------------------- 10.3
RIGHT[checks.without_accidents] = [
    lambda f, g: (len(f) * (f @ g) - f.sum() * g.sum()) / (len(f) - 1),
    lambda f, g: np.sum((f - f.mean()) * (g - g.mean())) * len(f) / (len(f) - 1),
    lambda f, g: np.cov(f, g)[0, 1] * len(f),
    lambda f, g: f @ g - sum(f[i] * g[j] for i in range(len(f)) for j in range(len(g)) if i != j) / (len(f) - 1),
]
WRONG[checks.without_accidents] = [
    (lambda f, g: f @ g, "still in it"),
    (lambda f, g: f @ g - f.sum() * g.sum() / len(f), "no accident"),
    (lambda f, g: np.sum((f - f.mean()) * (g - g.mean())), "no accident"),
    (lambda f, g: f @ g - f.sum() * g.sum(), "1 / K"),
    (lambda f, g: (len(f) * (f @ g) + f.sum() * g.sum()) / (len(f) - 1), "take them away"),
    (lambda f, g: f @ g + f.sum() * g.sum() / len(f), "take them away"),
    (lambda f, g: (f.sum() * g.sum() - f @ g) / (len(f) - 1), "what is left"),
    (lambda f, g: f.sum() * g.sum() / len(f), "without a common word"),
    (lambda f, g: np.cov(f, g)[0, 1], "covariance"),
    (lambda f, g: np.mean((f - f.mean()) * (g - g.mean())), "covariance"),
    (lambda f, g: len(f) * (f @ g) - f.sum() * g.sum(), "K - 1 times"),
    (lambda f, g: (len(f) * (f @ g) - np.sum(f > 0) * np.sum(g > 0)) / (len(f) - 1), "not empty"),
    (lambda f, g: (len(f) * (f @ g) - np.linalg.norm(f) * np.linalg.norm(g)) / (len(f) - 1), "norm"),
    (lambda f, g: f * g, "shape"),
    (lambda f, g: np.corrcoef(f, g)[0, 1], ""),
    (lambda f, g: (f - f.mean()) @ g * len(f) / (len(f) + 1), ""),
    (lambda f, g: None, "None"),
]


# ---------------------------------------------------------------- 10.4
def least_by_search(n, share):
    K = 1
    while (1 - 1 / K) ** (n - 1) < share * (1 - 1e-12):
        K += max(1, K // 1000) if K > 60_000 else 1
    while (1 - 1 / (K - 1)) ** (n - 1) >= share:
        K -= 1
    return K


def least_by_halving(n, share):
    low, high = 1, 2**40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if (1 - 1 / middle) ** (n - 1) >= share * (1 - 1e-12) else (middle, high)
    return high


def by_formula(n, share):
    return int(np.ceil(1 / (1 - share ** (1 / (n - 1))) - 1e-9))


RIGHT[checks.least_buckets] = [
    least_by_halving, by_formula, lambda n, s: np.ceil(-1 / np.expm1(np.log(s) / (n - 1)) - 1e-9), least_by_search]
WRONG[checks.least_buckets] = [
    (lambda n, s: ceil(-n / log(s)), "limit"),
    (lambda n, s: ceil(-(n - 1) / log(s)), "limit"),
    (lambda n, s: ceil(1 / (1 - s ** (1 / n)) - 1e-9), "no obstacle|n - 1"),
    (lambda n, s: by_formula(n, s) - 1, "one too small"),
    (lambda n, s: ceil(1 / (1 - (1 - s) ** (1 / (n - 1))) - 1e-9), "shares"),
    (lambda n, s: ceil(n * (n - 1) / 2 / -log(s)), "all words"),
    (lambda n, s: log2(by_formula(n, s)), "exponent"),
    (lambda n, s: 2 ** ceil(log2(by_formula(n, s))), "too large"),
    (lambda n, s: None, "None"),
]


# ---------------------------------------------------------------- 10.5
def phi_of(features, hash_of, K):
    x = np.array([hash_of(feature) for feature in features])
    return np.bincount((x >> 1) % K, 1 - 2 * (x & 1), K)


def pairs_by_loop(words, hash_of, K):
    phi = np.zeros(K)
    before = None
    for word in words:
        for feature in [word] if before is None else [word, f"{before} {word}"]:
            phi[(hash_of(feature) >> 1) % K] += 1 - 2 * (hash_of(feature) & 1)
        before = word
    return phi


def pairs_by_counter(words, hash_of, K):
    counts = Counter(words) + Counter(map(" ".join, pairwise(words)))
    phi = [0] * K
    for feature, count in counts.items():
        phi[(hash_of(feature) >> 1) % K] += count * (-1) ** hash_of(feature)
    return phi


def pairs_popped(words, hash_of, K):
    features = list(words)
    while len(words) > 1:
        features.append(words[0] + " " + words[1])
        words.pop(0)
    return phi_of(features, hash_of, K)


RIGHT[checks.hashed_pairs] = [
    pairs_by_loop, pairs_by_counter, pairs_popped,
    lambda w, h, K: phi_of(w + [f"{a} {b}" for a, b in pairwise(w)], h, K)]
WRONG[checks.hashed_pairs] = [
    (phi_of, "pairs are missing"),
    (lambda w, h, K: phi_of(w + [a + b for a, b in pairwise(w)], h, K), "space"),
    (lambda w, h, K: phi_of(w + [f"{b} {a}" for a, b in pairwise(w)], h, K), "order"),
    (lambda w, h, K: phi_of(w + [f"{a} {b}" for n, a in enumerate(w) for b in w[n + 1 :]], h, K), "neighbours"),
    (lambda w, h, K: phi_of(w + [f"{w[n]} {w[(n + 1) % len(w)]}" for n in range(len(w))], h, K), "no word after"),
    (lambda w, h, K: np.abs(phi_of(w, h, K)), "not right"),
    (lambda w, h, K: pairs_by_loop(w, lambda text: h(text) & ~1, K), "signs are missing"),
    (lambda w, h, K: np.zeros(K), "not right"),
    (lambda w, h, K: phi_of([*w, *pairwise(w)], h, K), "space"),
]


# ---------------------------------------------------------------- 11.1
def entropy_by_counter(codes):
    return sum(-count * log2(count / len(codes)) for count in Counter(codes.tolist()).values())


def entropy_by_bincount(codes):
    counts = np.bincount(codes - codes.min())
    shares = counts[counts > 0] / counts.sum()
    return len(codes) * float(-(shares * np.log2(shares)).sum())


def entropy_by_itself(codes):
    share = (codes[:, None] == codes).mean(axis=1)
    return -np.log2(share).sum()


def counts_of(codes):
    return np.unique(codes, return_counts=True)[1]


RIGHT[checks.entropy_bits] = [
    entropy_by_counter, entropy_by_bincount, entropy_by_itself,
    lambda codes: np.dot(counts_of(codes), np.log(len(codes) / counts_of(codes))) / np.log(2)]
WRONG[checks.entropy_bits] = [
    (lambda c: entropy_by_itself(c) / len(c), "for one code"),
    (lambda c: entropy_by_itself(c) * log(2), "base 2"),
    (lambda c: entropy_by_itself(c) / 8, "not bytes"),
    (lambda c: len(c) * log2(len(counts_of(c))), "not equally frequent"),
    (lambda c: len(c) * ceil(log2(len(counts_of(c)))), "one length"),
    (lambda c: -np.log2(counts_of(c) / len(c)).sum(), "as often"),
    (lambda c: -entropy_by_itself(c), "negative"),
    (lambda c: -(counts_of(c) * np.log2(counts_of(c))).sum(), "shares"),
    (lambda c: "many", "numbers"),
]


# ---------------------------------------------------------------- 11.2
def gaps_by_steps(places, largest):
    gaps = []
    before = 0
    for place in places:
        way = int(place) - before
        while way > largest:
            gaps.append(largest)
            way -= largest
        gaps.append(way)
        before = int(place)
    return gaps


def gaps_by_divmod(places, largest):
    gaps = []
    for way in np.diff(places, prepend=0).tolist():
        steps = max(0, -(-way // largest) - 1)
        gaps.extend([largest] * steps + [way - steps * largest])
    return np.array(gaps)


def gaps_by_stops(places, largest):
    stops = [0]
    for place in places:
        while place - stops[-1] > largest:
            stops.append(stops[-1] + largest)
        stops.append(int(place))
    return np.diff(stops)


RIGHT[checks.gaps_of_places] = [gaps_by_steps, gaps_by_divmod, gaps_by_stops]
WRONG[checks.gaps_of_places] = [
    (lambda p, most: np.diff(p, prepend=0), "more than one step"),
    (lambda p, most: np.minimum(np.diff(p, prepend=0), most), "cuts it off|more than one"),
    (lambda p, most: p, "not right|shape|places"),
    (lambda p, most: np.diff(p), "from place 0|shape"),
    (lambda p, most: gaps_by_steps(np.array(p) + 1, most), "not right|shape|-1"),
    (lambda p, most: np.array(gaps_by_steps(p, most)) - 1, "neighbour"),
    (lambda p, most: np.diff(p, prepend=0) % (most + 1), "lost|more than one"),
    (lambda p, most: [most] * len(p), "not right|shape"),
    (lambda p, most: None, "None"),
]

# ---------------------------------------------------------------- 11.3
RIGHT[checks.best_scale] = [
    lambda w, q: w @ q / (q @ q),
    lambda w, q: np.linalg.lstsq(q[:, None].astype(float), w, rcond=None)[0][0],
    lambda w, q: np.polynomial.Polynomial([w @ w, -2 * (w @ q), q @ q]).deriv().roots()[0],
    lambda w, q: float(np.linalg.pinv(q[:, None].astype(float))[0] @ w),
]
WRONG[checks.best_scale] = [
    (lambda w, q: np.abs(w).max() / np.abs(q).max(), "largest weight"),
    (lambda w, q: np.mean(w[q != 0] / q[q != 0]), "quotients"),
    (lambda w, q: np.linalg.norm(w) / np.linalg.norm(q), "sizes"),
    (lambda w, q: w @ q / (w @ w), "squared codes"),
    (lambda w, q: (q @ q) / (w @ q), "one over"),
    (lambda w, q: w @ w / (w @ q), "distance of codes"),
    (lambda w, q: w @ q, "derivative"),
    (lambda w, q: np.abs(w).mean() / np.abs(q).mean(), "mean sizes"),
    (lambda w, q: w / q, "shape|nan"),
]


# ---------------------------------------------------------------- 11.4
def filled(codes):
    return np.pad(codes, (0, len(codes) % 2)).reshape(-1, 2)


def pairs_in_loop(codes):
    codes = [int(code) for code in codes] + [0] * (len(codes) % 2)
    return bytes((a % 16) * 16 + b % 16 for a, b in zip(codes[::2], codes[1::2], strict=True))


def pairs_reshaped(codes):
    return (filled(codes) % 16 @ [16, 1]).astype(np.uint8)


def pairs_by_bits(codes):
    bits = np.unpackbits(filled(codes).astype(np.uint8).reshape(-1, 1), axis=1)[:, 4:]
    return np.packbits(bits.ravel())


def as_list(answer):
    return lambda codes: list(answer(codes))


RIGHT[checks.packed_pairs] = [as_list(pairs_in_loop), pairs_reshaped, pairs_by_bits]
WRONG[checks.packed_pairs] = [
    (lambda c: pairs_reshaped(c) // 16 + pairs_reshaped(c) % 16 * 16, "high half"),
    (lambda c: (filled(c)[:, 0] << 4 | filled(c)[:, 1]) & 255, "ones in all"),
    (lambda c: (filled(c) + 8) @ [16, 1], "two's complement"),
    (lambda c: pairs_reshaped(c)[: len(c) // 2], "odd number|shape"),
    (lambda c: c & 15, "two codes|shape"),
    (lambda c: pairs_reshaped(np.abs(c)), "sign is lost"),
    (lambda c: filled(c) % 16 @ [8, 1], "shift by 4|not right"),
    (lambda c: c.reshape(-1, 2) % 16 @ [16, 1], "stopped"),
    (lambda c: None, "None"),
]


# ---------------------------------------------------------------- 11.5
def place_bits(n, kept):
    shares = np.array([kept / n, 1 - kept / n])
    return float(-n * np.sum(shares[shares > 0] * np.log2(shares[shares > 0])))


def pruned_exactly(n, kept, bits):
    return kept * bits + sum(part * (log2(n) - log2(part)) for part in (kept, n - kept) if part)


def pruned_by_mask(n, kept, bits):
    return kept * bits + entropy_by_itself(np.repeat([1, 0], [kept, n - kept])) if n < 5000 else pruned_exactly(
        n, kept, bits)


RIGHT[checks.pruned_bits] = [
    lambda n, kept, bits: kept * bits + place_bits(n, kept), pruned_exactly, pruned_by_mask]
WRONG[checks.pruned_bits] = [
    (lambda n, kept, bits: kept * bits, "places are missing"),
    (lambda n, kept, bits: place_bits(n, kept), "places alone"),
    (lambda n, kept, bits: n * bits + place_bits(n, kept), "needs no bits"),
    (lambda n, kept, bits: kept * bits + n, "less than one bit"),
    (lambda n, kept, bits: kept * (bits + log2(n)), "log2"),
    (lambda n, kept, bits: kept * bits + kept * log2(n / kept), "carry information"),
    (lambda n, kept, bits: kept * bits + place_bits(n, kept) * log(2), "base 2"),
    (lambda n, kept, bits: kept * bits + place_bits(n, kept) / n, "n times, not once"),
    (lambda n, kept, bits: kept * bits + place_bits(n, kept) / n * kept, "only for those"),
    (lambda n, kept, bits: (kept * bits + place_bits(n, kept)) / 8, "not bytes"),
]
