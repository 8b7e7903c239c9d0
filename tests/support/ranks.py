"""Processes of one process group of torch.distributed, forked from this one."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = 120.0  # seconds


def run_ranks(count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(rank, *arguments)` returns in each of `count` processes, as JSON has it."""
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        results = [Path(folder) / str(rank) for rank in range(count)]
        processes = [context.Process(target=_rank, args=(rank, results, work, arguments)) for rank in range(count)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
        assert [process.exitcode for process in processes] == [0] * count
        return [json.loads(result.read_text()) for result in results]


def _rank(rank: int, results: list[Path], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)  # the threads of the parent's pool have not come along
    dist.init_process_group(
        "gloo",
        init_method=f"file://{results[0].parent}/rendezvous",
        rank=rank,
        world_size=len(results),
        timeout=timedelta(seconds=PATIENCE),
    )
    result = work(rank, *arguments)
    results[rank].write_text(json.dumps(result))
    dist.barrier()
    dist.destroy_process_group()
