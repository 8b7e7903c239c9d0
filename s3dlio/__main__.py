"""``python -m s3dlio``: the command line."""

from s3dlio.cli import main

main()
