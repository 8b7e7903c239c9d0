"""Takes MinIO's audit events over HTTP and appends each to a file, one line an event.

A program of its own: a thread in the test process would disturb the tests that fork.
Usage: audit_receiver.py PORT FILE
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Receiver(BaseHTTPRequestHandler):
    """Answers 200 to every request; POST bodies are kept."""

    protocol_version = "HTTP/1.1"
    file: Path

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.file.open("ab", buffering=0) as out:
            out.write(body.strip() + b"\n")
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing: the file is the log."""


if __name__ == "__main__":
    Receiver.file = Path(sys.argv[2])
    Receiver.file.touch()
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
