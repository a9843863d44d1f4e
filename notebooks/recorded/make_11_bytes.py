"""Make the record that lesson 11 reads: `python notebooks/recorded/make_11_bytes.py` (a few minutes).

Digits, virtual widths 64-256-10, five seeds. Each family of networks (dense, narrow, pruned, hashed) is trained at
several sizes; the learning rate of each size is the best of three by mean validation error. Then each network is packed
in all ways, read back from its bytes, and the network that came back is tested.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import hashnets_np as hn
from hashnets_np.course.packing import least_bytes, pack, prune, unpack

HERE = Path(__file__).resolve().parent
WIDTHS = [64, 256, 10]
SIZES = {
    "dense": ["1"],
    "narrow": ["1/2", "1/4", "1/8", "1/16", "1/32"],
    "pruned": ["1/4", "1/8", "1/16", "1/32", "1/64"],
    "hashed": ["1/2", "1/4", "1/8", "1/16", "1/32", "1/64"],
}
BITS = (32, 8, 4)
SEEDS = range(5)
RATES = (0.03, 0.1, 0.3)
EPOCHS = 20
DATA = hn.load_dataset("digits")


def train(net: hn.Network, rate: float, seed: int) -> tuple[float, hn.Network]:
    """Train a network; return its lowest validation error, and itself with the weights of that epoch."""
    history = hn.fit(net, DATA, EPOCHS, optimizer=hn.SGD(rate, schedule="cosine"), seed=seed)
    return min(history.valid_error), net


def start(family: str, size: str, seed: int, dense: dict[int, hn.Network]) -> hn.Network:
    """Make the network that training begins with: new, or, for pruning, the dense one with its largest weights."""
    if family == "pruned":
        weights = sum(n_in * n_out for n_in, n_out in pairwise(WIDTHS))
        return prune(dense[seed], round(weights / int(size[2:])))
    return hn.build("hashnet" if family == "hashed" else "nn", WIDTHS, compression=size, seed=seed)


def best_networks(family: str, size: str, dense: dict[int, hn.Network]) -> tuple[float, list[hn.Network]]:
    """Train all seeds with each rate; return the rate with the lowest mean validation error, and its networks."""
    tried = {}
    for rate in RATES:
        tried[rate] = [train(start(family, size, seed, dense), rate, seed) for seed in SEEDS]
    best = min(tried, key=lambda rate: np.mean([error for error, _ in tried[rate]]))
    return best, [net for _, net in tried[best]]


def measurements(net: hn.Network) -> Iterator[dict]:
    """Pack a network in all ways, and test what comes back."""
    for bits in BITS:
        plain, coded = (pack(net, bits, coded) for coded in (False, True))
        again = unpack(coded)
        z = hn.predict(again, DATA.x_test)
        if not np.array_equal(z, hn.predict(unpack(plain), DATA.x_test)):
            raise SystemExit(f"two ways to pack {net} gave two networks")
        error = hn.error_rate(z, DATA.y_test)
        least = None if bits == 32 else round(least_bytes(net, bits), 1)
        yield {"bits": bits, "bytes": len(plain), "coded": len(coded), "least": least, "error": round(error, 4)}


def main() -> None:
    """Train and measure everything, and write 11_bytes.json."""
    dense: dict[int, hn.Network] = {}
    rows = []
    for family, sizes in SIZES.items():
        for size in sizes:
            rate, nets = best_networks(family, size, dense)
            if family == "dense":
                dense = dict(zip(SEEDS, nets, strict=True))
            for seed, net in zip(SEEDS, nets, strict=True):
                what = {"family": family, "size": size, "seed": seed, "rate": rate}
                rows += [what | row for row in measurements(net)]
            print(f"{family} {size}: learning rate {rate}, last: {rows[-1]}", flush=True)
    record = {
        "command": "python notebooks/recorded/make_11_bytes.py",
        "what": f"digits, {WIDTHS}, {EPOCHS} epochs, rates {RATES} by validation error, seeds {list(SEEDS)}",
        "versions": {"hashnets_np": hn.__version__, "numpy": np.__version__},
        "rows": rows,
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = json.dumps(record | {"rows": []}, indent=1).replace('"rows": []', f'"rows": [\n{lines}\n]')
    (HERE / "11_bytes.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
