"""What `import s3dlio` offers, and what it does not load."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import s3dlio

MODULES = (
    "batches",
    "checkpoint",
    "configuration",
    "dataset",
    "errors",
    "generation",
    "items",
    "loader",
    "multipart",
    "npz",
    "older",
    "operations",
    "options",
    "receiving",
    "states",
    "transfers",
    "views",
    "writer_options",
    "writers",
)


def names_for_type_checkers() -> set[tuple[str, str]]:
    tree = ast.parse(Path(str(s3dlio.__file__)).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {(str(node.module), alias.name) for node in imports for alias in node.names}


def test_type_checkers_and_the_interpreter_see_the_same() -> None:
    assert names_for_type_checkers() == {(module, name) for name, module in s3dlio._MODULES.items()}
    assert sorted(s3dlio.__all__) == sorted([*s3dlio._MODULES, "__version__"])


@pytest.mark.parametrize("name", s3dlio.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(s3dlio, name) is not None
    assert name in dir(s3dlio)


def test_what_the_modules_offer_is_offered_here() -> None:
    inside = {
        "errors": {"Cause", "Code"},
        "dataset": {"new_progress", "shard_of"},
        "items": {"split_uri"},
        "options": {"Layer", "Options", "Row", "checked", "for_client", "rows_of", "table"},
        "states": {"State", "parse_state"},
        "writer_options": {"WriterOptions", "writer_table"},
        "views": {"blank", "side_by_side"},
    }
    for module in MODULES:
        offered = set(importlib.import_module(f"s3dlio.{module}").__all__) - inside.get(module, set())
        assert offered <= set(s3dlio.__all__), module


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = s3dlio.nothing


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, s3dlio; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"torch", "numpy", "cffi", "_cffi_backend", "asyncio", "s3dlio._native", "s3dlio.dataset"}
