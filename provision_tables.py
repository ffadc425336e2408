#!/usr/bin/env python3
"""Switch continuous backup on for tables that exist already: provision_tables.py whitelist.hjson"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from continuous_backup.configuration import fit
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import ExitCode
from continuous_backup.operations import cli
from continuous_backup.operations.tables import images, script as table_scripts, whitelist
from continuous_backup.operations.tables.provisioning import Provisioning


def main(arguments: Sequence[str]) -> ExitCode:
    parser = cli.parser("Switch continuous backup on for the tables of a whitelist, or for all.")
    parser.add_argument("whitelist", type=Path, help="HJSON file with provisionAll: true, or tableNames: [ ... ]")
    parser.add_argument(
        "--images", action="store_true", help="also write images of the items that are there already (itemImages)"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=Path("images-checkpoint.json"),
        help="file that says how far the images are, to go on where it was stopped (default: %(default)s)",
    )
    parser.add_argument(
        "--items-per-second", type=cli.positive, default=500.0, help="how fast, at most (default: %(default)g)"
    )
    parser.add_argument(
        "--opt-in",
        action="store_true",
        help="with provisionAll: also take in the tables that a tag opts out, by taking the tag away",
    )
    options = parser.parse_args(arguments)
    asked_for = whitelist.load(options.whitelist)
    aws, account, config = cli.connect(options, cli.load_config(options))
    fit.require(config, account)
    of_images = images.require(options, aws, config) if options.images else None
    is_backed_up = table_scripts.filter_of(config, cli.config_file(options))
    provisioning = Provisioning(aws, config, account, table_scripts.log(), is_backed_up)
    provisioning.require_deployment()
    table_scripts.tell_where(account, config)
    table_scripts.warn_of_what_is_named(aws, config)
    plans = provisioning.plan_provisioning(asked_for, opt_in=options.opt_in)
    return table_scripts.finish(
        options,
        account,
        provisioning,
        plans,
        Wanted.PROVISIONED,
        table_scripts.question_of_opting_in(plans, asked_for, account),
        partial(images.write, options, aws, account, of_images) if of_images else None,
    )


if __name__ == "__main__":
    sys.exit(cli.run(main))
