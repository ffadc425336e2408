#!/usr/bin/env python3
"""Take away what deploy.py made, but never backup data: undeploy.py"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import sys
from collections.abc import Sequence

from continuous_backup.errors import ExitCode
from continuous_backup.operations import cli
from continuous_backup.operations.deployment import script


def main(arguments: Sequence[str]) -> ExitCode:
    parser = cli.parser("Take away the functions, rules, roles and logs. The bucket and its data stay.")
    parser.add_argument(
        "--deprovision",
        action="store_true",
        help="take away the wiring of all tables first, which ends their backup",
    )
    return script.undeploy(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(cli.run(main))
