"""The text of lesson 10: pieces of ten words from four books, and who wrote them.

`data/four_books.txt.gz` has one piece a line, in blocks of 20 successive pieces. The split goes by block, so that a
sentence is never half in the training set and half in the test set.
"""

from typing import NamedTuple

import numpy as np

from ..datasets.data_files import package_file, read_bounded, verify
from ..types import IntArray

SHA256 = "27c0343fe610cc41a0d1ba77fb16ad99329f84f5f73709607682333cdfaea7bd"
LARGEST = 2**20  # bytes of the text
BLOCK = 20  # successive pieces of one book


class Books(NamedTuple):
    """Pieces of text with their authors.

    pieces: the words of each piece. y: the number of its author in `authors`. train, valid, test: the numbers of the
    pieces in each part.
    """

    pieces: list[list[str]]
    y: IntArray
    authors: list[str]
    train: IntArray
    valid: IntArray
    test: IntArray


def load_books() -> Books:
    """Load the shipped text: 2,000 pieces from each of four books; of five blocks, three are for training.

    >>> books = load_books()
    >>> books.authors, len(books.train), len(books.valid), len(books.test)
    (['Carroll', 'Milton', 'Newton', 'Shakespeare'], 4800, 1600, 1600)
    >>> " ".join(books.pieces[0])
    'alice was beginning to get very tired of sitting by'
    """
    path = package_file("four_books.txt.gz")
    raw = read_bounded(path, LARGEST)
    verify(raw, SHA256, path)
    rows = [line.split("\t") for line in raw.decode("ascii").splitlines()]
    authors = sorted({author for author, _ in rows})
    y = np.array([authors.index(author) for author, _ in rows])
    number = np.arange(len(rows)) // BLOCK % 5
    parts = [np.flatnonzero(number < 3), np.flatnonzero(number == 3), np.flatnonzero(number == 4)]
    return Books([piece.split() for _, piece in rows], y, authors, *parts)
