"""What `configure_s3` has set for this process and those that will be forked from it.

It stands between the options of a call, which win, and the environment: it is laid over the snapshot of the
environment that every client gets, under the names that belong to S3 alone.
"""

from __future__ import annotations

__all__ = ["NAMES", "applied", "chosen", "replace"]

Environment = tuple[tuple[bytes, bytes], ...]

NAMES = {"endpoint_url": b"AWS_ENDPOINT_URL_S3", "region": b"AWS_REGION", "ca_bundle": b"AWS_CA_BUNDLE"}

_chosen: dict[str, str] = {}
_last: tuple[Environment, Environment] = (), ()  # an environment, and what became of it


def chosen() -> dict[str, str]:
    """What is set, by the names of NAMES."""
    return dict(_chosen)


def replace(values: dict[str, str]) -> None:
    """Set these, and nothing else, for all later calls."""
    global _chosen, _last
    _chosen, _last = dict(values), ((), ())


def applied(environment: Environment) -> Environment:
    """The environment with what is set in place of its own variables."""
    global _last
    settings = _chosen
    if not settings:
        return environment
    before, after = _last
    if environment is not before or not after:
        ours = {NAMES[name]: value.encode("utf-8", "surrogateescape") for name, value in settings.items()}
        after = tuple(sorted({**dict(environment), **ours}.items()))
        _last = environment, after
    return after
