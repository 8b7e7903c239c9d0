"""s3dlio: fast loading of machine learning data from object stores and local files.

Everything here is imported at its first use, so that ``import s3dlio`` itself is quick and loads neither torch, nor
numpy, nor the library.
"""

from __future__ import annotations

import builtins
import importlib
from typing import TYPE_CHECKING, Any

from s3dlio._version import __version__

if TYPE_CHECKING:
    from s3dlio.batches import Batch
    from s3dlio.checkpoint import (
        CheckpointInfo,
        PyCheckpointReader,
        PyCheckpointStore,
        PyCheckpointStream,
        PyCheckpointWriter,
        finalize_distributed_checkpoint,
        load_checkpoint,
        load_checkpoint_with_validation,
        save_checkpoint,
        save_distributed_shard,
    )
    from s3dlio.configuration import configure_s3, configure_tokio_threads, init_logging
    from s3dlio.dataset import PyDataset, create_dataset
    from s3dlio.errors import (
        AlreadyExistsError,
        ChangedError,
        ClosedError,
        ConnectionFailedError,
        CorruptedError,
        CredentialsError,
        InputOutputError,
        InternalError,
        InvalidError,
        IsDirectoryError,
        NoSpaceError,
        NotDirectoryError,
        NotFoundError,
        OperationCancelledError,
        OutOfRangeError,
        PermissionDeniedError,
        S3DlioError,
        ServerError,
        ThrottledError,
        TimedOutError,
        TruncatedError,
        UnsupportedError,
    )
    from s3dlio.generation import generate_data, put
    from s3dlio.items import DataItem
    from s3dlio.jax import JaxIterable
    from s3dlio.loader import PyBytesAsyncDataLoader, create_async_loader
    from s3dlio.multi_endpoint import (
        MultiEndpointStore,
        create_multi_endpoint_store,
        create_multi_endpoint_store_from_env,
        create_multi_endpoint_store_from_file,
        create_multi_endpoint_store_from_template,
    )
    from s3dlio.multipart import MultipartUploadWriter
    from s3dlio.npz import generate_npz_bytes, read_npz
    from s3dlio.older import PyS3AsyncDataLoader, PyS3Dataset
    from s3dlio.operations import (
        create_bucket,
        delete,
        delete_async,
        delete_bucket,
        exists,
        exists_async,
        get,
        get_async,
        get_many,
        get_many_async,
        get_many_stats,
        get_many_stats_async,
        get_range,
        get_range_async,
        list,
        list_async,
        list_containers,
        mkdir,
        mkdir_async,
        object_capabilities,
        put_async,
        put_bytes,
        put_bytes_async,
        put_many,
        put_many_async,
        stat,
        stat_async,
        stat_many,
        stat_many_async,
    )
    from s3dlio.oplog import finalize_op_log, init_op_log, is_op_log_active, op_log_stats
    from s3dlio.options import ClientOptions, LoaderOptions, TransferOptions
    from s3dlio.receiving import get_into, get_into_async
    from s3dlio.states import merge_states
    from s3dlio.tfrecord import create_tfrecord_index, index_tfrecord_bytes, read_tfrecord_index
    from s3dlio.transfers import download, upload
    from s3dlio.views import BytesView
    from s3dlio.writer_options import PyWriterOptions
    from s3dlio.writers import (
        ObjectWriter,
        create_azure_writer,
        create_direct_filesystem_writer,
        create_filesystem_writer,
        create_gcs_writer,
        create_s3_writer,
        create_writer,
    )

