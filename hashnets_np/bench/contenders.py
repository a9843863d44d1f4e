"""The layers that are compared. Each makes the same training step: forward, both gradients, w -= lr dw.

All have n_in inputs, n_out outputs and no bias. The torch ones are written as one would write them: a stored index and
sign per virtual weight, V rebuilt on every call. torch is imported only by the contenders that need it.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from ..kernels import hashed_backward, hashed_forward
from ..maps import SharingMap

SEED = 7


class Cell(NamedTuple):
    """What is measured: the sizes of a layer, K, and the mini-batch; momentum 0 is plain SGD."""

    n_in: int
    n_out: int
    buckets: int
    batch: int
    momentum: float = 0.0


class Contender(ABC):
    """A layer with its input `a`, its parameters `w` and the error term `dz`, in float32."""

    a: Any
    dz: Any
    w: Any
    v: Any

    def __init__(self, cell: Cell) -> None:
        rng = np.random.default_rng(SEED)
        self.cell = cell
        self.a = rng.standard_normal((cell.batch, cell.n_in), dtype=np.float32)
        self.dz = rng.standard_normal((cell.batch, cell.n_out), dtype=np.float32)
        self.w = rng.standard_normal(self.shape(cell), dtype=np.float32)
        self.lr, self.v = np.float32(1e-4), np.zeros_like(self.w) if cell.momentum else None

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Return the shape of the parameters."""
        return (cell.buckets,)

    def tables(self) -> None:  # noqa: B027  # most need none
        """Make what the layer stores besides its parameters."""

    @abstractmethod
    def forward(self) -> Any:
        """Return z (batch, n_out)."""

    @abstractmethod
    def gradients(self) -> tuple[Any, Any, Any]:
        """Return z, dw and da."""

    def step(self) -> tuple[Any, Any, Any]:
        """Make a training step; return z, dw and da."""
        z, dw, da = self.gradients()
        if self.v is None:
            self.update(dw)
        else:
            self.v *= self.cell.momentum
            self.v += dw
            self.update(self.v)
        return z, dw, da

    def update(self, direction: Any) -> None:
        """Take a step of SGD."""
        self.w -= self.lr * direction


class Hashed(Contender):
    """hashnets_np: V is never built whole, and nothing is kept from forward to backward."""

    kind = "xxhash"
    size: int | None = None

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.map = SharingMap(
            cell.n_out, cell.n_in, buckets=cell.buckets, seed=SEED, kind=self.kind, size=self.size
        )

    def forward(self) -> Any:
        """Eq. 8."""
        return hashed_forward(self.w, self.a, self.map)

    def gradients(self) -> tuple[Any, Any, Any]:
        """Eq. 8, 12 and 9."""
        return self.forward(), *hashed_backward(self.w, self.a, self.dz, self.map)


class HashedFold(Hashed):
    """The map "fold"."""

    kind = "fold"


class HashedChunk(Hashed):
    """The map "chunk": 16 neighbours of a row are neighbours in w."""

    kind = "chunk"
    size = 16


class HashedTile(Hashed):
    """The map "tile": 32 x 32 neighbours of V are copied together."""

    kind = "tile"
    size = 32


class HashedLargeTile(Hashed):
    """The map "tile" with pieces so large that they are multiplied in place."""

    kind = "tile"
    size = 256


