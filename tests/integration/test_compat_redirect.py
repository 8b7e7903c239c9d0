"""Programs written for s3torchconnector run on the drop-in, unchanged, and so do the processes that they start.

Each test runs programs in processes of their own, and compares the runner with what Python itself does with a program.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RUNNER = ["-m", "s3dlio.compat.s3torchconnector"]
SECONDS = 120
STARTUP = str(ROOT / "s3dlio/compat/startup")

LOOK = """
import json, sys
names = {name: value for name, value in globals().items() if name.startswith("__") and name != "__annotations__"}
spec, loader, builtins = names.pop("__spec__"), names.pop("__loader__"), names.pop("__builtins__")
names |= {"spec": spec and spec.name, "loader": type(loader).__name__, "builtins": type(builtins).__name__}
print(json.dumps([names, sys.argv, sys.path[0], sys.modules["__main__"].__dict__ is globals(), "torch" in sys.modules]))
"""
WHICH = "import s3torchconnector; print(s3torchconnector.__name__)"


def python(
    *arguments: str | Path, cwd: Path, path: str = str(ROOT), code: int | None = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs Python, which must exit with `code`; None takes any."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert code is None or done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def redirected(*arguments: str | Path, **options: Any) -> list[str]:
    """Runs a program through the runner; returns the lines that it prints."""
    return python(*RUNNER, *arguments, **options).stdout.splitlines()


def program(folder: Path, text: str, name: str = "program.py") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def original(tmp_path: Path) -> str:
    """A PYTHONPATH with something that calls itself s3torchconnector."""
    for name in ("s3torchconnector", "s3torchconnectorclient"):
        program(tmp_path / "original", "", f"{name}/__init__.py")
    assert python("-c", WHICH, cwd=tmp_path, path=f"{tmp_path}/original").stdout == "s3torchconnector\n"
    return f"{tmp_path / 'original'}:{ROOT}"


# -- one module under two names


@pytest.mark.parametrize("installed", [True, False])
def test_both_names_stand_for_one_module(tmp_path: Path, original: str, installed: bool) -> None:
    text = """
        import importlib, pickle, sys
        from unittest import mock
        import s3torchconnector.dcp, s3torchconnector.s3reader
        import s3torchconnectorclient._mountpoint_s3_client as client
        from s3torchconnector import S3Exception, s3reader
        from s3torchconnector.s3reader.sequential import SequentialS3Reader
        import s3dlio.compat.s3torchconnector as real
        import s3dlio.compat.s3torchconnectorclient as real_client

        assert s3torchconnector is real and s3torchconnector.dcp is real.dcp
        assert s3reader is real.s3reader and s3reader.SequentialS3Reader is SequentialS3Reader
        assert S3Exception is real.S3Exception is client.S3Exception is real_client.S3Exception
        for module in (real, real.dcp, real.s3reader, real_client):
            assert module.__name__ == module.__spec__.name and module.__name__.startswith("s3dlio.compat."), module
            assert module.__spec__.loader is module.__loader__ and module.__spec__.parent == module.__package__

        assert type(pickle.loads(pickle.dumps(S3Exception("text")))) is S3Exception
        assert pickle.loads(b"cs3torchconnector.s3reader.sequential\\nSequentialS3Reader\\n.") is SequentialS3Reader
        with mock.patch("s3torchconnector.s3reader.SequentialS3Reader", "patched"):
            assert real.s3reader.SequentialS3Reader == "patched"
        assert importlib.reload(s3torchconnector.s3reader) is real.s3reader is sys.modules["s3torchconnector.s3reader"]
        assert importlib.util.find_spec("s3torchconnector.lightning") is not None
        assert importlib.util.find_spec("s3torchconnector.nothing") is None
        try:
            import s3torchconnector.nothing
        except ModuleNotFoundError as error:
            assert str(error) == "No module named 's3torchconnector.nothing'" and error.name.endswith(".nothing")
        else:
            raise AssertionError("imported what is not there")
        print("one")
    """
    file = program(tmp_path, "if True:" + text)
    assert redirected(file, cwd=tmp_path, path=original if installed else str(ROOT)) == ["one"]


def test_threads_that_import_at_once_get_the_same_whole_module(tmp_path: Path) -> None:
    text = """
        import threading
        start, found = threading.Barrier(8), []
        def load(name):
            start.wait()
            exec(f"import {name}.s3reader as module; found.append((module.S3Reader, module.__spec__.name))")
        names = ["s3torchconnector", "s3dlio.compat.s3torchconnector"] * 4
        threads = [threading.Thread(target=load, args=[name]) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(found), len(set(found)))
    """
    assert redirected(program(tmp_path, "if True:" + text), cwd=tmp_path) == ["8 1"]


# -- children

CHILDREN = """
import multiprocessing, os, subprocess, sys

