"""What holds for all calls of this process: `configure_s3`, `configure_tokio_threads`, `init_logging`."""

from __future__ import annotations

import operator
import os
from urllib.parse import urlsplit

from s3dlio import _logging, settings
from s3dlio._native.library import Library, loaded_library, when_loaded
from s3dlio.errors import InvalidError

__all__ = ["configure_s3", "configure_tokio_threads", "init_logging"]

MOST_THREADS = 10_000
# How many processes of a parallel program share this machine, as the launchers tell: torchrun, Open MPI, MPICH.
_LOCAL_PROCESSES = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")

_threads: int | None = None


def configure_s3(endpoint_url: str | None = None, region: str | None = None, ca_bundle: str | None = None) -> None:
    """Set where S3 is, for all later calls of this process; at any time, also where others were used before.

    What a call or a dataset is given as an option wins; the environment (``AWS_ENDPOINT_URL``, ``AWS_REGION``,
    ``AWS_CA_BUNDLE``) and the profile apply to what is not set. Streams under way go on as they began. Processes
    forked later begin with the same; those that are spawned do not, and call this themselves, or get the options
    with their dataset.

    Args:
        endpoint_url: base URL, such as ``https://minio:9000``.
        region: name of the region.
        ca_bundle: path of a PEM file with the authorities to trust.

    None leaves a setting as it is; "" takes it back.

    Raises InvalidError for a wrong type, what is no base URL, or no file.
    """
    given = {"endpoint_url": endpoint_url, "region": region, "ca_bundle": ca_bundle}
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InvalidError(f"configure_s3: {name} must be a str, not {type(value).__name__}")
    if endpoint_url:
        _check_endpoint(endpoint_url)
    if ca_bundle and not os.path.isfile(ca_bundle):
        raise InvalidError(f"configure_s3: ca_bundle {ca_bundle!r} is no file. Give the path of a PEM file")
    together = settings.chosen() | {name: value for name, value in given.items() if value is not None}
    settings.replace({name: value for name, value in together.items() if value})


def _check_endpoint(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise InvalidError("configure_s3: endpoint_url is not a base URL. Write it as https://host or http://host:port")
    if "@" in parts.netloc:
        raise InvalidError("configure_s3: endpoint_url holds a user name or a password. Give it without credentials")


def configure_tokio_threads(n: int = 0) -> None:
    """Set how many threads of this process may work on I/O at once; the name is that of s3dlio 0.9.

    It may be called at any time, and holds in processes forked later. Requests under way are limited by
    ``max_concurrent`` and the like, not by this: a thread serves many of them.

    Args:
        n: number of threads. 0: the processors that this process may use, divided by the processes of the program on
            this machine, as torchrun and MPI launchers tell it; at least 2.

    Raises InvalidError for a wrong type or number.
    """
    global _threads
    try:
        number = operator.index(n) if not isinstance(n, bool) else -1
    except TypeError:
        number = -1
    if not 0 <= number <= MOST_THREADS:
        raise InvalidError(f"configure_tokio_threads: n must be a number of threads, 0 to {MOST_THREADS}, not {n!r}")
    _threads = number or _share_of_processors()
    if (library := loaded_library()) is not None:
        _set_threads(library)


def _share_of_processors() -> int:
    told = (os.environ.get(name, "") for name in _LOCAL_PROCESSES)
    processes = next((int(text) for text in told if text.isdecimal() and int(text) > 0), 1)
    return max(2, len(os.sched_getaffinity(0)) // processes)


def _set_threads(library: Library) -> None:
    if _threads is not None:
        library.c.s3d_set_parallelism(_threads)


when_loaded.append(_set_threads)


def init_logging(level: str) -> None:
    """Set what is logged to standard error, by the library and by the logger "s3dlio" of Python's logging.

    It may be called at any time, wins over ``S3DLIO_LOG`` and ``RUST_LOG``, and holds in processes forked later.

    Args:
        level: "error", "warning" (the default where nothing is set), "info", "debug"; "warn" and "trace" are accepted.

    Raises InvalidError for another level.
    """
    _logging.choose(level)
    if (library := loaded_library()) is not None:
        library.c.s3d_set_log_level(_logging.level_for_library())
