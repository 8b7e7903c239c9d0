"""`S3ClientConfig`: the parameters of a client."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["S3ClientConfig"]


@dataclass(frozen=True)
class S3ClientConfig:
    """How a client works. Values are checked when the client is built, at its first request.

    Attributes:
        throughput_target_gbps: in Gbit/s; says how many requests may be under way at the same time (32 for 10).
        part_size: bytes per request, 5 MiB to 5 GiB: larger objects are read and written in several.
        unsigned: send no credentials, for public buckets.
        force_path_style: the bucket is part of the path, not of the host name. False: whichever the endpoint needs.
        max_attempts: how often a request is tried, at least 1.
        profile: of the shared AWS configuration files. None: the environment's.
    """

    throughput_target_gbps: float = 10.0
    part_size: int = 8 * 1024 * 1024
    unsigned: bool = False
    force_path_style: bool = False
    max_attempts: int = 10
    profile: str | None = None
