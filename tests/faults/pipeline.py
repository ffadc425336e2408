"""A stream, a mapping, a built function in its process, faults, and what takes its calls: put together."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from aiohttp import web

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.state import MappingSettings
from continuous_backup.ensure_backup.wanted import mapping_settings
from continuous_backup.naming import Account
from tests.faults.endpoint import Endpoint, Server
from tests.faults.event_source_mapping import EventSourceMapping, Invocation, Settings, Shard, StreamRecord
from tests.faults.fault_proxy import FaultProxy
from tests.faults.function_process import ACCOUNT_ID, REGION, FunctionProcess
from tests.faults.kept import Expectation, Kept, every_change_a_line
from tests.faults.stream_changes import NOW, stream_arn

ACCOUNT = Account(ACCOUNT_ID, REGION)
_MOST_INVOCATIONS = 300
_TIMEOUT = 120.0


class Checks(Protocol):
    """What compares that which is kept with what was changed."""

    def check_acknowledged(self, records: Sequence[StreamRecord]) -> None:
        """Of whatever the stream will not bring again."""

    def check_all(self, records: Sequence[StreamRecord]) -> None:
        """Of everything, when all of it is acknowledged."""


def as_configured(batch_size: int) -> Settings:
    """Those that the product gives its mappings."""
    return settings_of(mapping_settings(Config(batch_size=batch_size), ACCOUNT))


def settings_of(ours: MappingSettings) -> Settings:
    return Settings(
        batch_size=ours.batch_size,
        maximum_retry_attempts=ours.retry_attempts,
        maximum_record_age_seconds=ours.record_age_seconds,
        bisect_batch_on_function_error=ours.bisects,
        report_batch_item_failures=ours.reports_batch_item_failures,
    )


class FunctionPipeline:
    """A function of a zip, with calls through `proxy` to `endpoint`; `work` is a folder of its own.

    `invocations` are all that there were. What the mapping takes as done is looked for at once, each time.
    """

    endpoint: Endpoint
    kept: Checks
    settings: Settings

    def __init__(
        self, a_zip: Path, work: Path, server: Server, function: str, *, timeout: float, skips_pauses: bool
    ) -> None:
        self.invocations: list[Invocation] = []
        self._under_way = 0
        self._server = server
        self._upstream = server.serve_handler(self._handle)
        self.proxy = FaultProxy(server, self._upstream)
        self.function = FunctionProcess(
            a_zip,
            work,
            self.proxy.endpoint_url,
            function=function,
            timeout=timeout,
            skips_pauses=skips_pauses,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.function.close()
        self.proxy.close()
        self._server.stop_serving(self._upstream)

    def mapping_of(
        self,
        records: Sequence[StreamRecord],
        clock: Callable[[], float] = lambda: NOW,
        function: FunctionProcess | None = None,
    ) -> EventSourceMapping:
        """A mapping of a stream that has these records to the function, or to another process of it."""
        shard = Shard(stream_arn())
        shard.extend(records)
        return EventSourceMapping(shard, (function or self.function).invoke, clock, self.settings)

    def invoke_next(self, mapping: EventSourceMapping) -> Invocation | None:
        """One invocation; what it acknowledges has to be kept already."""
        invocation = mapping.invoke_next()
        if invocation:
            self.invocations.append(invocation)
            self.kept.check_acknowledged(invocation.acknowledged)
        return invocation

    def deliver(
        self,
        records: Sequence[StreamRecord],
        after_each: Callable[[Invocation], Any] = lambda invocation: None,
        most: int = _MOST_INVOCATIONS,
    ) -> list[Invocation]:
        """Invokes the function until all records are done with; then everything is checked.

        `after_each` is told of each invocation, and may mend what is broken. Fails where it needs more than
        `most` invocations.
        """
        invocations = self.read(records, after_each, most)
        self.kept.check_all(records)
        return invocations

    def read(
        self,
        records: Sequence[StreamRecord],
        after_each: Callable[[Invocation], Any] = lambda invocation: None,
        most: int = _MOST_INVOCATIONS,
    ) -> list[Invocation]:
        """The same, of records that are not all that there were: that all is kept is not checked."""
        mapping = self.mapping_of(records)
        begun = len(self.invocations)
        while invocation := self.invoke_next(mapping):
            after_each(invocation)
            assert len(self.invocations) - begun <= most, f"no end in sight: {self.problems()[-3:]}"
        return self.invocations[begun:]

    def problems(self) -> list[str]:
        """Why invocations were not acknowledged as a whole, those that were not."""
        return [each.problem for each in self.invocations if each.problem]

    @property
    def is_as_begun(self) -> bool:
        """Whether only its process is warm: none but the first one was needed, and no call takes effect later."""
        return self.function.is_as_begun and not self.proxy.under_way and not self._under_way

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._under_way += 1
        try:
            return await self.endpoint.handle(request)
        finally:
            self._under_way -= 1


class Pipeline(FunctionPipeline):
    """The forwarder, and what it has put into Firehose and S3."""

    kept: Kept

    def __init__(
        self, a_zip: Path, work: Path, server: Server, *, skips_pauses: bool = True, **options: Any
    ) -> None:
        super().__init__(
            a_zip, work, server, naming.FORWARDER_FUNCTION, timeout=_TIMEOUT, skips_pauses=skips_pauses
        )
        self.begin_anew(**options)

    def begin_anew(
        self,
        *,
        timeout: float = _TIMEOUT,
        expectation: Expectation = every_change_a_line,
        may_go_to: Collection[str] = (),
        batch_size: int = 1000,
    ) -> None:
        """Nothing is written yet, nor is there any fault; a process that is warm stays so."""
        self.proxy.inject()
        self.function.begin_anew(timeout)
        self.invocations = []
        self.endpoint = Endpoint()
        self.kept = Kept(self.endpoint, expectation, may_go_to)
        self.settings = as_configured(batch_size)

    forward = FunctionPipeline.deliver
