"""The report: which topics hold, the likely bugs by name, and each failure with lines that reproduce it."""

from .cases import explain_flag, read_file
from .operations import as_lines
from .runner import FAILS, HOLDS, NOT_COVERED, Result, likely_bugs, made_to_catch, passed


def write_report(implementation: str, results: list[Result], every: bool = False) -> str:
    """Write the report as text. every: show every failure, not only the first of each topic."""
    version, cases = read_file()["spec_version"], len(results)
    lines = [f"{implementation} against the HashedNets specification, version {version} ({cases} cases)", ""]
    lines += [*topic_lines(results), "", *bug_lines(results)]
    for result in failures(results, every):
        lines += failure_lines(implementation, result)
    return "\n".join([*lines, verdict(results)])


def topic_lines(results: list[Result]) -> list[str]:
    """One line a topic."""
    lines = []
    for topic in dict.fromkeys(r.case.topic for r in results):
        count = {status: sum(r.case.topic == topic and r.status == status for r in results)
                 for status in (HOLDS, FAILS, NOT_COVERED)}
        reasons = {r.difference for r in results if r.case.topic == topic and r.status == NOT_COVERED}
        words = {HOLDS: "hold", FAILS: "FAIL", NOT_COVERED: "not covered"}
        parts = [f"{n} {words[status]}" for status, n in count.items() if n]
        mark = "FAIL" if count[FAILS] else "ok" if count[HOLDS] else "-"
        why = f" ({'; '.join(sorted(reasons))})" if reasons else ""
        lines.append(f"  {mark:<5} {topic:<13} {', '.join(parts)}{why}")
    return lines


def bug_lines(results: list[Result]) -> list[str]:
    """Name the likely bugs."""
    failing = [r for r in results if r.status == FAILS]
    lines = [f"  {flag}: {explain_flag(flag)} ({n} of {len(failing)} failures are exactly this)"
             for flag, n in likely_bugs(results)]
    if lines:
        return ["Likely bugs, the most telling first:", *lines, ""]
    if any(r.compared for r in failing):
        hints = [f"  {flag}: {explain_flag(flag)}" for flag in made_to_catch(results)]
        return ["No known bug gives these answers. The failing cases were made to catch:", *hints, ""]
    none = "No case that fails gave an answer to compare: the adapter raised, or what it gave cannot be read."
    return [none, ""] if failing else []


def failures(results: list[Result], every: bool) -> list[Result]:
    """Pick the failures to show: all, or the first of each topic."""
    failing = [r for r in results if r.status == FAILS]
    return failing if every else list({r.case.topic: r for r in reversed(failing)}.values())[::-1]


def failure_lines(implementation: str, result: Result) -> list[str]:
    """Show one failure."""
    case, bugs = result.case, ", ".join(sorted(result.bugs)) or "no known bug gives exactly this"
    return [f"{case.id}: {case.comment}", f"  {result.difference}", f"  likely bug: {bugs}", "  to reproduce it:",
            *("    " + line for line in as_lines(case, implementation)), ""]


def verdict(results: list[Result]) -> str:
    """Sum up in one line."""
    count = {status: sum(r.status == status for r in results) for status in (HOLDS, FAILS, NOT_COVERED)}
    word = "PASSED" if passed(results) else "FAILED" if count[FAILS] else "NOTHING COVERED"
    return f"{word}: {count[HOLDS]} cases hold, {count[FAILS]} fail, {count[NOT_COVERED]} not covered"