class Dense(Contender):
    """An ordinary layer in NumPy, of the same virtual shape."""

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Return the shape of W."""
        return cell.n_out, cell.n_in

    def forward(self) -> Any:
        """z = a W^T."""
        return self.a @ self.w.T

    def gradients(self) -> tuple[Any, Any, Any]:
        """Return z, dW and da."""
        return self.forward(), self.dz.T @ self.a, self.dz @ self.w


class DenseInPlace(Dense):
    """The same, writing into memory that it keeps: fresh memory costs thousands of page faults a step."""

    def tables(self) -> None:
        """Make room for the results."""
        self.z, self.dw, self.da = np.empty_like(self.dz), np.empty_like(self.w), np.empty_like(self.a)
        self.room = np.empty_like(self.w)

    def forward(self) -> Any:
        """z = a W^T."""
        return np.matmul(self.a, self.w.T, out=self.z)

    def gradients(self) -> tuple[Any, Any, Any]:
        """Return z, dW and da."""
        z = self.forward()
        dw = np.matmul(self.dz.T, self.a, out=self.dw)
        return z, dw, np.matmul(self.dz, self.w, out=self.da)

    def update(self, direction: Any) -> None:
        """Take a step of SGD."""
        self.w -= np.multiply(self.lr, direction, out=self.room)


class Torch(Contender):
    """A torch layer whose gradients come from autograd."""

    def __init__(self, cell: Cell) -> None:
        import torch

        super().__init__(cell)
        self.torch = torch
        self.a, self.w = (torch.from_numpy(x).requires_grad_() for x in (self.a, self.w))
        self.dz = torch.from_numpy(self.dz)
        self.sgd = torch.optim.SGD([self.w], lr=float(self.lr), momentum=cell.momentum)
        self.v = None

    def tables(self) -> None:
        """Store bucket and sign of every virtual weight."""
        m = SharingMap(self.cell.n_out, self.cell.n_in, buckets=self.cell.buckets, seed=SEED)
        self.index = self.torch.empty((m.n_out, m.n_cols), dtype=self.torch.int64)
        self.sign = self.torch.empty((m.n_out, m.n_cols), dtype=self.torch.float32)
        for start in range(0, m.n_out, 256):
            bucket, sign = m.tile(slice(start, start + 256))
            self.index[start : start + 256] = self.torch.from_numpy(bucket)
            self.sign[start : start + 256] = self.torch.from_numpy(sign)

    def virtual(self) -> Any:
        """Return V (n_out, n_in)."""
        return self.w[self.index] * self.sign

    def forward(self) -> Any:
        """Inference, without a graph."""
        with self.torch.no_grad():
            return self.torch.nn.functional.linear(self.a, self.virtual())

    def gradients(self) -> tuple[Any, Any, Any]:
        """Let autograd do it."""
        self.a.grad = self.w.grad = None
        z = self.torch.nn.functional.linear(self.a, self.virtual())
        z.backward(self.dz)
        return z.detach(), self.w.grad, self.a.grad

    def step(self) -> tuple[Any, Any, Any]:
        """Update by torch's own SGD."""
        result = self.gradients()
        self.sgd.step()
        return result


class TorchDense(Torch):
    """torch's ordinary layer."""

    def shape(self, cell: Cell) -> tuple[int, ...]:
        """Return the shape of W."""
        return cell.n_out, cell.n_in

    def tables(self) -> None:
        """Store nothing else."""

    def virtual(self) -> Any:
        """W itself."""
        return self.w


class TorchGather(Torch):
    """`gather` in place of `w[index]`."""

    def virtual(self) -> Any:
        """Return V."""
        return self.w.gather(0, self.index.view(-1)).view(self.index.shape) * self.sign


class TorchSelect(Torch):
    """`index_select` in place of `w[index]`."""

    def virtual(self) -> Any:
        """Return V."""
        return self.w.index_select(0, self.index.view(-1)).view(self.index.shape) * self.sign


class TorchByHand(TorchSelect):
    """Backward by hand, in place: V is kept from forward, dw is made by `index_add_`."""

    def gradients(self) -> tuple[Any, Any, Any]:
        """Return z, dw and da."""
        with self.torch.no_grad():
            V = self.w.index_select(0, self.index.view(-1)).view(self.index.shape).mul_(self.sign)
            z = self.a @ V.T
            dV = (self.dz.T @ self.a).mul_(self.sign)
            self.w.grad = self.add(self.torch.zeros_like(self.w), dV.view(-1))
            return z, self.w.grad, self.dz @ V

    def add(self, dw: Any, dv: Any) -> Any:
        """Add dv to the buckets of dw."""
        return dw.index_add_(0, self.index.view(-1), dv)


class TorchByHandScatter(TorchByHand):
    """The same with `scatter_add_`."""

    def add(self, dw: Any, dv: Any) -> Any:
        """Add dv to the buckets of dw."""
        return dw.scatter_add_(0, self.index.view(-1), dv)


CONTENDERS: dict[str, type[Contender]] = {
    "hashed": Hashed,
    "dense": Dense,
    "dense in place": DenseInPlace,
    "torch dense": TorchDense,
    "torch w[idx]": Torch,
    "torch gather": TorchGather,
    "torch index_select": TorchSelect,
    "torch by hand": TorchByHand,
    "torch scatter_add": TorchByHandScatter,
}
KINDS: dict[str, type[Contender]] = {
    "fold": HashedFold,
    "chunk 16": HashedChunk,
    "tile 32": HashedTile,
    "tile 256": HashedLargeTile,
}
ALL_CONTENDERS = CONTENDERS | KINDS
TORCH_HASHED = [name for name in CONTENDERS if name.startswith("torch") and name != "torch dense"]
