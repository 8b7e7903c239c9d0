"""Google Cloud Storage behind a gate: a service that gives tokens to accounts, and asks for them.

The emulator asks for none. The gate's accounts are files of service accounts, as `GOOGLE_APPLICATION_CREDENTIALS` names
them. It signs nothing and checks no signature: what is tested is which account asks, and that its token comes along.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

REFUSED = {"error": {"code": 403, "message": "no access", "errors": [{"reason": "forbidden"}]}}


class Gate(BaseHTTPRequestHandler):
    """Gives a token to whoever asks with a file of an account, and lets requests through that show an admitted one."""

    protocol_version = "HTTP/1.1"
    upstream: ClassVar[str]
    endpoint: ClassVar[str]
    admitted: ClassVar[set[str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/token":
            self._pass_on(body)
            return
        claims = parse_qs(body.decode())["assertion"][0].split(".")[1]
        account = json.loads(base64.urlsafe_b64decode(claims + "=="))["iss"]
        self._answer(200, {"access_token": f"token-of-{account}", "token_type": "Bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        self._pass_on(None)

    def _pass_on(self, body: bytes | None) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token.removeprefix("token-of-") not in self.admitted:
            self._answer(403, REFUSED)
            return
        upstream = HTTPConnection(self.upstream, timeout=30)
        upstream.request(self.command, self.path, body, {"Content-Type": self.headers.get("Content-Type", "")})
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        upstream.close()

    def _answer(self, status: int, document: Mapping[str, object]) -> None:
        text = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    @classmethod
    def account(cls, folder: Path, name: str) -> Path:
        """The file of an account that asks this gate for its tokens."""
        key = rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        fields = {"type": "service_account", "project_id": "test", "private_key_id": "1", "private_key": key.decode()}
        file = folder / f"{name}.json"
        file.write_text(json.dumps({**fields, "client_email": name, "token_uri": f"{cls.endpoint}/token"}))
        return file


@contextmanager
def gate(upstream: str, *admitted: str) -> Iterator[type[Gate]]:
    """A gate in front of the service at `upstream`, open for accounts of these names."""

    class OneGate(Gate):
        pass

    OneGate.upstream, OneGate.admitted = urlsplit(upstream).netloc, set(admitted)
    with ThreadingHTTPServer(("127.0.0.1", 0), OneGate) as server:
        OneGate.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield OneGate
        server.shutdown()
        thread.join()
