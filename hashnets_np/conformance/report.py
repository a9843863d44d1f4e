"""The report: where the layer breaks and why, then which topics pass, then failures with lines to reproduce them."""

from .adapter import Adapter
from .cases import read_file
from .diagnosis import Diagnosis, Stage, diagnose, explain, is_aside, without_remarks
from .operations import as_lines
from .results import FAILS, NOT_COVERED, PASSES, Result, passed

WORDS = {PASSES: "pass", FAILS: "FAIL", NOT_COVERED: "not covered"}


def write_report(implementation: str, results: list[Result], every: bool = False, another_map: str = "") -> str:
    """Write the report as text.

    Parameters
    ----------
    implementation : str
        The name of what was checked.
    results : list of Result
        What `check` returned.
    every : bool
        Whether to show every failure, and not only the first of each topic.
    another_map : str
        What probing the layer has shown, where its map is another one (`probe.find_another_map`).

    Returns
    -------
    str
        The report.

    Examples
    --------
    >>> from hashnets_np.conformance import check
    >>> from hashnets_np.conformance.numpy_layer import NumpyLayer
    >>> results = check(NumpyLayer, topics=["hash"])
    >>> write_report("NumpyLayer", results).splitlines()[2]
    'Everything that was asked passes: 1 of 1 topics are covered.'
    """
    file = read_file()
    found = diagnose(results)
    lines = [f"{implementation} against the HashedNets specification {file['spec_version']} "
             f"({len(results)} cases, vectors version {file['vectors_version']})", ""]
    lines += [*first_lines(found, results, another_map), "", *topic_lines(results), ""]
    if found.verdict == "failed":
        for result in failures(results, every):
            lines += failure_lines(implementation, result)
    return "\n".join([*lines, verdict(results)])


def first_lines(found: Diagnosis, results: list[Result], another_map: str = "") -> list[str]:
    """Say what matters most."""
    if found.verdict == "cannot run":
        return [f"The adapter cannot run here: {counted(found.unable, 'case')} raised {found.error}",
                "Nothing is known about the layer. "
                "This is a fault of the machine or its set-up: memory, a folder, a GPU or an import."]
    if found.verdict == "always raises":
        return [f"Every valid case raised the same error: {found.error}",
                "So the layer itself was never tested; most likely the adapter has a mistake."]
    if found.verdict == "passed":
        return [passed_line(results)]
    if found.verdict == "nothing covered":
        return ["Nothing is covered: no valid case was answered."]
    if found.stage is None:
        return [f"Everything else passes, but {unable_line(found, results)}"]
    beside = [f"  Beside that, {unable_line(found, results)}"] if found.unable else []
    return [*failed_lines(found, results, another_map), *beside]


