"""A demonstration of s3dlio on handwritten digits: written, listed, read in every way there is, and learned from."""
