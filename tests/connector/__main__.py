"""Runs the test suite of s3torchconnector against the drop-in, on a MinIO server of its own.

docs/dev/s3torchconnector.md says what to expect.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import Bucket, S3Server, local, start_minio

ROOT = Path(__file__).parents[2]
E2E, UNIT, CLIENT = "s3torchconnector/tst/e2e", "s3torchconnector/tst/unit", "s3torchconnectorclient/python/tst"
GROUPS = {
    "datasets": f"{E2E}/test_e2e_s3datasets.py",
    "checkpoint": f"{E2E}/test_e2e_s3checkpoint.py",
    "multiprocess": f"{E2E}/test_multiprocess_dataloading.py",
    "parallel": f"{E2E}/test_mountpoint_client_parallel_access.py",
    "distributed": f"{E2E}/test_distributed_training.py",
    "lightning": f"{E2E}/test_e2e_s3_lightning_checkpoint.py",
    "dcp-file-system": f"{E2E}/dcp/test_e2e_s3_file_system.py",
    "dcp-reader": f"{E2E}/dcp/test_e2e_s3_storage_reader.py",
    "unit": UNIT,
    "client-unit": f"{CLIENT}/unit",
    "client": f"{CLIENT}/integration",
}
# A public bucket of Amazon's, which some tests read: how many objects they want there at least.
DEMO, DEMO_PREFIX, DEMO_COUNT = "s3torchconnector-demo", "geonet/images/", 1296


@dataclass(frozen=True)
class Result:
    """How the tests of a group ended: numbers, and the names and reasons of those that did not pass."""

    counts: Counter[str]
    complaints: list[tuple[str, str]]

    @classmethod
    def read(cls, report: Path) -> Result:
        """Reads pytest's report."""
        counts: Counter[str] = Counter()
        complaints = []
        for case in ElementTree.parse(report).iter("testcase"):
            outcome = next((part for part in case if part.tag in ("failure", "error", "skipped")), None)
            counts["passed" if outcome is None else outcome.tag] += 1
            if outcome is not None and outcome.tag != "skipped":
                reason = (outcome.get("message") or "").partition("\n")[0]
                complaints.append((f"{case.get('classname')}::{case.get('name')}", reason[:200]))
        return cls(counts, complaints)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.connector", description=__doc__)
    parser.add_argument("connector", type=Path, help="a clone of awslabs/s3-connector-for-pytorch at v1.5.0")
    parser.add_argument("--group", action="append", choices=GROUPS, help="run only this one; may be repeated")
    parser.add_argument("--original", action="store_true", help="test the installed s3torchconnector, to compare")
    parser.add_argument("-k", dest="expression", help="run only the tests that this expression of pytest selects")
    options = parser.parse_args()
    if not (options.connector / E2E).is_dir():
        parser.error(f"{options.connector} is no clone of s3-connector-for-pytorch: there is no {E2E} in it")
    with tempfile.TemporaryDirectory(prefix="s3dlio-connector-") as folder, environment(Path(folder)) as variables:
        results = {}
        for group in options.group or GROUPS:
            print(f"\n== {group}", flush=True)
            report = Path(folder) / f"{group}.xml"
            command = pytest_command(options.original, (options.connector / GROUPS[group]).absolute(), report)
            command += ["-k", options.expression] if options.expression else []
            subprocess.run(command, cwd=folder, env=variables, check=False)
            results[group] = Result.read(report) if report.exists() else Result(Counter(), [(group, "pytest failed")])
        show(results)
    sys.exit(any(result.complaints for result in results.values()))


def pytest_command(original: bool, tests: Path, report: Path) -> list[str]:
    """The command line that runs some tests, each process without files left in the clone."""
    runner = [] if original else ["-m", "s3dlio.compat.s3torchconnector"]
    options = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-p", "tests.connector.plugin"]
    return [sys.executable, *runner, "-m", "pytest", *options, f"--junitxml={report}", str(tests)]


@contextmanager
def environment(folder: Path) -> Iterator[dict[str, str]]:
    """The variables that the suite asks for, while a server runs that fits them."""
    running = start_minio(folder)
    try:
        server = S3Server("minio", local(running))
        make_public_bucket(server)
        own = {
            "AWS_DEFAULT_REGION": server.region,
            "CI_REGION": server.region,
            "CI_BUCKET": server.new_bucket().name,
            "CI_PREFIX": "ci/",
            "CI_STORAGE_CLASS": "",
            "CI": "1",  # hypothesis sets no deadlines then, and draws the same examples every time
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        yield os.environ | server.environment | own
    finally:
        running.stop()


def make_public_bucket(server: S3Server) -> None:
    """The demonstration bucket, which requests without a signature may read."""
    server.client.create_bucket(Bucket=DEMO)
    for number in range(DEMO_COUNT):
        Bucket(server, DEMO).put(f"{DEMO_PREFIX}{number:04d}", b"image")
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{DEMO}", f"arn:aws:s3:::{DEMO}/*"],
    }
    server.client.put_bucket_policy(Bucket=DEMO, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def show(results: dict[str, Result]) -> None:
    """Prints the table, and what did not pass."""
    columns = ("passed", "failure", "error", "skipped")
    print("\n| group | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    for group, result in results.items():
        print(f"| {group} | " + " | ".join(str(result.counts[column]) for column in columns) + " |")
    for result in results.values():
        for name, reason in result.complaints:
            print(f"\n{name}\n    {reason}")


if __name__ == "__main__":
    main()
