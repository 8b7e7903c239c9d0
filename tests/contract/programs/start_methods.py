"""Worker processes of multiprocessing read after their parent has; arguments: start method, URIs."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import s3dlio
from s3dlio.errors import NotFoundError
from s3dlio.views import BytesView


def read(uri: str) -> BytesView:
    return s3dlio.get(uri)


def main(method: str, uris: list[str]) -> None:
    expected = [read(uri) for uri in uris]
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(read, uris * 5)) == expected * 5
        failure = pool.submit(read, uris[0] + ".missing").exception()
        assert isinstance(failure, NotFoundError)
        assert failure.uri == uris[0] + ".missing"
        assert [read(uri) for uri in uris] == expected
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
