"""``python -m s3dlio.compat.s3torchconnector``: runs a program that was written for s3torchconnector."""

from s3dlio.compat.runner import main

main()
