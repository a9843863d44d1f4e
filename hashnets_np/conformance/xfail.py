"""Expected failures: what a layer is known not to pass, each case with a reason, so that anything new stands out."""

from dataclasses import replace
from pathlib import Path

from .cases import all_cases
from .results import FAILS, NOT_COVERED, PASSES, Result


def read_expected_failures(path: str) -> dict[str, str]:
    """Read a file with a case and its reason on each line: id -> reason. ValueError for any other line or file."""
    known = {case.id for case in all_cases()}
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file in UTF-8; expected a case and a reason on each line, as in "
                         "'forward-003 no float64'") from error
    expected: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        case, _, reason = line.strip().partition(" ")
        if not reason.strip():
            raise ValueError(f"{path}, line {number}: expected a case and a reason, as in "
                             f"'forward-003 no float64', got {line.strip()[:60]!r}")
        if case not in known:
            raise ValueError(f"{path}, line {number}: unknown case {case[:60]!r}; was it withdrawn? ids look like "
                             "forward-003")
        expected[case] = reason.strip()
    return expected


def apply_expected_failures(results: list[Result], expected: dict[str, str]) -> tuple[list[Result], list[str]]:
    """Count expected failures as not covered, with their reason; list the ids of those that pass unexpectedly."""
    surprises = [r.case.id for r in results if r.case.id in expected and r.status == PASSES]
    return [replace(r, status=NOT_COVERED, difference=f"expected failure: {expected[r.case.id]}")
            if r.case.id in expected and r.status == FAILS else r for r in results], surprises


def unexpected_lines(surprises: list[str]) -> list[str]:
    """Say which expected failures pass."""
    return [f"Expected to fail, but passes: {', '.join(surprises)}; take it off the list."] if surprises else []
