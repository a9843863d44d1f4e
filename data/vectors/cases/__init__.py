"""The cases. Each function here adds groups of them to a book (`book.py`)."""

from .border import border_cases, grammar_cases
from .corners import corner_cases
from .every_kind import every_kind_cases
from .kinds import compatibility_cases, storage_cases
from .large import far_layer_cases
from .layers import bias_cases, gather_cases, layer_cases
from .limits import limit_cases
from .maps import count_cases, hash_cases, map_cases
from .neighbours import neighbour_cases
from .newer_kinds import newer_kind_cases
from .sequences import sequence_cases
from .sizes import size_cases
from .training import dropout_cases, loss_cases, network_cases, sgd_cases, soft_target_cases

IN_ORDER = (
    hash_cases,
    map_cases,
    far_layer_cases,
    count_cases,
    gather_cases,
    layer_cases,
    bias_cases,
    network_cases,
    dropout_cases,
    loss_cases,
    soft_target_cases,
    sgd_cases,
    compatibility_cases,
    storage_cases,
)
LATER_EDITIONS = (  # each appended after those before it
    grammar_cases, border_cases, size_cases, sequence_cases, newer_kind_cases,  # 2
    limit_cases,  # 3
    neighbour_cases,  # 4
    corner_cases,  # 5
    every_kind_cases,  # 6
)
