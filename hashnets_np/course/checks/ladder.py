"""The ladder of exercise 9: from an empty file to the golden vectors, one topic of the kit at a time."""

from ...conformance import Adapter, check
from ...conformance.runner import FAILS, NOT_COVERED
from ..marking import one_line, require

RUNGS = (
    "hash", "bucket-sign", "gather", "scatter-add", "forward", "gradients", "derived-seed", "bucket-count",  # tasks
    "large-index", "large-layer", "bias", "two-layers", "sgd", "sequences", "loss", "soft-targets", "dropout", "fold",
    "chunk", "tile", "storage", "text-hash", "authors2015", "pytorch2019", "keras",  # the free climb
)


def rung(adapter: type[Adapter], topic: str) -> None:
    """Run the golden vectors of one topic; on the way up, those of all topics below it as well."""
    fits = isinstance(adapter, type) and issubclass(adapter, Adapter)
    require(fits, f"the check needs your class itself, a subclass of Adapter; got {one_line(repr(adapter))}")
    require(topic in RUNGS, f"there is no rung {topic!r}; the rungs are {', '.join(RUNGS)}")
    for below in RUNGS[: RUNGS.index(topic) + 1]:
        _climb(adapter, below)
    print(f"Right. {topic}: rung {1 + RUNGS.index(topic)} of {len(RUNGS)}.")


def _climb(adapter: type[Adapter], topic: str) -> None:
    """Require that no vector of a topic fails, and that at most a quarter are left out."""
    results = check(adapter, [topic])
    failing = [result for result in results if result.status == FAILS]
    left_out = [result for result in results if result.status == NOT_COVERED]
    require(not failing or "NotImplementedError" not in failing[0].difference, f"{topic} is still empty")
    if failing:
        bugs = sorted(set().union(*(result.bugs for result in failing)))
        accepted = [result for result in failing if not result.case.valid]
        hint = f"; this looks like {', '.join(bugs)}" if bugs else ""
        if len(accepted) == len(failing):
            hint = "; what they give is not valid, and should raise an exception"
        elif not any(result.compared for result in failing):
            hint = f"; the first one stopped: {one_line(failing[0].difference)}"
        first = failing[0].case.id
        require(False, f"{topic}: {len(failing)} of {len(results)} golden vectors fail, the first is {first}"
                + hint)
    enough = len(left_out) <= len(results) / 4
    reason = one_line(left_out[0].difference) if left_out else ""
    require(enough, f"{topic}: {len(left_out)} of {len(results)} golden vectors are not covered ({reason})")
