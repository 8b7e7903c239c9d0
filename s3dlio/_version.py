"""The version, written down once: the build reads it from here."""

__version__ = "1.0.0"
