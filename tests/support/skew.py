"""A proxy in front of a server that makes its clock look wrong: it changes the Date of every answer."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import urlsplit

_DATE = re.compile(rb"(?<=\r\nDate: )[^\r]+", re.IGNORECASE)


@contextmanager
def skewed(endpoint: str, seconds: float) -> Iterator[str]:
    """The endpoint of a proxy whose answers are `seconds` ahead of those of the server behind it."""
    place = urlsplit(endpoint)
    assert place.hostname is not None and place.port is not None
    upstream = place.hostname, place.port

    def shift(match: re.Match[bytes]) -> bytes:
        then = parsedate_to_datetime(match[0].decode()).timestamp() + seconds
        return formatdate(then, usegmt=True).encode()

    def relay(source: socket.socket, target: socket.socket, change: bool) -> None:
        with suppress(OSError):  # one side has gone: so does the other
            while data := source.recv(65536):
                target.sendall(_DATE.sub(shift, data) if change else data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def both_ways(client: socket.socket) -> None:
        with client, socket.create_connection(upstream) as server:
            open_ends.append(client)
            answers = threading.Thread(target=relay, args=(server, client, True))
            answers.start()
            relay(client, server, False)
            answers.join()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):  # closed: the end
            while True:
                threads.append(threading.Thread(target=both_ways, args=(listener.accept()[0],)))
                threads[-1].start()

    open_ends: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=serve, args=(listener,))
        accepting.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for end in open_ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
