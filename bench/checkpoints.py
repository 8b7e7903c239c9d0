"""python -m bench.checkpoints CALL FOLDER COUNT SIZE: writes, with PyTorch alone, the checkpoint that a work reads.

It has COUNT tensors of SIZE bytes for torch_load. For dcp_load these are the weights, a quarter of the checkpoint; each
is followed by the other tensors of its layer.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save

from bench.data import content
from bench.task import CHECKPOINT, Task

__all__ = ["LAYER", "State", "filled", "raw", "room"]

LAYER = ("weight", "bias", "exp_avg", "exp_avg_sq")
State = dict[str, torch.Tensor]


def filled(count: int, size: int, layer: tuple[str, ...] = LAYER[:1]) -> State:
    """A state whose weights are the objects of other works."""
    return {
        f"layers.{number:05d}.{name}": torch.frombuffer(
            bytearray(content(number + count * place, size)), dtype=torch.float32
        )
        for number in range(count)
        for place, name in enumerate(layer)
    }


def room(task: Task) -> State:
    """Tensors for the weights, in memory that has been used."""
    return {
        name: torch.ones(task.size // 4) for name in (f"layers.{number:05d}.weight" for number in range(task.count))
    }


def raw(state: State) -> Iterator[Any]:
    """The bytes of each tensor."""
    for tensor in state.values():
        yield tensor.view(torch.uint8).numpy()


def main() -> None:
    """Write it."""
    call, folder, count, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    folder.mkdir(parents=True)
    if call == "torch_load":
        torch.save(filled(count, size), folder / CHECKPOINT)
    else:
        save(filled(count, size, LAYER), storage_writer=FileSystemWriter(folder, sync_files=False), no_dist=True)


if __name__ == "__main__":
    main()
