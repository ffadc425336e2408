#!/usr/bin/env python3
"""Switch continuous backup off for tables; their data on S3 stays: deprovision_tables.py whitelist.hjson"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import sys
from collections.abc import Sequence
from pathlib import Path

from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import ExitCode
from continuous_backup.operations import cli
from continuous_backup.operations.tables import script as table_scripts, whitelist
from continuous_backup.operations.tables.provisioning import Provisioning, for_release, lag


def main(arguments: Sequence[str]) -> ExitCode:
    parser = cli.parser("Switch continuous backup off for the tables of a whitelist, or for all.")
    parser.add_argument("whitelist", type=Path, help="HJSON file with provisionAll: true, or tableNames: [ ... ]")
    options = parser.parse_args(arguments)
    asked_for = whitelist.load(options.whitelist)
    aws, account, config = cli.connect(options, cli.load_config(options))
    provisioning = Provisioning(aws, for_release(aws, config), account, table_scripts.log())
    table_scripts.tell_where(account, config)
    plans = provisioning.plan_deprovisioning(asked_for)
    cli.tell(f"How far the forwarder is behind: {lag(aws)}")
    question = table_scripts.question_of_ending(plans, asked_for, account)
    return table_scripts.finish(options, account, provisioning, plans, Wanted.DEPROVISIONED, question)


if __name__ == "__main__":
    sys.exit(cli.run(main))
