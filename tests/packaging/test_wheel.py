"""What is in the wheel, and on which systems it says it runs."""

from __future__ import annotations

import email
import re
import sys
import zipfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from s3dlio._native.header import write_module
from tests.support.builds import ROOT, run

LIBRARY = "s3dlio/_native/libs3dlio.so"
HEADER = "s3dlio/_native/s3dlio.h"
MODULE = "s3dlio/_native/_abi.py"
LICENSES = "s3dlio/_native/THIRD_PARTY_LICENSES.txt"


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def exported_symbols(library: Path) -> set[str]:
    with library.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name for symbol in table.iter_symbols() if symbol.name and symbol["st_shndx"] != "SHN_UNDEF"}


def test_one_wheel_serves_every_python(wheel: Path) -> None:
    assert re.fullmatch(r"s3dlio-1\.0\.0-py3-none-manylinux_2_\d+_(x86_64|aarch64)\.whl", wheel.name)


def test_auditwheel_agrees_with_the_tag(wheel: Path) -> None:
    tag = wheel.stem.rsplit("-", 1)[1]
    verdict = run(sys.executable, "-m", "auditwheel", "show", wheel, cwd=wheel.parent).stdout
    assert f'consistent with the following platform tag: "{tag}"' in " ".join(verdict.split())


def test_contents_are_the_package_the_library_and_its_header(unpacked: Path, sources: Path) -> None:
    package = {str(path.relative_to(sources)) for path in (sources / "s3dlio").rglob("*") if path.is_file()}
    found = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    metadata = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    built = {LIBRARY, HEADER, MODULE, LICENSES}
    assert found == package | built | {f"s3dlio-1.0.0.dist-info/{name}" for name in metadata}
    assert "s3dlio/py.typed" in found


def test_header_in_the_wheel_is_the_one_the_library_was_compiled_with(unpacked: Path) -> None:
    assert (unpacked / HEADER).read_bytes() == (ROOT / "gosrc/capi/s3dlio.h").read_bytes()


def test_the_abi_of_the_wheel_is_that_of_its_header(unpacked: Path, tmp_path: Path) -> None:
    made = write_module(unpacked / HEADER, tmp_path)
    assert (unpacked / MODULE).read_bytes() == made.read_bytes()


def test_library_exports_what_the_header_declares_and_nothing_else(unpacked: Path) -> None:
    declared = set(re.findall(r"^\w[\w *]*?\b(s3d_\w+)\(", (unpacked / HEADER).read_text(), re.MULTILINE))
    assert len(declared) > 10
    assert exported_symbols(unpacked / LIBRARY) == declared


def test_licenses_of_all_linked_modules_are_there(unpacked: Path) -> None:
    build_information = run("go", "version", "-m", unpacked / LIBRARY, cwd=unpacked).stdout
    modules = re.findall(r"^\tdep\t(\S+)\t(\S+)", build_information, re.MULTILINE)
    assert len(modules) >= 2
    licenses = (unpacked / LICENSES).read_text()
    for module, version in modules:
        assert f"\n{module} {version}\n" in licenses


def test_library_is_small_enough(unpacked: Path) -> None:
    assert (unpacked / LIBRARY).stat().st_size < 50_000_000


def test_metadata_asks_for_cffi_only(unpacked: Path) -> None:
    metadata = email.message_from_string((unpacked / "s3dlio-1.0.0.dist-info/METADATA").read_text())
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert [re.split(r"[^\w-]", line)[0] for line in required] == ["cffi"]
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) >= {"torch", "numpy", "demo"}
