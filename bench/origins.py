"""Where data comes from: nginx, plain and with TLS, MinIO, the emulators of Azure and Google Cloud, local files, and
a service with very many keys.

One at a time: an idle server would still take its share of the machine, and of its memory.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import s3dlio
from bench.data import blocks, content
from bench.nginx import start_nginx
from bench.peers import Unavailable, go_program, run
from bench.task import MADE, WARM, Task, warm_prefix
from bench.works import Work
from tests.support.emulators import ACCOUNT, ACCOUNT_KEY, start_azurite, start_fake_gcs
from tests.support.processes import Server
from tests.support.servers import ACCESS_KEY, SECRET_KEY, answers, local, start_minio

__all__ = ["BUCKET", "ORIGINS", "WRITES", "Origin"]


class Kind(NamedTuple):
    """What an origin is called, and the scheme of its URIs."""

    title: str
    scheme: str = "s3"


ORIGINS = {
    "nginx": Kind("nginx"),
    "tls": Kind("nginx, TLS 1.3"),
    "minio": Kind("MinIO"),
    "azurite": Kind("Azurite", "az"),
    "fake-gcs": Kind("fake-gcs-server", "gs"),
    "local": Kind("local files", "file"),
    "keys": Kind("keys"),
}
BUCKET = "bench"
WRITES = ("put", "upload", "stream", "torch_save")  # works that bring their data themselves
AT_ONCE = 256 << 20  # bytes given to one put_many


@dataclass
class Origin:
    """An origin with the data of some works; a context manager, which stops the server and removes the data.

    Entering it raises Unavailable where the machine lacks something.
    """

    name: str
    works: Sequence[Work]  # that read from it or write to it
    memory: Path  # where servers keep their data
    disk: Path  # where local files are
    python: str = sys.executable  # which has torch, for what it writes
    _log: Path | None = field(init=False, default=None)  # of the bytes that nginx sends
    _trash: Path | None = field(init=False, default=None)  # where MinIO keeps what was deleted, for some minutes
    _where: Task = field(init=False)  # the service, or the folder
    _stack: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Origin:
        starters = {"nginx": self._nginx, "tls": self._nginx, "minio": self._minio, "azurite": self._azurite,
                    "fake-gcs": self._fake_gcs, "local": self._local, "keys": self._keys}  # fmt: skip
        with ExitStack() as self._stack:
            self._where = starters[self.name]()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def scheme(self) -> str:
        """That of its URIs."""
        return ORIGINS[self.name].scheme

    def place(self, task: Task) -> Task:
        """The task with where its data is."""
        where = self._where
        return replace(
            task,
            scheme=where.scheme,
            endpoint=where.endpoint,
            ca=where.ca,
            bucket=BUCKET,
            access_key=where.access_key,
            secret_key=where.secret_key,
            folder=where.folder,
        )

    def warm(self, task: Task) -> None:
        """Let the page cache hold what will be read through it: the system may have dropped some."""
        if task.folder and not task.direct:
            memory = bytearray(1 << 20)
            for path in task.paths:
                with open(path, "rb", buffering=0) as file:
                    while file.readinto(memory):
                        pass

    def clear(self, work: Work) -> None:
        """Delete what has been stored, for its memory."""
        os.environ.update(self._where.environment)
        s3dlio.delete(self._where.uri(work.prefix), recursive=True)
        if self._trash is not None:
            for deleted in self._trash.iterdir():  # MinIO may be removing it, too
                if deleted.is_dir():
                    shutil.rmtree(deleted, ignore_errors=True)
                else:
                    deleted.unlink(missing_ok=True)

    def sent(self) -> int:
        """Bytes of distributed checkpoints that were sent since the last call; 0 where nothing counts them."""
        if self._log is None:
            return 0
        sent = sum(map(int, self._log.read_text(encoding="ascii").split()))
        os.truncate(self._log, 0)
        return sent

    def _folder(self, parent: Path) -> Path:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="s3dlio-bench-", dir=parent)))

    def _stored(self) -> dict[str, tuple[int, int]]:
        """Number and size of the objects by prefix."""
        read = {work.prefix: (work.count, work.size) for work in self.works if work.call not in (*WRITES, *MADE)}
        return {WARM[0]: WARM[1:]} | read

    def _service(self, server: Server, ca: str = "") -> Task:
        self._stack.callback(server.stop)
        endpoint = local(server).replace("http:", "https:") if ca else local(server)
        # nginx checks no keys, but clients shall sign as ever
        return Task("", "", 0, 0, endpoint=endpoint, ca=ca, access_key=ACCESS_KEY, secret_key=SECRET_KEY)

    def _nginx(self) -> Task:
        root, folder, tls = self._folder(self.memory), self._folder(self.memory), self.name == "tls"
        _write_all(root / BUCKET, self._stored())
        self._write_checkpoints(root / BUCKET)
        self._log = folder / "sent.log"
        server = start_nginx(root, BUCKET, self._stored(), folder, tls=tls)
        return self._service(server, str(folder / "ca.pem") if tls else "")

    def _minio(self) -> Task:
        folder = self._folder(self.memory)
        self._trash = folder / "data" / ".minio.sys" / "tmp" / ".trash"
        where = self._service(_started(start_minio, folder))
        self._fill(where)
        with TemporaryDirectory(prefix="s3dlio-bench-", dir=self.memory) as made:
            self._write_checkpoints(Path(made))
            if any(Path(made).iterdir()):
                s3dlio.upload(made, f"s3://{BUCKET}/")
        return where

    def _azurite(self) -> Task:
        server = _started(start_azurite, self._folder(self.memory))
        where = replace(self._service(server), scheme="az", access_key=ACCOUNT, secret_key=ACCOUNT_KEY)
        where = replace(where, endpoint=f"{where.endpoint}/{ACCOUNT}")
        self._fill(where)
        return where

    def _fake_gcs(self) -> Task:
        server = _started(start_fake_gcs, self._folder(self.memory))
        where = replace(self._service(server), scheme="gs", access_key="", secret_key="")
        self._fill(where)
        return where

    def _fill(self, where: Task) -> None:
        """Store the data in a new bucket."""
        os.environ.update(where.environment)
        s3dlio.create_bucket(where.uri(""))
        for prefix, (count, size) in self._stored().items():
            for numbers in _chunks(count, size):
                s3dlio.put_many([(where.uri(f"{prefix}{number:05d}"), content(number, size)) for number in numbers])

    def _write_checkpoints(self, folder: Path) -> None:
        """What PyTorch writes; each with a small one, to start with."""
        made = {work.prefix: work for work in self.works if work.call in MADE}
        for prefix, work in made.items():
            small = (warm_prefix(prefix), *WARM[1:])
            for place, count, size in (small, (prefix, work.count, work.size)):
                run(self.python, "-m", "bench.checkpoints", work.call, str(folder / place), str(count), str(size))

    def _local(self) -> Task:
        folder = self._folder(self.disk)
        _write_all(folder, self._stored())
        os.sync()  # what is written back later would disturb
        return Task("", "", 0, 0, folder=str(folder))

    def _keys(self) -> Task:
        program, size = go_program("keys"), max(work.size for work in self.works)
        folder = self._folder(self.memory)
        return self._service(
            Server(
                "keys",
                folder,
                lambda port: [program, f"-port={port}", f"-size={size}"],
                lambda port: answers(port, "/"),
            )
        )


def _started(start: Callable[[Path], Server], folder: Path) -> Server:
    try:
        return start(folder)
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error


def _chunks(count: int, size: int) -> Iterator[range]:
    step = min(1000, max(1, AT_ONCE // size))
    for start in range(0, count, step):
        yield range(start, min(start + step, count))


def _write_all(folder: Path, stored: dict[str, tuple[int, int]]) -> None:
    for prefix, (count, size) in stored.items():
        (folder / prefix).mkdir(parents=True)
        for number in range(count):
            with (folder / f"{prefix}{number:05d}").open("wb") as file:
                file.writelines(blocks(number, size))
