"""The paper's data sets: reading .amat zips, making sets again, and the real RECT against the generated one."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np import generators, larochelle
from hashnets_np.__main__ import main

RNG = np.random.default_rng


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep what tests make out of the real cache, and real data out of the tests that do not ask for it."""
    monkeypatch.setattr(larochelle, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr("hashnets_np.datasets.cache_dir", lambda: tmp_path / "cache")
    real = os.environ.get("HASHNETS_DATA")
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    return real


def write_zip(path: Path, name: str, rows: dict[str, np.ndarray], header: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for part, table in rows.items():
            text = "\n".join("   ".join(f"{v:.7e}" for v in row) for row in table)
            archive.writestr(f"sub/{name}_{part}.amat", header + text + "\n")
    return hashlib.sha1(path.read_bytes()).hexdigest()


def fake_source(tmp_path, monkeypatch, header="", transposed=False, columns=785):
    rng = RNG(0)
    rows = {"train": rng.random((7, columns)), "test": rng.random((5, columns))}
    for table in rows.values():
        table[:, -1] = rng.integers(2, size=len(table))
    sha1 = write_zip(tmp_path / "data" / "rectangles" / "rectangles.zip", "rectangles", rows, header)
    source = larochelle.Source("rectangles.zip", sha1, (4, 3, 5), transposed)
    monkeypatch.setitem(larochelle.SOURCES, "rect", source)
    return rows


@pytest.mark.parametrize("header", ["", "#size: 7 785\n#: a b\n"])
def test_an_amat_zip_is_read_cut_and_cached(tmp_path, monkeypatch, header):
    rows = fake_source(tmp_path, monkeypatch, header)
    for again in range(2):  # the second time from the cache
        data = hn.load_dataset("rect", tmp_path / "data")
        x = np.concatenate([data.x_train, data.x_valid, data.x_test])
        table = np.concatenate([rows["train"], rows["test"]])
        np.testing.assert_allclose(x, table[:, :784], rtol=1e-6)
        assert x.dtype == np.float32 and data.y_test.dtype == np.int64
        assert np.concatenate([data.y_train, data.y_valid, data.y_test]).tolist() == table[:, 784].tolist()
        assert data.name == "RECT" and data.provenance.startswith("original: rectangles.zip")
        monkeypatch.setattr(larochelle, "read_amat", None)
        assert again or not list((tmp_path / "cache").rglob("*.partial"))
    assert sorted(p.name for p in (tmp_path / "data").rglob("*")) == ["rectangles", "rectangles.zip"]  # nothing written


def test_images_stored_on_their_side_are_turned_upright(tmp_path, monkeypatch):
    rows = fake_source(tmp_path, monkeypatch, transposed=True)
    data = hn.load_dataset("rect", tmp_path / "data")
    np.testing.assert_allclose(data.x_train[0].reshape(28, 28), rows["train"][0, :784].reshape(28, 28).T, rtol=1e-6)


def test_a_foreign_zip_and_a_damaged_text_are_refused(tmp_path, monkeypatch):
    fake_source(tmp_path, monkeypatch, columns=784)
    with pytest.raises(ValueError, match="785 numbers in every row"):
        hn.load_dataset("rect", tmp_path / "data")
    (tmp_path / "data" / "rectangles" / "rectangles.zip").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"expected .*not the published file"):
        hn.load_dataset("rect", tmp_path / "data")
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_a_set_is_fetched_into_the_cache_and_then_read_from_there(tmp_path, monkeypatch, capsys):
    fake_source(tmp_path, monkeypatch)
    monkeypatch.setattr(larochelle, "URL", (tmp_path / "data" / "rectangles").as_uri() + "/")
    monkeypatch.setattr("pooch.retrieve", lambda url, known_hash, fname, path, progressbar: copy(url, path / fname))
    assert main(["data", "fetch", "rect"]) == 0
    assert "RECT: 4 training, 3 validation, 5 test examples" in capsys.readouterr().out
    assert (tmp_path / "cache" / "larochelle" / "rectangles.zip").exists()


def copy(url, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(url.removeprefix("file://"), target)
    return str(target)


def test_a_set_that_cannot_be_fetched_gets_one_clear_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(larochelle, "URL", "http://127.0.0.1:9/")
    assert main(["data", "fetch", "convex"]) == 2
    said = capsys.readouterr().err
    assert "convex.zip could not be downloaded" in said and said.count("\n") <= 2
    assert not list((tmp_path / "cache").rglob("*.zip"))


def test_blocks_of_lines_join_to_the_whole_text(tmp_path, monkeypatch):
    rows = fake_source(tmp_path, monkeypatch)
    path = tmp_path / "data" / "rectangles" / "rectangles.zip"
    whole = "".join(larochelle.line_blocks(path, "sub/rectangles_train.amat"))
    for size in (1, 100, 20_000):
        blocks = list(larochelle.line_blocks(path, "sub/rectangles_train.amat", size))
        assert "".join(blocks) == whole and all(block.endswith("\n") for block in blocks)
    assert len(np.fromstring(whole, sep=" ")) == rows["train"].size


def test_every_set_is_made_on_the_shipped_digits_without_mnist_and_says_so():
    for name in larochelle.SOURCES:
        if name in ("convex", "rect"):
            continue
        data = hn.load_dataset(name)
        assert data.name == f"{name.upper()} (regenerated)" and data.provenance.startswith("regenerated")
        assert "shipped" in data.provenance
        assert data.x_train.shape == (958, 784) and data.x_test.shape == (600, 784)
        assert data.x_train.dtype == np.float32 and 0 <= data.x_train.min() and 0.9 < data.x_train.max() <= 1
        again = hn.load_dataset(name)
        np.testing.assert_array_equal(again.x_train, data.x_train)


def test_a_rotation_by_a_quarter_turns_pixels_exactly_and_a_full_turn_changes_nothing():
    images = RNG(0).random((3, 49)).astype(np.float32)
    quarter = generators.rotate(images, np.full(3, np.pi / 2)).reshape(3, 7, 7)
    np.testing.assert_allclose(quarter, np.rot90(images.reshape(3, 7, 7), axes=(1, 2)), atol=2e-3)
    np.testing.assert_allclose(generators.rotate(images, np.full(3, 2 * np.pi)), images, atol=2e-3)


def test_background_noise_has_the_published_marginals_and_pink_noise_falls_as_1_over_f():
    noise = generators.uniform_noise(500, 28, RNG(0))
    assert abs(noise.mean() - 0.5) < 0.005 and abs(noise.var() - 1 / 12) < 0.002
    field = generators.pink_field(256, RNG(1))
    power = np.abs(np.fft.fft2(field - field.mean())) ** 2
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    rings = [(0.02, 0.04), (0.08, 0.16), (0.2, 0.4)]
    slope = np.polyfit(np.log([np.mean(r) for r in rings]),
                       np.log([power[(f >= a) & (f < b)].mean() for a, b in rings]), 1)[0]
    assert -2.4 < slope < -1.6  # power 1/f**2, amplitude 1/f


def test_patches_of_low_contrast_are_left_out_and_flat_pictures_refused():
    half = np.zeros((64, 128))
    half[:, 64:] = RNG(0).random((64, 64))
    cut = generators.patches([half], 50, 28, RNG(1))
    assert (cut.std(axis=1) >= generators.LOW_CONTRAST).all()
    with pytest.raises(ValueError, match="too flat"):
        generators.patches([np.zeros((64, 64))], 3, 28, RNG(1))
    with pytest.raises(ValueError, match="at least 28 x 28"):
        generators.patches([np.zeros((20, 64))], 3, 28, RNG(1))


def test_a_digit_on_a_background_is_the_brighter_of_the_two():
    a, b = np.float32([[0.2, 0.9]]), np.float32([[0.5, 0.1]])
    np.testing.assert_array_equal(generators.on_background(a, b), np.float32([[0.5, 0.9]]))


def describe_rectangles(x):
    images = x.reshape(-1, 28, 28) > 0
    rows, cols = images.any(axis=2), images.any(axis=1)
    return rows.sum(1), cols.sum(1), rows.argmax(1), cols.argmax(1), images.sum((1, 2))


def check_rectangles(x, y):
    h, w, _, _, ink = describe_rectangles(x)
    assert set(np.unique(x)) == {0, 1}
    assert h.min() == w.min() == 4 and h.max() == w.max() == 28 and abs(h - w).min() == 3
    assert np.array_equal(y, h > w) and np.array_equal(ink, 2 * (h + w) - 4)


def test_generated_rectangles_are_hollow_and_labelled_by_the_longer_side():
    x, y = generators.rectangles(20_000, RNG(5))
    check_rectangles(x, y)
    assert abs(y.mean() - 0.5) < 0.02


@pytest.mark.slow
def test_generated_and_original_rectangles_have_the_same_distributions(own_cache):
    if not own_cache or not (Path(own_cache) / "rectangles" / "rectangles.zip").exists():
        pytest.skip("needs the original rectangles.zip under HASHNETS_DATA")
    original = hn.load_dataset("rect", own_cache)
    assert original.x_train.shape == (1000, 784) and original.x_valid.shape == (200, 784)
    check_rectangles(original.x_test, original.y_test)
    x, y = generators.rectangles(50_000, RNG(6))
    for ours, theirs in zip(describe_rectangles(x), describe_rectangles(original.x_test), strict=True):
        a, b = np.bincount(ours, minlength=120), np.bincount(theirs, minlength=120)
        seen = (a + b) > 20
        chi2 = ((a - b)[seen] ** 2 / (a + b)[seen]).sum()
        assert chi2 < seen.sum() + 5 * np.sqrt(2 * seen.sum()), "two-sample chi-square beyond 5 standard deviations"
    assert abs(x.mean() - original.x_test.mean()) < 3e-4 and abs(y.mean() - original.y_test.mean()) < 0.01


def naive_convex(image):
    """Every lattice point on a segment between two white pixels is white, and so is every one inside a triangle."""
    points = np.argwhere(image)
    for y in range(28):
        for x in range(28):
            if image[y, x]:
                continue
            d = points - [y, x]
            angle = np.sort(np.arctan2(d[:, 0], d[:, 1]))
            gaps = np.diff(np.append(angle, angle[0] + 2 * np.pi))
            if gaps.max() <= np.pi + 1e-9:  # white pixels all around it: inside or on the hull
                return False
    return True


def test_the_convexity_check_agrees_with_a_naive_one():
    sets = np.concatenate([generators.half_plane_sets(20, 0.195, 19, RNG(1)), generators.non_convex_sets(20, RNG(2))])
    small = RNG(3).random((40, 784)) < 0.004  # a few scattered pixels: thin and disconnected cases
    small = small[small.sum(axis=1) > 0]
    images = np.concatenate([sets, small])
    naive = [naive_convex(image.reshape(28, 28)) for image in images]
    assert generators.is_convex(images).tolist() == naive and 15 < sum(naive) < 60


def test_convex_sets_are_balanced_in_class_and_in_white_pixels():
    x, y = generators.convex(6000, RNG(1))
    assert generators.is_convex(x > 0).tolist() == (y == 1).tolist()
    assert abs(y.mean() - 0.5) < 0.03
    a, b = x[y == 1].mean(axis=1), x[y == 0].mean(axis=1)
    assert a.min() * 784 >= 19 and abs(a.mean() - b.mean()) < 3 * np.sqrt(a.var() / len(a) + b.var() / len(b))
