"""nginx as an origin: it serves a folder of objects, and listings that are files."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.peers import Unavailable
from tests.support.processes import Server
from tests.support.servers import answers

__all__ = ["find_nginx", "start_nginx"]

NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    log_format sent $body_bytes_sent;
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
        location ^~ /{bucket}/dcp/ {{ access_log {folder}/sent.log sent; }}
        location ~ ^/{bucket}/?$ {{ try_files /listings/$listing.xml =404; default_type application/xml; }}
    }}
}}
"""
TLS = """ ssl;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        ssl_protocols TLSv1.3"""


def find_nginx() -> str | None:
    """The nginx of this machine; it is often in an sbin folder that users do not have in PATH."""
    path = os.environ["PATH"]
    return shutil.which("nginx", path=f"{path}:{path.replace('/bin', '/sbin')}")


def start_nginx(root: Path, bucket: str, stored: dict[str, tuple[int, int]], folder: Path, *, tls: bool) -> Server:
    """Serve the folder root/bucket, with certificates in `folder` where it shall speak TLS.

    Raises:
        Unavailable: nginx, or openssl for the certificates, is missing.
    """
    program = find_nginx()
    if program is None:
        raise Unavailable("nginx is missing: apt-get install nginx-light")
    if tls:
        make_certificates(folder)
    _write_listings(root, bucket, stored)
    user = "user root;" if os.geteuid() == 0 else ""  # the data belongs to this user

    def command(port: int) -> list[str]:
        secure = TLS.format(folder=folder) if tls else ""
        text = NGINX.format(folder=folder, root=root, bucket=bucket, port=port, tls=secure, user=user)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        return [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def ready(port: int) -> bool:
        return (folder / "nginx.pid").exists() if tls else answers(port, f"/{bucket}/warm/00000")

    return Server("nginx", folder, command, ready)


def _write_listings(root: Path, bucket: str, stored: dict[str, tuple[int, int]]) -> None:
    """What nginx answers to a listing: a file with one page, as long as it may be."""
    (root / "listings").mkdir(exist_ok=True)
    for prefix, (count, _) in stored.items():
        entries = (_entry(root / bucket, f"{prefix}{number:05d}") for number in range(count))
        head = f"<Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>{count}</MaxKeys>"
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
