"""Zips, built once for each configuration and process; servers on loopback; pipelines of both."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A function's zip as ./build.sh makes it of configuration keys and the Python files beside them."""
    zips: dict[str, Path] = {}

    def zip_of(
        config: Config | None = None,
        files: dict[str, str] | None = None,
        function: str = FORWARDER_FUNCTION,
    ) -> Path:
        wanted = json.dumps([config, files, function], sort_keys=True)
        if wanted not in zips:
            zips[wanted] = built_zip(tmp_path_factory.mktemp("build"), config or {}, files, function)
        return zips[wanted]

    return zip_of


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def pipeline(built: Built, server: Server, tmp_path: Path) -> Iterator[Callable[..., Pipeline]]:
    """Makes pipelines, whose processes end with the test, of what `built` takes and Pipeline's own options."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def make(config: Config | None = None, files: dict[str, str] | None = None, **options: Any) -> Pipeline:
            work = tmp_path / f"function-{next(numbers)}"
            return stack.enter_context(Pipeline(built(config, files), work, server, **options))

        yield make


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
