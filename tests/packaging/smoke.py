"""Run by test_interpreters.py in a clean environment: does the installed package work there?"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import s3dlio

assert "torch" not in sys.modules
assert "numpy" not in sys.modules
assert "libs3dlio" not in Path("/proc/self/maps").read_text(), "import alone loads the library"
assert Path(s3dlio.__file__).is_relative_to(sys.prefix), f"not the installed package: {s3dlio.__file__}"

folder = Path(tempfile.mkdtemp())
expected = {}
for number in range(20):
    path = folder / f"{number:02}.bin"
    path.write_bytes(bytes([number]) * (1000 + number))
    expected[path.as_uri()] = path.read_bytes()

for uri, data in expected.items():
    view = s3dlio.get(uri)
    assert (bytes(view), len(view), memoryview(view).nbytes) == (data, len(data), len(data))

dataset = s3dlio.create_dataset(folder.as_uri() + "/")
assert sorted(bytes(dataset[index]) for index in range(len(dataset))) == sorted(expected.values())
assert "libs3dlio" in Path("/proc/self/maps").read_text()
assert "pycparser" not in sys.modules, "the header was parsed, which the build has done already"

import numpy as np  # noqa: E402 - after the check that s3dlio does not need it

uri, data = next(iter(expected.items()))
shared: Any = s3dlio.get(uri)  # numpy's stubs know few of the types that have a buffer
first, second = np.frombuffer(shared, dtype=np.uint8), np.frombuffer(shared, dtype=np.uint8)
assert first.ctypes.data == second.ctypes.data, "numpy was given a copy"
first[0] = 99
assert second[0] == 99
del shared
assert second[0] == 99
assert bytes(second[1:]) == data[1:]

# Every store is in the library, and says what it misses; nothing is asked of a network, and nothing hangs.
for name in [name for name in os.environ if name.startswith(("AZURE_", "GOOGLE_", "STORAGE_EMULATOR", "CLOUDSDK_"))]:
    del os.environ[name]
os.environ.update(GCE_METADATA_HOST="127.0.0.1:1", CLOUDSDK_CONFIG=str(folder))  # no credentials, nobody to ask
for uri, hint in (
    ("az://container/key", "AZURE_STORAGE_ACCOUNT_NAME"),
    ("gs://bucket/key", "GOOGLE_APPLICATION_CREDENTIALS"),
    ("hdfs:///path", "HADOOP_CONF_DIR"),
):
    told = "nothing"
    try:
        s3dlio.get(uri)
    except s3dlio.S3DlioError as error:
        told = str(error)
    assert uri in told and hint in told, told

uri = next(iter(expected))
child = os.fork()
if child == 0:
    os._exit(0 if bytes(s3dlio.get(uri)) == data else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("works", s3dlio.__version__)
