"""Tensors over views: the same memory, for as long as the tensor lives."""

from __future__ import annotations

import gc

import torch

import s3dlio
from tests.support.mem import MemBucket, held, wait_until_idle


def test_a_tensor_is_the_memory_of_the_view() -> None:
    view = s3dlio.get(MemBucket().put("key", b"hello"))
    tensor = torch.frombuffer(view, dtype=torch.uint8)
    tensor[0] = ord("j")
    assert view == b"jello"
    part = torch.frombuffer(view[1:], dtype=torch.uint8)
    assert part.data_ptr() == tensor.data_ptr() + 1


def test_a_tensor_outlives_every_view() -> None:
    content = bytes(range(256)) * 1024
    uri = MemBucket().put("key", content)
    view = s3dlio.get(uri)
    tensors = [torch.frombuffer(view[256:], dtype=torch.int32), torch.frombuffer(memoryview(view), dtype=torch.uint8)]
    del view
    tensors.append(tensors[0][64:].view(torch.uint8))
    while tensors:
        gc.collect()
        assert held() == 1
        for _ in range(3):
            memoryview(s3dlio.get(uri))[:] = bytes(len(content))  # would be the same memory, were it free
        tensor = tensors.pop(0)
        assert tensor.numpy().tobytes() == content[-tensor.numpy().nbytes :]
        del tensor
    wait_until_idle()
