"""What the names of a checkpoint's files begin with: prefixes that differ early spread the load over a bucket."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch.distributed as dist

__all__ = [
    "BinaryPrefixStrategy",
    "DefaultPrefixStrategy",
    "HexPrefixStrategy",
    "NumericPrefixStrategy",
    "RoundRobinPrefixStrategy",
    "S3PrefixStrategyBase",
]


class S3PrefixStrategyBase(ABC):
    """Called with a rank, a strategy says what the names of that rank's files begin with."""

    def __call__(self, rank: int) -> str:  # noqa: D102 - the class says it
        return self.generate_prefix(rank)

    @abstractmethod
    def generate_prefix(self, rank: int) -> str:
        """The prefix for a rank, different from that of any other."""


class DefaultPrefixStrategy(S3PrefixStrategyBase):
    """``__<rank>_``, as torch itself has it."""

    def generate_prefix(self, rank: int) -> str:
        """The prefix for a rank."""
        return f"__{rank}_"


class NumericPrefixStrategy(S3PrefixStrategyBase):
    """``<number>/__<rank>_`` or ``<number>/epoch_<epoch_num>/__<rank>_``; the number has its last digit first.

    Ranks have the numbers from 0 to `prefix_count` - 1 in turns. `prefix_count` is that of the ranks, if it is None, or
    1 where torch.distributed is not initialized. Numbers have at least `min_prefix_length` digits.

    Raises ValueError where a number is none, or too small.
    """

    def __init__(
        self,
        base: int,
        epoch_num: int | None = None,
        min_prefix_length: int = 10,
        prefix_count: int | None = None,
    ) -> None:
        if base < 2:
            raise ValueError(f"Base must be at least 2, got {base}")
        if min_prefix_length < 1:
            raise ValueError(f"Minimum prefix length must be positive, got {min_prefix_length}")
        if epoch_num is not None and not isinstance(epoch_num, int):
            raise ValueError(f"Epoch number must be None or an integer, got {epoch_num}")
        if prefix_count is not None and (not isinstance(prefix_count, int) or prefix_count < 1):
            raise ValueError(f"Prefix count must be a positive integer, got {prefix_count}")
        self.base = base
        self.epoch_num = epoch_num
        self.min_prefix_len = min_prefix_length
        self.prefix_count = _world_size() if prefix_count is None else prefix_count
        length = max(min_prefix_length, _digits(self.prefix_count - 1, base))
        self.prefix_map = [self._format_number(number, length)[::-1] for number in range(self.prefix_count)]

    def generate_prefix(self, rank: int) -> str:
        """The prefix for a rank."""
        return _below(self.prefix_map[rank % len(self.prefix_map)], self.epoch_num, rank)

    @abstractmethod
    def _format_number(self, number: int, length: int) -> str:
        """A number in its base, with so many digits."""


class BinaryPrefixStrategy(NumericPrefixStrategy):
    """Numbers in base 2; see `NumericPrefixStrategy`."""

    def __init__(
        self, epoch_num: int | None = None, min_prefix_length: int = 10, prefix_count: int | None = None
    ) -> None:
        super().__init__(2, epoch_num, min_prefix_length, prefix_count)

    def _format_number(self, number: int, length: int) -> str:
        return f"{number:0{length}b}"


class HexPrefixStrategy(NumericPrefixStrategy):
    """Numbers in base 16; see `NumericPrefixStrategy`."""

    def __init__(
        self, epoch_num: int | None = None, min_prefix_length: int = 10, prefix_count: int | None = None
    ) -> None:
        super().__init__(16, epoch_num, min_prefix_length, prefix_count)

    def _format_number(self, number: int, length: int) -> str:
        return f"{number:0{length}x}"


class RoundRobinPrefixStrategy(S3PrefixStrategyBase):
    """``<prefix>/__<rank>_`` or ``<prefix>/epoch_<epoch_num>/__<rank>_``; ranks have the given prefixes in turns.

    Raises ValueError where there are none.
    """

    def __init__(self, user_prefixes: list[str], epoch_num: int | None = None) -> None:
        if not user_prefixes:
            raise ValueError("user_prefixes must not be empty")
        self.user_prefixes = user_prefixes
        self.epoch_num = epoch_num

    def generate_prefix(self, rank: int) -> str:
        """The prefix for a rank."""
        return _below(self.user_prefixes[rank % len(self.user_prefixes)], self.epoch_num, rank)


def _below(folder: str, epoch: int | None, rank: int) -> str:
    return f"{folder}/__{rank}_" if epoch is None else f"{folder}/epoch_{epoch}/__{rank}_"


def _world_size() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _digits(number: int, base: int) -> int:
    digits = 1
    while number >= base:
        number //= base
        digits += 1
    return digits
