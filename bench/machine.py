"""What the figures depend on: the machine and the versions. No names of hosts, no paths."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.nginx import find_nginx
from bench.peers import ROOT, Client

__all__ = ["machine", "versions"]


def machine() -> dict[str, str]:
    """What the figures depend on."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = info.partition("model name")[2].partition(":")[2].partition("\n")[0].strip() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return {
        "processor": f"{model}, {os.cpu_count()} cores, shared by client and server",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "network": "loopback",
        "load before": f"{load:.2f}",
    }


def versions(clients: Sequence[Client]) -> dict[str, str]:
    """What each client and server is."""
    found = {client.peer.title: client.version for client in clients}
    nginx = find_nginx()
    if nginx:
        said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
        found["nginx"] = said.strip().rpartition("/")[2]
    modules = (ROOT / "tests" / "servers" / "go.mod").read_text(encoding="utf-8")
    found["MinIO"] = modules.partition("github.com/minio/minio ")[2].split()[0]
    return found
