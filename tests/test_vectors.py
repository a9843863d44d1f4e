"""The golden vectors: made again byte for byte, valid by their schema, and independent of what they test."""

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from corner_bugs import CORNERS, OF_VERSION_4, is_found

from hashnets_np.conformance.runner import select

FOLDER = Path(__file__).parent.parent / "data" / "vectors"
FILE = FOLDER / "vectors.json"
# SHA-256 of the text of the first 350 cases, which never changes
FIRST_TWO_EDITIONS = "4e02d6b9020d81fa70d01c79e2c13bfa6530ec8c4187b32f4807dc61106c65ab"
FIRST_FOUR_EDITIONS = "7d9a702dbc59c45ff8154b8de754c03200dcf78955aaf74bf47876284511d104"  # 785 cases
FIRST_EDITION = "a3315a63bd67d359d879dc630cfffd5605628f776a1037b0eef9658dc5f6a9ae"
SOURCES = sorted(FOLDER.rglob("*.py"))


@pytest.fixture
def jsonschema():
    return pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def vectors() -> dict:
    return json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def cases(vectors) -> list[dict]:
    return [case for group in vectors["groups"] for case in group["cases"]]


@pytest.mark.slow
def test_the_script_makes_the_same_file_again(tmp_path):
    made = tmp_path / "vectors.json"
    subprocess.run([sys.executable, FOLDER / "make_vectors.py", made], check=True, capture_output=True)
    assert hashlib.sha256(made.read_bytes()).hexdigest() == hashlib.sha256(FILE.read_bytes()).hexdigest()


