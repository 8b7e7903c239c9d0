"""A real HDFS, and its files as another program sees them: over WebHDFS, never with the code under test."""

from __future__ import annotations

import json
import os
import pwd
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.support.processes import Server, binary, free_port

OWNER = pwd.getpwuid(os.getuid()).pw_name  # who starts the cluster may do everything there


@dataclass(frozen=True)
class Hdfs:
    """A namenode with one datanode.

    Attributes:
        port: of the namenode's RPC.
        web: base URL of the namenode's HTTP.
    """

    port: int
    web: str

    @property
    def environment(self) -> dict[str, str]:
        """No variable is needed: URIs name the server."""
        return {}

    def new_bucket(self) -> HdfsDirectory:
        """Makes an empty directory with a name of its own, in which everybody may write."""
        path = f"/test-{uuid.uuid4().hex[:16]}"
        self.call("PUT", path, op="MKDIRS", permission="777")
        return HdfsDirectory(self, path)

    def call(self, method: str, path: str, data: bytes | None = None, **query: str) -> bytes:
        """A request of WebHDFS as the owner of the cluster; writes are redirected to the datanode."""
        url = f"{self.web}/webhdfs/v1{quote(path)}?{urlencode({'user.name': OWNER, **query})}"
        return _send(urllib.request.Request(url, method=method), data)


def _send(request: urllib.request.Request, data: bytes | None) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    with opener.open(request, timeout=30) as answer:
        if answer.status != 307:
            body: bytes = answer.read()
            return body
        there = urllib.request.Request(answer.headers["Location"], data=data, method=request.get_method())
    with opener.open(there, timeout=30) as answer:
        written: bytes = answer.read()
    return written


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves redirections to the caller: urllib itself refuses them for PUT."""

    def http_error_307(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        return fp


@dataclass(frozen=True)
class HdfsDirectory:
    """A directory, seen from the outside."""

    server: Hdfs
    path: str

    @property
    def name(self) -> str:
        """What stands for the bucket in a URI: the address of the namenode."""
        return f"127.0.0.1:{self.server.port}"

    def uri(self, key: str = "") -> str:
        """hdfs://namenode:port/directory/key"""
        return f"hdfs://{self.name}{self.path}/{key}"

    def put(self, key: str, data: bytes = b"") -> str:
        """Stores a file and returns its URI."""
        self.server.call("PUT", f"{self.path}/{key}", data, op="CREATE", overwrite="true", permission="666")
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """The bytes of a file."""
        return self.server.call("GET", f"{self.path}/{key}", op="OPEN")

    def uploads(self) -> list[str]:
        """Nothing: what is left of one would be a hidden file, which `keys` shows."""
        return []

    def keys(self, prefix: str = "") -> list[str]:
        """All files below a directory, in order, hidden ones too."""
        found: list[str] = []
        for name, is_directory in self._entries(prefix):
            found += self.keys(f"{name}/") if is_directory else [name]
        return sorted(found)

    def _entries(self, prefix: str) -> list[tuple[str, bool]]:
        try:
            answer = json.loads(self.server.call("GET", f"{self.path}/{prefix}", op="LISTSTATUS"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise
        entries = answer["FileStatuses"]["FileStatus"]
        return [(prefix + entry["pathSuffix"], entry["type"] == "DIRECTORY") for entry in entries]


def start_hdfs(folder: Path) -> tuple[Server, Hdfs]:
    """Starts HDFS with its files in `folder`."""
    http = free_port()
    server = Server(
        "hdfs",
        folder,
        command=lambda port: [binary("hdfs-minicluster"), str(port), str(http), folder / "data"],
        ready=lambda _: _has_datanode(http),
    )
    return server, Hdfs(server.port, f"http://127.0.0.1:{http}")


def _has_datanode(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
    try:
        state = json.loads(_send(urllib.request.Request(url), None))
    except OSError:  # and URLError, which is one
        return False
    return bool(state["beans"] and state["beans"][0]["NumLiveDataNodes"])
