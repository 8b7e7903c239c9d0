"""Drop-ins for other libraries: programs that were written for these run on s3dlio."""