def counted(n: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, "case"), counted(2, "case")
    ('1 case', '2 cases')
    """
    return f"{n} {noun}{'s' * (n != 1)}"


def unable_line(found: Diagnosis, results: list[Result]) -> str:
    """Say which cases the machine could not run, where others could be."""
    first = next(r.error for r in results if r.machine and r.error)
    return (f"{counted(found.unable, 'case')} could not be run here: {first}. Nothing is known about "
            f"{'it' if found.unable == 1 else 'them'}: that is a fault of the machine or its set-up, or an import.")


def refused_line(stage: Stage, bad: list[Result]) -> str:
    """Say which inputs should have been refused: those that gave an answer, and those that failed in another way."""
    accepted = sum(r.compared for r in bad)
    others = [r for r in bad if not r.compared]
    parts = []
    if accepted:
        verb = "is" if accepted == 1 else "are"
        parts.append(f"{counted(accepted, 'input')} of {stage.name} that must be refused {verb} accepted")
    if others:
        verb = "fails" if len(others) == 1 else "fail"
        parts.append(f"{counted(len(others), 'input')} of {stage.name} that must be refused {verb} in another way "
                     f"({others[0].difference})")
    return f"Every answer is right, but {'; '.join(parts)}."


def passed_line(results: list[Result]) -> str:
    """Say what a pass covers, and which gradients it does not."""
    topics = dict.fromkeys(r.case.topic for r in results)
    covered = [t for t in topics if any(r.case.topic == t and r.status == PASSES and r.case.valid for r in results)]
    unclaimed = sorted({name for r in results for name in r.unclaimed})
    beside = f" Not compared, as the layer does not claim them: gradients with respect to {', '.join(unclaimed)}."
    return (f"Everything that was asked passes: {len(covered)} of {len(topics)} topics are covered."
            f"{beside if unclaimed else ''}")


def failed_lines(found: Diagnosis, results: list[Result], another_map: str) -> list[str]:
    """Say where it breaks, which bug that is, and what is known beside."""
    stage = found.stage
    assert stage is not None
    here = [r for r in results if stage.holds(r) and r.status != NOT_COVERED and not r.machine]
    bad = [r for r in here if r.status == FAILS]
    failing = [r for r in results if r.status == FAILS and not r.machine]
    wrong = any(r.case.valid for r in failing)
    lines = []
    if not wrong:
        lines.append(refused_line(stage, bad))
    elif another_map:
        lines.append(another_map)
    else:
        lines.append(f"It breaks at: {stage.name} ({stage.meaning}); {len(bad)} of {len(here)} cases fail.")
    named = [bug for bug in found.bugs if not is_aside(bug, failing)]
    lines += [f"  {explain(flag)} ({n} of the {known} failures that it can explain are exactly this)"
              for flag, n, known in named]
    if found.right:
        lines.append(f"  Before that, {', '.join(found.right)} pass{'es' * (len(found.right) == 1)}.")
    if found.open and not another_map:
        lines.append(f"  Not covered, so the cause may also lie there: {', '.join(found.open)}.")
    if found.manner:
        where = without_remarks(found.manner) if named or another_map else found.manner
        lines.append(f"  Outputs {where}.")
    if found.shares and not another_map:
        lines.append(f"  All failing cases share, and no passing one has: {'; '.join(found.shares)}.")
    if found.mostly and not named:
        lines.append(f"  All failing cases share, and few passing ones have: {'; '.join(found.mostly)}.")
    if not named and found.excluded and not another_map:
        lines.append(f"  No known bug gives these answers; {found.excluded} that would have shown are excluded.")
    asked = [r for r in bad if r.case.valid]
    if asked and not named and not any(r.compared for r in asked):
        lines.append(f"  No case gave an answer to compare; the first error: {asked[0].difference}")
    lines += [f"  Beside that, {explain(bug[0])} ({counted(bug[1], 'case')})" for bug in found.bugs if bug not in named]
    return lines


def topic_lines(results: list[Result]) -> list[str]:
    """One line a topic."""
    lines = []
    for topic in dict.fromkeys(r.case.topic for r in results):
        count = {status: sum(r.case.topic == topic and r.status == status for r in results) for status in WORDS}
        reasons = {r.difference for r in results if r.case.topic == topic and r.status == NOT_COVERED}
        parts = [f"{n} {WORDS[status]}" for status, n in count.items() if n]
        answered = any(r.case.topic == topic and r.status == PASSES and r.case.valid for r in results)
        mark = "FAIL" if count[FAILS] else "ok" if answered else "-"
        why = f" ({merge_reasons(reasons)})" if reasons else ""
        lines.append(f"  {mark:<5} {topic:<13} {', '.join(parts)}{why}")
    return lines


def merge_reasons(reasons: set[str]) -> str:
    """Say once why cases are not covered: the methods that are missing, then the rest.

    >>> merge_reasons({"no step, gather", "no step", "kind tile is not in its kinds", "kind fold is not in its kinds"})
    'no gather, step; kind fold, tile not in its kinds'
    """
    missing: set[str] = set()
    names: dict[str, set[str]] = {"bias": set(), "kind": set()}
    rest = set()
    for reason in reasons:
        methods = reason.removeprefix("no ").split(", ")
        words = reason.split()
        if reason.startswith("no ") and all(hasattr(Adapter, name) for name in methods):
            missing |= set(methods)
        elif words[0] in names and words[2:5] == ["is", "not", "in"]:
            names[words[0]].add(words[1])
        else:
            rest.add(reason)
    found = [f"no {', '.join(sorted(missing))}"] if missing else []
    found += [f"{word} {', '.join(sorted(given))} not in its {plural}"
              for (word, given), plural in zip(names.items(), ("biases", "kinds"), strict=True) if given]
    return "; ".join([*found, *sorted(rest)])


def failures(results: list[Result], every: bool) -> list[Result]:
    """Pick the failures to show: all, or the first of each topic."""
    failing = [r for r in results if r.status == FAILS]
    first: dict[str, Result] = {}
    for r in failing:
        first.setdefault(r.case.topic, r)
    return failing if every else list(first.values())


def failure_lines(implementation: str, result: Result) -> list[str]:
    """Show one failure."""
    case = result.case
    bugs = ", ".join(sorted(result.bugs)) or ("no known bug gives exactly this" if result.compared else "")
    lines = [f"{case.id}: {case.comment}", f"  {result.difference}"]
    lines += [f"  exactly the answer of: {bugs}" if result.bugs else f"  {bugs}"] if bugs else []
    if ":" in implementation:
        lines += ["  to reproduce it:", *("    " + line for line in as_lines(case, implementation, result.layout))]
    return [*lines, ""]


def verdict(results: list[Result]) -> str:
    """Sum up in one line."""
    count = {status: sum(r.status == status for r in results) for status in WORDS}
    word = "PASSED" if passed(results) else "FAILED" if count[FAILS] else "NOTHING COVERED"
    if count[FAILS] and diagnose(results).verdict == "cannot run":
        word = "CANNOT RUN"
    return f"{word}: {count[PASSES]} cases pass, {count[FAILS]} fail, {count[NOT_COVERED]} not covered"


def as_json(implementation: str, results: list[Result], another_map: str = "") -> dict:
    """Write the results as an object for JSON."""
    file = read_file()
    found = diagnose(results)
    cases = [{"id": r.case.id, "topic": r.case.topic, "operation": r.case.operation, "status": r.status,
              "difference": r.difference, "exactly": sorted(r.bugs), "outputs": r.outputs} for r in results]
    return {
        "implementation": implementation, "spec_version": file["spec_version"],
        "vectors_version": file["vectors_version"], "verdict": found.verdict,
        "stage": found.stage.name if found.stage else None, "bugs": [flag for flag, *_ in found.bugs],
        "first": first_lines(found, results, another_map),
        "counts": {status: sum(r.status == status for r in results) for status in WORDS}, "cases": cases,
    }
