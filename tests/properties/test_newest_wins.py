"""Whatever the interleaving of writers, repetitions, crashes and refusals, the newest image is the last."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.item_images.image import Version
from continuous_backup.item_images.newest_wins import Answer, Found, Look, Put, Request, Result, write

STREAMS = [
    f"arn:aws:dynamodb:eu-west-1:123456789012:table/T/stream/2026-0{month}-01T00:00:00.000" for month in (1, 2)
]


@dataclass
class Object:
    """What S3 is documented to do with one key: conditional writes, and the newest version read back."""

    found: Found | None = None
    writes: int = 0

    def answer(self, request: Request, version: Version) -> Answer:
        if isinstance(request, Look):
            return self.found
        if request.etag != (self.found.etag if self.found else ""):
            return False
        self.writes += 1
        self.found = Found(f"etag-{self.writes}", version)
        return True


class Writer:
    """One delivery of one change: where an answer was lost it asks the same again, or begins anew."""

    def __init__(self, version: Version, likely_new: bool) -> None:
        self.version = version
        self._likely_new = likely_new
        self.result: Result | None = None
        self._begin()

    def _begin(self) -> None:
        self._steps: Generator[Request, Answer, Result] = write(self.version, likely_new=self._likely_new)
        self._request: Request = next(self._steps)

    def step(self, there: Object, fault: str) -> None:
        # Refused is 409, 503, or a connection that was never made: nothing happened.
        answer = None if fault.startswith("refused") else there.answer(self._request, self.version)
        if fault.endswith("begun anew"):
            self._begin()
        elif not fault:
            try:
                self._request = self._steps.send(answer)
            except StopIteration as end:
                self.result = end.value


VERSIONS = st.builds(Version, st.sampled_from(STREAMS), st.integers(0, 5))
FAULTS = st.sampled_from(
    [*([""] * 6), "refused", "refused, begun anew", "answer lost", "answer lost, begun anew", "crash"]
)
STEPS = st.lists(st.tuples(st.integers(0, 9), FAULTS), max_size=120)


@given(st.lists(st.tuples(VERSIONS, st.booleans()), min_size=1, max_size=6), STEPS)
def test_the_newest_of_those_who_wrote_is_there_in_the_end_and_none_ever_goes_backwards(
    deliveries: list[tuple[Version, bool]], steps: list[tuple[int, str]]
):
    there = Object()
    writers = [Writer(version, likely_new) for version, likely_new in deliveries]
    dead: set[int] = set()
    last: Version | None = None

    def step(writer: Writer, fault: str) -> None:
        nonlocal last
        writer.step(there, fault)
        now = there.found.version if there.found else None
        assert last is None or (now is not None and now >= last), "an older image replaced a newer one"
        last = now

    for number, fault in steps:
        place = number % len(writers)
        if place in dead or writers[place].result:
            continue
        if fault == "crash":
            dead.add(place)
        else:
            step(writers[place], fault)
    # Lambda delivers again what a writer that died had, and what is not done goes on until it is.
    writers += [Writer(writers[place].version, likely_new=False) for place in dead]
    for place, writer in enumerate(writers):
        while place not in dead and writer.result is None:
            step(writer, "")

    assert there.found is not None
    assert there.found.version == max(version for version, _ in deliveries)
    assert there.writes <= len({version for version, _ in deliveries}), "a repetition wrote again"


@given(VERSIONS, VERSIONS)
def test_versions_of_a_later_stream_are_later_and_a_scan_is_before_all_of_its_stream(
    one: Version, another: Version
):
    in_order = sorted([one, another], key=lambda each: (STREAMS.index(each.stream), each.sequence_number))
    assert sorted([one, another]) == in_order


def test_write_when_likely_new_looks_only_where_it_was_refused():
    steps: Any = write(Version(STREAMS[0], 3), likely_new=True)
    assert next(steps) == Put("")
    assert steps.send(False) == Look()
    assert steps.send(Found("abc", Version(STREAMS[0], 2))) == Put("abc")
