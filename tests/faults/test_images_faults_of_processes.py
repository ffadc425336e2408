"""A function that is killed, that runs twice at the same time, and whose batches come again: the same images."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from continuous_backup.naming import ITEM_IMAGES_FUNCTION
from tests.faults.conftest import Built
from tests.faults.endpoint import ACCEPT, ANSWER_LOST, LATE, NOT_TAKEN, Answer, Call
from tests.faults.event_source_mapping import FunctionError, Invocation, StreamRecord
from tests.faults.function_process import FunctionProcess
from tests.faults.images_pipeline import CONFIG, ImagesPipeline
from tests.faults.object_store import StoredObject
from tests.faults.stream_changes import history

_ITEMS = 9
_BATCH = 40
_RECORDS = history(2 * _BATCH, items=_ITEMS)
#: At the end some items are removed, and others were removed and put again.
_RANDOM_RECORDS = history(146, items=6)
_ENDS_WITHIN = 60.0
#: Many times what they need.
_MOST_INVOCATIONS = 200


@pytest.fixture(scope="module")
def undisturbed(warm_images: ImagesPipeline) -> dict[str, StoredObject]:
    """What is on S3 where nothing fails."""
    warm_images.begin_anew(_BATCH)
    warm_images.deliver(_RECORDS)
    return warm_images.endpoint.objects


@pytest.mark.parametrize(
    ("put_number", "takes_effect"),
    [(0, True), (4, False), (_ITEMS + 4, True), (_ITEMS + 4, False)],
    ids=["after the first put", "before another", "after one of the second batch", "before that one"],
)
def test_images_when_the_process_is_killed_in_the_midst_of_a_batch_expect_the_same_as_without(
    images: ImagesPipeline, undisturbed: dict[str, StoredObject], put_number: int, takes_effect: bool
):
    images.begin_anew(_BATCH)

    def kill_it(call: Call) -> Answer:
        if (call.operation, call.number) != ("PutObject", put_number):
            return ACCEPT
        images.function.kill()
        return ACCEPT if takes_effect else NOT_TAKEN

    images.endpoint.s3_script = kill_it
    images.deliver(_RECORDS)
    assert [problem.split(":")[0] for problem in images.problems()] == [
        "Runtime exited without providing a reason"
    ]
    assert images.endpoint.objects == undisturbed


def test_images_when_all_changes_come_again_in_any_order_expect_nothing_to_be_written(images: ImagesPipeline):
    images.begin_anew(_BATCH)
    images.deliver(_RECORDS)
    kept, versions = dict(images.endpoint.objects), len(images.kept.versions)
    one_by_one = ([each] for each in _RECORDS[::9])
    for records in [_RECORDS, _RECORDS[:7], _RECORDS[50:60], _RECORDS[10:30], _RECORDS[::-1], *one_by_one]:
        assert images.replay(records) == {"batchItemFailures": []}
    assert images.endpoint.objects == kept
    assert len(images.kept.versions) == versions


class RandomFaults:
    """An answer to each call, drawn from a seed, that kills one of the functions at times; `over` ends it."""

    def __init__(self, seed: int, functions: list[FunctionProcess], kills: int) -> None:
        self.over = False
        self._random = random.Random(seed)
        self._functions = functions
        self._kills = kills

    def __call__(self, call: Call) -> Answer:
        drawn = self._random.random()
        if self.over or drawn > 0.35:
            return ACCEPT
        if drawn < 0.02 and self._kills:
            self._kills -= 1
            self._random.choice(self._functions).kill()
        return self._random.choice(
            [
                ANSWER_LOST,
                NOT_TAKEN,
                LATE,
                Answer(error="SlowDown", status=503),
                Answer(error="InternalError", status=500),
                Answer(error="ConditionalRequestConflict", status=409),
            ]
        )


@contextmanager
def read_by_another_too(it: ImagesPipeline, another: FunctionProcess) -> Iterator[None]:
    """The stream is read from its beginning by another process at the same time: its mapping was made anew."""
    mapping = it.mapping_of(_RANDOM_RECORDS, function=another)
    raised: list[BaseException] = []

    def read_all() -> None:
        try:
            for _ in range(_MOST_INVOCATIONS):
                if not (invocation := mapping.invoke_next()):
                    return
                it.kept.check_acknowledged(invocation.acknowledged)
            raise AssertionError("no end in sight")
        except BaseException as err:  # noqa: BLE001  # told where the block ends
            raised.append(err)

    thread = threading.Thread(target=read_all, name="another-mapping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(_ENDS_WITHIN)
    assert not thread.is_alive()
    assert not raised, raised


@pytest.fixture(scope="module")
def another(
    warm_images: ImagesPipeline, built: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionProcess]:
    """A second execution environment of the same function, behind the same faults."""
    with FunctionProcess(
        built(CONFIG, function=ITEM_IMAGES_FUNCTION),
        tmp_path_factory.mktemp("another"),
        warm_images.proxy.endpoint_url,
        function=ITEM_IMAGES_FUNCTION,
        skips_pauses=True,
    ) as running:
        yield running


@pytest.mark.parametrize("seed", range(2))
def test_images_under_random_faults_with_two_readers_and_replays_expect_the_fold_of_the_stream(
    images: ImagesPipeline, another: FunctionProcess, seed: int
):
    images.begin_anew(_BATCH)
    faults = RandomFaults(seed, [images.function, another], kills=2)
    images.endpoint.s3_script = faults
    draw, done = random.Random(seed), list[StreamRecord]()

    def replay_some_and_let_the_late_arrive(invocation: Invocation) -> None:
        done.extend(invocation.acknowledged)
        if done and draw.random() < 0.5:
            first = draw.randrange(len(done))
            with suppress(FunctionError):  # nobody cares what becomes of what was done before
                images.replay(done[first : first + draw.randrange(1, 25)])
        if draw.random() < 0.5:
            images.endpoint.release()

    with read_by_another_too(images, another):
        images.read(_RANDOM_RECORDS, replay_some_and_let_the_late_arrive, _MOST_INVOCATIONS)
    faults.over = True
    images.endpoint.release()
    images.kept.check_all(_RANDOM_RECORDS)
    versions = len(images.kept.versions)
    images.replay(_RANDOM_RECORDS)
    images.kept.check_all(_RANDOM_RECORDS)
    assert len(images.kept.versions) == versions