# Where each name lives: the same as above, for the interpreter.
_NAMES = {
    "batches": "Batch",
    "checkpoint": "CheckpointInfo PyCheckpointReader PyCheckpointStore PyCheckpointStream PyCheckpointWriter "
    "finalize_distributed_checkpoint load_checkpoint load_checkpoint_with_validation "
    "save_checkpoint save_distributed_shard",
    "configuration": "configure_s3 configure_tokio_threads init_logging",
    "dataset": "PyDataset create_dataset",
    "errors": "AlreadyExistsError ChangedError ClosedError ConnectionFailedError CorruptedError CredentialsError "
    "InputOutputError InternalError InvalidError IsDirectoryError NoSpaceError NotDirectoryError NotFoundError "
    "OperationCancelledError OutOfRangeError PermissionDeniedError S3DlioError ServerError ThrottledError "
    "TimedOutError TruncatedError UnsupportedError",
    "generation": "generate_data put",
    "items": "DataItem",
    "jax": "JaxIterable",
    "loader": "PyBytesAsyncDataLoader create_async_loader",
    "multi_endpoint": "MultiEndpointStore create_multi_endpoint_store create_multi_endpoint_store_from_env "
    "create_multi_endpoint_store_from_file create_multi_endpoint_store_from_template",
    "multipart": "MultipartUploadWriter",
    "npz": "generate_npz_bytes read_npz",
    "older": "PyS3AsyncDataLoader PyS3Dataset",
    "operations": "create_bucket delete delete_async delete_bucket exists exists_async get get_async get_many "
    "get_many_async get_many_stats get_many_stats_async get_range get_range_async list list_async list_containers "
    "mkdir mkdir_async object_capabilities put_async put_bytes put_bytes_async put_many put_many_async stat "
    "stat_async stat_many stat_many_async",
    "oplog": "finalize_op_log init_op_log is_op_log_active op_log_stats",
    "options": "ClientOptions LoaderOptions TransferOptions",
    "receiving": "get_into get_into_async",
    "states": "merge_states",
    "tfrecord": "create_tfrecord_index index_tfrecord_bytes read_tfrecord_index",
    "transfers": "download upload",
    "views": "BytesView",
    "writer_options": "PyWriterOptions",
    "writers": "ObjectWriter create_azure_writer create_direct_filesystem_writer create_filesystem_writer "
    "create_gcs_writer create_s3_writer create_writer",
}
_MODULES = {name: f"s3dlio.{module}" for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "AlreadyExistsError",
    "Batch",
    "BytesView",
    "ChangedError",
    "CheckpointInfo",
    "ClientOptions",
    "ClosedError",
    "ConnectionFailedError",
    "CorruptedError",
    "CredentialsError",
    "DataItem",
    "InputOutputError",
    "InternalError",
    "InvalidError",
    "IsDirectoryError",
    "JaxIterable",
    "LoaderOptions",
    "MultiEndpointStore",
    "MultipartUploadWriter",
    "NoSpaceError",
    "NotDirectoryError",
    "NotFoundError",
    "ObjectWriter",
    "OperationCancelledError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "PyBytesAsyncDataLoader",
    "PyCheckpointReader",
    "PyCheckpointStore",
    "PyCheckpointStream",
    "PyCheckpointWriter",
    "PyDataset",
    "PyS3AsyncDataLoader",
    "PyS3Dataset",
    "PyWriterOptions",
    "S3DlioError",
    "ServerError",
    "ThrottledError",
    "TimedOutError",
    "TransferOptions",
    "TruncatedError",
    "UnsupportedError",
    "__version__",
    "configure_s3",
    "configure_tokio_threads",
    "create_async_loader",
    "create_azure_writer",
    "create_bucket",
    "create_dataset",
    "create_direct_filesystem_writer",
    "create_filesystem_writer",
    "create_gcs_writer",
    "create_multi_endpoint_store",
    "create_multi_endpoint_store_from_env",
    "create_multi_endpoint_store_from_file",
    "create_multi_endpoint_store_from_template",
    "create_s3_writer",
    "create_tfrecord_index",
    "create_writer",
    "delete",
    "delete_async",
    "delete_bucket",
    "download",
    "exists",
    "exists_async",
    "finalize_distributed_checkpoint",
    "finalize_op_log",
    "generate_data",
    "generate_npz_bytes",
    "get",
    "get_async",
    "get_into",
    "get_into_async",
    "get_many",
    "get_many_async",
    "get_many_stats",
    "get_many_stats_async",
    "get_range",
    "get_range_async",
    "index_tfrecord_bytes",
    "init_logging",
    "init_op_log",
    "is_op_log_active",
    "list",
    "list_async",
    "list_containers",
    "load_checkpoint",
    "load_checkpoint_with_validation",
    "merge_states",
    "mkdir",
    "mkdir_async",
    "object_capabilities",
    "op_log_stats",
    "put",
    "put_async",
    "put_bytes",
    "put_bytes_async",
    "put_many",
    "put_many_async",
    "read_npz",
    "read_tfrecord_index",
    "save_checkpoint",
    "save_distributed_shard",
    "stat",
    "stat_async",
    "stat_many",
    "stat_many_async",
    "upload",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> builtins.list[str]:
    return sorted({*globals(), *__all__})
