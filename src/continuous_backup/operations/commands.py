"""Commands that are advised, completed by the options of the script that advises them: to be copied and run."""

import argparse
import re
import shlex
from dataclasses import dataclass, field

#: Only what is written with ./ is a command; `deploy.py` alone is spoken of.
_COMMAND = re.compile(
    r"(?<![\w./])\./(?:build\.sh|(?:(?:un)?deploy|(?:de)?provision_tables|restore_images)\.py)\b"
    r"|\baws (?:s3|s3api|iam|cloudformation) [a-z-]+"
)
#: What follows where it is to be run for another account: the endpoint alone may be the same.
_ELSEWHERE = re.compile(r" --replica\b| with the credentials of\b")
_WHERE = ("endpoint_url", "region", "profile")
_ABOUT_ZIPS = ("./build.sh", "./deploy.py")


@dataclass
class Running:
    """The script that is running."""

    options: argparse.Namespace = field(default_factory=argparse.Namespace)
    """Those of its command line; none before it is read."""


def completed(text: str, options: argparse.Namespace) -> str:
    """The text with each command in it as it has to be run to mean the same endpoint, region, account and file."""
    return _COMMAND.sub(lambda found: found[0] + _missing(found[0], text[found.end() :], options), text)


def _missing(command: str, rest: str, options: argparse.Namespace) -> str:
    file = getattr(options, "config_file", None)
    dist = getattr(options, "dist", None) if command in _ABOUT_ZIPS else None
    zips = f" --dist {shlex.quote(str(dist))}" if dist else ""
    if command == "./deploy.py" and getattr(options, "templates", None):
        zips += f" --templates {shlex.quote(str(options.templates))}"
    if command == "./build.sh":
        configured = file is None or rest.startswith(f" {shlex.quote(str(file))}")
        return zips if configured else f"{zips} {shlex.quote(str(file))}"
    names = _WHERE[:1] if _ELSEWHERE.match(rest) else _WHERE
    given = {name: getattr(options, name, None) for name in names}
    if command != "./restore_images.py" and not command.startswith("aws "):
        given["config_file"] = file
    return zips + "".join(
        f" --{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in given.items() if value
    )
