"""Firehose's PutRecordBatch and S3's objects on loopback: with AWS's limits, and failing where a test wants it.

It keeps whatever it accepted, also where the answer was lost: that is what the backup has.
"""

import asyncio
import base64
import gzip
import hashlib
import json
import re
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from tests.faults.object_store import ObjectStore, Refusal, StoredObject

#: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html and, for the bytes,
#: https://docs.aws.amazon.com/firehose/latest/dev/limits.html; all before base64.
RECORD_BYTES = 1_024_000
RECORDS_A_CALL = 500
CALL_BYTES = 4 * 1024 * 1024

#: 4 MiB in base64, and the JSON around it; nothing that is sent here is larger.
_REQUEST_BYTES = 64 * 1024 * 1024
_STARTS_WITHIN = 30.0
_PUT_RECORD_BATCH = "Firehose_20150804.PutRecordBatch"
_S3_OPERATIONS = {"PUT": "PutObject", "HEAD": "HeadObject"}
_GZIP = b"\x1f\x8b"
_CREDENTIAL = re.compile(r"Credential=([^/]+)/")


@dataclass(frozen=True)
class Received:
    """What is remembered of a request: a digest of each record, since an outage's would fill the memory."""

    operation: str
    digests: tuple[bytes, ...]


@dataclass(frozen=True)
class Call:
    """One request. `number` counts those of its operation from 0. S3's has a key and one record, the body;
    so has one that only asks for an object, and its body is empty.
    """

    number: int
    operation: str
    delivery_stream: str
    key: str
    records: tuple[bytes, ...]
    access_key_id: str


@dataclass(frozen=True)
class Answer:
    """What becomes of a call. As it is, everything is accepted and that is said.

    Of a call that is accepted, `refused` are the places of records that are not, with `code`. With `error`,
    nothing is accepted. With `reset`, the connection is reset instead of an answer; with `seconds`, that is
    how long it takes until there is one, or an effect. With `held`, S3 takes an object only when `release` is
    called: it was on its way for so long.
    """

    refused: frozenset[int] = frozenset()
    code: str = "ServiceUnavailableException"
    error: str = ""
    status: int = 400
    reset: bool = False
    seconds: float = 0.0
    held: bool = False


ACCEPT = Answer()
#: Accepted, but nobody is told.
ANSWER_LOST = Answer(reset=True)
#: Neither accepted nor answered.
NOT_TAKEN = Answer(error="ConnectionReset", reset=True)
#: Nobody is told of anything, and it is accepted when nobody thinks of it any more.
LATE = Answer(reset=True, held=True)
DENIED = Answer(error="AccessDeniedException")
S3_DENIED = Answer(error="AccessDenied", status=403)
EXPIRED = Answer(error="ExpiredTokenException")
NOT_THERE = Answer(error="ResourceNotFoundException")

Script = Callable[[Call], Answer]


def in_turn(answers: Iterable[Answer]) -> Script:
    """The answers one after the other, and then everything is accepted."""
    left = iter(answers)
    return lambda call: next(left, ACCEPT)


