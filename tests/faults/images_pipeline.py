"""A stream, a mapping, the built function that keeps images in its process, faults, and S3: put together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup.wanted import image_mapping_settings
from tests.faults.endpoint import Endpoint, Server
from tests.faults.event_source_mapping import Settings, StreamRecord
from tests.faults.kept import Expectation
from tests.faults.kept_images import PREFIX, KeptImages, every_change_an_image
from tests.faults.pipeline import ACCOUNT, FunctionPipeline, settings_of

WRITERS = 4
CONFIG: dict[str, Any] = {"itemImages": {"prefix": PREFIX, "writers": WRITERS}}
_TIMEOUT = 120.0


def images_as_configured(batch_size: int) -> Settings:
    """Those that the product gives its mappings of images."""
    return settings_of(image_mapping_settings(ItemImages(batch_size=batch_size), Config(), ACCOUNT))


class ImagesPipeline(FunctionPipeline):
    """The function that keeps images, of a zip made of CONFIG, and what it has put on S3. Its pauses are skipped.

    `begin_anew` leaves nothing of what was but the warm process.
    """

    kept: KeptImages

    def __init__(self, a_zip: Path, work: Path, server: Server) -> None:
        super().__init__(a_zip, work, server, naming.ITEM_IMAGES_FUNCTION, timeout=_TIMEOUT, skips_pauses=True)
        self.begin_anew()

    def begin_anew(self, batch_size: int = 1000, expectation: Expectation = every_change_an_image) -> None:
        self.proxy.inject()
        self.function.timeout = _TIMEOUT
        self.function.cold_starts = 0
        self.invocations = []
        self.endpoint = Endpoint()
        self.kept = KeptImages(self.endpoint, expectation)
        self.settings = images_as_configured(batch_size)

    def replay(self, records: Sequence[StreamRecord]) -> Any:
        """The function's answer to changes that come once more, past the mapping."""
        return self.function.invoke({"Records": [each.record for each in records]})
