"""Where data comes from: nginx, plain and with TLS, MinIO, local files.

Servers are started and data is made before the first round; both are gone after the last.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import s3dlio
from bench.data import blocks, content
from bench.peers import Unavailable, go_program
from bench.task import WARM, Task
from bench.works import Work
from tests.support.processes import Server
from tests.support.servers import ACCESS_KEY, SECRET_KEY, answers, local, start_minio

__all__ = ["BUCKET", "ORIGINS", "WRITES", "Origins", "find_nginx"]

ORIGINS = {"nginx": "nginx", "tls": "nginx with TLS 1.3", "minio": "MinIO", "local": "local files", "keys": "keys"}
BUCKET = "bench"
WRITES = ("put", "upload")  # works that bring their data themselves

NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    keepalive_timeout 300;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $arg_prefix $listing {{
        default none;
        "~^(?<name>[a-z]+)(/|%2F)$" $name;
    }}
    server {{
        listen 127.0.0.1:{port}{tls};
        root {root};
        location ~ ^/{bucket}/?$ {{ try_files /listings/$listing.xml =404; default_type application/xml; }}
    }}
}}
"""
TLS = """ ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        ssl_protocols TLSv1.3"""


class Origins:
    """The origins that some works need. A context manager: leaving it stops the servers and removes the data.

    `missing` says for each origin that cannot be had what to do about it.
    """

    def __init__(self, names: Iterable[str], works: Iterable[Work], memory: Path, disk: Path) -> None:
        self._works = list(works)
        self._names = list(names)
        self._memory, self._disk = memory, disk
        self._places: dict[str, Callable[[Task], Task]] = {}
        self._stack = ExitStack()
        self.missing: dict[str, str] = {}

    def __enter__(self) -> Origins:
        starters = {"nginx": self._nginx, "tls": self._tls, "minio": self._minio, "local": self._local,
                    "keys": self._keys}  # fmt: skip
        try:
            self._root = self._folder(self._memory)
            if {"nginx", "tls", "minio"} & set(self._names):
                _write_all(self._root / BUCKET, self._stored(("nginx", "tls", "minio")))
            for name in self._names:
                try:
                    starters[name]()
                except Unavailable as error:
                    self.missing[name] = str(error)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def place(self, origin: str, task: Task) -> Task:
        """The task with where its data is."""
        return self._places[origin](task)

    def _folder(self, parent: Path) -> Path:
        parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix="s3dlio-bench-", dir=parent, ignore_cleanup_errors=True)
        return Path(self._stack.enter_context(folder))

    def _stored(self, origins: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Number and size of the objects by prefix."""
        read = [work for work in self._works if set(work.origins) & set(origins) and work.call not in WRITES]
        return {WARM[0]: WARM[1:]} | {work.prefix: (work.count, work.size) for work in read}

    def _nginx(self) -> None:
        self._start_nginx("nginx", self._folder(self._memory), "")

    def _tls(self) -> None:
        folder = self._folder(self._memory)
        make_certificates(folder)
        self._start_nginx("tls", folder, TLS.format(folder=folder), str(folder / "ca.pem"))

    def _start_nginx(self, name: str, folder: Path, tls: str, ca: str = "") -> None:
        program = find_nginx()
        if program is None:
            raise Unavailable("nginx is missing: apt-get install nginx-light")
        stored = self._stored((name,))
        _write_listings(self._root, stored)
        user = "user root;" if os.geteuid() == 0 else ""  # the data belongs to this user

        def command(port: int) -> list[str]:
            text = NGINX.format(folder=folder, root=self._root, bucket=BUCKET, port=port, tls=tls, user=user)
            (folder / "nginx.conf").write_text(text, encoding="utf-8")
            return [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]

        server = Server(name, folder, command, lambda port: bool(tls) or answers(port, f"/{BUCKET}/warm/00000"))
        self._stack.callback(server.stop)
        scheme = "https" if tls else "http"
        endpoint = f"{scheme}://127.0.0.1:{server.port}"
        # the keys are not checked: nginx serves anyone
        self._places[name] = lambda task: replace(
            task, endpoint=endpoint, ca=ca, access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )

    def _minio(self) -> None:
        try:
            server = start_minio(self._folder(self._memory))
        except FileNotFoundError as error:
            raise Unavailable(str(error)) from error
        self._stack.callback(server.stop)
        self._places["minio"] = lambda task: replace(
            task, endpoint=local(server), access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )
        os.environ.update(self.place("minio", Task("", "", 0, 0)).environment)
        s3dlio.create_bucket(BUCKET)
        for prefix, (count, size) in self._stored(("minio",)).items():
            chunk = max(1, (256 << 20) // size)
            for start in range(0, count, min(chunk, 1000)):
                numbers = range(start, min(start + min(chunk, 1000), count))
                s3dlio.put_many([(f"s3://{BUCKET}/{prefix}{number:05d}", content(number, size)) for number in numbers])

    def _local(self) -> None:
        folder = self._folder(self._disk)
        _write_all(folder, self._stored(("local",)))
        os.sync()  # what is written back later would disturb
        self._places["local"] = lambda task: replace(task, folder=str(folder))

    def _keys(self) -> None:
        program = go_program("keys")
        size = max(work.size for work in self._works if "keys" in work.origins)
        folder = self._folder(self._memory)
        server = Server("keys", folder, lambda port: [program, f"-port={port}", f"-size={size}"],
                        lambda port: answers(port, "/"))  # fmt: skip
        self._stack.callback(server.stop)
        self._places["keys"] = lambda task: replace(
            task, endpoint=local(server), access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )


def find_nginx() -> str | None:
    """The nginx of this machine; it is often in an sbin folder that users do not have in PATH."""
    path = os.environ["PATH"]
    return shutil.which("nginx", path=f"{path}:{path.replace('/bin', '/sbin')}")


def _write_all(folder: Path, stored: dict[str, tuple[int, int]]) -> None:
    for prefix, (count, size) in stored.items():
        (folder / prefix).mkdir(parents=True)
        for number in range(count):
            with (folder / f"{prefix}{number:05d}").open("wb") as file:
                file.writelines(blocks(number, size))


def _write_listings(root: Path, stored: dict[str, tuple[int, int]]) -> None:
    """What nginx answers to a listing: a file with one page, as long as it may be."""
    (root / "listings").mkdir(exist_ok=True)
    for prefix, (count, _) in stored.items():
        entries = (_entry(root / BUCKET, f"{prefix}{number:05d}") for number in range(count))
        head = f"<Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>{count}</MaxKeys>"
        text = f"<ListBucketResult>{head}<IsTruncated>false</IsTruncated>{''.join(entries)}</ListBucketResult>"
        (root / "listings" / f"{prefix.strip('/')}.xml").write_text(text, encoding="ascii")


def _entry(bucket: Path, key: str) -> str:
    """An object as a listing has it, with the ETag that nginx gives to the file."""
    file = (bucket / key).stat()
    etag = f"&quot;{int(file.st_mtime):x}-{file.st_size:x}&quot;"
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{etag}</ETag>"
        f"<Size>{file.st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )


def make_certificates(folder: Path) -> None:
    """An authority (ca.pem) and a certificate of it for 127.0.0.1."""
    if shutil.which("openssl") is None:
        raise Unavailable("openssl is missing: apt-get install openssl")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority = ["-subj", "/CN=s3dlio benchmark", "-keyout", "ca.key", "-out", "ca.pem",
                 "-addext", "keyUsage=critical,keyCertSign"]  # fmt: skip
    server = ["-subj", "/CN=127.0.0.1", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out",
              "server.pem", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
              "-addext", "extendedKeyUsage=serverAuth"]  # fmt: skip
    for options in (authority, server):
        ran = subprocess.run([*new, *options], cwd=folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise Unavailable(f"openssl 3 is needed to make a certificate: {ran.stderr.strip()[-500:]}")