def which():
    import s3torchconnector
    import s3torchconnectorclient
    assert s3torchconnectorclient.S3Exception is s3torchconnector.S3Exception
    return s3torchconnector.__name__

def grandchild():
    return subprocess.run([sys.executable, "-c", WHICH], check=True, capture_output=True, text=True).stdout.strip()

WHICH = "import s3torchconnector; print(s3torchconnector.__name__)"
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.apply(which))
            print(method, pool.apply(grandchild))
    print("subprocess", grandchild())
"""


@pytest.mark.parametrize("how", ["script", "module", "folder"])
def test_children_are_redirected(tmp_path: Path, original: str, how: str) -> None:
    script = program(tmp_path / "folder", CHILDREN, "__main__.py")
    program(tmp_path, CHILDREN, "package/module.py")
    forms = {"script": [str(script)], "module": ["-m", "package.module"], "folder": ["folder"]}
    if how == "folder":  # Python does not let spawned processes import functions of such a __main__
        script.write_text(CHILDREN.replace('("fork", "spawn", "forkserver")', '("fork",)'))
    lines = redirected(*forms[how], cwd=tmp_path, path=original)
    assert {line.split()[1] for line in lines} == {"s3dlio.compat.s3torchconnector"}
    assert [line.split()[0] for line in lines[-1:]] == ["subprocess"]


def test_children_have_the_library_that_only_the_parent_can_find(tmp_path: Path) -> None:
    file = program(tmp_path, CHILDREN)
    lines = python(*RUNNER, file, cwd=ROOT, path="").stdout.splitlines()
    assert len(lines) == 7
    assert {line.split()[1] for line in lines} == {"s3dlio.compat.s3torchconnector"}


def test_a_child_runs_the_sitecustomize_that_ours_hides(tmp_path: Path) -> None:
    program(tmp_path / "theirs", "import sys; sys.customized = __file__", "sitecustomize.py")
    child = (
        f"{WHICH}; import sys; print(sys.customized, sys.modules['sitecustomize'].__file__, {STARTUP!r} in sys.path)"
    )
    text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    lines = redirected(program(tmp_path, text), cwd=tmp_path, path=f"{tmp_path}/theirs:{ROOT}")
    theirs = f"{tmp_path}/theirs/sitecustomize.py"
    assert lines == ["s3dlio.compat.s3torchconnector", f"{theirs} {theirs} False"]


@pytest.mark.parametrize("path", ["", f"{ROOT}", f":{ROOT}:x"])
def test_the_rest_of_pythonpath_is_left_as_it_is(tmp_path: Path, path: str) -> None:
    text = f"import os, sys; sys.path.append({str(ROOT)!r}); from s3dlio.compat.redirect import install; "
    text += "install(); install(); print(os.environ['PYTHONPATH'])"
    printed = python("-c", text, cwd=tmp_path, path=path).stdout.strip()
    assert printed == STARTUP + (f":{path}" if path else "")


def test_a_python_that_ignores_its_environment_says_that_children_are_not_redirected(tmp_path: Path) -> None:
    file = program(
        tmp_path, f"import sys; sys.path.append({str(ROOT)!r}); import s3dlio.compat.redirect as r; r.install()"
    )
    done = python("-E", file, cwd=tmp_path)
    assert "RuntimeWarning: This Python runs with -E, -I or -S" in done.stderr
    assert python(file, cwd=tmp_path).stderr == ""


TORCH = """
import os, sys
import s3torchconnector
if __name__ == "__main__":
    sys.stdout.write(f"{'torch' in sys.modules}\\n")  # in one piece: two processes write
from s3torchconnector import S3MapDataset
from torch.utils.data import DataLoader

def read(reader):
    return " ".join([type(reader).__module__, os.environ["RANK"], str(len(reader.read()))])

if __name__ == "__main__":
    dataset = S3MapDataset.from_prefix(sys.argv[1], region="us-east-1", transform=read)
    for line in DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context="spawn"):
        sys.stdout.write(line + "\\n")
