"""The diagnosis: where a layer breaks, which known bug that is, and what the failing cases share.

The stages of a HashedNet feed each other, from the hash to training; the first of them that fails is where to look, and
what passes before it is right. A known bug is named only where its answers explain most failures of a topic and could
hardly be met by chance. Other observations are made for any bug: which outputs are wrong and in what
manner, and what all failing cases, and no passing one, have in common.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from .cases import explain_flag
from .common_ground import common_ground, near_ground
from .compare import NO_NUMBERS, UNREADABLE, has_step, numbers_in
from .results import FAILS, NOT_COVERED, PASSES, Result, passed


class Stage(NamedTuple):
    """A stage of a HashedNet: its name, what is right where it passes, and which results belong to it."""

    name: str
    meaning: str
    holds: Callable[[Result], bool]


def is_biased(result: Result) -> bool:
    """Whether a case is about a layer with a bias."""
    layers = [result.case.inputs.get("layer"), *result.case.inputs.get("layers", ())]
    return any(layer and layer.get("bias") for layer in layers)


def scripts(trained: bool) -> Callable[[Result], bool]:
    """Select scripts with or without steps of SGD: a wrong step fails the former, and breaks nothing before it."""
    return lambda r: r.case.operation == "script" and has_step(r.case) == trained


def of(*operations: str, biased: bool | None = None) -> Callable[[Result], bool]:
    """Select results by their operation and, if asked for, by whether the layer has a bias."""
    return lambda r: r.case.operation in operations and biased in (None, is_biased(r))


STAGES = (
    Stage("hash", "the hash of an index pair", of("hash", "hash_text")),
    Stage("seeds", "derived seeds", of("derive_seed")),
    Stage("number of buckets", "K and K_b from a compression", of("bucket_counts")),
    Stage("map", "bucket and sign of every virtual weight", of("bucket_sign")),
    Stage("gather", "V from the real weights (Eq. 7)", of("gather")),
    Stage("forward", "z = a V^T (Eq. 8)", of("forward", biased=False)),
    Stage("scatter-add", "the gradient of V summed into the real weights (Eq. 11, 12)", of("scatter_add")),
    Stage("backward", "the gradients of a layer (Eq. 9, 10)", of("backward", biased=False)),
    Stage("bias", "the bias, forward and backward", of("forward", "backward", biased=True)),
    Stage("sequences", "several calls on one layer, and layers side by side", scripts(trained=False)),
    Stage("network", "layers in a row: seeds, ReLU, dropout", of("network")),
    Stage("loss", "the loss and its gradient", of("loss")),
    Stage("training", "steps of SGD", of("sgd")),
    Stage("sequences with training", "steps of SGD between other calls", scripts(trained=True)),
    Stage("storage", "the size of a saved layer", of("stored_bytes")),
)
SURE = {"InputOverwritten", "OutputDtype", "ResultOverwritten", "EmptyBatchShape", "CheckpointHoldsMap",
        "StridesIgnored"}  # seen


class Diagnosis(NamedTuple):
    """What the report says first.

    Attributes
    ----------
    verdict : {"passed", "failed", "cannot run", "always raises", "nothing covered"}
        The result of the whole run.
    stage : Stage or None
        The first stage that fails.
    right : tuple of str
        The stages before it that pass.
    open : tuple of str
        The stages before it that are not covered; none if its answers are wrong in type or shape alone.
    bugs : tuple of (str, int, int)
        The known bugs behind the failures: the name, how many failures are exactly this bug, and how many it could
        explain.
    excluded : int
        How many known bugs would have shown and did not.
    shares : tuple of str
        What all failing cases have in common, and no passing one.
    mostly : tuple of str
        What all failing cases have in common, and few passing ones.
    manner : str
        Which outputs are wrong, and in what way.
    error : str
        The error that all cases raise, if there is one.
    unable : int
        How many cases raised a fault of the machine, of which `error` is the most frequent.

    Examples
    --------
    >>> Diagnosis("passed").stage is None
    True
    """

    verdict: str
    stage: Stage | None = None
    right: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    bugs: tuple[tuple[str, int, int], ...] = ()
    excluded: int = 0
    shares: tuple[str, ...] = ()
    mostly: tuple[str, ...] = ()
    manner: str = ""
    error: str = ""
    unable: int = 0


def diagnose(results: list[Result]) -> Diagnosis:
    """Find out where a layer breaks, and which known bugs explain its failures.

    Parameters
    ----------
    results : list of Result
        What `check` returned.

    Returns
    -------
    Diagnosis
        The verdict, the first stage that fails, the known bugs behind it, and what the failing cases share.

    Examples
    --------
    >>> from hashnets_np.conformance import check
    >>> from hashnets_np.conformance.numpy_layer import NumpyLayer
    >>> class Transposed(NumpyLayer):
    ...     @staticmethod
    ...     def hash(i, j, seed):
    ...         return NumpyLayer.hash(j, i, seed)
    >>> found = diagnose(check(Transposed, topics=["hash"]))
    >>> found.verdict, found.stage.name
    ('failed', 'hash')
    """
    failing = [r for r in results if r.status == FAILS]
    if not failing:
        return Diagnosis("passed" if passed(results) else "nothing covered")
    machine = [r for r in failing if r.machine]
    if machine:
        return diagnose_without(machine, results)
    valid = [r for r in results if r.case.valid and r.status != NOT_COVERED]
    errors = {shape_of(r.error) for r in valid}
    if len(valid) > 1 and len(errors) == 1 and "" not in errors:
        return Diagnosis("always raises", error=valid[0].error)
    return diagnose_failures(results)


def diagnose_without(machine: list[Result], results: list[Result]) -> Diagnosis:
    """Set faults of the machine apart. Nothing is known about the layer only if every valid case raised one."""
    rest = [r for r in results if not r.machine]
    if not any(r.case.valid and r.status != NOT_COVERED for r in rest):
        found = Diagnosis("cannot run")
    elif any(r.status == FAILS for r in rest):
        found = diagnose(rest)
    else:
        found = Diagnosis("failed")
    return found._replace(error=found.error or most_common([r.error for r in machine if r.error]), unable=len(machine))


def most_common(texts: list[str]) -> str:
    """Pick the most frequent text."""
    return Counter(texts).most_common(1)[0][0]


def shape_of(error: str) -> str:
    """Take the numbers out of an error, so that equal errors of different cases compare equal."""
    return "".join("#" if c.isdigit() else c for c in error)[:60]


def diagnose_failures(results: list[Result]) -> Diagnosis:
    """Find the first stage that fails, and what is known about its failures."""
    for only_answers in (True, False):  # a wrong answer says more than an input that should have been refused
        for n, stage in enumerate(STAGES):
            here = [r for r in results if stage.holds(r) and (r.case.valid or not only_answers)]
            failing = [r for r in here if r.status == FAILS]
            if failing:
                before = STAGES[:n]
                not_covered = [s.name for s in before if state(results, s) == NOT_COVERED]
                return Diagnosis(
                    "failed", stage, tuple(s.name for s in before if state(results, s) == PASSES),
                    () if all(map(has_no_numbers, failing)) else tuple(not_covered),
                    tuple(name_bugs(results)), count_excluded(failing), tuple(common_ground(here)),
                    tuple(near_ground(here)), describe_outputs(failing))
    raise AssertionError("diagnose_failures is called where something fails")


def has_no_numbers(result: Result) -> bool:
    """Whether an answer is wrong in its type or shape, which no stage before it can be behind."""
    if result.difference.startswith(UNREADABLE):
        return True
    return bool(result.outputs) and all(words.startswith(NO_NUMBERS) for words in result.outputs.values())


def state(results: list[Result], stage: Stage) -> str:
    """Say whether the valid cases of a stage pass, fail or are not covered."""
    found = {r.status for r in results if stage.holds(r) and r.case.valid}
    return FAILS if FAILS in found else PASSES if PASSES in found else NOT_COVERED


# ---- known bugs


def name_bugs(results: list[Result]) -> list[tuple[str, int, int]]:
    """Name the bugs behind the failures, most telling first: (flag, failures that are exactly it, that could be it).

    A bug is named under three conditions: it explains most of the failures of some topic in which it would have shown;
    one of its answers is more than a handful of small numbers; and it would not have shown in more of the cases that
    pass. The failures that it explains are set aside, and the next bug is looked for among the others.
    """
    open_ = [r for r in results if r.status == FAILS]
    out = []
    while found := best_bug(open_, results):
        flag, matches, known = found
        out.append((flag, matches, known))
        open_ = [r for r in open_ if flag not in r.bugs]
    failing = [r for r in results if r.status == FAILS]
    return sorted(out, key=lambda bug: is_aside(bug, failing))


def is_aside(bug: tuple[str, int, int], failing: list[Result]) -> bool:
    """Whether a bug is said last: one that refuses nothing, or one that is seen in few of the failures."""
    flag, matches, _ = bug
    return flag.endswith("Unchecked") or (flag in SURE and 2 * matches <= len(failing))


def likely_bugs(results: list[Result]) -> list[tuple[str, int]]:
    """Name the known bugs behind the failures, most telling first.

    Parameters
    ----------
    results : list of Result
        What `check` returned.

    Returns
    -------
    list of (str, int)
        The name of each bug, and how many failures are exactly this bug.

    Examples
    --------
    >>> from hashnets_np.conformance import check
    >>> from hashnets_np.conformance.numpy_layer import NumpyLayer
    >>> class Transposed(NumpyLayer):
    ...     @staticmethod
    ...     def hash(i, j, seed):
    ...         return NumpyLayer.hash(j, i, seed)
    >>> [name for name, _ in likely_bugs(check(Transposed, topics=["hash"]))]
    ['TransposedKey']
    """
    return [(flag, matches) for flag, matches, _ in name_bugs(results)]


def best_bug(open_: list[Result], results: list[Result]) -> tuple[str, int, int] | None:
    """Find the bug that explains most of some failures, if any can be named."""
    votes = Counter(flag for r in open_ for flag in r.bugs)
    topics = {r.case.topic for r in open_}
    passing = Counter(flag for r in results if r.status == PASSES for flag in {w["flag"] for w in r.case.wrong})
    near = Counter(flag for r in results if r.status == PASSES and r.case.topic in topics
                   for flag in {w["flag"] for w in r.case.wrong})
    ranked = sorted(votes, key=lambda flag: (flag.endswith("Unchecked"), -votes[flag], passing[flag], flag))
    for flag in ranked:
        if flag in SURE or flag.endswith("Unchecked"):
            return flag, votes[flag], votes[flag]
        known = [r for r in open_ if r.compared and any(w["flag"] == flag for w in r.case.wrong)]
        matching = [r for r in known if flag in r.bugs]
        by_topic = Counter(r.case.topic for r in known)
        most = any(2 * n > by_topic[topic] for topic, n in Counter(r.case.topic for r in matching).items())
        telling = any(is_telling(r, flag) for r in matching)
        if matching and most and telling and near[flag] <= 2 * len(matching) and 3 * len(matching) >= len(known):
            return flag, len(matching), len(known)
    return None


def is_telling(result: Result, flag: str) -> bool:
    """Whether a wrong answer could hardly be met by chance, and is not that of many other bugs."""
    if len(result.bugs) > 4:
        return False
    for wrong in result.case.wrong:
        numbers = list(numbers_in(wrong))
        if wrong["flag"] == flag and ("not finite" in wrong.values() or is_informative(numbers, result)):
            return True
    return False


def is_informative(numbers: list[float], result: Result) -> bool:
    """Whether some numbers are more than a handful of small ones."""
    return max(map(abs, numbers), default=0) > 50 or (len(set(numbers)) >= 3 and (
        result.case.dtype != "int" or len(numbers) >= 8))


def count_excluded(failing: list[Result]) -> int:
    """Count the known bugs that would have shown in some failing cases, none of which is what was found."""
    seen = {w["flag"] for r in failing if r.compared for w in r.case.wrong}
    return len(seen - {flag for r in failing for flag in r.bugs})


# ---- the outputs


def describe_outputs(failing: list[Result]) -> str:
    """Say which outputs are wrong, each in what manner, where most failures agree, and which are right."""
    compared = [r for r in failing if r.compared and r.outputs]
    if not compared:
        return ""
    manners: dict[str, list[str]] = {}  # of each wrong output, one for each case
    for r in compared:
        for name, words in r.outputs.items():
            manners.setdefault(without_number(name), []).append(words)
    said = {name: shared_manner(words) for name, words in sorted(manners.items())}
    text = "wrong: " + ", ".join(name + (f" ({words})" if words else "") for name, words in said.items())
    largest = max(compared, key=lambda r: sum(bool(words) for words in r.outputs.values()))  # the first of these
    if not any(said.values()) and any(largest.outputs.values()):
        described = "; ".join(f"{name}: {words}" for name, words in largest.outputs.items() if words)
        text += f" (in {largest.case.id}: {described})"
    names = {without_number(name) for r in compared for name, x in r.case.expected.items() if x is not None}
    right = sorted(names - set(manners))
    return text + (f"; right: {', '.join(right)}" if right else "")


def without_number(name: str) -> str:
    """Take the number of a call or a layer off the name of an output."""
    return name.rstrip("0123456789")


def shared_manner(manners: list[str]) -> str:
    """Say what most of some manners have in common; at most three things."""
    parts = Counter(part for words in manners for part in set(words.split("; ")) if part)
    return "; ".join(part for part, n in parts.most_common(3) if 2 * n > len(manners))


def without_remarks(manner: str) -> str:
    """Leave out in what manner outputs are wrong.

    >>> without_remarks("wrong: dw (2 times the right one), z; right: da")
    'wrong: dw, z; right: da'
    """
    return re.sub(r" \((?:[^()]|\([^()]*\))*\)", "", manner)


def explain(flag: str) -> str:
    """Say a bug's name and what it is."""
    return f"{flag}: {explain_flag(flag)}"
