"""What a probe finds: the findings, the map that is read off a layer, and the report."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from numpy.typing import NDArray

UNSEEN = "which hash, key and seed made the map, how K follows from a compression, initial weights, and training"


class Finding(NamedTuple):
    """One thing that was checked: whether it is as it should be (None: unknown), and what to say about it."""

    ok: bool | None
    words: str


class Map(NamedTuple):
    """A map as it was read off a forward pass: bucket and sign of every virtual weight, and the factor before w."""

    bucket: NDArray
    sign: NDArray
    scale: float
    column: NDArray  # (n_out,): a bias that is made of real weights too, as bucket number + 1 with its sign; 0: none


@dataclass
class Probe:
    """The findings about a layer, as they come in; each is told at once, as a later call may end the process."""

    make: Callable[[int, int, int], Any]
    dtype: str = "float32"
    findings: list[Finding] = field(default_factory=list)
    tell: Callable[[Finding], None] = lambda finding: None

    def note(self, ok: bool | None, words: str) -> bool:
        """Note a finding once; returns whether it is as it should be."""
        finding = Finding(None if ok is None else bool(ok), words)
        if finding not in self.findings:
            self.findings.append(finding)
            self.tell(finding)
        return bool(ok)

    @property
    def passed(self) -> bool:
        """Whether everything that could be told is as it should be."""
        return all_right(self.findings)


def all_right(findings: list[Finding]) -> bool:
    """Whether there are findings, and none is wrong."""
    return bool(findings) and all(f.ok is not False for f in findings)


def without_sizes(words: str) -> str:
    """Take the size and the batch out of a finding.

    >>> without_sizes("the gradient of the input fits V, batch 2 at 65 x 33")
    'the gradient of the input fits V'
    """
    return re.sub(r"(, batch \d+)?( at \d+ x \d+)?$", "", words)


def is_fault(words: str) -> bool:
    """Whether a finding says what is wrong; most say what should be so.

    >>> is_fault("dw is None"), is_fault("the last bucket is used at 10 x 12")
    (True, False)
    """
    faults = ("what forward returns", "dw is", "da is", "forward is wrong", "forward is less", "backward is less",
              "V is not +-w", "V is multiplied", "the layer gave", "the layer did")
    return words.startswith(faults) or " raised " in words


def say_fault(words: str) -> str:
    """Say a finding that fails as the fault that it is: most findings say what should be so.

    >>> say_fault("the last bucket is used at 10 x 12")
    'It breaks here; this should be true and is not: the last bucket is used at 10 x 12'
    """
    return f"It breaks at: {words}" if is_fault(words) else f"It breaks here; this should be true and is not: {words}"


def write_probe_report(implementation: str, findings: list[Finding]) -> str:
    """Write the findings as text: what is wrong first; what is found at several sizes once."""
    wrong = [f for f in findings if f.ok is False]
    lines = [f"{implementation}, probed without knowledge of its hash", ""]
    lines += [say_fault(wrong[0].words) if wrong else "Everything that a probe can see is as it should be.", ""]
    for ok, mark in ((False, "FAIL"), (None, "-"), (True, "ok")):
        words = [without_sizes(f.words) for f in findings if f.ok is ok]
        for text in dict.fromkeys(words):
            often = f" ({words.count(text)} times)" if words.count(text) > 1 else ""
            lines.append(f"  {mark:<5} {text}{often}")
    return "\n".join([*lines, "", f"A probe cannot see {UNSEEN}.", f"{'PASSED' if all_right(findings) else 'FAILED'}: "
                      f"{sum(f.ok is True for f in findings)} findings pass, {len(wrong)} fail"])
