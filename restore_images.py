#!/usr/bin/env python3
"""Write a table's items back from their images on S3: restore_images.py TABLE --bucket BUCKET"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import argparse
import sys
from collections.abc import Sequence

from continuous_backup.errors import ExitCode
from continuous_backup.operations import cli
from continuous_backup.operations.images import script


def main(arguments: Sequence[str]) -> ExitCode:
    parser = argparse.ArgumentParser(
        description="Write the items of a table back from their images in a bucket, or in its replica."
    )
    script.add_options(parser)
    return script.restore(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(cli.run(main))
