"""An S3 server on loopback that keeps its objects in memory: `python -m tests.s3` prints its address and serves.

One request is served after another, so that conditional writes are atomic, as they are on S3. It is a process of its
own: Delta Lake holds Python's lock while it waits for an answer, so that a server in the same process could give none.
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

SERVER_VARIABLE = "VAREMIX_TEST_S3_SERVER"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server(bucket: str) -> Iterator[dict[str, str]]:
    """Serve an empty bucket; give the variables of the environment by which clients find it.

    They hold the number of its process too.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.s3"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        with urlopen(Request(f"{address}/{bucket}", method="PUT")):
            yield {**KEYS, "AWS_ENDPOINT_URL": address, SERVER_VARIABLE: str(process.pid)}
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()
        process.stdout.close()


def _serve() -> None:
    """Serve until standard input ends."""
    from threading import Thread

    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
