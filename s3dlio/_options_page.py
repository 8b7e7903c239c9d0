"""The page docs/options.md, made from the table: ``python -m s3dlio._options_page > docs/options.md``."""

from __future__ import annotations

import sys

from s3dlio._checks import type_text
from s3dlio.options import Layer, Row, table
from s3dlio.writer_options import writer_table

__all__ = ["markdown"]

_HEADINGS: dict[Layer, str] = {
    "dataset": "What is loaded, and how it is handed out",
    "stream": "How it is fetched",
    "client": "Whom to talk to",
    "compatibility": "Accepted for older programs",
    "writer": "How it is written",
}


def markdown() -> str:
    """The text of the page."""
    lines = [
        "# Options",
        "",
        "Given as a dict or as keywords to `create_dataset`, `create_async_loader`, `PyDataset.from_uris`,",
        "`PyBytesAsyncDataLoader` and the torch datasets. An unknown name, a wrong type or a value out of range is an",
        "`InvalidError`. `None` always means the default.",
        "",
        f"Writers (`create_writer` and its forms) take those of *{_HEADINGS['writer']}* and *{_HEADINGS['client']}*,",
        "but not `multipart_threshold`, in whose place they have their `part_size`.",
    ]
    for layer, heading in _HEADINGS.items():
        lines += ["", f"## {heading}", "", "| option | type | default | meaning |", "| --- | --- | --- | --- |"]
        rows = writer_table() if layer == "writer" else table()
        lines += [_markdown_row(name, row) for name, row in rows.items() if row.about.layer == layer]
    return "\n".join(lines) + "\n"


def _markdown_row(name: str, row: Row) -> str:
    default = "" if row.default in ("", ()) else f"`{row.default}`"
    return f"| `{name}` | {type_text(row.kind)} | {default} | {row.about.help} |"


if __name__ == "__main__":
    sys.stdout.write(markdown())
