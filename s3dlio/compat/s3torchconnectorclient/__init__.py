"""The interface of s3torchconnectorclient 1.5.0 on s3dlio's engine; `s3dlio.compat.s3torchconnector` is built on it."""

import logging

from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception
from s3dlio.compat.s3torchconnectorclient._version import __version__

__all__ = ["LOG_TRACE", "S3Exception", "__version__"]

LOG_TRACE = 5
logging.addLevelName(LOG_TRACE, "TRACE")
