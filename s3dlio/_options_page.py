"""The pages docs/options.md and docs/backends/*.md: ``python -m s3dlio._options_page docs`` renews what is generated.

Options come from their tables, what a store can do from its driver.
"""

from __future__ import annotations

import sys
from pathlib import Path

from s3dlio._checks import type_text
from s3dlio._native import describe
from s3dlio.options import Layer, Row, table
from s3dlio.writer_options import writer_table

__all__ = ["backend_page", "markdown", "pages"]

_HEADINGS: dict[Layer, str] = {
    "dataset": "What is loaded, and how it is handed out",
    "stream": "How it is fetched",
    "client": "Whom to talk to",
    "compatibility": "Accepted for older programs",
    "writer": "How it is written",
}
_TABLE = ["| option | type | default | meaning |", "| --- | --- | --- | --- |"]
# A page of docs/backends has its scheme in the first of these lines; what is between them is generated.
_BEGIN, _END = "<!-- generated for ", "<!-- generated until here -->"


def markdown() -> str:
    """The text of docs/options.md."""
    lines = [
        "# Options",
        "",
        "Given as a dict or as keywords to `create_dataset`, `create_async_loader`, `PyDataset.from_uris`,",
        "`PyBytesAsyncDataLoader` and the torch datasets. An unknown name, a wrong type or a value out of range is an",
        "`InvalidError`. `None` always means the default.",
        "",
        f"Writers (`create_writer` and its forms) take those of *{_HEADINGS['writer']}* and *{_HEADINGS['client']}*,",
        "but not `multipart_threshold`, in whose place they have their `part_size`.",
        "",
        "Where schemes are named, an option has an effect for these, and none for others: one set of options may serve",
        "a copy between two stores.",
    ]
    for layer, heading in _HEADINGS.items():
        lines += ["", f"## {heading}", "", *_TABLE]
        rows = writer_table() if layer == "writer" else table()
        lines += [_markdown_row(name, row) for name, row in rows.items() if row.about.layer == layer]
    return "\n".join(lines) + "\n"


def _markdown_row(name: str, row: Row, *, schemes: bool = True) -> str:
    default = "" if row.default in ("", ()) else f"`{row.default}`"
    heed = f" For {', '.join(row.about.schemes)}." if schemes and row.about.schemes else ""
    return f"| `{name}` | {type_text(row.kind)} | {default} | {row.about.help}{heed} |"


def _about_scheme(scheme: str) -> list[str]:
    """What is generated of a page of docs/backends."""
    client = {name: row for name, row in table().items() if row.about.layer == "client"}
    heeded = [name for name, row in client.items() if not row.about.schemes or scheme in row.about.schemes]
    can = describe()["capabilities"][scheme]
    least, most = can["min_part_size"], can["max_parts"]
    said = {True: "yes", False: "no"}
    rows = {
        "content type and metadata": said[can["content_type"]],
        "storage classes": said[can["storage_class"]],
        "containers can be made, removed and listed": said[can["containers"]],
        "directories exist by themselves": said[can["directories"]],
        "least size of the parts of an upload": _size(least),
        "most parts of an upload": f"{most:,}" if most else "no limit",
    }
    return [
        "These options of a client have an effect here; the others are in [options.md](../options.md):",
        "",
        *_TABLE,
        *(_markdown_row(name, client[name], schemes=False) for name in heeded),
        "",
        "| what `object_capabilities` says | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in rows.items()),
    ]


def _size(least: int) -> str:
    if not least:
        return "none"
    return f"{least >> 20} MiB" if least >> 20 else f"{least >> 10} KiB"


def backend_page(text: str) -> str:
    """A page of docs/backends, with what is generated made anew."""
    head, found, rest = text.partition(_BEGIN)
    if not found:
        return text
    scheme, _, rest = rest.partition(" -->\n")
    _, end, tail = rest.partition(_END)
    if not end:
        raise ValueError(f"the page lacks the line {_END}")
    made = "\n".join(_about_scheme(scheme))
    return f"{head}{_BEGIN}{scheme} -->\n\n{made}\n\n{_END}{tail}"


def pages(docs: Path) -> dict[Path, str]:
    """Every page below `docs` that is generated, in whole or in part."""
    found = {path: backend_page(path.read_text(encoding="utf-8")) for path in sorted(docs.glob("backends/*.md"))}
    return {docs / "options.md": markdown()} | found


if __name__ == "__main__":
    for path, text in pages(Path(sys.argv[1])).items():
        path.write_text(text, encoding="utf-8")
