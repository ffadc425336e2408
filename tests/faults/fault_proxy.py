"""microburst in front of an endpoint: throttling, errors, resets and time-outs in AWS's own wire format."""

from typing import Any

from aiohttp import web
from microburst.core.pipeline import Microburst

from tests.faults.endpoint import Server, reset

#: microburst's own application takes requests of 1 MiB, and a call of PutRecordBatch can be of 4 MiB in base64.
_REQUEST_BYTES = 64 * 1024 * 1024
#: How microburst answers where the endpoint broke off: a status that a gateway gives, and words of its own.
_BROKEN_OFF = (502, "microburst: upstream")

Rule = dict[str, Any]

FIREHOSE: Rule = {"service": "firehose", "operation": "PutRecordBatch"}
S3: Rule = {"service": "s3", "operation": "PutObject"}
S3_HEAD: Rule = {"service": "s3", "operation": "HeadObject"}
#: Every request that matches is aborted before it reaches the endpoint.
RESET_BEFORE: Rule = {"reset": True}
#: It takes effect, and then the connection is aborted instead of the answer.
RESET_AFTER: Rule = {"response": {"abort_bytes": 0}}


def error(code: str, status: int) -> Rule:
    return {"error": {"code": code, "status": status}}


class FaultProxy:
    """A proxy with no faults at first. Its rules are microburst's: see its documentation."""

    def __init__(self, server: Server, upstream: str) -> None:
        #: Requests that have no answer yet; of some, nobody waits for it any more.
        self.under_way = 0
        self._server = server
        self._microburst = Microburst(upstream)
        application = web.Application(client_max_size=_REQUEST_BYTES)
        application.on_startup.extend([self._microburst.start, self._send_once])
        application.on_cleanup.append(self._microburst.stop)
        application.router.add_route("*", "/{tail:.*}", self._handle)
        self._url = server.serve(application)
        # Not the address: in one with dots microburst looks for a service, among the models of all of AWS's,
        # and while it reads those it answers nobody for seconds.
        self.endpoint_url = self._url.replace("127.0.0.1", "localhost")

    def inject(self, *rules: Rule) -> None:
        """These faults from now on, and no others; the first that matches a request is taken."""
        self._server.run(self._set(rules))

    def fired(self) -> list[str]:
        """What was done to requests, in order, such as `error:SlowDown`."""
        return [event.action for event in list(self._microburst.fired)]

    def close(self) -> None:
        self._server.stop_serving(self._url)

    async def _send_once(self, _: web.Application) -> None:
        """Without aiohttp's own second try where the endpoint breaks off, as aiohttp's own test client does it."""
        assert self._microburst.upstream.session
        self._microburst.upstream.session._retry_connection = False

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """As microburst does, and what the endpoint resets is reset for the caller, too."""
        self.under_way += 1
        try:
            answer: web.StreamResponse = await self._microburst.handle_proxy(request)
        finally:
            self.under_way -= 1
        status, words = _BROKEN_OFF
        if isinstance(answer, web.Response) and answer.status == status and str(answer.text).startswith(words):
            return reset(request)
        return answer

    async def _set(self, rules: tuple[Rule, ...]) -> None:
        self._microburst.fired.clear()
        self._microburst.engine.set_rules([dict(rule) for rule in rules])
