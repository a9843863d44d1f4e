"""Whether an answer is right: outputs, errors and sizes beside those of the golden vector.

A failure whose outputs are exactly the wrong answer of a known bug gets that bug's name.
"""

import errno
from dataclasses import replace
from typing import Any

from .cases import Case
from .compare import differs, manner, wrong_dtype, wrong_width
from .operations import script_outputs
from .results import FAILS, NOT_COVERED, PASSES, Result
from .wording import describe_error, words

NO_REFUSAL = (NameError, ImportError, SyntaxError, MemoryError)  # mistakes of the adapter's own code
MACHINE_ERRNO = {errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
MACHINE_WORDS = ("cuda", "cudnn", "out of memory", "no locator available", "unable to allocate",
                 "can't allocate memory", "resource_exhausted", "no space left",
                 "read-only file system", "hip error", "nvidia")
GRADIENTS = {"dw": "w", "db": "b", "da": "a", "dx": "a"}  # output -> what it is the gradient with respect to
OWN_FAULTS = ("device-side assert triggered", "illegal memory access")  # of CUDA, from a wrong index in the layer


def judge(case: Case, found: dict[str, Any], gradients: tuple[str, ...] = ("w", "b", "a")) -> Result:
    """Compare outputs with the expected ones, and with the wrong ones if they differ."""
    if case.operation == "stored_bytes":
        return judge_size(case, int(found["bytes"]))
    asked = {name: x for name, x in case.expected.items() if is_asked(name, case, gradients)}
    different = {name: difference for name, x in asked.items() if (difference := differs(name, x, found[name], case))}
    if different:
        bugs = {wrong["flag"] for wrong in case.wrong if is_exactly(wrong, found, case, gradients)}
        manners = {name: manner(name, case.expected[name], found[name], case) for name in different}
        return Result(case, FAILS, next(iter(different.values())), bugs, outputs=manners)
    for name in asked:
        if difference := wrong_dtype(name, found[name], case):
            return Result(case, FAILS, difference, {"OutputDtype"}, outputs={name: "of another dtype"})
        if asked[name] == [] and (difference := wrong_width(name, found[name], case)):
            return Result(case, FAILS, difference, {"EmptyBatchShape"}, outputs={name: "of another shape"})
    unclaimed = {gradient_of(name, case) for name, x in case.expected.items() if name not in asked and x is not None}
    if unclaimed and all(x is None for x in asked.values()):
        return Result(case, NOT_COVERED, "none of the gradients that it claims is in this case")
    return Result(case, PASSES, unclaimed=tuple(sorted(unclaimed)))


def is_asked(name: str, case: Case, gradients: tuple[str, ...]) -> bool:
    """Say whether an output is one that the adapter claims to compute."""
    if case.operation == "script" and name not in script_outputs(case):
        return False
    of = gradient_of(name, case)
    return not of or of in gradients


def gradient_of(name: str, case: Case) -> str:
    """Say with respect to what a layer's backward pass gives an output; nothing for the output of another method."""
    short = name.rstrip("0123456789")
    call = case.operation
    if call == "script" and short in GRADIENTS:
        call = case.inputs["steps"][int(name.removeprefix(short))]["call"]
    return "" if call == "scatter_add" else GRADIENTS.get(short, "")


def is_exactly(wrong: dict[str, Any], found: dict[str, Any], case: Case, gradients: tuple[str, ...]) -> bool:
    """Say whether the outputs are the wrong answer of a known bug, as far as that answer is asked for."""
    asked = {name: x for name, x in wrong.items() if name != "flag" and is_asked(name, case, gradients)}
    return bool(asked) and all(not differs(name, x, found[name], case) for name, x in asked.items())


def judge_size(case: Case, size: int) -> Result:
    """Check that a saved layer holds its real weights and little else."""
    low = case.expected["min_bytes"]
    high = case.expected["max_bytes"]
    if low <= size <= high:
        return Result(case, PASSES)
    bugs = {"CheckpointHoldsMap"} if size > high else set()
    return Result(case, FAILS, f"{size} bytes, expected {low} to {high}", bugs)


def judge_error(case: Case, error: Exception) -> Result:
    """An error refuses an invalid case, unless the adapter's own code is at fault; elsewhere it is a failure."""
    machine = is_of_the_machine(error)
    if not case.valid and not machine and not isinstance(error, NO_REFUSAL):
        return Result(case, PASSES)
    fix = ""
    if isinstance(error, NotImplementedError):
        fix = "; for what your layer doesn't do raise NotCovered"
    if not case.valid:
        fix = "; that looks like a mistake or a fault of the machine, and is not taken for a refusal"
    text = describe_error(error)
    return Result(case, FAILS, f"raised {text}{fix}", compared=False, error=text, machine=machine)


def is_of_the_machine(error: BaseException) -> bool:
    """Tell a fault of this machine (memory, a folder, a GPU, an import) from one of the layer."""
    if isinstance(error, MemoryError | ImportError):
        return True
    if isinstance(error, OSError) and error.errno in MACHINE_ERRNO:
        return True
    text = words(error).lower()
    if any(fault in text for fault in OWN_FAULTS):
        return False
    return not isinstance(error, ValueError | TypeError) and any(word in text for word in MACHINE_WORDS)


def settle_refusals(results: list[Result]) -> list[Result]:
    """Count a refusal only if some valid case of its operation gave an answer: what always raises refuses nothing."""
    answered = {r.case.operation for r in results if r.case.valid and r.compared and r.status != NOT_COVERED}
    asked = {r.case.operation for r in results if r.case.valid and r.status != NOT_COVERED}
    unable = {r.case.operation for r in results if r.case.valid and r.machine}
    reason = "raised, but valid cases of this operation raise as well, so this is not a refusal"
    return [
        replace(r, status=FAILS, difference=reason, compared=False, machine=r.case.operation in unable)
        if not r.case.valid and r.status == PASSES and r.case.operation in asked - answered else r
        for r in results
    ]
