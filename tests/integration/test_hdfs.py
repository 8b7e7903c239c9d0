"""What is particular to hdfs://: where it is found, who one is there, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import s3dlio
from s3dlio.errors import InvalidError, NotFoundError, PermissionDeniedError
from tests.support.hdfs import HdfsDirectory

WRITE_FOR_EVER = """
import itertools, sys, s3dlio
writer = s3dlio.create_writer(sys.argv[1], part_size=1 << 20)
for count in itertools.count(1):
    writer.write_chunk(bytes(1 << 20))
    if count == 8:
        print("written", flush=True)
"""


def test_the_default_of_the_configuration(
    hdfs_directory: HdfsDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hdfs_directory.put("a", b"data")
    with pytest.raises(InvalidError, match=r"fs\.defaultFS"):
        s3dlio.get(f"hdfs://{hdfs_directory.path}/a")
    service = f"<property><name>dfs.namenode.rpc-address.here</name><value>{hdfs_directory.name}</value></property>"
    default = "<property><name>fs.defaultFS</name><value>hdfs://here</value></property>"
    (tmp_path / "core-site.xml").write_text(f"<configuration>{service}{default}</configuration>")
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    uri = f"hdfs://{hdfs_directory.path}/"
    assert s3dlio.list(uri) == [f"{uri}a"]
    assert bytes(s3dlio.get(f"{uri}a")) == b"data"
    assert bytes(s3dlio.get(f"hdfs://here{hdfs_directory.path}/a")) == b"data"
    s3dlio.delete(uri, recursive=True)
    assert hdfs_directory.keys() == []


def test_the_user_is_asked_for_with_each_client(hdfs_directory: HdfsDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = hdfs_directory.uri("own/a")
    s3dlio.put_bytes(uri, b"data")
    monkeypatch.setenv("HADOOP_USER_NAME", "stranger")
    with pytest.raises(PermissionDeniedError, match="HADOOP_USER_NAME"):
        s3dlio.put_bytes(uri, b"other")
    assert bytes(s3dlio.get(uri)) == b"data"
    monkeypatch.delenv("HADOOP_USER_NAME")
    s3dlio.put_bytes(uri, b"other")
    assert hdfs_directory.get("own/a") == b"other"


def test_a_killed_writer_leaves_nothing_to_be_seen(hdfs_directory: HdfsDirectory) -> None:
    arguments = [sys.executable, "-c", WRITE_FOR_EVER, hdfs_directory.uri("new/object")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        os.kill(writer.pid, signal.SIGKILL)
    left = hdfs_directory.keys()
    assert left and all(name.startswith(".s3dlio-tmp-") for name in left)
    assert s3dlio.list(hdfs_directory.uri()) == []
    with pytest.raises(NotFoundError):
        s3dlio.stat(hdfs_directory.uri("new/object"))


@pytest.mark.parametrize("place", ["host:0", "host:port", "host:99999", "user@host:8020", "a b"])
def test_malformed_addresses(place: str) -> None:
    with pytest.raises(InvalidError, match=r"namenode:port"):
        s3dlio.get(f"hdfs://{place}/a")


def test_the_http_port_is_not_that_of_the_namenode(hdfs_directory: HdfsDirectory) -> None:
    with pytest.raises(InvalidError, match="not that of HTTP"):
        s3dlio.get(f"{hdfs_directory.server.web.replace('http', 'hdfs')}/a")


def test_paths_that_hdfs_does_not_allow(hdfs_directory: HdfsDirectory) -> None:
    with pytest.raises(InvalidError, match="may contain ':'"):
        s3dlio.put_bytes(hdfs_directory.uri("12:30"), b"data")
