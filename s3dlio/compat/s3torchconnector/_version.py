"""The version of s3torchconnector whose interface this is; s3dlio has one of its own."""

from s3dlio.compat.s3torchconnectorclient._version import __version__

__all__ = ["__version__"]
