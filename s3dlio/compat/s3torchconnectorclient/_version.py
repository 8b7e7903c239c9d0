"""The version of s3torchconnector whose interface this is."""

__version__ = "1.5.0"
