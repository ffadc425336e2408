"""Zips, built once for each configuration; servers on loopback; pipelines of both."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.naming import FORWARDER_FUNCTION, ITEM_IMAGES_FUNCTION
from tests.faults.built_zip import COMPRESSIONS, built_zip
from tests.faults.endpoint import Server
from tests.faults.images_pipeline import CONFIG, ImagesPipeline
from tests.faults.pipeline import Pipeline

Config = dict[str, Any]
Built = Callable[..., Path]


@pytest.fixture(scope="session")
def built(folder_of_the_session: Path) -> Built:
    """A function's zip as ./build.sh makes it of configuration keys and the Python files beside them."""

    def zip_of(
        config: Config | None = None,
        files: dict[str, str] | None = None,
        function: str = FORWARDER_FUNCTION,
    ) -> Path:
        wanted = json.dumps([config or {}, files or {}], sort_keys=True)
        name = f"build-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
        return built_zip(folder_of_the_session / name, config or {}, files, function)

    return zip_of


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def idle_pipelines() -> Iterator[dict[object, list[Pipeline]]]:
    """Those that were used and are as if they were new, but for their processes, which are warm."""
    idle: dict[object, list[Pipeline]] = {}
    yield idle
    for each in itertools.chain(*idle.values()):
        each.__exit__(None, None, None)


@pytest.fixture
def pipeline(
    built: Built,
    server: Server,
    idle_pipelines: dict[object, list[Pipeline]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Pipeline]]:
    """Pipelines of what `built` takes and of Pipeline's own options.

    A cold start takes half a second of a processor, so a process whose test has left it as it was serves the
    next test of the same zip, as on Lambda. One that was killed, has other credentials, or has a call under way
    ends with its test.
    """
    used: list[tuple[object, Pipeline]] = []

    def make(
        config: Config | None = None,
        files: dict[str, str] | None = None,
        *,
        skips_pauses: bool = True,
        **options: Any,
    ) -> Pipeline:
        a_zip = built(config, files)
        kind = (a_zip, skips_pauses)
        if idle := idle_pipelines.get(kind):
            it = idle.pop()
        else:
            it = Pipeline(a_zip, tmp_path_factory.mktemp("function"), server, skips_pauses=skips_pauses)
        used.append((kind, it))
        it.begin_anew(**options)
        return it

    yield make
    for kind, it in used:
        if it.is_as_begun:
            idle_pipelines.setdefault(kind, []).append(it)
        else:
            it.__exit__(None, None, None)


@pytest.fixture(scope="module")
def warm_images(
    built: Built, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImagesPipeline]:
    """One process of the function that keeps images, for all tests of a module."""
    a_zip = built(CONFIG, function=ITEM_IMAGES_FUNCTION)
    with ImagesPipeline(a_zip, tmp_path_factory.mktemp("images"), server) as it:
        yield it


@pytest.fixture
def images(warm_images: ImagesPipeline) -> ImagesPipeline:
    """The same process, and nothing kept yet, nor any fault."""
    warm_images.begin_anew()
    return warm_images


@pytest.fixture(params=COMPRESSIONS)
def compression(request: pytest.FixtureRequest) -> Config:
    """The configuration of either way of compressing."""
    return {"firehoseCompression": request.param}
