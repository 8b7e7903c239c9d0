"""`Accesses`: what a map dataset is asked for, to be fetched before it is asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence

from s3dlio.compat.s3torchconnector._s3bucket_key_data import S3BucketKeyData
from s3dlio.compat.s3torchconnectorclient._ahead import Pass

__all__ = ["Accesses"]

PATIENCE = 3  # samples that are read in the order of the listing before the next ones are expected


class Accesses:
    """Follows the indices that samples are asked for by.

    A batch says what comes; it is fetched together if the samples of the batch before were read as they were made.
    Otherwise samples that are read in the order of the listing lead to those that follow.

    A pickle of it has seen nothing yet.
    """

    def __init__(self, read: Callable[[Iterator[int], int], Pass[S3BucketKeyData]], length: Callable[[], int]) -> None:
        """`read` makes a pass over the entries at some indices, with a patience; `length` is how many there are."""
        self._read = read
        self._length = length
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._pass: Pass[S3BucketKeyData] | None = None
        self._expected: Iterator[int] = iter(())
        self._is_batch = False

    def follow(self, index: int) -> None:
        """A sample is asked for."""
        self._begin_anew_in_a_fork()
        with self._lock:
            if self._pass is None or next(self._expected, None) != index:
                self._begin(range(index, self._length()), PATIENCE)
                next(self._expected)
            assert self._pass is not None, "it has just begun"
            next(self._pass)

    def expect(self, indices: Sequence[int]) -> None:
        """The samples at these indices will be asked for, in this order."""
        self._begin_anew_in_a_fork()
        with self._lock:
            sure = self._is_batch and self._pass is not None and self._pass.was_read
            self._begin(indices, 0 if sure else 1)
            self._is_batch = True

    def _begin(self, indices: Sequence[int], patience: int) -> None:
        self._expected = iter(indices)
        self._pass = self._read(iter(indices), patience)
        self._is_batch = False

    def _begin_anew_in_a_fork(self) -> None:
        """What the parent was asked for leads nowhere here, and a thread of it may have held the lock."""
        if self._process != os.getpid():
            self.__init__(self._read, self._length)  # type: ignore[misc]

    def __reduce__(self) -> tuple[object, ...]:
        return Accesses, (self._read, self._length)
