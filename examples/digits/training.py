"""Learning from the dataset, in epochs, straight from where it is stored.

With torch a small convolutional network learns from a `DataLoader` with worker processes; without it a smaller
network in numpy learns from the async loader. Either ends in the accuracy on images that it has not seen.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

import s3dlio

from .data import decode_image, label_of
from .network import Network
from .record import Recorder

__all__ = ["KINDS", "default_kind", "train"]

KINDS = {
    "torch": "DataLoader over S3MapDataset and S3IterableDataset, in torch",
    "numpy": "create_async_loader(...).items(), in numpy",
}
BATCH_SIZE = 32
Batch = tuple[Any, Any, int]  # images, labels, bytes read


class Learner(Protocol):
    """A model together with its way to the data. Images are float32 (n, 28, 28), labels int64 (n,)."""

    def training(self, epoch: int) -> Iterable[Batch]:
        """The training set, in an order of its own for each epoch."""

    def testing(self) -> Iterable[Batch]:
        """The test set."""

    def learn(self, images: Any, labels: Any) -> None:
        """Learn from a batch."""

    def right(self, images: Any, labels: Any) -> int:
        """How many images of a batch are classified correctly."""


class NumpyLearner(Network):
    """The network in numpy, fed by async loaders."""

    def __init__(self, prefix: str, seed: int) -> None:
        super().__init__(seed)
        self._train = s3dlio.create_async_loader(prefix + "train/", shuffle=True, seed=seed)
        self._test = s3dlio.create_async_loader(prefix + "test/")

    def training(self, epoch: int) -> Iterator[Batch]:
        """The training set in batches."""
        self._train.set_epoch(epoch)
        return self._batches(self._train)

    def testing(self) -> Iterator[Batch]:
        """The test set in batches."""
        return self._batches(self._test)

    @staticmethod
    def _batches(loader: s3dlio.PyBytesAsyncDataLoader) -> Iterator[Batch]:
        with loader.items() as items:
            while batch := items.collect_batch(BATCH_SIZE):
                images = np.stack([decode_image(item.data) for item in batch])
                labels = np.array([label_of(item.uri) for item in batch])
                yield images, labels, sum(item.byte_count for item in batch)


def default_kind() -> str:
    """The better one of what is installed."""
    return "torch" if importlib.util.find_spec("torch") else "numpy"


def make_learner(kind: str, prefix: str, seed: int, workers: int) -> Learner:
    """A model of that kind that has not learned anything yet."""
    if kind == "numpy":
        return NumpyLearner(prefix, seed)
    from .convnet import TorchLearner  # torch takes seconds to import, and may not be there

    return TorchLearner(prefix, seed, workers)


def train(recorder: Recorder, target: str, learner: Learner, epochs: int, images: tuple[int, int]) -> float:
    """Train, then test. `images`: how many there are to learn from and to test with.

    Returns:
        The fraction of the test images that is classified correctly.
    """
    with recorder.step(target, "train", "images", images[0] * epochs) as step:
        for epoch in range(epochs):
            for pixels, labels, size in learner.training(epoch):
                learner.learn(pixels, labels)
                step.add(size, len(labels))
    right = 0
    with recorder.step(target, "test", "images", images[1]) as step:
        for pixels, labels, size in learner.testing():
            right += learner.right(pixels, labels)
            step.add(size, len(labels))
    return right / step.objects
