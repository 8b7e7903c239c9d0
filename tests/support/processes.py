"""Server processes: started on a free port, waited for, logged, and gone when the test process is."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

BINARIES = Path(__file__).parents[2] / ".cache" / "bin"
START_SECONDS = 60.0
LOG_TAIL = 5_000  # characters shown

# Every server of this process, for the report of a failing test.
running: list[Server] = []


def free_port() -> int:
    """A port that nothing listens on, below the range that outgoing connections take theirs from."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def binary(name: str) -> Path:
    """The path of a server that `make servers` has built."""
    path = BINARIES / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run 'make servers'")
    return path


class Server:
    """One server process.

    `command` gives the command line for a port; `ready` says whether the server answers on it. The server's
    environment is `environment` and nothing else.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        command: Callable[[int], Sequence[str | Path]],
        ready: Callable[[int], bool],
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._shown = 0
        self._environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"} | (environment or {})
        for attempt in range(5):
            self.port = free_port()
            self._process = self._start(command(self.port))
            if self._wait(ready):
                running.append(self)
                return
            if attempt == 4 or "address already in use" not in self.log.read_text(errors="replace"):
                break
        raise RuntimeError(f"{name} did not start:\n{self.log.read_text(errors='replace')[-LOG_TAIL:]}")

    def _start(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        # pdeathsig: a test process that is killed takes its servers with it
        guarded = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                guarded, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, cwd=self.log.parent
            )

    def _wait(self, ready: Callable[[int], bool]) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if ready(self.port):
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def new_output(self) -> str:
        """What the server has written since the last call, at most the last 5,000 characters."""
        with self.log.open("rb") as file:
            file.seek(self._shown)
            text = file.read()
        self._shown += len(text)
        return text.decode(errors="replace")[-LOG_TAIL:]

    def stop(self) -> None:
        """Ends the server and waits for it."""
        if self in running:
            running.remove(self)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
