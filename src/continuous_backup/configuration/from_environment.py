"""The keys that come from environment variables, since the file leaves them out; and how that is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text

#: A group can be as long as a file.
_LONGEST_VALUE = 60


def variables(values: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keys are taken from; `values` are those of the file."""
    left_out = [its for name, its in configuration.keys().items() if name not in values]
    names = filter(None, (configuration.set_variable(its, environment) for its in left_out))
    return {name: environment[name] for name in sorted(names)}


def beside(file: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The same for a file that was loaded without a mistake."""
    return variables(hjson_text.parse(file.read_text(encoding="utf-8-sig"), str(file)), environment)


def in_words(found: Mapping[str, str]) -> str:
    """`firehoseDeliveryBucket=mine, logFormat=Text`; what is long is cut."""
    return ", ".join(f"{name}={_cut(' '.join(value.split()))}" for name, value in found.items())


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}..."
