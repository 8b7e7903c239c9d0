"""Saves checkpoints through the drop-in, each in a process that ends in its own way; argument: the URI of a place.

Each is saved at the name of the function, and 20 MiB of it are written before anything happens.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable

import torch
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed

from s3dlio.compat.s3torchconnector import S3Checkpoint, S3Exception, S3Writer
from s3dlio.compat.s3torchconnector.dcp import S3StorageWriter

LENGTH = 20 << 20
STATE = {str(number): torch.rand(1 << 21) for number in range(4)}  # 8 MiB each
checkpoint = S3Checkpoint("us-east-1")


def save(uri: str) -> None:
    with checkpoint.writer(uri) as writer:
        torch.save(STATE, writer)  # type: ignore[arg-type]


def write(uri: str) -> S3Writer:
    writer = checkpoint.writer(uri)
    writer.write(bytes(LENGTH))
    return writer


def in_the_midst(act: Callable[[], object]) -> None:
    """From now on, writers of this process call `act` when they have taken so much."""
    written = S3Writer.write

    def write_and_act(self: S3Writer, data: bytes | memoryview) -> int:
        if self.tell() > LENGTH:
            act()
        return written(self, data)

    S3Writer.write = write_and_act  # type: ignore[method-assign]


def die() -> None:
    time.sleep(0.2)  # parts are on their way
    os.kill(os.getpid(), signal.SIGKILL)


def killed(uri: str) -> None:
    in_the_midst(die)
    save(uri)


def killed_in_dcp(uri: str) -> None:
    in_the_midst(die)
    warnings.filterwarnings("ignore", "torch.distributed is disabled")
    save_distributed(STATE, storage_writer=S3StorageWriter("us-east-1", uri))


def terminated(uri: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    in_the_midst(lambda: os.kill(os.getpid(), signal.SIGTERM))
    save(uri)


def left_open(uri: str) -> None:
    thread = threading.Thread(target=lambda: globals().update(kept=write(uri)))
    thread.start()
    thread.join()
    cycle: list[object] = [write(f"{uri} in a cycle")]
    cycle.append(cycle)
    sys.exit(3)


def forked(uri: str) -> None:
    """Children have no part in it: neither their calls nor their end publish or abort anything."""
    with checkpoint.writer(uri) as writer:
        writer.write(bytes(LENGTH))
        for child in (forked_and_used, forked_and_dropped):
            assert run(child, writer) == 3
        writer.write(b"end")


def forked_and_used(writer: S3Writer) -> None:
    for call in (lambda: writer.write(b"of a child"), writer.close):
        with contextlib.suppress(S3Exception):
            call()
            raise AssertionError("it has an effect")
    os._exit(3)


def forked_and_dropped(writer: S3Writer) -> None:
    del writer
    sys.exit(3)


def run(function: Callable[..., None], argument: object) -> int:
    """How a process ends that does this."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        function(argument)
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


endings = {
    killed: -signal.SIGKILL,
    killed_in_dcp: -signal.SIGKILL,
    terminated: 1,  # torch makes an error of its own of what SIGTERM raises
    left_open: 3,
    forked: 0,
}
for function, expected in endings.items():
    code = run(function, f"{sys.argv[1]}{function.__name__}")
    assert code == expected, f"{function.__name__}: {code}"
