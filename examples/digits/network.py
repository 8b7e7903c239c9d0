"""A small neural network in numpy, for machines without torch: one hidden layer, trained with Adam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .data import LABELS, SIDE

__all__ = ["Network"]

Floats = NDArray[np.float32]
HIDDEN = 128
RATE, MOMENTUM, DECAY = 3e-3, 0.9, 0.999


class Network:
    """Classifies images, float32 (n, 28, 28). The same seed and batches give the same network."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        shapes = [(SIDE * SIDE, HIDDEN), (HIDDEN,), (HIDDEN, LABELS), (LABELS,)]
        # He's initialisation; biases start at zero
        self._weights: list[Floats] = [
            (random.standard_normal(shape) * np.sqrt(2 / shape[0]) * (len(shape) == 2)).astype(np.float32)
            for shape in shapes
        ]
        self._mean = [np.zeros_like(weight) for weight in self._weights]
        self._square = [np.zeros_like(weight) for weight in self._weights]
        self._steps = 0

    def learn(self, images: Floats, labels: NDArray[np.int64]) -> None:
        """One step of gradient descent on a batch."""
        inputs, hidden, scores = self._forward(images)
        error = np.exp(scores - scores.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)  # probabilities
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        behind = (error @ self._weights[2].T) * (hidden > 0)
        self._update([inputs.T @ behind, behind.sum(axis=0), hidden.T @ error, error.sum(axis=0)])

    def right(self, images: Floats, labels: NDArray[np.int64]) -> int:
        """How many of the images it classifies correctly."""
        return int((self._forward(images)[2].argmax(axis=1) == labels).sum())

    def _forward(self, images: Floats) -> tuple[Floats, Floats, Floats]:
        inputs = images.reshape(len(images), -1)
        hidden = np.maximum(inputs @ self._weights[0] + self._weights[1], 0)
        return inputs, hidden, hidden @ self._weights[2] + self._weights[3]

    def _update(self, gradients: list[Floats]) -> None:
        self._steps += 1
        rate = RATE * np.sqrt(1 - DECAY**self._steps) / (1 - MOMENTUM**self._steps)
        for weight, mean, square, gradient in zip(self._weights, self._mean, self._square, gradients, strict=True):
            mean += (1 - MOMENTUM) * (gradient - mean)
            square += (1 - DECAY) * (gradient**2 - square)
            weight -= np.float32(rate) * mean / (np.sqrt(square) + 1e-8)
