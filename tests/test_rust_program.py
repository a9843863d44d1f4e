"""The layer in Rust reads JSON by itself: every escape that a writer of JSON may use."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "hashed_layer.rs"
GUIDE = Path(__file__).parents[1] / "docs" / "cross-check.md"
pytestmark = pytest.mark.skipif(shutil.which("rustc") is None, reason="no rustc on this machine")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Compile it as the guide says, but quickly."""
    command = re.search(r"^rustc .*?(?= &&)", GUIDE.read_text(encoding="utf-8"), re.M)[0]
    path = tmp_path_factory.mktemp("rust") / "layer"
    here = {"-O": "-Copt-level=0", "hashed_layer": path, "tests/hashed_layer.rs": SOURCE}
    subprocess.run([here.get(word, word) for word in command.split()], check=True)
    return path


def ask(program, *lines):
    """Send lines, and read the answers."""
    run = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize(("escaped", "text"), [
    (r"a\nb\tc\rd", "a\nb\tc\rd"), (r"\"\\\/", '"\\/'), (r"\u0041\u00e9\u0661", "A\u00e9\u0661"),
    (r"\ud83d\ude00!", "\U0001f600!"), ("\u0661\u00e9", "\u0661\u00e9"), (r"\ud83dx", "\ufffdx"),
])
def test_escapes_in_texts_are_decoded(program, escaped, text):
    assert ask(program, f'{{"operation": "{escaped}", "input": {{}}}}') == [{"not_covered": f"no {text}"}]


def test_control_characters_are_decoded(program):
    """Rust writes them as \\u{8} and \\u{c} in its message."""
    request = r'{"operation": "bucket_sign", "input": {"kind": "\b\f", "buckets": 3, "seed": 7, "i": [0], "j": [0]}}'
    (answer,) = ask(program, request)
    assert r'there is no kind "\u{8}\u{c}"' in answer["error"]


@pytest.mark.parametrize("compression", ["1/8\n", "0.5\n", "\u0661/\u0668", "0.\u0665", "\uff11/\uff18"])
def test_a_compression_is_refused_for_what_it_says_and_not_for_how_it_is_written(program, compression):
    x = {"n_in": 784, "n_out": 1000, "bias": None}
    lines = [json.dumps({"operation": "bucket_counts", "input": {"compression": c, **x}}) for c in (compression, "1/8")]
    refused, counted = ask(program, *lines)
    assert "error" in refused and counted == {"output": {"buckets": 98000, "bias_buckets": 0}}
