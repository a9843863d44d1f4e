"""Make four_books.txt.gz, the text of lesson 10: `python data/make_four_books.py FOLDER`.

FOLDER holds four files as others distribute them; data/README.md says where they are from. Each book is cut into pieces
of ten words, and 100 blocks of 20 successive pieces are taken from it, at even distances: 2,000 pieces an author. What
is written is one piece a line: the author, a tab, ten words in lower case. The file that comes out is byte for byte the
one that is shipped.
"""

import gzip
import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORDS = 10  # in a piece
PIECES = 20  # in a block
BLOCKS = 100  # of each book

# author: the file, its SHA-256, and the words between which the author's own text stands
BOOKS = {
    "Carroll": ("alice29.txt", "7467306ee0feed4971260f3c87421154a05be571d944e9cb021a5713700c38f0",
                "Alice was beginning", "THE END"),
    "Milton": ("plrabn12.txt", "07e2e0b461af78c7c647cb53dab39de560198e16f799b4516eccf0fbd69f764c",
               "Of Man's first disobedience", "[The End]"),
    "Newton": ("Isaac.Newton-Opticks.txt", "d4a9ac22462b35e7821a4f2706c211093da678620a8f9997989ee7cf8d507bbd",
               "My Design in this Book", None),
    "Shakespeare": ("asyoulik.txt", "eaa3526fe53859f34ecdf255712f9ecf0b2c903451d4755b2edaa2e2599cb0fc",
                    "As I remember, Adam", None),
}


def own_text(folder: Path, author: str) -> str:
    """Read a book without what others put around it, and check that it is the file that was used."""
    name, digest, first, last = BOOKS[author]
    raw = (folder / name).read_bytes()
    if hashlib.sha256(raw).hexdigest() != digest:
        raise SystemExit(f"{folder / name} is another version: expected SHA-256 {digest}")
    text = raw.decode()
    text = text[text.index(first):]
    return text[: text.index(last)] if last else text


def without_theatre(text: str) -> str:
    """Take out of a play what nobody says: names of speakers, stage directions, headings of scenes."""
    text = re.sub(r"\[[^\]]*\]", " ", text)
    text = re.sub(r"^(ACT|\s*AS YOU LIKE IT|SCENE).*$", " ", text, flags=re.MULTILINE)
    return re.sub(r"^[A-Z][A-Za-z ]*\t", " ", text, flags=re.MULTILINE)


def words_of(text: str) -> list[str]:
    """List the words in lower case; an apostrophe inside a word stays."""
    text = text.replace("_", " ").replace("æ", "ae").replace("-", " ").lower()
    return re.findall(r"[a-z]+(?:'[a-z]+)*", text)


def pieces_of(words: list[str]) -> list[str]:
    """Cut a book into pieces of ten words, and take blocks of successive pieces at even distances."""
    pieces = [" ".join(words[n : n + WORDS]) for n in range(0, len(words) - WORDS + 1, WORDS)]
    blocks = [pieces[n : n + PIECES] for n in range(0, len(pieces) - PIECES + 1, PIECES)]
    if len(blocks) < BLOCKS:
        raise SystemExit(f"a book has only {len(blocks)} blocks, expected {BLOCKS}")
    chosen = [blocks[n * len(blocks) // BLOCKS] for n in range(BLOCKS)]
    return [piece for block in chosen for piece in block]


def main(folder: Path) -> None:
    """Write the file and say what is in it."""
    lines = []
    for author in BOOKS:
        text = own_text(folder, author)
        words = words_of(without_theatre(text) if author == "Shakespeare" else text)
        pieces = pieces_of(words)
        print(f"{author}: {len(words):,} words, {len(pieces):,} pieces taken")
        lines += [f"{author}\t{piece}\n" for piece in pieces]
    raw = "".join(lines).encode("ascii")
    packed = gzip.compress(raw, mtime=0)
    (HERE / "four_books.txt.gz").write_bytes(packed)
    print(f"{len(raw):,} bytes, {len(packed):,} packed, SHA-256 {hashlib.sha256(raw).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
