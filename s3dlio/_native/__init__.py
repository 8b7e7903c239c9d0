"""The library, and all that touches it: no other package knows cffi."""

from s3dlio._native.checksum import crc32c
from s3dlio._native.client import Client
from s3dlio._native.fresh import FreshBytes, FreshPart
from s3dlio._native.heap import keep_freed_memory
from s3dlio._native.library import capabilities, describe, has_directories, library, memory_stats, schemes
from s3dlio._native.pages import list_pages, listing_options, page_of
from s3dlio._native.requests import Op, StreamOptions
from s3dlio._native.stream import Item, Stream
from s3dlio._native.writer import Writer

__all__ = [
    "Client",
    "FreshBytes",
    "FreshPart",
    "Item",
    "Op",
    "Stream",
    "StreamOptions",
    "Writer",
    "capabilities",
    "crc32c",
    "describe",
    "has_directories",
    "keep_freed_memory",
    "library",
    "list_pages",
    "listing_options",
    "memory_stats",
    "page_of",
    "schemes",
]
