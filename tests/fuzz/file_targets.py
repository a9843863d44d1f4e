"""Files: models, IDX, zips of .amat text, records, grids. Whatever they hold, reading them does no harm."""

import gzip
import io
import json
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from harness import Target
from hypothesis import strategies as st
from inputs import JSON, PLAIN, WORDS, changed

import hashnets_np as hn
from hashnets_np.datasets.idx import TYPES, parse_idx
from hashnets_np.experiments.larochelle import Source, read_zip
from hashnets_np.experiments.methods import build
from hashnets_np.experiments.sweep import records
from hashnets_np.experiments.sweep.grid import read_grid

FOLDER = Path(tempfile.mkdtemp(prefix="hashnets-fuzz-"))
RECORDS = Path(hn.__file__).parent.parent / "data" / "records"


def model_bytes(net):
    hn.save(net, FOLDER / "right")
    return (FOLDER / "right").read_bytes()


MODELS = [
    model_bytes(build(method, [4, 3, 2], compression="1/2" if method != "lrd" else "1", seed=1, dropout=0.5))
    for method in ("hashnet", "nn", "rer", "lrd")
] + [model_bytes(hn.Network([hn.HashedLinear(3, 2, "1/2", kind=kind, bias="hashed", seed=1)]))
     for kind in ("xxhash", "fold", "pytorch2019")]


