"""Adam with the gradient's norm bounded, for one member; D is the number of its parameters."""

import numpy as np

from mamo_cli.core.arrays import Float32Array
from mamo_cli.core.compiled import compiled

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@compiled
def move(
    parameters: Float32Array,
    mean: Float32Array,
    square: Float32Array,
    gradient: Float32Array,
    max_norm: float,
    learning_rate: float,
    count: int,
) -> None:
    """A step of Adam (Kingma and Ba, 2015), the gradient `(D,)` scaled to at most a norm; `count` is 1 at the first."""
    norm = np.sqrt(np.dot(gradient, gradient))
    scale = np.float32(max_norm / norm if norm > max_norm else 1.0)
    keep1, keep2 = np.float32(BETA1), np.float32(BETA2)
    add1, add2 = np.float32(1.0 - BETA1), np.float32(1.0 - BETA2)
    rate = np.float32(learning_rate / (1.0 - BETA1**count))
    unbias, epsilon = np.float32(1.0 / np.sqrt(1.0 - BETA2**count)), np.float32(EPSILON)
    for i in range(parameters.size):
        slope = scale * gradient[i]
        # Kept in registers: read back from the arrays, they would cost twice the time.
        first, second = keep1 * mean[i] + add1 * slope, keep2 * square[i] + add2 * slope * slope
        mean[i], square[i] = first, second
        parameters[i] -= rate * first / (unbias * np.sqrt(second) + epsilon)
