#!/usr/bin/env python3
"""Write a table's items back from their images on S3: restore_images.py TABLE --bucket BUCKET"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import sys
from collections.abc import Sequence

from continuous_backup.errors import ExitCode
from continuous_backup.operations import cli
from continuous_backup.operations.images import options, script


def main(arguments: Sequence[str]) -> ExitCode:
    parser = cli.Parser(
        description="Write the items of a table back from their images in a bucket, or in its replica."
    )
    options.add_to(parser)
    asked = parser.parse_args(arguments)
    if problem := options.problem(asked):
        parser.error(problem)
    return script.restore(asked)


if __name__ == "__main__":
    sys.exit(cli.run(main))
