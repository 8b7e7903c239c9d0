"""Runs a program as ``python SCRIPT`` and ``python -m MODULE`` do, with s3torchconnector redirected to the drop-in."""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import pkgutil
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from s3dlio.compat.redirect import install

__all__ = ["main"]

_COMMAND = "python -m s3dlio.compat.s3torchconnector"
_HELP = f"""\
usage: {_COMMAND} SCRIPT [ARGS]
       {_COMMAND} -m MODULE [ARGS]

Run a program that was written for s3torchconnector with s3dlio in its place, unchanged. The processes that it starts
are redirected, too. The original need not be installed.

  SCRIPT       a Python file, or a folder or zip file with a __main__.py
  -m MODULE    a module or package that Python can import
  -h, --help   show this text

examples:
  {_COMMAND} train.py --epochs 3
  {_COMMAND} -m torch.distributed.run --nproc-per-node 4 train.py
  {_COMMAND} -m pytest tests
  torchrun --nproc-per-node 4 -m s3dlio.compat.s3torchconnector train.py

A program that may be changed imports from s3dlio.compat.s3torchconnector instead, or calls
s3dlio.compat.redirect.install() first.
"""


def main() -> None:
    """Run the program that the arguments of this one name, in this process, as its __main__."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(_HELP, end="")
        return
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        install()
        _run_module(arguments[1], arguments[2:])
    elif arguments and not arguments[0].startswith("-"):
        install()
        _run_script(*arguments)
    else:
        wrong = f"unknown option {arguments[0]}" if arguments and arguments[0] != "-m" else "what is to be run?"
        _fail(f"{wrong}\nusage: {_COMMAND} (SCRIPT | -m MODULE) [ARGS]; --help says more", 2)


def _run_script(path: str, *arguments: str) -> None:
    sys.argv = [path, *arguments]
    file = os.path.join(os.getcwd(), path)
    folder = pkgutil.get_importer(file)
    if folder is not None:  # a folder or zip file; Python makes it the first place to import from
        _set_first_path(file)
        spec = folder.find_spec("__main__")
        if spec is None:
            _fail(f"{path} cannot be run: there is no __main__.py in it", 1)
        _run_spec(spec)
        return
    try:
        with io.open_code(file) as source:
            text = source.read()
    except OSError as error:
        _fail(f"{path} cannot be read: {error.strerror}", 2)
    _set_first_path(os.path.dirname(os.path.realpath(file)))
    main = _new_main(__file__=file, __loader__=SourceFileLoader("__main__", file), __cached__=None)
    with _Tracebacks(main):
        _execute(main, compile(text, file, "exec", dont_inherit=True))


def _run_module(name: str, arguments: list[str]) -> None:
    sys.argv = ["-m", *arguments]  # as Python has it while the module is looked for
    spec = _find(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find(f"{name}.__main__")
    if spec is None:
        _fail(f"there is no module {name} that can be run", 1)
    _run_spec(spec)


def _find(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:  # a parent; other modules may be missing that the parent imports
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def _run_spec(spec: ModuleSpec) -> None:
    loader: Any = spec.loader
    main = _new_main(
        __spec__=spec, __file__=spec.origin, __loader__=loader, __package__=spec.parent, __cached__=spec.cached
    )
    with _Tracebacks(main):
        code = loader.get_code(spec.name) if hasattr(loader, "get_code") else None
        if code is None:
            _fail(f"{spec.name} cannot be run: it is not Python code", 1)
        if spec.name != "__main__":  # Python leaves the name of a folder there
            sys.argv[0] = str(spec.origin)
        _execute(main, code)


def _set_first_path(folder: str) -> None:
    """Puts a folder where Python has put the current one, unless it was told to put none."""
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        sys.path[0] = folder


def _new_main(**attributes: object) -> ModuleType:
    main = ModuleType("__main__")
    vars(main).update(attributes, __builtins__=builtins)
    return main


def _execute(main: ModuleType, code: CodeType) -> None:
    """Runs the code; `main` stays __main__ to the end of the process, for threads, atexit and pickles."""
    sys.modules["__main__"] = main
    exec(code, vars(main))


class _Tracebacks:
    """An exception that ends the program is shown without the frames of this module."""

    def __init__(self, main: ModuleType) -> None:
        self._names = vars(main)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            self._show = sys.excepthook
            sys.excepthook = self._hook

    def _hook(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        while traceback is not None and traceback.tb_frame.f_globals is not self._names:
            traceback = traceback.tb_next
        sys.excepthook = self._show  # the names of the program must go before those of sys do
        self._show(kind, error.with_traceback(traceback), traceback)


def _fail(message: str, code: int) -> NoReturn:
    print(f"{_COMMAND}: {message}", file=sys.stderr)
    sys.exit(code)
