"""Write vectors.json: the golden vectors of the HashedNets specification (SPEC.md), from first principles.

    python data/vectors/make_vectors.py [FILE]        # writes vectors.json beside this script, or FILE

The questions are in `cases/`, the answers come from `specification.py`, the wrong answers beside them from
`known_bugs/`: plain Python, exact fractions and the reference xxHash library. The same file comes out byte for byte,
every time (a test).
"""

import json
import sys
from pathlib import Path

from book import Book
from cases import IN_ORDER, LATER_EDITIONS
from known_bugs import explain_flags

SPEC_VERSION = 1.1  # 1.1 added kinds and changed nothing
VECTORS_VERSION = 6  # goes up when cases are added; the text of a case and what its id means never change


def main():
    """Write the file, one case a line."""
    book = Book()
    for cases in IN_ORDER:
        cases(book)
    book.first_edition = False
    for cases in LATER_EDITIONS:
        cases(book)
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("vectors.json")
    dump = lambda x: json.dumps(x, separators=(",", ":"), allow_nan=False)  # noqa: E731
    flags = ",\n".join(f"  {dump(k)}: {dump(v)}" for k, v in sorted(explain_flags(book.bugs).items()))
    groups = ",\n".join(
        "{"
        + ",".join(f'"{k}":{dump(g[k])}' for k in ("topic", "operation", "comment"))
        + ',"cases":[\n'
        + ",\n".join(map(dump, g["cases"]))
        + "\n]}"
        for g in book.groups
    )
    more = ",\n".join(f'  "{case}": {dump(wrong)}' for case, wrong in book.more_wrong.items())
    count = sum(len(g["cases"]) for g in book.groups)
    text = (
        f'{{"format":"hashnets-vectors","spec_version":{SPEC_VERSION},"vectors_version":{VECTORS_VERSION},"number_of_cases":{count},\n"flags":{{\n{flags}\n}},'
        f'\n"groups":[\n{groups}\n],\n"more_wrong":{{\n{more}\n}}}}\n'
    )
    path.write_bytes(text.encode("ascii"))
    print(f"{count} cases in {len({g['topic'] for g in book.groups})} topics, {len(text)} bytes, {path}")


if __name__ == "__main__":
    main()