@st.composite
def described_models(draw):
    """Draw files whose header is well formed, with layers and arrays that need not agree."""
    names = st.sampled_from(["HashedLinear", "Linear", "MaskedLinear", "LowRankLinear", "ReLU", "Dropout", "Tanh"])
    arguments = st.sampled_from(["n_in", "n_out", "buckets", "bias", "kind", "seed", "dtype", "init", "survivors",
                                 "rank", "rate", "bias_buckets", "size", "rng", "compression"])
    layers = draw(st.lists(st.dictionaries(arguments, PLAIN, max_size=8).flatmap(
        lambda d: names.map(lambda name: {"type": name, "dtype": "float32", "n_in": 2, "n_out": 3, **d})), max_size=3))
    header, data = {}, b""
    for number in range(len(layers)):
        for name in draw(st.lists(st.sampled_from("wbu"), unique=True)):
            shape = draw(st.lists(st.integers(0, 4), min_size=1, max_size=2))
            size = int(np.prod(shape)) * 4
            header[f"{number}.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + size]}
            data += bytes(size)
    text = json.dumps(draw(st.sampled_from([layers, layers, layers, draw(JSON)])))
    header["__metadata__"] = {"format": "hashnets_np", "version": "1", "layers": text}
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def read_model(content):
    path = FOLDER / "model"
    path.write_bytes(content)
    net = hn.load(path)
    hn.save(net, FOLDER / "again")
    again = hn.load(FOLDER / "again")
    for (name, p), (other, q) in zip(net.parameters(), again.parameters(), strict=True):
        assert name == other and p.tobytes() == q.tobytes()


def idx_bytes(array, code):
    head = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(TYPES[code]).tobytes()


IDX = [idx_bytes(np.arange(12).reshape(3, 2, 2), code) for code in TYPES] + [idx_bytes(np.arange(3), 8)]


IMAGES, LABELS = idx_bytes(np.arange(12).reshape(3, 2, 2), 8), idx_bytes(np.arange(3), 8)
IDX_SET = [st.just(right) | st.just(right) | changed([right, *IDX]) for right in (IMAGES, LABELS) * 2]


def read_idx_bytes(content):
    array = parse_idx(content)
    assert array.nbytes == len(content) - 4 - 4 * array.ndim and array.dtype.isnative


def read_idx_folder(contents):
    folder = Path(tempfile.mkdtemp(dir=FOLDER))
    for name, (content, pack) in zip(("train-images", "train-labels", "t10k-images", "t10k-labels"), contents,
                                     strict=True):
        (folder / f"{name}{'.gz' if pack else ''}").write_bytes(gzip.compress(content) if pack else content)
    data = hn.load_idx(folder)
    assert len(data.x_train) + len(data.x_valid) == len(data.y_train) + len(data.y_valid)


ROW = " ".join(["0.5"] * 784)


def zip_bytes(texts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return buffer.getvalue()


ZIPS = [zip_bytes({"a_train.amat": f"{ROW} 1\n" * 2, "a_test.amat": f"{ROW} 0\n"})]
TEXTS = st.one_of(st.just(f"{ROW} 1\n"), st.just(ROW), st.text(max_size=50), st.just("#\n\n"), st.just("1e999 " * 785))
DRAWN_ZIPS = st.dictionaries(st.sampled_from(["a_train.amat", "a_test.amat", "x", "d/b_test.amat"]),
                             st.lists(TEXTS, max_size=3).map("".join), max_size=3).map(
                                 lambda texts: zip_bytes({k: v.encode("utf-8", "replace") for k, v in texts.items()}))


def read_zip_bytes(content):
    (FOLDER / "x.zip").write_bytes(content)
    x, y = read_zip(FOLDER / "x.zip", Source("x.zip", "", (1, 1, 1)))
    assert x.shape == (len(y), 784) and ((x >= 0) & (x <= 1)).all() and (y >= 0).all() and (y <= 9).all()


LINES = (RECORDS / "runs.jsonl").read_bytes().splitlines(keepends=True)[:3]
SEARCHES = (RECORDS / "searches.jsonl").read_bytes().splitlines(keepends=True)[:2]
FIELDS = list(json.loads(LINES[0])) + list(json.loads(SEARCHES[0]))


@st.composite
def record_lines(draw):
    """Draw files of records: right lines, some with a field changed or missing, ends of lines as systems write them."""
    out = []
    for line in draw(st.lists(st.sampled_from([*LINES, *SEARCHES]), max_size=4)):
        record = json.loads(line)
        if draw(st.integers(0, 2)) == 0:
            name = draw(st.sampled_from(FIELDS))
            record[name] = draw(JSON)
            if draw(st.booleans()):
                record.pop(name)
        out.append(json.dumps(record).encode() + draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n", b"", b"\0\n"])))
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + b"".join(out)


def read_records(content):
    folder = Path(tempfile.mkdtemp(dir=FOLDER))
    path = folder / "runs.jsonl"
    path.write_bytes(content)
    before = records.read(path)
    (new,) = records.read(one_record()).values()
    records.append(path, new)
    after = records.read(path)
    assert before.keys() <= after.keys() and len(after) <= len(before) + 1
    assert path.read_bytes().startswith(content[: content.rfind(b"\n") + 1])


def one_record():
    path = FOLDER / "one.jsonl"
    if not path.exists():
        path.write_bytes(LINES[-1])
    return path


SETTINGS = ["datasets", "methods", "layers", "seeds", "compressions", "expansions", "hidden", "tune", "max_epochs"]


@st.composite
def grid_files(draw):
    """Draw TOML files of grids; JSON's numbers, words and lists are TOML too."""
    right = {"datasets": ["digits"], "methods": ["nn", "hashnet"], "layers": [3], "seeds": [0], "tune": False}
    for name, value in draw(st.dictionaries(st.sampled_from(SETTINGS), JSON, max_size=3)).items():
        right[name] = value
    head = "\n".join(f"{name} = {as_toml(value)}" for name, value in right.items())
    tables = "".join(f"\n[[grid]]\n{draw(st.sampled_from(SETTINGS))} = {as_toml(draw(JSON))}\n"
                     for _ in range(draw(st.integers(0, 2))))
    return f'{head}\n[[grid]]\ncompressions = ["1/8"]\n{tables}'.encode("utf-8", "replace")


def as_toml(value):
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf").replace("null", "[]")


GRIDS = [(Path(hn.__file__).parent / "experiments" / "sweep" / "presets" / "quick.toml").read_bytes()]


def read_grid_file(content):
    (FOLDER / "grid.toml").write_bytes(content)
    for job in read_grid(str(FOLDER / "grid.toml")):
        assert job.label() and job.key


TARGETS = [
    Target("model files", st.one_of(changed(MODELS), described_models()), read_model),
    Target("IDX", st.one_of(changed(IDX), st.binary(max_size=40)), read_idx_bytes),
    Target("folders of IDX files", st.tuples(*[st.tuples(file, st.booleans()) for file in IDX_SET]), read_idx_folder),
    Target("zips of .amat", st.one_of(changed(ZIPS), DRAWN_ZIPS), read_zip_bytes),
    Target("records", st.one_of(record_lines(), changed([b"".join(LINES)]), st.binary(max_size=60)), read_records),
    Target("grids", st.one_of(grid_files(), changed(GRIDS), st.text(max_size=60).map(
        lambda text: text.encode("utf-8", "replace"))), read_grid_file),
    Target("names", WORDS | st.just("digits"), lambda name: hn.load_dataset(name, FOLDER)),
]