def test_the_file_fits_its_schema(vectors, jsonschema):
    schema = json.loads((FOLDER / "vectors.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(vectors, schema)


@pytest.mark.parametrize("change", [
    lambda v: v["groups"][0]["cases"][0].pop("tolerance"),
    lambda v: v["groups"][0]["cases"][0]["input"].pop("seed"),
    lambda v: v["groups"][0]["cases"][0].update(flags=["no flag"]),
    lambda v: v["groups"][0].update(operation="guess"),
    lambda v: v.update(spec_version=2),
    lambda v: v.pop("vectors_version"),
])
def test_the_schema_refuses_a_damaged_file(vectors, change, jsonschema):
    damaged = json.loads(json.dumps(vectors))
    change(damaged)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(damaged, json.loads((FOLDER / "vectors.schema.json").read_text()))


def test_what_makes_them_is_plain_python_and_the_reference_library():
    allowed = {"xxhash", "fractions", "decimal", "operator", "json", "math", "itertools", "pathlib", "struct", "sys",
               "specification", "known_bugs", "book", "cases"}
    assert len(SOURCES) > 10
    for source in SOURCES:
        tree = ast.parse(source.read_text())
        names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
        assert names <= allowed, source


def test_there_are_enough_cases_with_ids_of_their_own_in_a_small_file(vectors, cases):
    assert len({case["id"] for case in cases}) == len(cases) == vectors["number_of_cases"] >= 200
    assert FILE.stat().st_size <= 3_600_000


def test_every_topic_has_cases(vectors):
    topics = {group["topic"] for group in vectors["groups"]}
    assert topics == {
        "hash", "text-hash", "bucket-sign", "large-index", "large-layer", "bucket-count", "derived-seed", "gather",
        "scatter-add", "forward", "gradients", "bias", "two-layers", "dropout", "loss", "soft-targets", "sgd",
        "authors2015", "pytorch2019", "keras", "storage", "sequences", "fold", "chunk", "tile",
    }


def test_every_flag_is_explained_and_caught_by_some_case(vectors, cases):
    caught = {flag for case in cases for flag in case["flags"]} | {w["flag"] for c in cases for w in c.get("wrong", [])}
    caught |= {w["flag"] for wrong in vectors["more_wrong"].values() for w in wrong}
    # no cases for these: the checker looks at every input, output and dtype
    by_the_checker = {"InputOverwritten", "ResultOverwritten", "OutputDtype", "EmptyBatchShape"}
    assert caught | by_the_checker == set(vectors["flags"])


def test_a_case_catches_the_bugs_that_it_names(cases):
    for case in cases:
        if case["result"] == "valid" and "CheckpointHoldsMap" not in case["flags"]:
            assert set(case["flags"]) <= {w["flag"] for w in case["wrong"]}, case["id"]


def test_no_wrong_answer_is_the_right_one(cases):
    for case in cases:
        for wrong in case.get("wrong", []):
            assert {k: v for k, v in wrong.items() if k != "flag"} != case["expected"], case["id"]


def test_hashes_agree_with_the_optional_table(shared, cases):
    import csv

    import xxhash
    with open(shared / "hash_vectors.csv") as file:
        table = {(int(r["i"]), int(r["j"]), int(r["seed"])): int(r["xxh32"]) for r in csv.DictReader(file)}
    seen = 0
    for case in cases:
        if case["id"].startswith("hash-") and case["result"] == "valid":
            for i, j, h in zip(case["input"]["i"], case["input"]["j"], case["expected"]["hash"], strict=True):
                key = i.to_bytes(4, "little") + j.to_bytes(4, "little")
                assert xxhash.xxh32(key, seed=case["input"]["seed"]).intdigest() == h
                seen += table.get((i, j, case["input"]["seed"])) == h
    assert seen >= 3


def test_the_first_edition_is_still_there_word_for_word():
    lines = FILE.read_text().split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith('{"id":"hash-001"'))
    end = next(n for n, line in enumerate(lines) if line.startswith('{"id":"storage-003"'))
    text = "\n".join(line.rstrip(",") for line in lines[start : end + 1])
    assert text.count('{"id":') == 350
    assert hashlib.sha256(text.encode()).hexdigest() == FIRST_EDITION


def test_the_second_edition_is_still_there_word_for_word():
    lines = [line.rstrip(",") for line in FILE.read_text().split("\n") if line.startswith('{"id":')]
    assert hashlib.sha256("\n".join(lines[:586]).encode()).hexdigest() == FIRST_TWO_EDITIONS


def test_the_third_and_fourth_editions_are_still_there_word_for_word():
    lines = [line.rstrip(",") for line in FILE.read_text().split("\n") if line.startswith('{"id":')]
    assert hashlib.sha256("\n".join(lines[:785]).encode()).hexdigest() == FIRST_FOUR_EDITIONS


def test_the_id_of_a_withdrawn_case_is_not_used_again(cases):
    """Its soft targets were no probabilities, which the specification takes for granted."""
    ids = {case["id"] for case in cases}
    assert "soft-targets-011" not in ids and {"soft-targets-010", "soft-targets-012"} <= ids


def test_soft_targets_are_probabilities(cases):
    rows = [row for case in cases for row in case["input"].get("soft") or ()]
    assert len(rows) > 60 and all(min(row) > 0 and sum(row) == 1 for row in rows)  # multiples of 1/64 or 1/128: exact


@pytest.mark.parametrize("name", CORNERS)
def test_a_bug_in_a_corner_is_found_by_the_cases_of_version_5(name):
    """Version 4 missed them: `python tests/corner_bugs.py` shows both."""
    assert is_found(name, select()[OF_VERSION_4:])


def zeros_only(x) -> bool:
    """Whether an expected array holds nothing but zeros."""
    if isinstance(x, dict):
        return False
    return all(map(zeros_only, x)) if isinstance(x, list) else x == 0


def is_of_no_examples(case) -> bool:
    """Whether a case is about an empty batch, whose gradients are 0."""
    x = case["input"].get("x")
    return case["input"].get("a") == [] or (isinstance(x, dict) and x["shape"][0] == 0)


ALL_ZERO = {  # cases of the first edition, whose text never changes: id -> the reason, and what stands beside it
    "pytorch2019-015": "every ReLU between its two layers is off; beside it stands pytorch2019-024",
    "keras-014": "every ReLU between its two layers is off; beside it stands keras-021",
}


def test_no_expected_array_is_all_zero_without_a_reason(cases):
    found = {case["id"] for case in cases for x in case.get("expected", {}).values()
             if case["dtype"] != "int" and isinstance(x, list) and x and zeros_only(x) and not is_of_no_examples(case)}
    assert found == set(ALL_ZERO)


def test_beside_each_case_of_zeros_there_is_one_of_the_same_shape_that_says_something(cases):
    by_id = {case["id"]: case for case in cases}
    for zero, reason in ALL_ZERO.items():
        other = by_id[reason.split()[-1]]
        sizes = [[(layer["n_in"], layer["n_out"], layer["kind"], layer["bias"]) for layer in case["input"]["layers"]]
                 for case in (by_id[zero], other)]
        assert sizes[0] == sizes[1] and other["expected"].keys() == by_id[zero]["expected"].keys()
        assert not any(zeros_only(x) for x in other["expected"].values() if x is not None), other["id"]


def test_every_pair_of_k_and_kb_is_marked(cases):
    """New cases carry a compression; where it is null, only `buckets` yields the layer."""
    from hashnets_np.conformance.cases import find_compression
    for case in cases[350:]:
        for layer in [case["input"].get("layer"), *case["input"].get("layers", [])]:
            if layer and case["result"] == "valid":
                assert "compression" in layer, case["id"]
                if layer["compression"] is None:
                    assert find_compression(layer) is None or "layers" in case["input"], case["id"]


def test_a_formula_gives_the_same_numbers_everywhere():
    """The kit's NumPy and the vectors' fractions are written apart."""
    import sys
    sys.path.insert(0, str(FOLDER))
    from cases.inputs import expand, formula

    from hashnets_np.conformance.cases import fill
    for seed, shape in ((0, (7,)), (5, (33, 9)), (77, (70, 40))):
        assert fill(list(shape), seed).tolist() == [
            [float(v) for v in row] if isinstance(row, list) else float(row) for row in expand(formula(seed, *shape))]


def test_sums_in_whole_numbers_are_the_specification():
    """The fast answers of middle-size cases agree with `Right`, on a layer small enough for both."""
    import sys
    sys.path.insert(0, str(FOLDER))
    from cases.inputs import expand, reachable
    from cases.sizes import answer_by_sums, by_formula, sums
    from specification import Right
    for bias in ("column", "hashed", "dense", None):
        x = by_formula(reachable(6, 5, "1/3", 3, bias), 1, 4, True)
        right, wide = Right(), expand(x)
        z = right.forward(x["layer"], wide["w"], wide["b"], wide["a"])
        assert answer_by_sums(Right(), "forward", x) == {"z": sums(z, 1)}
        found = answer_by_sums(Right(), "backward", x)
        wanted = right.backward(x["layer"], wide["w"], wide["b"], wide["a"], wide["dz"])
        assert found == {name: v and sums(v, 1) for name, v in wanted.items()}
