"""The text of lesson 10 is what data/README.md says, and its parts are disjoint."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from hashnets_np.course import books
from hashnets_np.datasets import package_file

ROOT = Path(__file__).parents[2]


def test_there_are_2000_pieces_of_ten_words_by_each_author():
    found = books.load_books()
    assert np.bincount(found.y).tolist() == [2000] * 4
    assert {len(piece) for piece in found.pieces} == {10}
    assert found.authors == ["Carroll", "Milton", "Newton", "Shakespeare"]


def test_training_validation_and_test_pieces_are_disjoint_and_of_other_blocks():
    found = books.load_books()
    parts = [set(found.train), set(found.valid), set(found.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 8000
    blocks = [{n // books.BLOCK for n in part} for part in parts]
    assert not blocks[0] & blocks[1] | blocks[0] & blocks[2] | blocks[1] & blocks[2]


def test_the_readme_of_the_data_has_the_digest():
    raw = gzip.decompress(package_file("four_books.txt.gz").read_bytes())
    assert hashlib.sha256(raw).hexdigest() == books.SHA256
    assert books.SHA256 in (ROOT / "data" / "README.md").read_text(encoding="utf-8")


def test_a_changed_text_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "four_books.txt.gz"
    path.write_bytes(gzip.compress(b"Carroll\tone two three\n"))
    monkeypatch.setattr(books, "package_file", lambda name: path)
    with pytest.raises(ValueError, match="four_books"):
        books.load_books()
