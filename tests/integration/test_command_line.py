"""The command line, against real servers and files."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import s3dlio
from s3dlio.cli._page import BEGIN, renewed
from s3dlio.cli.codes import ExitCode
from tests.support import oplogs
from tests.support.command_line import ROOT, commands, examples, run, run_json, start
from tests.support.emulators import GoogleServer
from tests.support.faults import FaultProxy
from tests.support.servers import Bucket, S3Server, Service

GUIDE = ROOT / "docs/guide/command-line.md"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, which is the current one."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def filled(minio_bucket: Bucket) -> Bucket:
    for key in ("data/a.npy", "data/b.npy", "data/a.txt", "data/deep/c.npy", "database"):
        minio_bucket.put(key, key.encode() * 100)
    return minio_bucket


@pytest.fixture
def shim(here: Path) -> dict[str, str]:
    """The environment of a shell that has the command `s3dlio`."""
    folder = here.parent / "bin"
    folder.mkdir()
    (folder / "s3dlio").write_text(f'#!/bin/sh\nexec {sys.executable} -m s3dlio "$@"\n')
    (folder / "s3dlio").chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("example", examples())
def test_examples_run(
    example: str, filled: Bucket, fake_gcs: GoogleServer, use_server: Callable[[Service], None], here: Path
) -> None:
    use_server(fake_gcs)
    fake_gcs.client.create_bucket(filled.name)  # the same name in another service
    (here / "data").mkdir()
    for name in ("a.npy", "b.npy", "b.txt"):
        (here / "data" / name).write_bytes(b"local " + name.encode())
    result = run(*shlex.split(example.replace("my-bucket", filled.name)))
    assert result.output


def test_every_command_explains_itself() -> None:
    listed = run("--help").output
    for name, command in commands():
        text = run(name, "--help").output
        assert f"\n  {name} " in listed and command.examples
        assert all(f"s3dlio {example}" in text for example in command.examples)
        assert ("--endpoint-url" in text) == bool(command.shared)


def test_the_guide_is_up_to_date() -> None:
    """Renew it with: python -m s3dlio.cli._page docs/guide/command-line.md."""
    page = GUIDE.read_text()
    assert renewed(page) == page
    for code in ExitCode:
        assert f"| {int(code)} | " in page


def test_the_blocks_of_the_guide_run(filled: Bucket, shim: dict[str, str]) -> None:
    prose = GUIDE.read_text().partition(BEGIN)[0]
    blocks = re.findall("```bash\n(.*?)```", prose, re.DOTALL)
    assert len(blocks) == 2
    script = "set -eux\n" + "".join(blocks).replace("my-bucket", filled.name)
    done = subprocess.run(["bash", "-c", script], env=shim, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{5300 + len(filled.get('local.tar'))}\n" in done.stdout and done.stdout.endswith("all is well\n")


# ls, du, stat


def test_ls(filled: Bucket) -> None:
    base = filled.uri("data/")
    assert run("ls", base).stdout.split() == [f"{base}a.npy", f"{base}a.txt", f"{base}b.npy", f"{base}deep/"]
    assert run("ls", filled.uri("data")).stdout.split() == [filled.uri("data/"), filled.uri("database")]
    assert run("ls", "-r", "--pattern", "*.npy", filled.uri()).stdout.split() == [
        f"{base}a.npy", f"{base}b.npy", f"{base}deep/c.npy"
    ]  # fmt: skip
    long = run("ls", "-lr", "--human", base).stdout.splitlines()
    assert long[0].split()[:2] == ["1000", "B"] and long[0].endswith(f"{base}a.npy")
    assert long[-1] == "TOTAL: 4 objects, 4.4 KiB (4500 bytes)"
    rows = [json.loads(line) for line in run("ls", "--json", base).stdout.splitlines()]
    assert rows[-1] == {"uri": f"{base}deep/", "is_dir": True}
    assert rows[0] == {"uri": f"{base}a.npy", "size": 1000} | {
        name: rows[0][name] for name in ("last_modified", "etag")
    }
    assert filled.uri() in run("ls", "s3://").stdout.split()


def test_ls_of_nothing(filled: Bucket, here: Path) -> None:
    run("ls", filled.uri("none"), code=3)
    run("ls", "s3://no-such-bucket-here/", code=3)
    run("ls", "nope", code=3)
    assert run("ls", ".").stdout == ""


def test_du(filled: Bucket) -> None:
    lines = [line.split() for line in run("du", filled.uri()).stdout.splitlines()]
    assert lines == [["5300", "5", "objects", filled.uri()]]
    found = [json.loads(line) for line in run("du", "-d", "9", "--json", filled.uri()).stdout.splitlines()]
    assert [(row["uri"], row["bytes"], row["objects"]) for row in found] == [
        (filled.uri("data/"), 4500, 4), (filled.uri("data/deep/"), 1500, 1), (filled.uri(), 5300, 5)
    ]  # fmt: skip
    assert run("du", filled.uri("data")).stdout.split() == ["4500", "4", "objects", filled.uri("data/")]
    run("du", filled.uri("none"), code=3)


def test_stat(filled: Bucket) -> None:
    uri = filled.uri("data/a.npy")
    assert "size: 1000 (1000 B)" in run("stat", uri).stdout
    good, bad = (json.loads(line) for line in run("stat", "--json", uri, uri + "x", code=3).stdout.splitlines())
    assert (good["uri"], good["size"], len(good["etag"])) == (uri, 1000, 32)
    assert (bad["uri"], bad["error"], bad["exit_code"]) == (uri + "x", "NotFoundError", 3)
    assert run_json("stat", filled.uri())["is_dir"] is True


# cat


def test_cat(filled: Bucket, here: Path) -> None:
    (here / "f").write_bytes(bytes(range(256)))
    uri = filled.uri("data/a.npy")
    assert run("cat", uri, "f").stdout_bytes == b"data/a.npy" * 100 + bytes(range(256))
    assert run("cat", "--offset", "10", "--length", "5", "f").stdout_bytes == bytes(range(10, 15))
    assert run("cat", "--offset", "250", "--length", "1KiB", "f").stdout_bytes == bytes(range(250, 256))
    assert run("cat", "--part-size", "7", "f").stdout_bytes == bytes(range(256))
    run("cat", "--offset", "257", "f", code=1)
    run("cat", filled.uri("none"), code=3)
    assert "is a directory" in run("cat", ".", code=1).stderr


def test_cat_notices_a_change(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "f").write_bytes(b"x" * 1000)
    from s3dlio.cli import cat

    facts = cat._facts

    def change(client: object, uri: str) -> object:
        found = facts(client, uri)  # type: ignore[arg-type]
        (here / "f").write_bytes(b"y" * 1000)
        return found

    monkeypatch.setattr(cat, "_facts", change)
    assert "changed" in run("cat", "--part-size", "100", "f", code=1).stderr


# cp, put, get


def test_up_and_down(filled: Bucket, here: Path) -> None:
    run("get", "-r", filled.uri("data"), "local")
    assert files(here / "local") == {
        key: f"data/{key}".encode() * 100 for key in ("a.npy", "b.npy", "a.txt", "deep/c.npy")
    }
    run("put", "-r", "--pattern", "*.npy", "local", filled.uri("copies"))
    assert filled.keys("copies") == ["copies/a.npy", "copies/b.npy", "copies/deep/c.npy"]
    run("cp", "-r", filled.uri("copies/deep/"), filled.uri("again/"))
    assert filled.get("again/c.npy") == b"data/deep/c.npy" * 100


def test_names_of_copies(filled: Bucket, here: Path) -> None:
    uri = filled.uri("data/a.npy")
    (here / "there").mkdir()
    for target in ("new", "there", "made/"):
        run("cp", uri, target)
    run("get", uri)
    run("cp", uri, filled.uri("database"), "two")
    assert sorted(files(here)) == ["a.npy", "made/a.npy", "new", "there/a.npy", "two/a.npy", "two/database"]
    assert filled.keys("copy") == []
    run("cp", "new", filled.uri())
    assert filled.get("new") == b"data/a.npy" * 100


def test_dry_run_and_no_clobber(filled: Bucket, here: Path) -> None:
    (here / "a.npy").write_bytes(b"mine")
    source = filled.uri("data/")
    shown = run("cp", "-r", "--dry-run", source, ".").stdout
    assert f"would replace file://{here}/a.npy by {source}a.npy" in shown and "would copy" in shown
    assert "would leave" in run("cp", "-r", "-n", "--no-clobber", source, ".").stdout
    assert files(here) == {"a.npy": b"mine"}
    found = run_json("cp", "-r", "--no-clobber", source, ".")
    assert (found["copied"], found["skipped"], found["bytes"], found["failed"]) == (3, 1, 3500, [])
    assert (here / "a.npy").read_bytes() == b"mine"


def test_partial_failure(filled: Bucket, here: Path) -> None:
    found = run_json("cp", filled.uri("database"), filled.uri("x"), filled.uri("data"), "o", code=1)
    assert found["copied"] == 1 and (here / "o/database").exists()
    assert [(each["uri"], each["error"]) for each in found["failed"]] == [
        (filled.uri("x"), "NotFoundError"), (filled.uri("data"), "IsDirectoryError")
    ]  # fmt: skip
    result = run("cp", filled.uri("database"), filled.uri("x"), filled.uri("y"), "o", code=3)
    assert filled.uri("x") in result.stderr and filled.uri("y") in result.stderr and "2 failed" in result.stderr


def test_keys_that_lead_elsewhere(minio_bucket: Bucket, here: Path) -> None:
    minio_bucket.put("data/ok", b"1")
    (here / "o").mkdir()
    (here / "o/ok").symlink_to(here / "elsewhere")
    assert "symbolic link" in run("get", "-r", minio_bucket.uri("data/"), "o", code=2).stderr
    assert files(here) == {}
    (here / "f").write_bytes(b"1")
    assert "the source itself" in run("cp", "f", ".", code=2).stderr


def test_standard_input(filled: Bucket, here: Path) -> None:
    data = "0123456789" * 600_000
    run("put", "-", filled.uri("in"), "--part-size", "5MiB", answer=data)
    assert filled.get("in") == data.encode()
    assert run_json("put", "-", filled.uri("in"), "--no-clobber")["skipped"] == 1
    assert "would replace" in run("put", "-", filled.uri("in"), "--dry-run").stdout
    assert filled.get("in") == data.encode()
    run("put", "-", "empty")
    assert files(here) == {"empty": b""}
    run("put", "-", filled.uri("in/"), code=2)
    run("put", "-", "x", filled.uri("in"), code=2)
    run("put", "-", "-r", filled.uri("in"), code=2)
    run("put", "-", filled.uri()[:-1] + "-no-such/k", answer="x", code=3)
    run("cat", "-", code=2)


def test_progress(filled: Bucket, here: Path) -> None:
    result = run("cp", "-r", "--progress", filled.uri("data/"), "o")
    assert "4/4" in result.stderr and "4.4/4.4 KiB" in result.stderr
    assert "4/4" not in run("cp", "-r", filled.uri("data/"), "o").stderr
    assert run("cp", "-r", "--quiet", filled.uri("data/"), "o").output == ""


# rm


def test_rm(filled: Bucket) -> None:
    run("rm", filled.uri("data/a.txt"))
    shown = run("rm", "-r", "--dry-run", filled.uri("data")).stdout
    assert shown.count("would delete") == 3 and "database" not in shown
    assert "--yes" in run("rm", "-r", filled.uri("data"), code=2).stderr
    assert len(filled.keys()) == 4
    run("rm", "-r", "--yes", "--pattern", "c.*", filled.uri("data/"))
    result = run("rm", "-r", "-y", "--progress", filled.uri("data"))
    assert "deleting 2" in result.stderr and result.stderr.endswith("2 objects deleted\n")
    assert filled.keys() == ["database"]
    run("rm", "-r", "-y", filled.uri("data"), code=3)
    run("rm", "--pattern", "*", filled.uri("database"), code=2)


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 1), (b"\x03", 130)])
def test_rm_asks(answer: bytes, code: int, here: Path) -> None:
    """On a terminal a person is asked, and may answer, or interrupt."""
    (here / "d").mkdir()
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = start("rm", "-r", "d", stdin=theirs, env=environment, preexec_fn=_own_terminal)
    assert process.stderr is not None
    while b"?" not in (asked := os.read(process.stderr.fileno(), 1000)):
        assert asked, "it ended without a question"
    for _ in range(15):  # an interrupt may come before Python waits for the answer, which it then does
        os.write(ours, answer)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=1)
            break
    assert (process.returncode, (here / "d").exists()) == (code, code != 0)
    os.close(ours)
    os.close(theirs)


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_rm_follows_no_link(here: Path) -> None:
    (here / "kept").mkdir()
    (here / "kept/f").write_bytes(b"1")
    for way in ([], ["--pattern", "*"]):
        (here / "d/deep/empty").mkdir(parents=True)
        (here / "d/f").write_bytes(b"1")
        (here / "d/link").symlink_to(here / "kept")
        run("rm", "-r", "-y", *way, "d")
        assert files(here) == {"kept/f": b"1"}
        assert (here / "d").exists() == bool(way)
    (here / "also").symlink_to(here / "kept")
    run("rm", "-r", "-y", "also")
    assert files(here) == {"kept/f": b"1"} and not (here / "also").exists()
    run("rm", "none", code=3)


# bench


def test_bench(filled: Bucket, here: Path) -> None:
    found = run_json("bench", "--repeat", "3", filled.uri("data/"))
    assert (found["read"]["objects"], found["read"]["bytes"], found["read"]["errors"]) == (12, 13500, 0)
    latency = found["read"]["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
    before = filled.keys()
    found = run_json("bench", "--write", "--count", "5", "--size", "10KiB", filled.uri("data"))
    assert found["write"]["bytes"] == found["read"]["bytes"] == 5 * 10240
    assert filled.keys() == before
    run("bench", "--write", "--count", "2", "--size", "100", ".")
    assert list(here.iterdir()) == []
    run("bench", ".", code=3)


# How commands end


def test_exit_codes(filled: Bucket, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("ls", "nope://x", code=2)
    run("ls", "--no-such-option", filled.uri(), code=2)
    run("cat", "--offset", "much", filled.uri("database"), code=2)
    run("ls", "--max-attempts", "-1", filled.uri(), code=2)
    run("put", filled.uri("database"), filled.uri("x"), code=2)
    run("get", filled.uri("database"), filled.uri("x"), code=2)
    (here / "locked").mkdir()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-wrong-secret")
    run("stat", filled.uri("database"), code=4)
    run("ls", "--endpoint-url", "http://127.0.0.1:9", "--max-attempts", "1", filled.uri(), code=5)


def test_options_of_the_client_win(filled: Bucket, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert run("--op-log", "ops", "cat", "--endpoint-url", endpoint, filled.uri("database")).stdout == "database" * 100
    s3dlio.finalize_op_log()
    assert {row["endpoint"] for row in oplogs.read(here / "ops")} == {endpoint}


def test_debug(filled: Bucket, shim: dict[str, str]) -> None:
    command = ["s3dlio", "--debug", "ls", "--endpoint-url", "http://127.0.0.1:9", "--max-attempts", "2", filled.uri()]
    done = subprocess.run(command, env=shim, capture_output=True, text=True, check=False)
    assert done.returncode == 5 and "trying again" in done.stderr


def test_completion(filled: Bucket, here: Path, shim: dict[str, str]) -> None:
    """In a real bash: the script is sourced, and its function asked to complete a line."""
    (here / "script").write_text(run("completion", "bash").stdout)

    def completed(text: str, *options: str) -> list[str]:
        words = f"COMP_WORDS=(s3dlio ls {' '.join(options)} '{text}'); COMP_CWORD={2 + len(options)}"
        line = f". ./script; {words}; _s3dlio_completion s3dlio"
        line += "; printf '%s\\n' \"${COMPREPLY[@]}\""
        done = subprocess.run(["bash", "-c", line], env=shim, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert completed(filled.uri("dat")) == [filled.uri("data/"), filled.uri("database")]
    assert filled.uri() in completed(f"s3://{filled.name[:-2]}")
    assert completed("s3:") == ["s3://"]
    assert "--recursive" in completed("--rec")
    endpoint, shim["AWS_ENDPOINT_URL"] = shim["AWS_ENDPOINT_URL"], "http://127.0.0.1:9"
    assert completed(filled.uri("dat")) == []
    assert completed(filled.uri("dat"), "--endpoint-url", endpoint) == [filled.uri("data/"), filled.uri("database")]


def test_a_closed_pipe(here: Path, shim: dict[str, str]) -> None:
    (here / "d").mkdir()
    for i in range(3000):
        (here / f"d/{i:0100}").touch()
    shell = "s3dlio ls d | head -n 1; exit ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", shell], env=shim, capture_output=True, text=True, check=False)
    assert done.returncode == 141 and done.stderr == "" and done.stdout.count("\n") == 1


def test_ctrl_c(filled: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy], here: Path) -> None:
    proxy = fault_proxy(minio)
    proxy.add("timeout", timeout=0)  # answers never come
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": proxy.endpoint}
    process = start("cat", filled.uri("database"), env=environment)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    printed, complaints = process.communicate(timeout=30)
    assert (process.returncode, printed, complaints) == (130, b"", b"")


def test_without_the_extra(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ImportError('gone', name='click')")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = start("ls", ".", env=environment)
    printed, complaints = done.communicate(timeout=30)
    assert done.returncode == 1 and printed == b""
    assert complaints.decode() == "s3dlio: the command line needs click: pip install 's3dlio[cli]'\n"
