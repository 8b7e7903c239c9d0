"""fio, which measures itself: sequential O_DIRECT reads of 4 MiB, eight of them under way."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from bench.task import Task


def measure(task: Task) -> dict[str, Any]:
    """Run it once on a file; its CPU time is that of its job."""
    command = ["fio", "--name=read", f"--filename={task.paths[0]}", "--readonly", "--rw=read", "--bs=4M"]
    command += [
        f"--size={task.size}",
        "--direct=1",
        "--ioengine=io_uring",
        "--iodepth=8",
        "--output-format=json",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"fio failed: {ran.stderr.strip()}")
    job = json.loads(ran.stdout)["jobs"][0]
    wall = job["read"]["runtime"] / 1000
    cpu = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] / 1000
    return {"wall": wall, "cpu": cpu, "start_mb": 0, "peak_mb": 0, "items": 1, "bytes": job["read"]["io_bytes"]}
