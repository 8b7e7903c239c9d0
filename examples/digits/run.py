"""The demonstration from the first byte written to the last image classified."""

from __future__ import annotations

from dataclasses import dataclass

from s3dlio import LoaderOptions

from .data import Digits
from .record import Recorder
from .steps import list_objects, read_at_random, stream, write
from .training import make_learner, train

__all__ = ["Run", "Target"]


@dataclass(frozen=True)
class Target:
    """Where a dataset is: the name that the tables use, such as "file://", and the URI prefix, ending in '/'."""

    name: str
    prefix: str


class Run:
    """One run over one dataset; what it measures goes to the recorder."""

    def __init__(self, recorder: Recorder, digits: Digits, kind: str, epochs: int, seed: int, workers: int) -> None:
        self.name = f"mnist-{len(digits.images)}"  # a folder of its own for each size
        self.recorder = recorder
        self._files = {"images": dict(digits.image_files()), "arrays": dict(digits.array_files())}
        self._kind = kind
        self._epochs = epochs
        self._seed = seed
        self._workers = workers

    def write(self, target: Target) -> None:
        """Store the dataset, as far as it is not there yet."""
        for content, files in self._files.items():
            write(self.recorder, target.name, target.prefix, content, files)

    def load(self, target: Target) -> float:
        """Load the dataset in every way; returns the accuracy that was learned."""
        training = self._read(target, "images", "train/", batch_size=64)
        self._read(target, "arrays", "arrays/", batch_size=1)
        with self.recorder.waiting(f"{target.name} the model, in {self._kind}"):
            learner = make_learner(self._kind, target.prefix, self._seed, self._workers)
        testing = len(self._files["images"]) - training
        return train(self.recorder, target.name, learner, self._epochs, (training, testing))

    def _read(self, target: Target, content: str, folder: str, batch_size: int) -> int:
        """Read what is in a folder one by one, and streamed; returns how many objects there are."""
        uri = target.prefix + folder
        dataset = list_objects(self.recorder, target.name, uri, content)
        read_at_random(self.recorder, target.name, dataset, content, self._seed)
        options: LoaderOptions = {"shuffle": True, "seed": self._seed, "batch_size": batch_size}
        stream(self.recorder, target.name, uri, content, options)
        return len(dataset)
