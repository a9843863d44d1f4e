"""Plain English: words and turns that readers stumbled over do not come back.

The right way to say it stands beside each pattern. A line that needs such a word, in a quotation, says "noqa: words".
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTEAD = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bmade again\b": "regenerated; loaded again; trained again",
    r"\bLeft out:": "Not covered here: ..., or nothing",
    r"\bgradients? (of the loss )?by (X|V|w|each)\b": "the gradient with respect to X",
    r"(?<!there )\bis no (adapter|safetensors|complete|file)\b": "is not a ...",
    r"\b(can|cannot|can't) be had\b": "is (not) installed, is (not) there",
    r"\bunder the glass\b": "inspect one virtual weight",
    r"\bcases hold\b": "cases pass",
    r"\bstands in the network twice\b": "appears twice in the network",
    r"\bno epoch was finished\b": "no epoch finished",
    r"\bThose who live in\b": "With ...,",
    r"\btakes no files?\b": "is not writable",
    r"\bof the loss by\b": "the gradient of the loss with respect to z",
    r"\b(one|example|line|function|file|case|dot) an? (row|layer|kind|class|signature|case)\b(?! of)": "one per row",
    r"\bBehind it stand\b": "the work is done in ...",
    r"\bis no (record|table|number|result)\b": "is not a ...",
    r"\bthe call before\b": "the previous call",
    r"\bnothing makes it again\b": "it cannot be rebuilt",
    r"\bname another place\b": "choose another folder",
    r"\bWhoever needs\b": "code that needs",
    r"\b(something|nothing|more|much) to [a-z]+_[a-z]+\b": "a verb, not the name of a function",
    r"^ {4,}Of (the|its|a|an|stochastic) ": "in a docstring: what it is, as 'The seed of the draw'",
    r"\bpassed over\b": "skipped",
    r"\b(no|without|without an) opinion\b": "all logits are 0",
    r"\b(the records|runs|files) are of [a-z]+ data\b|\brecords are of \{": "were made with",
    r"\bwhich a crash left\b": "left by a crash",
    r"\b(give|have) one result\b": "the same result",
    r"\btakes another way\b": "goes another way",
}
PAGES = [
    ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "pyproject.toml",
    *ROOT.glob("docs/*.md"), *ROOT.glob("data/**/*.md"), *ROOT.glob("examples/**/*.md"),
    *ROOT.glob("hashnets_np/**/*.py"), *ROOT.glob("notebooks/*.md"), *ROOT.glob("notebooks/**/[0-9]*.ipynb"),
]


def lines_of(path):
    """The lines that a person reads; of notebooks the cells and the text that they print, not the pictures."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8").splitlines()
    lines = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        lines += "".join(cell["source"]).splitlines()
        for output in cell.get("outputs", []):
            lines += "".join(output.get("text", [])).splitlines()
    return lines


def stumbles(text):
    """What a line has of the patterns, with the way to say it instead."""
    if "noqa: words" in text:
        return []
    return [f"{found[0]!r}: say {better!r}" for pattern, better in INSTEAD.items()
            if (found := re.search(pattern, text))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_readers_stumbled_over_comes_back(path):
    found = [f"{line}: {what}" for line in lines_of(path) for what in stumbles(line)]
    assert found == []


def test_the_list_finds_what_it_is_for():
    assert stumbles("its mend is to make it again; the file is no safetensors file") != []
    assert stumbles("I recommend an amendment; the fix is here") == []
