"""Functions of the user's, named in the configuration as module:function and bundled by build.sh."""

import importlib
from collections.abc import Callable
from typing import Any

from continuous_backup import errors
from continuous_backup.errors import ConfigurationError


def function(key: str, path: str) -> Callable[..., Any]:
    """The function that a key of the configuration names.

    Raises ConfigurationError where it cannot be had: nothing is forwarded then, and nothing acknowledged,
    since without it the lines would be other lines, or go elsewhere.
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as err:  # a stranger's module may raise anything
        raise ConfigurationError(
            "the configuration",
            [f"{key} is {path}, which cannot be loaded: {errors.failure(err)}"],
            f"mend {module}.py, run build.sh and deploy.py again; the stream keeps the changes meanwhile",
        ) from err
    if not callable(found):
        raise ConfigurationError(
            "the configuration",
            [f"{key} is {path}, which is no function"],
            f"name a function of {module}.py, run build.sh and deploy.py; the stream keeps the changes meanwhile",
        )
    return found  # type: ignore[no-any-return]
