"""`S3StorageWriter` and `S3StorageReader`: what torch.distributed.checkpoint saves and loads with."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter

from s3dlio.compat.s3torchconnector._s3client import S3ClientConfig
from s3dlio.compat.s3torchconnector.dcp.file_system import S3FileSystem
from s3dlio.compat.s3torchconnector.dcp.s3_prefix_strategy import DefaultPrefixStrategy, S3PrefixStrategyBase
from s3dlio.compat.s3torchconnector.s3reader import (
    DCPS3ReaderConstructorProtocol,
    S3ReaderConstructor,
    S3ReaderConstructorProtocol,
)
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception

if TYPE_CHECKING:
    from torch.distributed.checkpoint.planner import LoadPlan, SavePlan, SavePlanner
    from torch.distributed.checkpoint.storage import WriteResult
    from torch.futures import Future

__all__ = ["S3StorageReader", "S3StorageWriter", "StorageMetadata"]


@dataclasses.dataclass
class StorageMetadata:
    """What a rank is told about its files: what their names begin with."""

    prefix: str


class S3StorageWriter(FileSystemWriter):
    """Saves a distributed checkpoint in objects below `path`, a URI of any scheme.

    Each rank writes `thread_count` objects at the same time, whose names begin as `prefix_strategy` says (as torch has
    them, where it is None); one rank writes the metadata when all others are done. `kwargs` are those of torch's
    FileSystemWriter: `overwrite`, `single_file_per_rank` and so on.

    Attributes:
        fs, path, thread_count, prefix_strategy: see above.
    """

    def __init__(
        self,
        region: str | None,
        path: str,
        s3client_config: S3ClientConfig | None = None,
        prefix_strategy: S3PrefixStrategyBase | None = None,
        thread_count: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(path=path, sync_files=False, thread_count=thread_count, **kwargs)  # objects have no descriptor
        self.fs: S3FileSystem = S3FileSystem(region, s3client_config=s3client_config)  # type: ignore[assignment]
        self.path = self.fs.init_path(path)
        self.prefix_strategy = prefix_strategy or DefaultPrefixStrategy()

    def prepare_global_plan(self, plans: list[SavePlan]) -> list[SavePlan]:
        """Tells each rank what the names of its files begin with."""
        # without collectives, which old versions of torch always use, each rank makes a plan for itself alone
        first = 0 if getattr(self, "use_collectives", True) else self.rank or 0
        return [
            dataclasses.replace(plan, storage_data=StorageMetadata(self.prefix_strategy(rank)))
            for rank, plan in enumerate(plans, first)
        ]

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        """Writes the files of this rank.

        Raises S3Exception where one of several threads has failed: its error ends the thread, and torch goes on to
        save a checkpoint that lacks its tensors.
        """
        self.fs.write_error = None
        written = super().write_data(plan, planner)
        missing = len(plan.items) - len(written.wait())
        if missing:
            raise S3Exception(
                f"{missing} of {len(plan.items)} items of the checkpoint {self.path} could not be stored: "
                f"{self.fs.write_error or 'a thread has failed, see its traceback'}"
            ) from self.fs.write_error
        return written

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        """As `S3FileSystem.validate_checkpoint_id`."""
        return S3FileSystem.validate_checkpoint_id(checkpoint_id)


class S3StorageReader(FileSystemReader):
    """Loads a distributed checkpoint from objects below `path`, a URI of any scheme.

    `reader_constructor` says what reads them; None: `S3ReaderConstructor.dcp_optimized()`, which fetches nothing but
    what is loaded. Whoever reads files of the checkpoint in other ways needs one of the others.

    Attributes:
        fs, path: see above.
    """

    def __init__(
        self,
        region: str | None,
        path: str | os.PathLike[str],
        s3client_config: S3ClientConfig | None = None,
        reader_constructor: S3ReaderConstructorProtocol | DCPS3ReaderConstructorProtocol | None = None,
    ) -> None:
        super().__init__(path)
        self._reader_constructor = reader_constructor or S3ReaderConstructor.dcp_optimized()
        self.fs: S3FileSystem = S3FileSystem(  # type: ignore[assignment]
            region, s3client_config=s3client_config, reader_constructor=self._reader_constructor
        )
        self.path = self.fs.init_path(path)
        self.sync_files = False

    def prepare_local_plan(self, plan: LoadPlan) -> LoadPlan:
        """Sorts the items of the plan by their place in the files, and tells the readers which of them to expect."""
        plan.items.sort(key=lambda item: self.storage_data[item.storage_index].offset)
        if isinstance(self._reader_constructor, DCPS3ReaderConstructorProtocol):
            self._reader_constructor.set_item_ranges_by_file(plan.items, self.storage_data, self.path)
        return plan

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        """As `S3FileSystem.validate_checkpoint_id`."""
        return S3FileSystem.validate_checkpoint_id(checkpoint_id)
