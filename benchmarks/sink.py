"""A Firehose that accepts everything at once, and an S3 that does after a while, in a process of its own.

It is on the loopback interface.

It does as little as can be done, so that nearly all that is measured is the caller. It counts the records
of a call by their "Data" keys, without parsing. What it was sent last can be asked for, to be checked.
"""

import contextlib
import json
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from benchmarks import ROOT

_ENTRY = b'{"RecordId":"49607933892580429045866716038015163261214518926441971714"}'
_BODIES = "/bodies"


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while request_line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                if name.lower() == b"expect":
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                if name.lower() in (b"transfer-encoding", b"content-encoding"):
                    raise ValueError(f"this sink does not read {header!r}")
            method, path, _ = request_line.decode().split()
            body = self.rfile.read(length)
            if method == "PUT":
                self._answer_put()
            else:
                self._answer(path, body)

    def _answer_put(self) -> None:
        """As S3 does, some time later: meanwhile others are answered."""
        server: Any = self.server
        time.sleep(server.seconds_a_put)
        self.wfile.write(
            b'HTTP/1.1 200 OK\r\nETag: "d41d8cd98f00b204e9800998ecf8427e"\r\nContent-Length: 0\r\n\r\n'
        )

    def _answer(self, path: str, body: bytes) -> None:
        server: Any = self.server
        if path == _BODIES:
            answer = json.dumps([each.decode() for each in server.bodies]).encode()
            server.bodies.clear()
        else:
            server.bodies.append(body)
            del server.bodies[: -server.keep]
            entries = b",".join([_ENTRY] * body.count(b'"Data"'))
            answer = b'{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[' + entries + b"]}"
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(answer)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + answer)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    address_family = socket.AF_INET

    request_queue_size = 256

    def __init__(self, keep: int, seconds_a_put: float) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.keep = keep
        self.seconds_a_put = seconds_a_put
        self.bodies: list[bytes] = []


class Sink:
    """A running sink: where it is, and what it was sent since it was last asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def calls(self) -> list[dict[str, Any]]:
        """The last calls of PutRecordBatch, at most as many as it keeps."""
        with urllib.request.urlopen(self.url + _BODIES, timeout=60) as answer:
            return [json.loads(body) for body in json.load(answer)]


@contextlib.contextmanager
def running(keep: int = 200, seconds_a_put: float = 0.0) -> Iterator[Sink]:
    """A sink that keeps the bodies of so many calls, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.sink", str(keep), str(seconds_a_put)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError("the sink did not start; what it said is above")
            yield Sink(f"http://127.0.0.1:{port}")
        finally:
            assert process.stdin is not None
            process.stdin.close()  # which ends it


if __name__ == "__main__":
    with _Server(int(sys.argv[1]), float(sys.argv[2])) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()  # until whoever started it closes it, or is gone
        server.shutdown()
