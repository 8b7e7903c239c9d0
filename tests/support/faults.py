"""Faults on the way to a server, made by toxiproxy."""

from __future__ import annotations

import http.client
import json
import uuid
from typing import Any
from urllib.parse import urlsplit

from tests.support.processes import free_port


class FaultProxy:
    """A proxy in front of one server; `endpoint` is what clients talk to instead.

    Toxics (what each takes is in toxiproxy's own documentation): latency(latency, jitter: ms),
    bandwidth(rate: KB/s), slow_close(delay: ms), timeout(timeout: ms, 0 holds for ever), reset_peer(timeout: ms),
    slicer(average_size, size_variation: bytes, delay: us), limit_data(bytes).
    """

    def __init__(self, api_port: int, upstream: str) -> None:
        self._api_port = api_port
        self._name = f"proxy-{uuid.uuid4().hex[:12]}"
        target = urlsplit(upstream).netloc
        listen = f"127.0.0.1:{free_port()}"
        self._call("POST", "/proxies", {"name": self._name, "listen": listen, "upstream": target, "enabled": True})
        self.endpoint = f"http://{listen}"

    def add(self, toxic: str, *, stream: str = "downstream", toxicity: float = 1.0, **attributes: int) -> str:
        """Adds a toxic and returns its name.

        `stream` is "downstream" (server to client) or "upstream"; `toxicity` is the share of connections it hits.
        """
        name = f"{toxic}-{uuid.uuid4().hex[:8]}"
        body = {"name": name, "type": toxic, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        self._call("POST", f"/proxies/{self._name}/toxics", body)
        return name

    def remove(self, name: str) -> None:
        """Removes a toxic."""
        self._call("DELETE", f"/proxies/{self._name}/toxics/{name}")

    def disable(self) -> None:
        """Breaks all connections and refuses new ones, like a server that is down."""
        self._call("POST", f"/proxies/{self._name}", {"enabled": False})

    def enable(self) -> None:
        """Accepts connections again."""
        self._call("POST", f"/proxies/{self._name}", {"enabled": True})

    def close(self) -> None:
        """Removes the proxy with its toxics and connections."""
        self._call("DELETE", f"/proxies/{self._name}")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._api_port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"toxiproxy refused {method} {path}: {answer.status} {text}")