@dataclass
class Endpoint:
    """What was accepted and how it answers. Served by `Server`; the fields may be set while it runs.

    `accepted` holds each record with the delivery stream that took it, `store` the objects on S3.
    `delivery_streams` are those there are; None means that all are.
    """

    script: Script = lambda call: ACCEPT
    s3_script: Script = lambda call: ACCEPT
    delivery_streams: set[str] | None = None
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    store: ObjectStore = field(default_factory=ObjectStore)
    calls: list[Received] = field(default_factory=list)
    broken_limits: list[str] = field(default_factory=list)
    unknown_requests: list[str] = field(default_factory=list)
    #: Calls that are neither answered nor given up; what is held is not one of them.
    in_work: int = 0
    _held: list[Callable[[], object]] = field(default_factory=list)

    @property
    def objects(self) -> dict[str, StoredObject]:
        """The objects on S3, by key."""
        return self.store.objects

    def release(self) -> None:
        """What was held comes to S3 now."""
        while self._held:
            self._held.pop(0)()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.in_work += 1
        try:
            return await self._answered(request, body)
        finally:
            self.in_work -= 1

    async def _answered(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if request.headers.get("X-Amz-Target") == _PUT_RECORD_BATCH:
            return await self._put_record_batch(request, json.loads(body))
        if request.method in _S3_OPERATIONS and request.path.count("/") > 1:
            return await self._s3(request, body)
        self.unknown_requests.append(f"{request.method} {request.path} {request.headers.get('X-Amz-Target')}")
        return _json_error(Answer(error="UnknownOperationException"))

    async def _put_record_batch(self, request: web.Request, document: dict[str, Any]) -> web.StreamResponse:
        name = document["DeliveryStreamName"]
        records = tuple(base64.b64decode(each["Data"], validate=True) for each in document["Records"])
        call = self._noted(request, "PutRecordBatch", name, "", records)
        if problem := _problem(records):
            self.broken_limits.append(problem)
            return _json_error(Answer(error="InvalidArgumentException"), problem)
        answer = self.script(call)
        if not answer.error and self.delivery_streams is not None and name not in self.delivery_streams:
            answer = NOT_THERE
        await asyncio.sleep(answer.seconds)
        if not answer.error:
            self.accepted += [(name, data) for place, data in enumerate(records) if place not in answer.refused]
        if answer.reset:
            return reset(request)
        if answer.error:
            return _json_error(answer)
        entries = [
            {"ErrorCode": answer.code, "ErrorMessage": "Slow down."}
            if place in answer.refused
            else {"RecordId": f"{call.number}-{place}"}
            for place in range(len(records))
        ]
        refused = sum("ErrorCode" in each for each in entries)
        return _json({"FailedPutCount": refused, "Encrypted": False, "RequestResponses": entries})

    async def _s3(self, request: web.Request, body: bytes) -> web.StreamResponse:
        key = unquote(request.path).split("/", 2)[2]
        call = self._noted(request, _S3_OPERATIONS[request.method], "", key, (body,))
        answer = self.s3_script(call)
        await asyncio.sleep(answer.seconds)
        effect = self.store.head if request.method == "HEAD" else partial(self.store.put, body=body)
        outcome: StoredObject | Refusal = Refusal(answer.error, answer.status)
        if answer.held:
            self._held.append(lambda: effect(key, headers=request.headers))
        elif not answer.error:
            outcome = effect(key, headers=request.headers)
        if answer.reset:
            return reset(request)
        if isinstance(outcome, StoredObject):
            return web.Response(status=200, headers=outcome.headers())
        if request.method == "HEAD":  # whose answers have no body
            return web.Response(status=outcome.status)
        text = f"<Error><Code>{outcome.code}</Code><Message>refused by the test</Message></Error>"
        return web.Response(status=outcome.status, text=text, content_type="application/xml")

    def _noted(
        self, request: web.Request, operation: str, name: str, key: str, records: tuple[bytes, ...]
    ) -> Call:
        number = sum(each.operation == operation for each in self.calls)
        signed = _CREDENTIAL.search(request.headers.get("Authorization", ""))
        call = Call(number, operation, name, key, records, signed[1] if signed else "")
        self.calls.append(Received(operation, tuple(hashlib.sha256(each).digest() for each in records)))
        return call


def _problem(records: tuple[bytes, ...]) -> str:
    """Which of Firehose's limits a call breaks; empty where it holds all."""
    if not 1 <= len(records) <= RECORDS_A_CALL:
        return f"{len(records)} records in a call; 1 to {RECORDS_A_CALL} are allowed"
    if largest := max((len(each) for each in records if len(each) > RECORD_BYTES), default=0):
        return f"a record of {largest} bytes; {RECORD_BYTES} are allowed"
    if sum(map(len, records)) > CALL_BYTES:
        return f"a call of {sum(map(len, records))} bytes; {CALL_BYTES} are allowed"
    return ""


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(document).encode(), headers={"Content-Type": "application/x-amz-json-1.1"}
    )


def _json_error(answer: Answer, message: str = "refused by the test") -> web.Response:
    return _json({"__type": answer.error, "message": message}, answer.status)


def reset(request: web.Request) -> web.Response:
    """Breaks the connection off instead of an answer."""
    assert request.transport
    request.transport.abort()
    return web.Response()  # to nobody


def lines_of(stored: bytes) -> list[bytes]:
    """The lines of records joined byte by byte, or of an object: gzip of any number of members, or plain."""
    plain = gzip.decompress(stored) if stored.startswith(_GZIP) else stored
    assert plain.endswith(b"\n"), "the last line does not end in a newline"
    return plain[:-1].split(b"\n")


class Server:
    """Applications on free ports of loopback, in a thread of their own, until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._runners: dict[str, web.AppRunner] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-servers", daemon=True)
        self._thread.start()

    def serve(self, application: web.Application) -> str:
        """Its URL, once it listens."""
        return self.run(self._listen(application))

    def serve_handler(self, handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        application = web.Application(client_max_size=_REQUEST_BYTES)
        application.router.add_route("*", "/{tail:.*}", handle)
        return self.serve(application)

    def stop_serving(self, url: str) -> None:
        """What is served there ends, and with it what it holds."""
        self.run(self._runners.pop(url).cleanup())

    def run(self, work: Any) -> Any:
        """The result of a coroutine that runs where the applications do."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_STARTS_WITHIN)

    def close(self) -> None:
        self.run(self._clean_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STARTS_WITHIN)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _listen(self, application: web.Application) -> str:
        # A call goes on and takes effect when its caller has hung up; at the end, nobody is waited for.
        runner = web.AppRunner(application, access_log=None, handler_cancellation=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self._runners[f"http://{host}:{port}"] = runner
        return f"http://{host}:{port}"

    async def _clean_up(self) -> None:
        for runner in reversed(self._runners.values()):
            await runner.cleanup()
