#!/usr/bin/env python3
"""Deploy continuous backup to an account and region: ./build.sh, then deploy.py"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from continuous_backup.errors import ExitCode
from continuous_backup.operations import cli
from continuous_backup.operations.deployment import script


def main(arguments: Sequence[str]) -> ExitCode:
    parser = cli.parser("Deploy what build.sh built, or change what is deployed.", config_default=False)
    parser.add_argument("--cw_role_arn", metavar="ARN", help="role of the EventBridge rules")
    parser.add_argument("--lambda_role_arn", metavar="ARN", help="role of the Lambda functions")
    parser.add_argument("--dist", type=Path, help="folder that build.sh wrote the zips to (default: dist here)")
    parser.add_argument(
        "--templates",
        type=Path,
        metavar="FOLDER",
        help="CloudFormation templates of your own (default: templates here)",
    )
    parser.add_argument("--redeploy", action="store_true", help="upload the code even where it is the same")
    replica = parser.add_argument_group("the bucket of replicas of items' images, in another account")
    replica.add_argument("--replica", action="store_true", help="deploy that, with its account's credentials")
    replica.add_argument("--source-account", metavar="ID", help="the account of the tables")
    replica.add_argument("--source-region", metavar="REGION", help="their region (default: the configuration's)")
    replica.add_argument(
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="of templates/item-images-replica.yaml, such as ObjectLockDays=30; may be repeated",
    )
    options = parser.parse_args(arguments)
    if not options.replica and (options.source_account or options.source_region or options.parameter):
        parser.error("--source-account, --source-region and --parameter belong to --replica")
    return script.deploy(options, os.environ)


if __name__ == "__main__":
    sys.exit(cli.run(main))
