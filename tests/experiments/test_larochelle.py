"""The paper's data sets: reading .amat zips, regenerating sets, and the real RECT against the generated one."""

import hashlib
import os
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hashnets_np as hn
from hashnets_np.__main__ import main
from hashnets_np.experiments import generators, larochelle

RNG = np.random.default_rng


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep what tests make out of the real cache, and real data out of the tests that do not ask for it."""
    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
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
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_a_set_is_fetched_into_the_cache_and_then_read_from_there(tmp_path, monkeypatch, capsys):
    fake_source(tmp_path, monkeypatch)
    monkeypatch.setattr(larochelle, "URL", (tmp_path / "data" / "rectangles").as_uri() + "/")
    assert main(["data", "fetch", "rect"]) == 0
    assert "RECT: 4 training, 3 validation, 5 test examples" in capsys.readouterr().out
    assert (tmp_path / "cache" / "larochelle" / "rectangles.zip").exists()


def test_a_fetched_file_that_is_not_the_published_one_is_not_kept(tmp_path, monkeypatch, capsys):
    fake_source(tmp_path, monkeypatch)
    monkeypatch.setattr(larochelle, "URL", (tmp_path / "data" / "rectangles").as_uri() + "/")
    (tmp_path / "data" / "rectangles" / "rectangles.zip").write_bytes(b"something else")
    assert main(["data", "fetch", "rect"]) == 2
    assert "the server sent something else, with SHA-1" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()


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
    assert abs(y.mean() - 0.5) < 0.03 and abs((y[1:] == y[:-1]).mean() - 0.5) < 0.03  # drawn, not in turn
    a, b = x[y == 1].mean(axis=1), x[y == 0].mean(axis=1)
    assert round(float(a.min()) * 784) >= 19  # rounded: NumPy 1.26 makes 18.9999997 of 19 white pixels
    assert abs(a.mean() - b.mean()) < 3 * np.sqrt(a.var() / len(a) + b.var() / len(b))


def test_digits_are_enlarged_about_their_centres():
    images = RNG(0).random((2, 16)).astype(np.float32)
    large = generators.enlarge(images, 8).reshape(2, 8, 8)
    for turned in (lambda x: x[:, ::-1], lambda x: x[:, :, ::-1], lambda x: x.transpose(0, 2, 1)):
        again = generators.enlarge(turned(images.reshape(2, 4, 4)).reshape(2, 16), 8).reshape(2, 8, 8)
        np.testing.assert_allclose(again, turned(large), atol=2e-3)
    ramp = np.tile(np.arange(4, dtype=np.float32), (4, 1)).reshape(1, 16)  # pixel centres at 1/8, 3/8, 5/8, 7/8
    row = generators.enlarge(ramp, 8).reshape(8, 8)[0]
    np.testing.assert_allclose(row, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=4e-3)


def test_pink_noise_has_a_standard_deviation_of_one_fifth_and_few_pixels_are_cut_off():
    field = generators.pink_field(256, RNG(1))
    assert abs(field.mean() - 0.5) < 0.01 and abs(field.std() - 0.2) < 0.01
    assert ((field == 0) | (field == 1)).mean() < 0.03


def test_patches_come_from_everywhere_and_a_picture_of_their_own_size_is_one():
    picture = RNG(0).random((28, 28))
    for patch in generators.patches([picture], 2, 28, RNG(1)):
        np.testing.assert_array_equal(patch, picture.ravel().astype(np.float32))
    pixels = RNG(0).random((30, 30))  # nine patches: each is there among 200
    assert len(np.unique(generators.patches([pixels], 200, 28, RNG(1))[:, 0])) == 9


def test_digits_are_turned_by_all_angles(monkeypatch):
    angles = []
    monkeypatch.setattr(generators, "rotate", lambda images, a: angles.extend(a) or images)
    generators.rotated(np.zeros((1000, 784), np.float32), RNG(0))
    assert all(200 < n < 300 for n in np.histogram(angles, 4, (0, 2 * np.pi))[0])


def test_the_smallest_area_of_a_half_plane_set_itself_is_kept():
    sets = generators.half_plane_sets(3000, generators.CONVEX_GEOMETRIC, generators.CONVEX_AREA, RNG(0))
    assert sets.sum(axis=1).min() == generators.CONVEX_AREA == 19


def test_regenerated_sets_keep_labels_and_splits_of_the_digits_and_differ_in_their_noise():
    digits = hn.load_dataset("digits")
    for name in ("basic", "rot", "bg-rand", "bg-img", "bg-img-rot"):
        data = hn.load_dataset(name)
        for part in ("y_train", "y_valid", "y_test"):
            np.testing.assert_array_equal(getattr(data, part), getattr(digits, part))
    basic = hn.load_dataset("basic")
    for part in ("x_train", "x_valid", "x_test"):
        np.testing.assert_array_equal(getattr(basic, part), generators.enlarge(getattr(digits, part), 28))


def test_each_set_is_disturbed_as_its_name_says():
    digits = hn.load_dataset("basic").x_test
    sets = {name: hn.load_dataset(name).x_test for name in ("rot", "bg-rand", "bg-img", "bg-img-rot")}
    black = {name: float((x == 0).mean()) for name, x in sets.items()}
    assert black["rot"] > 0.2 and max(black["bg-rand"], black["bg-img"], black["bg-img-rot"]) < 0.1
    whole = {name: bool((x >= digits - 1 / 255).all()) for name, x in sets.items()}  # the digit upright on top
    assert whole == {"rot": False, "bg-rand": True, "bg-img": True, "bg-img-rot": False}


def test_each_set_has_random_numbers_of_its_own(monkeypatch):
    drawn = []
    monkeypatch.setattr(larochelle, "disturb", lambda name, digits, pictures, rng: drawn.append(rng.random()) or digits)
    for name in ("rot", "bg-rand", "bg-img", "bg-img-rot"):
        hn.load_dataset(name)
    assert len(set(drawn)) == 4  # ROT and BG-IMG-ROT, say, are not turned by the same angles


def test_basic_is_the_first_62000_images_of_mnist(tmp_path, monkeypatch):
    y = np.arange(70_000)
    x = (y % 1000 / 1000).astype(np.float32)[:, None]
    mnist = hn.Dataset("mnist", x[:48_000], y[:48_000], x[48_000:60_000], y[48_000:60_000], x[60_000:], y[60_000:], "")
    monkeypatch.setattr(larochelle, "find_set", lambda name, data_dir: [Path(name)])
    monkeypatch.setattr(larochelle, "load_mnist", lambda data_dir: mnist)
    data = hn.load_dataset("basic")
    assert [len(part) for part in (data.y_train, data.y_valid, data.y_test)] == [10_000, 2_000, 50_000]
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_valid, data.y_test]), y[:62_000])
    assert data.provenance == "reconstructed: slices of MNIST"


def test_the_users_photographs_are_read_as_grey_levels_and_never_taken_from_the_cache(tmp_path, monkeypatch):
    from matplotlib.image import imsave

    folder = tmp_path / "photographs"
    folder.mkdir()
    pixels = RNG(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    imsave(folder / "a.png", pixels)
    (picture,) = larochelle.read_photographs(folder)
    np.testing.assert_allclose(picture, pixels.mean(axis=2) / 255, atol=1e-6)
    monkeypatch.setattr("matplotlib.image.imread", lambda path: pixels)  # as JPEG is read: 0 to 255
    np.testing.assert_allclose(larochelle.read_photographs(folder)[0], pixels.mean(axis=2) / 255, atol=1e-6)
    monkeypatch.undo()

    monkeypatch.setenv("HASHNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HASHNETS_DATA", raising=False)
    first = larochelle.regenerate("bg-img", photographs=folder)
    imsave(folder / "a.png", 255 - pixels)
    other = larochelle.regenerate("bg-img", photographs=folder)
    assert "the user's photographs" in first.provenance and not np.array_equal(first.x_test, other.x_test)
    assert not list((tmp_path / "cache").rglob("bg-img*"))


def test_a_last_line_without_its_end_is_read_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x_train.amat", " ".join(["0.5"] * 784) + " 1\n" + " ".join(["0.25"] * 784) + " 2")
    assert larochelle.read_amat(tmp_path / "x.zip", "x_train.amat", 2)[:, ::784].tolist() == [[0.5, 1], [0.25, 2]]


ROW = " ".join(["0.5"] * 784)


@pytest.mark.parametrize(("text", "message"), [
    (f"{ROW} 10\n", "labels in 0..9"), (f"{ROW} 0.5\n", "labels in 0..9"), (f"{ROW} -1\n", "labels in 0..9"),
    (f"{ROW} nan\n", "labels in 0..9"), (f"{ROW} 1\n".replace("0.5", "1.5", 1), "pixels in"),
    (f"{ROW} 1\n".replace("0.5", "nan", 1), "pixels in"), (f"{ROW} 1\n".replace("0.5", "x", 1), "numbers only"),
    (f"{ROW} 1\n" * 3, "more than the 2 rows"), (f"{ROW}\n", "785 numbers in every row"),
    ("0.5 " * 2**16, "a line of more than"), ("\u00e9\n", "ascii"), ("<html>\n", "numbers only"),
])
def test_a_text_that_is_not_a_table_of_pixels_and_labels_is_one_line(tmp_path, text, message):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.amat", text)
    with pytest.raises(ValueError, match=message):
        larochelle.read_amat(tmp_path / "x.zip", "x_train.amat", 2)


def test_a_damaged_zip_is_one_line_although_its_checksum_is_right(tmp_path, monkeypatch):
    fake_source(tmp_path, monkeypatch)
    path = tmp_path / "data" / "rectangles" / "rectangles.zip"
    whole = path.read_bytes()
    for damaged in (whole[:-30], whole[:500] + bytes(2000) + whole[2500:]):
        path.write_bytes(damaged)
        source = replace(larochelle.SOURCES["rect"], sha1=hashlib.sha1(damaged).hexdigest())
        monkeypatch.setitem(larochelle.SOURCES, "rect", source)
        with pytest.raises(ValueError, match="damaged"):
            hn.load_dataset("rect", tmp_path / "data")


def cached_file(tmp_path):
    (path,) = (tmp_path / "cache").rglob("*.npz")
    return path


def test_cached_arrays_are_compared_with_their_digest_and_regenerated_when_they_differ(tmp_path, monkeypatch):
    fake_source(tmp_path, monkeypatch)
    first = hn.load_dataset("rect", tmp_path / "data")
    path = cached_file(tmp_path)
    with np.load(path) as file:
        arrays = dict(file)
    for change in ({"x": np.zeros_like(arrays["x"])}, {"y": 1 - arrays["y"]}, {"x": arrays["x"].astype(np.float64)},
                   {"x": arrays["x"].reshape(784, -1)}, {"sha256": "0"}):
        np.savez(path, **arrays | change)
        again = hn.load_dataset("rect", tmp_path / "data")
        np.testing.assert_array_equal(again.x_train, first.x_train)
        np.testing.assert_array_equal(again.y_test, first.y_test)
    for content in (b"", b"PK\x03\x04", path.read_bytes()[:-50], b"\x93NUMPY", b"\x80\x04K\x01."):
        path.write_bytes(content)
        np.testing.assert_array_equal(hn.load_dataset("rect", tmp_path / "data").x_train, first.x_train)


def test_a_set_is_made_once_by_many_threads(tmp_path, monkeypatch):
    made = []

    def make():
        made.append(1)
        time.sleep(0.1)
        return np.zeros((2, 784), np.uint8), np.zeros(2, np.int64)

    threads = [threading.Thread(target=larochelle.cached, args=("key", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_without_a_folder_for_the_cache_sets_are_made_in_memory(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    fake_source(tmp_path, monkeypatch)
    assert len(hn.load_dataset("rect", tmp_path / "data").x_test) == 5
    assert len(hn.load_dataset("rot").x_test) == 600


def test_a_picture_that_macos_left_is_not_one_and_a_broken_one_is_named(tmp_path):
    from matplotlib.image import imsave

    imsave(tmp_path / "a.png", RNG(0).random((30, 30)))
    (tmp_path / "._a.png").write_bytes(b"\0\x05\x16\x07 left by macOS")
    assert len(larochelle.read_photographs(tmp_path)) == 1
    for content in (b"", b"no picture", (tmp_path / "a.png").read_bytes()[:60]):
        (tmp_path / "b.png").write_bytes(content)
        with pytest.raises(ValueError, match=r"b\.png cannot be read as a picture"):
            larochelle.read_photographs(tmp_path)
    imsave(tmp_path / "b.png", RNG(0).random((27, 30)))
    with pytest.raises(ValueError, match=r"b\.png is too small, expected at least 28 x 28"):
        larochelle.read_photographs(tmp_path)
    with pytest.raises(ValueError, match="there is no folder of photographs"):
        larochelle.read_photographs(tmp_path / "nothing")


def test_files_that_macos_adds_to_a_zip_are_not_parts_of_a_set():
    assert larochelle.part_of("__MACOSX/sub/._rectangles_train.amat") is None
    assert larochelle.part_of("sub/rectangles_train.amat") == "train"
