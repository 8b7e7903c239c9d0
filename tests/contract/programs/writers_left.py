"""Ends while a writer is open; arguments: how it is held, and the folder to write to."""

import _thread
import sys
import threading

import s3dlio

how, folder = sys.argv[1:]


def write() -> s3dlio.ObjectWriter:
    writer = s3dlio.create_writer(f"file://{folder}/left", part_size=100_000)
    for _ in range(100_000):
        writer.write(b"left")
    return writer


hopeless = s3dlio.create_writer(f"file://{folder}")  # a directory
hopeless.write(b"x")
aborts = s3dlio.MultipartUploadWriter.from_uri(f"file://{folder}/given up", part_size=100_000)
aborts.write(bytes(1_000_000))
if how == "thread":
    kept: list[object] = []
    thread = threading.Thread(target=lambda: kept.append(write()))
    thread.start()
    thread.join()
    _thread.start_new_thread(threading.Event().wait, ())  # still runs at the end
else:
    kept = [write()]
if how == "cycle":
    kept.append(kept)
    del kept
print("end", flush=True)
if how == "exception":
    raise KeyError
if how == "exit":
    sys.exit()
