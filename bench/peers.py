"""Who is measured, and the environment that each runs in."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from s3dlio._native.header import HEADER_IN_CHECKOUT, write_module

__all__ = ["PEERS", "ROOT", "Client", "Peer", "Unavailable", "client_of", "run"]

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "bench"


class Unavailable(Exception):
    """Something that the machine lacks, and how to get it."""


@dataclass(frozen=True)
class Peer:
    """A library or program, and where it is imported from."""

    name: str
    title: str
    module: str = ""  # of bench.client
    package: str = ""  # whose version is shown; its pinned requirements are bench/requirements/<package>.txt
    torch: bool = False  # needs torch, which is taken from the given interpreter and never installed again
    floor: bool = False  # no library, but what the machine can do
    through: str = ""  # the module that runs the client as a program
    schemes: tuple[str, ...] = ("s3", "file")  # whose stores it may know
    environment: dict[str, str] = field(default_factory=dict)


EVERY = ("s3", "file", "az", "gs")
PEERS = {
    peer.name: peer
    for peer in (
        Peer("s3dlio", "s3dlio (this library)", "ours", schemes=EVERY),
        Peer("obstore", "obstore", "obstore", "obstore", schemes=EVERY),
        Peer("s3torchconnector", "s3torchconnector", "s3torch", "s3torchconnector", torch=True),
        Peer("drop-in", "s3dlio as s3torchconnector", "s3torch", through="s3dlio.compat.s3torchconnector"),
        # its fair setting: no HEAD before each GET
        Peer("s3dlio-rust", "s3dlio (Rust)", "rust", "s3dlio", torch=True,
             environment={"S3DLIO_ENABLE_RANGE_OPTIMIZATION": "0"}),
        Peer("boto3", "boto3", "boto", "boto3"),
        Peer("azure", "azure-storage-blob", "azure", "azure-storage-blob", schemes=("az",)),
        Peer("google", "google-cloud-storage", "google", "google-cloud-storage", schemes=("gs",)),
        Peer("python", "plain Python", "python", floor=True),
        Peer("go", "plain Go", floor=True),
        Peer("fio", "fio", "fio", floor=True),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Client:
    """How to start a peer."""

    peer: Peer
    command: list[str]
    environment: dict[str, str]
    version: str


def client_of(peer: Peer, python: str) -> Client:
    """The client of a peer; makes its environment, or builds it, where it is not there yet.

    Args:
        peer: which one.
        python: an interpreter with this library's requirements and torch.

    Raises:
        Unavailable: the machine lacks something.
    """
    plain = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | peer.environment
    if peer.name == "go":
        return Client(peer, [str(go_program("floor"))], plain, _said("go", "env", "GOVERSION").removeprefix("go"))
    if peer.name == "fio" and shutil.which("fio") is None:
        raise Unavailable("fio is missing: apt-get install fio")
    interpreter = python
    if peer.package:
        interpreter = str(_environment(peer, python))
    else:
        plain["PYTHONPATH"] = os.pathsep.join(map(str, (_installed(), ROOT)))
    version = _said("fio", "--version").removeprefix("fio-") if peer.name == "fio" else _version(peer, interpreter)
    through = ["-m", peer.through] if peer.through else []
    return Client(peer, [interpreter, *through, "-m", "bench.client", peer.module], plain, version)


def _installed() -> Path:
    """The folder of this library as a wheel has it: in a checkout every process compares ages and parses the header."""
    folder = CACHE / "installed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "s3dlio", folder / "s3dlio", ignore=shutil.ignore_patterns("__pycache__"))
    with redirect_stdout(io.StringIO()):  # cffi names the file
        write_module(HEADER_IN_CHECKOUT, folder / "s3dlio" / "_native")
    return folder


def go_program(name: str) -> Path:
    """A program of bench/, built."""
    if shutil.which("go") is None:
        raise Unavailable("go is missing: run make bench, which installs it, or put it on PATH")
    target = CACHE / name
    run("go", "build", "-o", str(target), f"./bench/{name}")
    return target


def _environment(peer: Peer, python: str) -> Path:
    """The interpreter of a virtual environment with the pinned requirements of a peer."""
    if shutil.which("uv") is None:
        raise Unavailable("uv is missing: run make bench, which installs it, or pip install uv")
    pins = ROOT / "bench" / "requirements" / f"{peer.package}.txt"
    made_from = f"{python} {pins.read_text(encoding='utf-8')}"
    folder = CACHE / f"{peer.name}-{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"
    interpreter = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run("uv", "venv", "--quiet", "--python", python, str(folder))
        run("uv", "pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", str(interpreter),
             "--requirement", str(pins))  # fmt: skip
        shared = [str(ROOT), _packages(python)] if peer.torch else [str(ROOT)]
        # after the environment's own packages: those win
        Path(_packages(str(interpreter)), "bench.pth").write_text("\n".join(shared) + "\n", encoding="utf-8")
        (folder / "complete").touch()
    return interpreter


def _packages(python: str) -> str:
    return _said(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")


def _version(peer: Peer, python: str) -> str:
    if peer.package:
        return _said(python, "-c", f"from importlib.metadata import version; print(version({peer.package!r}))")
    if peer.name == "python":
        return _said(python, "-c", "import platform; print(platform.python_version())")
    commit = (
        _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        if (ROOT / ".git").exists() and shutil.which("git")
        else ""
    )
    own = _said(
        python, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import s3dlio; print(s3dlio.__version__)"
    )
    return f"{own} ({commit})" if commit else own


def _said(*command: str) -> str:
    return run(*command).strip()


def run(*command: str) -> str:
    """What a command prints. Raises Unavailable where it fails."""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Unavailable(f"{' '.join(command[:3])} failed: {ran.stderr.strip()[-2000:]}")
    return ran.stdout
