"""The golden vectors: made again byte for byte, valid by their schema, and independent of what they test."""

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "data" / "vectors"
FILE = FOLDER / "vectors.json"
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
])
def test_the_schema_refuses_a_damaged_file(vectors, change, jsonschema):
    damaged = json.loads(json.dumps(vectors))
    change(damaged)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(damaged, json.loads((FOLDER / "vectors.schema.json").read_text()))


def test_what_makes_them_is_plain_python_and_the_reference_library():
    allowed = {"xxhash", "fractions", "decimal", "json", "math", "itertools", "pathlib", "struct", "sys",
               "specification", "known_bugs", "book", "cases"}
    assert len(SOURCES) > 10
    for source in SOURCES:
        tree = ast.parse(source.read_text())
        names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
        assert names <= allowed, source


def test_there_are_enough_cases_with_ids_of_their_own_in_a_small_file(vectors, cases):
    assert len({case["id"] for case in cases}) == len(cases) == vectors["number_of_cases"] >= 200
    assert FILE.stat().st_size <= 3_000_000


def test_every_topic_has_cases(vectors):
    topics = {group["topic"] for group in vectors["groups"]}
    assert topics == {
        "hash", "text-hash", "bucket-sign", "large-index", "large-layer", "bucket-count", "derived-seed", "gather",
        "scatter-add", "forward", "gradients", "bias", "two-layers", "dropout", "loss", "soft-targets", "sgd",
        "authors2015", "pytorch2019", "keras", "storage",
    }


def test_every_flag_is_explained_and_caught_by_some_case(vectors, cases):
    caught = {flag for case in cases for flag in case["flags"]} | {w["flag"] for c in cases for w in c.get("wrong", [])}
    by_the_checker = {"InputOverwritten"}  # no case for it: the checker compares every input before and after
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
