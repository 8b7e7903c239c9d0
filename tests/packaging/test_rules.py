"""The rules of who may import whom are enforced: code that breaks one makes the lint command fail."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.builds import ROOT, run

OURS = "github.com/s3dlio/s3dlio/gosrc"

# file, what it is given, what the command then says of it
GO_BREACHES = [
    ("internal/errs", f'import _ "{OURS}/internal/logging"', "this package imports nothing of ours"),
    ("internal/uri", f'import _ "{OURS}/internal/logging"', "this package imports errs only"),
    ("internal/backend/mem", f'import _ "{OURS}/internal/backend/file"', "backends never see each other"),
    ("internal/backend/s3", f'import _ "{OURS}/internal/backend/file"', "backends never see each other"),
    ("internal/backend/wrap", f'import _ "{OURS}/internal/backend/mem"', "what wraps backends knows none of them"),
    ("internal/fetch", f'import _ "{OURS}/internal/backend/file"', "the engine knows the contract"),
    ("capi", f'import _ "{OURS}/internal/backend/file"', "backends arrive through backend/all"),
    (
        "internal/backend/file",
        'import _ "github.com/minio/minio-go/v7/pkg/credentials"',
        "only backend/s3 talks to this SDK",
    ),
    ("internal/forkgate", 'import "C"', "cgo stays in gosrc/capi"),
    ("internal/logging", 'import renamed "os"\n\nvar _ = renamed.Getenv("HOME")', "settings come from config.Config"),
    ("internal/guard", 'import "net/http"\n\nvar _ = http.DefaultClient', "it reads the process environment"),
    ("internal/buffers", "func init() { go func() {}() }", "start goroutines with guard.Go"),
]
PYTHON_BREACHES = [
    ("sharding.py", "import s3dlio.loader", "s3dlio.sharding -> s3dlio.loader"),
    ("loader.py", "import torch", "s3dlio.loader -> torch"),
    ("dataset.py", "import numpy", "s3dlio.dataset -> numpy"),
    ("resolve.py", "import cffi", "s3dlio.resolve -> cffi"),
]


@pytest.fixture(scope="module")
def complaints(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the lint commands say of a tree in which every rule is broken once."""
    tree = tmp_path_factory.mktemp("breaches") / "tree"
    shutil.copytree(sources, tree)
    # the environment and the tools are those of this tree
    (tree / ".venv").symlink_to(ROOT / ".venv")
    (tree / ".cache").symlink_to(ROOT / ".cache")
    for folder, code, _ in GO_BREACHES:
        package = "main" if folder == "capi" else Path(folder).name
        (tree / "gosrc" / folder / "planted.go").write_text(f"package {package}\n\n{code}\n")
    for file, code, _ in PYTHON_BREACHES:
        with (tree / "s3dlio" / file).open("a") as out:
            out.write(f"{code}\n")
    said = ""
    for command in ("go-rules", "python-imports"):
        result = run("make", "--silent", command, cwd=tree, check=False)
        assert result.returncode != 0
        said += result.stdout + result.stderr
    return said


@pytest.mark.parametrize(("folder", "complaint"), [(folder, complaint) for folder, _, complaint in GO_BREACHES])
def test_go_breach_is_found(complaints: str, folder: str, complaint: str) -> None:
    assert [line for line in complaints.splitlines() if f"/{folder}/" in f"/{line}" and complaint in line]


@pytest.mark.parametrize("complaint", [complaint for _, _, complaint in PYTHON_BREACHES])
def test_python_breach_is_found(complaints: str, complaint: str) -> None:
    assert complaint in complaints
