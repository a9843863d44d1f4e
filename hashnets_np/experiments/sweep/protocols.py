"""The rules by which runs are made: how hyper-parameters and epochs are chosen, and how often what is tried.

Protocol 1 made the 545 runs of the first campaign, protocol 2 repeats those on the original data with more power, and
"released" is the recipe of the authors' code, without a search. "ablations" compares other ways of sharing weights.
`data/records/protocol1.md`, `protocol2.md` and `ablations/README.md` state them in words; a record says which is its
own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

TABLE_POINTS = ("1/8", "1/64")  # the compressions of Tables 1 and 2


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One set of rules.

    Attributes
    ----------
    trials : int
        Trials in each round of a search.
    finalists, deep_finalists, small_finalists : int
        How many of the best trials train again in full: with one hidden layer, with more, and on small sets.
    most_epochs : mapping of str to int
        Up to how many epochs a data set's training is doubled while that helps; empty for no doubling. A set without an
        entry may double twice: four times the epochs that it begins with. A job's own `max_epochs` replaces these
        limits.
    own_searches : bool
        Whether HashNet and NN are searched at each compression, and every other point at least for its step size.
    student_is_final : bool
        Whether a search with dark knowledge has the student's own best, with mix 0, among its trials and its finals.
    restart_stuck : bool
        Whether trainings that never get off the ground begin again with half the step size.
    keep_wrong : bool
        Whether a run's record has the test images that it got wrong.
    recipe : str or None
        "released": networks and training of the authors' code.
    rates : tuple of float
        If given, a search tries these step sizes and nothing else, and goes on beyond the best while that is an end.
    search_seed : int
        The seed of searches.
    """

    name: str
    trials: int = 12
    finalists: int = 2
    deep_finalists: int = 1
    small_finalists: int = 1
    most_epochs: Mapping[str, int] = field(default_factory=dict)
    own_searches: bool = False
    student_is_final: bool = False
    restart_stuck: bool = False
    keep_wrong: bool = False
    recipe: str | None = None
    rates: tuple[float, ...] = ()
    search_seed: int = 0


PROTOCOLS = {protocol.name: protocol for protocol in (
    Protocol(name="1"),
    Protocol(name="2", trials=24, deep_finalists=2, small_finalists=2,
             most_epochs={"mnist": 120, "basic": 480, "rect": 600}, own_searches=True, student_is_final=True,
             restart_stuck=True, keep_wrong=True),
    Protocol(name="released", keep_wrong=True, recipe="released"),
    Protocol(name="ablations", keep_wrong=True, own_searches=True, rates=(0.1, 0.2, 0.4, 0.8), search_seed=1000),
)}
