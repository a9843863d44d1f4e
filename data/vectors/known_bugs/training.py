"""Bugs between and after the layers: ReLU, dropout, loss and update."""

from decimal import Decimal
from fractions import Fraction

from specification import Right


class ReluMissing(Right):
    """No ReLU between the layers."""

    def relu(self, z):
        return z

    def relu_gradient(self, z, da):
        return da


class ReluGradientMissing(Right):
    """The backward pass goes through ReLU as if it were the identity."""

    def relu_gradient(self, z, da):
        return da


class DropoutNotInverted(Right):
    """Dropout doesn't divide what it keeps by 1 - rate."""

    def drop(self, x, mask, rate):
        return super().drop(x, mask, Fraction(0))


class DropoutMaskInverted(Right):
    """Mask value 1 drops a unit instead of keeping it."""

    def drop(self, x, mask, rate):
        return super().drop(x, [[1 - k for k in row] for row in mask], rate)


class DropoutGradientMissing(Right):
    """The backward pass goes through dropout as if it were the identity."""

    def drop_gradient(self, dx, mask, rate):
        return dx


class LossSummed(Right):
    """Loss and gradient are sums over the mini-batch instead of means."""

    def average(self, losses):
        return sum(losses)

    def average_gradient(self, dz):
        return dz


class LossGradientSummed(Right):
    """The loss is a mean over the mini-batch, its gradient is not."""

    def average_gradient(self, dz):
        return dz


class TemperatureIgnored(Right):
    """The soft targets are compared at temperature 1."""

    def loss(self, z, y, soft, temperature, mix):
        return super().loss(z, y, soft, Decimal(1), mix)


class TemperatureNotSquared(Right):
    """The soft part of the loss isn't multiplied by the temperature squared."""

    def mixed(self, hard, soft, temperature, mix):
        return super().mixed(hard, soft, 1, mix)


class MixSwapped(Right):
    """mix weighs the hard labels instead of the soft targets."""

    def mixed(self, hard, soft, temperature, mix):
        return super().mixed(hard, soft, temperature, 1 - mix)


class UnstableSoftmax(Right):
    """exp overflows because the largest logit isn't subtracted first."""

    def loss(self, z, y, soft, temperature, mix):
        right = super().loss(z, y, soft, temperature, mix)
        return {"loss": "not finite"} if max(map(max, z)) > 800 else right


class NotTrained(Right):
    """The layer has no trainable variables: steps change nothing."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return w, v


class MomentumDampened(Right):
    """v = mu v + (1 - mu) g (dampened, as in an old Torch) instead of v = mu v + g."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, (1 - momentum) * g, lr, momentum, (1 - momentum) * weight_decay)


class MomentumIgnored(Right):
    """Momentum has no effect."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, g, lr, Fraction(0), weight_decay)


class MomentumNesterov(Right):
    """Nesterov's momentum instead of the classical one."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        v = momentum * v + g + weight_decay * w
        return w - lr * (g + weight_decay * w + momentum * v), v


class LearningRateInVelocity(Right):
    """The learning rate is applied inside the velocity (v = mu v + lr g), which differs once it changes."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        v = momentum * v + lr * (g + weight_decay * w)
        return w - v, v


class WeightDecayIgnored(Right):
    """Weight decay has no effect."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        return super().update(w, v, g, lr, momentum, Fraction(0))


class WeightDecayDecoupled(Right):
    """Weight decay acts on the weights directly (as in AdamW) instead of through the gradient and momentum."""

    def update(self, w, v, g, lr, momentum, weight_decay):
        v = momentum * v + g
        return w - lr * v - lr * weight_decay * w, v
