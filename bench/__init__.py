"""Benchmarks: this library beside others, in interleaved rounds. `python -m bench --help`."""
