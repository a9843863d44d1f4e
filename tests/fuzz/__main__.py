"""`python tests/fuzz 100000`: that many inputs over all targets, and a table of what came of them."""

import argparse
import sys
import time

from call_targets import TARGETS as CALLS
from file_targets import TARGETS as FILES
from harness import CLASSES, OTHER, fuzz

TARGETS = [*FILES, *CALLS]


def limit_memory(gigabytes: int) -> None:
    """Keep a mistake from taking the whole machine."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (gigabytes * 2**30, gigabytes * 2**30))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", type=int, help="inputs in all, the same number for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", help="only the targets with this in their names")
    args = parser.parse_args()
    limit_memory(8)
    chosen = [target for target in TARGETS if not args.target or args.target in target.name]
    surprises = {}
    total = dict.fromkeys(CLASSES, 0)
    print(f"{'target':<22}" + "".join(f"{name:>16}" for name in CLASSES) + f"{'seconds':>10}")
    for target in chosen:
        begin = time.monotonic()
        outcome = fuzz(target, -(-args.examples // len(chosen)), args.seed)
        print(f"{target.name:<22}" + "".join(f"{outcome.counts[name]:>16,}" for name in CLASSES)
              + f"{time.monotonic() - begin:>10.0f}", flush=True)
        for name in CLASSES:
            total[name] += outcome.counts[name]
        surprises |= {f"{target.name}: {what}": value for what, value in outcome.surprises.items()}
    print(f"{'all':<22}" + "".join(f"{total[name]:>16,}" for name in CLASSES))
    for what, value in surprises.items():
        print(f"\n{what}\n  {value}")
    return 1 if total[OTHER] else 0


if __name__ == "__main__":
    sys.exit(main())
