"""The known bugs: each overrides what it gets wrong of the specification.

The class's name (or `name`) is the flag in vectors.json, its docstring the explanation; bugs that come in several
variants share a name. A case is worked out by `Right` and by every bug; where a bug's answer differs, the case catches
it, and the wrong answer is kept beside the right one, so that a checker can name the bug. All were seen in public code,
or are what a careful reader of the paper may come to.
"""

from specification import Right

from . import counts, later, layers, maps, training

PARTS = (maps, counts, layers, training, later)  # in the order of their entries in vectors.json

FOUND_BY_CHECKER = {
    "CheckpointHoldsMap": "What the layer saves is larger than its real weights: the map (or V) is saved too.",
    "InputOverwritten": "The layer writes into an array that it was given.",
    "BiasUnchecked": "A bias that the kind doesn't have, or an unknown one, is accepted.",
    "CompressionUnchecked": "A compression outside (0, 1], or one that is no number, is accepted.",
    "KindUnchecked": "An unknown kind of map is accepted.",
    "RangeUnchecked": "A seed, index or number of buckets outside its range is accepted, and wraps or truncates.",
    "ShapeUnchecked": "Arrays whose shapes don't fit the layer are accepted, and broadcast or cut.",
}

FOUND_LATER = {  # by the checker too, since the second edition of the vectors
    "OutputDtype": "The output has another dtype than the layer, such as float64 from a float32 layer.",
    "ResultOverwritten": "A later call writes into an array that an earlier call returned.",
    "EmptyBatchShape": "The output of an empty batch loses its width: its shape must be (0, n_out) or (0, n_in).",
}


def is_later(bug):
    """Whether a bug was added after the first edition of the vectors, whose cases never change."""
    return any(c.__module__ == later.__name__ for c in bug.__mro__)


def subclasses(cls):
    """All classes below a class, in the order in which they were written."""
    return [c for child in cls.__subclasses__() for c in (child, *subclasses(child))]


def find_bugs():
    """All bugs; each also in a variant that derives its seeds rightly (the bug sits in the map only)."""
    bugs = []
    for bug in (c for part in PARTS for c in subclasses(Right) if c.__module__ == part.__name__):
        bug.name = bug.__dict__.get("name") or bug.__name__
        right_seeds = {"derive": lambda self, seed, n: Right().derive(seed, n), "name": bug.name, "__doc__": None}
        bugs += [bug, type(bug.name, (bug,), right_seeds)]
    return bugs


def overridden(bug):
    """Names of what a bug overrides."""
    below = [c for c in bug.__mro__ if issubclass(c, Right) and c is not Right]
    return {name for c in below for name in c.__dict__ if name[0] != "_"}


def explain_flags(bugs):
    """Flag -> explanation."""
    return {bug.name: " ".join((bug.__doc__ or "").split()) for bug in bugs if bug.__doc__} | {
        **FOUND_BY_CHECKER, **FOUND_LATER}
