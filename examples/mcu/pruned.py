"""Magnitude pruning, to compare with: a dense layer of which only the largest weights are kept and trained on.

It is stored as real weights and, for each of them, one byte: how far it is from the one before. The layer is no part of
hashnets_np; it also shows how a layer of one's own gets its C.
"""

import numpy as np

import hashnets_np as hn
from hashnets_np.export.c_layers import WRITERS, write_dense_bias
from hashnets_np.export.c_program import Program

LARGEST_GAP = 255

C_CODE = """/* A pruned layer: each weight that was kept says how far it is from the one before it, row by row. */
static void pruned(const weight_t *w, float scale, const uint8_t *gaps, uint32_t count, uint32_t n_out, uint32_t n_in,
                   const float *a, float *z)
{
    uint32_t place = 0;
    for (uint32_t i = 0; i < n_out; i++)
        z[i] = 0.0f;
    for (uint32_t n = 0; n < count; n++) {
        place += gaps[n];
        z[place / n_in] += scale * (float)w[n] * a[place % n_in];
    }
}"""


class PrunedLinear(hn.Linear):
    """A dense layer whose weights outside the mask are 0 and stay 0."""

    def __init__(self, dense: hn.Linear, mask: np.ndarray) -> None:
        super().__init__(dense.n_in, dense.n_out, seed=0)
        self.mask = mask
        self.params = {"w": dense.params["w"] * mask, "b": dense.params["b"].copy()}

    def backward(self, dz, input_grad=True):
        """As in a dense layer, without a gradient for the weights that were removed."""
        dx = super().backward(dz, input_grad)
        self.grads["w"] = self.grads["w"] * self.mask
        return dx


def prune(net: hn.Network, kept: int) -> hn.Network:
    """Keep the `kept` largest weights of all dense layers together; biases stay."""
    sizes = np.concatenate([np.abs(layer.params["w"]).ravel() for layer in net.layers if layer.params])
    limit = np.sort(sizes)[-kept]
    return hn.Network([PrunedLinear(layer, np.abs(layer.params["w"]) >= limit) if layer.params else hn.ReLU()
                       for layer in net.layers])


def stored_places(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the places (flattened) that are stored, and their gaps; a gap above 255 gets weights of 0 on its way."""
    places: list[int] = []
    before = 0
    for place in np.flatnonzero(mask):
        while place - before > LARGEST_GAP:
            before += LARGEST_GAP
            places.append(before)
        places.append(int(place))
        before = int(place)
    return np.array(places), np.diff(places, prepend=0)


def write_pruned(layer: PrunedLinear, number: int, program: Program) -> None:
    """The constants and the call of a pruned layer."""
    places, gaps = stored_places(layer.mask)
    flat = hn.Linear(1, len(places), seed=0)
    flat.params["w"] = layer.params["w"].ravel()[places]
    scale = program.add_weights(f"w{number}", flat, "w")
    program.add_array("uint8_t", f"gaps{number}", [f"{gap}u" for gap in gaps], len(gaps))
    program.pieces["pruned"] = C_CODE
    sizes = f"{len(places)}u, {layer.n_out}u, {layer.n_in}u"
    program.add_step(f"pruned(w{number}, {scale}, gaps{number}, {sizes}, {{a}}, {{z}});", layer.n_out)
    write_dense_bias(layer, number, program)


WRITERS[PrunedLinear] = write_pruned
