"""Whole directories: those of the tests, and what lies at a place or in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import s3dlio
from tests.support.samples import Folder, Store


def folder_with(path: Path, tree: Mapping[str, bytes]) -> Path:
    """The directory, with these files in it, by their path below it."""
    folder = Folder(path)
    for key, content in tree.items():
        folder.put(key, content)
    return folder.path


def below(place: Store, key: str = "") -> dict[str, bytes]:
    """What lies at a place, by the path below it."""
    base = place.uri(key)
    return {uri.removeprefix(base): bytes(s3dlio.get(uri)) for uri in s3dlio.list(base, recursive=True)}


def files_in(folder: Path) -> dict[str, bytes]:
    """The files of a directory, by their path below it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
