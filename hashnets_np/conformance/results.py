"""What comes out of a case: it passes, fails or isn't covered."""

from dataclasses import dataclass, field

from .cases import Case

PASSES = "passes"
FAILS = "fails"
NOT_COVERED = "not covered"


@dataclass
class Result:
    """What came out of one case.

    Attributes
    ----------
    case : Case
        The golden vector.
    status : {"passes", "fails", "not covered"}
        What came out.
    difference : str
        Where and how the answer differs from the right one, or why the case was not covered.
    bugs : set of str
        The known bugs that give exactly this answer.
    compared : bool
        Whether there was an answer to look at; a crash says nothing about the map.
    outputs : dict of str to str
        The outputs that are wrong, each with what is wrong about it, if that can be said.
    error : str
        What was raised.
    machine : bool
        Whether the fault is this machine's: memory, a folder, a GPU or an import.
    layout : str
        How the arrays lay in memory, if the answer is wrong only for arrays that aren't C-contiguous.
    unclaimed : tuple of str
        The gradients that were not compared, of "w", "b" and "a", as the adapter does not claim them.

    Examples
    --------
    >>> from hashnets_np.conformance import check
    >>> from hashnets_np.conformance.numpy_layer import NumpyLayer
    >>> result = check(NumpyLayer, topics=["hash"])[0]
    >>> result.case.id, result.status
    ('hash-001', 'passes')
    """

    case: Case
    status: str
    difference: str = ""
    bugs: set[str] = field(default_factory=set)
    compared: bool = True
    outputs: dict[str, str] = field(default_factory=dict)
    error: str = ""
    machine: bool = False
    layout: str = ""
    unclaimed: tuple[str, ...] = ()


def passed(results: list[Result]) -> bool:
    """Tell whether an adapter passed: no case fails, and at least one valid case passes.

    Parameters
    ----------
    results : list of Result
        What `check` returned.

    Returns
    -------
    bool
        False as well if nothing was covered.

    Examples
    --------
    >>> from hashnets_np.conformance import Adapter, check
    >>> passed(check(Adapter))  # the base class answers nothing
    False
    """
    return not any(r.status == FAILS for r in results) and any(r.status == PASSES and r.case.valid for r in results)
