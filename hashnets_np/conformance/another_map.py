"""Whether a layer that fails is right but for its map, or for a factor before its weights."""

from .adapter import Adapter
from .findings import Probe, is_fault, without_sizes
from .makers import as_layer_maker, choose, spec_for
from .map_checks import check_map, is_right_map
from .probe import SHAPES, check_forward, check_gradients
from .reading import read_map, say_factor


def find_another_map(adapter: type[Adapter]) -> str:
    """Say that an adapter's layer is right but for its map, or for a factor before its weights; else nothing.

    The verdict needs a forward pass that is a V^T for a V with one real weight and sign an entry, and gradients that
    fit that V. A layer with the right map fails for another reason, such as its bias, which is 0 here.
    """
    probe = Probe(as_layer_maker(adapter, anew=True), choose(adapter.dtypes, "float32"))
    n_in, n_out, K = SHAPES[0]
    try:
        spec = spec_for(adapter, n_in, n_out, K)
        m = read_map(probe, n_in, n_out, K)
        if m is None or not check_forward(probe, m, n_in, n_out, K):
            return ""
        factor = say_factor(m.scale, n_in, n_out, K)
        if not factor and is_right_map(m, spec):
            return ""
        check_gradients(probe, m, n_in, n_out, K)
        check_map(probe, m, K)
    except Exception:
        return ""
    found_wrong = dict.fromkeys(without_sizes(f.words) for f in probe.findings if f.ok is False and f.words != factor)
    wrong = [words if is_fault(words) else f"it is not true that {words}" for words in found_wrong]
    if factor:
        beside = f" Beside that: {'; '.join(wrong)}." if wrong else ""
        return (f"{factor}. But for this factor, z = a V^T for a V with one real weight and a sign an entry. Take it "
                f"out first; only then can the cases tell whether the map is right.{beside}")
    found = ("Another map: z = a V^T for a V of its own, one real weight with a sign an entry, so the layer computes "
             "as it should")
    cause = "another hash, key, seed, index base or choice of bits"
    unknown = " Its biases were 0 in this, so nothing is known of them." if spec.bias in ("dense", "hashed") else ""
    if not wrong:
        return f"{found}, and its gradients fit that V. Only which bucket and sign it uses differs: {cause}.{unknown}"
    return f"{found} with {cause}; beside that: {'; '.join(wrong)}.{unknown}"
