"""A small convolutional network in torch, and the DataLoaders that feed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from s3dlio import DataItem
from s3dlio.torch import S3IterableDataset, S3MapDataset

from .data import LABELS, SIDE, decode_image, label_of

__all__ = ["TorchLearner"]

BATCH_SIZE = 32
RATE, MOMENTUM = 0.05, 0.9
Sample = tuple[NDArray[np.float32], int, int]
Batch = tuple[Tensor, Tensor, int]


def sample_of(item: DataItem) -> Sample:
    """Image, label and size of one object; it runs in the DataLoader's workers."""
    return decode_image(item.data), label_of(item.uri), item.byte_count


def _loader(dataset: Dataset[Any], workers: int, **options: Any) -> DataLoader[Any]:
    return DataLoader(dataset, BATCH_SIZE, num_workers=workers, **options)


def _batches(loader: DataLoader[Any]) -> Iterator[Batch]:
    for images, labels, sizes in loader:
        yield images, labels, int(sizes.sum())


class TorchLearner:
    """The network, fed by a map dataset while it learns and by an iterable one when it is tested."""

    def __init__(self, prefix: str, seed: int, workers: int) -> None:
        torch.set_num_threads(1)  # more would wait for each other, and for the workers, on a network this small
        torch.manual_seed(seed)  # weights, and the order that the DataLoader draws
        self._model = nn.Sequential(
            nn.Unflatten(1, (1, SIDE)),
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * (SIDE // 4) ** 2, LABELS),
        )
        self._velocities = [torch.zeros_like(weight) for weight in self._model.parameters()]
        train = S3MapDataset(prefix + "train/", return_type="item", transform=sample_of)
        test = S3IterableDataset(prefix + "test/", return_type="item", transform=sample_of)
        # shuffle: torch draws a new order for each pass
        self._train = _loader(train, workers, shuffle=True, persistent_workers=workers > 0)
        self._test = _loader(test, workers)

    def training(self, epoch: int) -> Iterator[Batch]:
        """The training set in batches."""
        return _batches(self._train)

    def testing(self) -> Iterator[Batch]:
        """The test set in batches."""
        return _batches(self._test)

    def learn(self, images: Tensor, labels: Tensor) -> None:
        """One step of gradient descent with momentum on a batch.

        Written out: the first use of torch.optim loads torch's compiler, which takes longer than all of the training.
        """
        weights = list(self._model.parameters())
        loss = nn.functional.cross_entropy(self._model(images), labels)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, velocity, gradient in zip(weights, self._velocities, gradients, strict=True):
                velocity.mul_(MOMENTUM).add_(gradient)
                weight.sub_(velocity, alpha=RATE)

    @torch.no_grad()
    def right(self, images: Tensor, labels: Tensor) -> int:
        """How many of the images it classifies correctly."""
        return int((self._model(images).argmax(1) == labels).sum())