"""


def test_workers_of_torch_read_through_the_drop_in(tmp_path: Path) -> None:
    """DataLoader with spawned workers, in two processes of torchrun."""
    for i in range(6):
        program(tmp_path / "data", "x" * i, f"{i}.bin")
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    lines = redirected(*launch, program(tmp_path, TORCH), f"file://{tmp_path}/data/", cwd=tmp_path)
    read = [f"s3dlio.compat.s3torchconnector.s3reader.sequential {rank} {i}" for rank in "01" for i in range(6)]
    assert sorted(lines) == ["False"] * 2 + read


# -- as Python runs it


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with one program in every form that Python runs."""
    for name in ("script.py", "package/__init__.py", "package/__main__.py", "package/module.py", "folder/__main__.py"):
        program(tmp_path, LOOK, name)
    (tmp_path / "link.py").symlink_to(tmp_path / "folder/__main__.py")
    program(tmp_path, "", "package/__init__.py")
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.writestr("__main__.py", LOOK)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["script.py", "-x", "--help"],
        ["./folder/../script.py"],
        ["link.py"],
        ["folder", "a b"],
        ["program.zip"],
        ["-m", "script", "-m", "y"],
        ["-m", "package", "--help"],
        ["-m", "package.module"],
    ],
)
def test_a_program_sees_what_python_shows_it(programs: Path, arguments: list[str]) -> None:
    names = json.loads(python(*arguments, cwd=programs).stdout)
    assert json.loads(redirected(*arguments, cwd=programs)[0]) == names
    assert names[-2:] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "import sys; sys.exit(7)",
        "import sys; sys.exit('what is wrong')",
        "def f():\n    raise ValueError('text')\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    f()",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "x = = 1",
        "# coding: latin-1\nprint(ascii('\xe4'), list(map(int, '12')))",
        "import sys; sys.excepthook = lambda *_: print(_[2].tb_lineno, _[2].tb_frame.f_code.co_filename)\n1 / 0",
        "import atexit, pickle\ndef f(): pass\natexit.register(lambda: print(pickle.loads(pickle.dumps(f)) is f))",
        "import threading, pickle, time\ndef f(): pass\n"
        "threading.Thread(target=lambda: (threading.main_thread().join(), print(pickle.dumps(f)))).start()",
        "x: 'unknown' = 1\ndef f(a: nothing): pass",
        *[
            "import logging\nclass Late:\n    def __del__(self):\n        logging.warning('goes')\nlate = Late()\n"
            + end
            for end in ("", "import sys; sys.exit(3)", "1 / 0")
        ],
    ],
)
def test_a_program_ends_as_python_ends_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "program.py"
    file.write_text(text, encoding="latin-1")
    expected, ours = (python(*how, file.name, cwd=tmp_path, code=None) for how in ([], RUNNER))
    assert ours.returncode == expected.returncode
    assert ours.stdout == expected.stdout
    assert ours.stderr.splitlines()[-4:] == expected.stderr.splitlines()[-4:]
    assert "runner.py" not in ours.stderr or "KeyboardInterrupt" in text


def test_ctrl_c_ends_a_program_with_its_workers(tmp_path: Path) -> None:
    text = """
        import multiprocessing, time
        def wait():
            print("waits", flush=True)
            time.sleep(60)
        if __name__ == "__main__":
            process = multiprocessing.get_context("spawn").Process(target=wait)
            process.start()
            process.join()
    """
    file = program(tmp_path, "if True:" + text)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, *RUNNER, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGINT
    assert complaints.count("KeyboardInterrupt") == 2


# -- wrong use


def test_help_has_examples(tmp_path: Path) -> None:
    for option in ("-h", "--help"):
        lines = redirected(option, cwd=tmp_path)
        assert lines[0] == "usage: python -m s3dlio.compat.s3torchconnector SCRIPT [ARGS]"
        assert sum(line.startswith("  python -m s3dlio.compat.s3torchconnector ") for line in lines) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "what is to be run?"),
        (["-m"], 2, "what is to be run?"),
        (["--epochs", "3"], 2, "unknown option --epochs"),
        (["nothing.py"], 2, "nothing.py cannot be read: No such file or directory"),
        (["-m", "nothing"], 1, "there is no module nothing that can be run"),
        (["-m", "nothing.below"], 1, "there is no module nothing.below that can be run"),
        (["-m", "json"], 1, "there is no module json that can be run"),
        (["empty"], 1, "empty cannot be run: there is no __main__.py in it"),
        (["-m", "math"], 1, "math cannot be run: it is not Python code"),
    ],
)
def test_what_cannot_be_run_is_said(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    (tmp_path / "empty").mkdir()
    done = python(*RUNNER, *arguments, cwd=tmp_path, code=code)
    assert done.stderr.startswith(f"python -m s3dlio.compat.s3torchconnector: {words}\n")
    assert "Traceback" not in done.stderr


def test_an_error_inside_a_package_that_is_to_be_run_is_shown(tmp_path: Path) -> None:
    program(tmp_path, "import not_there", "package/__init__.py")
    program(tmp_path, "", "package/module.py")
    done = python(*RUNNER, "-m", "package.module", cwd=tmp_path, code=1)
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'not_there'\n")


def test_install_comes_too_late_for_an_original_that_is_there(tmp_path: Path, original: str) -> None:
    text = "import s3torchconnector; from s3dlio.compat.redirect import install; install()"
    done = python("-c", text, cwd=tmp_path, path=original, code=1)
    assert f"imported already, from {tmp_path}/original/s3torchconnector/__init__.py. Call install()" in done.stderr
    assert "ImportError" in done.stderr
