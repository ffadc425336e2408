"""Functions of the user's, named in the configuration as module:function and bundled by build.sh."""

import importlib
from collections.abc import Callable
from typing import Any

from continuous_backup.errors import ConfigurationError
from continuous_backup.strangers import LOADS_WITHIN_SECONDS, Failed, ask


def function(key: str, path: str) -> Callable[..., Any]:
    """The function that a key of the configuration names.

    Raises ConfigurationError where it cannot be had: nothing is forwarded then, and nothing acknowledged,
    since without it the lines would be other lines, or go elsewhere.
    """
    module, _, name = path.partition(":")
    try:
        found = ask("it", lambda: getattr(importlib.import_module(module), name), LOADS_WITHIN_SECONDS)
    except Failed as err:
        raise ConfigurationError(
            "the configuration",
            [f"{key} is {path}, which cannot be loaded: {err}"],
            f"mend {module}.py, run build.sh and deploy.py again; the stream keeps the changes meanwhile",
        ) from err
    if not callable(found):
        raise ConfigurationError(
            "the configuration",
            [f"{key} is {path}, which is no function"],
            f"name a function of {module}.py, run build.sh and deploy.py; the stream keeps the changes meanwhile",
        )
    return found  # type: ignore[no-any-return]
