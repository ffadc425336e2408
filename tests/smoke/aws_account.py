"""`make smoke`: tries a deployed continuous backup in a real AWS account; docs/aws-smoke-test.md explains."""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import argparse
import json
import shlex
import sys
from collections.abc import Sequence

from continuous_backup.errors import BackupError, ExitCode
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.operations import cli
from continuous_backup.operations.tables import script as table_scripts
from continuous_backup.operations.deployment.state import Deployment
from continuous_backup.operations.tables.provisioning import Provisioning
from continuous_backup.operations.tables.whitelist import Whitelist
from tests.smoke import deployed, permissions, wiring
from tests.smoke.backup import Backup
from tests.smoke.report import Report
from tests.smoke.subject import Subject

_LONGEST_WAIT_MINUTES = 30.0
_MOST_MINUTES = 24 * 60


def main(arguments: Sequence[str]) -> ExitCode:
    options = _parser().parse_args(arguments)
    aws, account, config = cli.connect(options, cli.load_config(options))
    subject = Subject(aws, account, config, options.timeout_minutes * 60)
    found = deployed.require(subject)
    _tell_plan(subject, keep=options.keep)
    if options.dry_run:
        cli.tell("Nothing was changed: this was a dry run.")
        return ExitCode.DONE
    if not cli.confirm(options, "Go on?"):
        cli.tell("Nothing was changed.")
        return ExitCode.FAILED
    report = Report(quiet=options.output == "json")
    try:
        _try_all(subject, found, report, options)
        left = _commands(subject, options, table=wiring.has_table(subject), wired=wiring.is_left(subject))
    except KeyboardInterrupt:
        cli.tell("\nInterrupted.")
        _tell_left(subject, _commands(subject, options, table=True, wired=True))
        return ExitCode.INTERRUPTED
    except Exception:
        _tell_left(subject, _commands(subject, options, table=True, wired=True))
        raise
    cli.show(options, [], {"table": subject.table, "checks": [vars(line) for line in report.lines], "left": left})
    _tell_left(subject, left)
    cli.tell(report.summary())
    return report.exit_code()


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("Try a deployed continuous backup with a table of its own, in a real account.")
    made.add_argument("--keep", action="store_true", help="leave the mapping and the delivery stream at the end")
    made.add_argument(
        "--timeout-minutes",
        type=_minutes,
        default=_LONGEST_WAIT_MINUTES,
        metavar="MINUTES",
        help=f"the longest that any one thing is waited for (default: {_LONGEST_WAIT_MINUTES:.0f})",
    )
    return made


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0 < minutes <= _MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text} is not a number of minutes, up to {_MOST_MINUTES}")
    return minutes


def _tell_plan(subject: Subject, *, keep: bool) -> None:
    account, config = subject.account, subject.config
    cli.tell(f"Account {account.id}, region {account.region}, backup in s3://{config.bucket}/{config.prefix}")
    cli.tell(f"Asked at {subject.client('dynamodb').meta.endpoint_url}")
    cli.tell(f"  - create table {subject.table} (on demand; it costs some cents at most)")
    cli.tell(
        f"  - wait until EnsureDynamoBackup has wired it: delivery stream {subject.delivery_stream}, a mapping"
    )
    cli.tell("  - write some 300 changes, wait until they are on S3, and read them")
    cli.tell("  - ask IAM what the roles may do (SimulatePrincipalPolicy; nothing is called)")
    cli.tell("  - delete the table, and see that what was written last arrives too")
    cli.tell(f"  - {'leave' if keep else 'take away'} its mapping and delivery stream; the data on S3 stays")


def _try_all(subject: Subject, found: Deployment, report: Report, options: argparse.Namespace) -> None:
    """Every check in turn. One that fails does not end the run; what does not depend on it goes on."""
    deployed.check(subject, found, report, options.profile)
    permissions.check(subject, report)
    if not report.check(f"table {subject.table} is created", lambda: wiring.create_table(subject)):
        return
    backup = Backup(subject)
    if report.check("the table is wired by itself", lambda: wiring.wait_until_wired(subject)):
        wiring.check(subject, report)
        _try_writing(backup, report)
        wiring.check_listed_tags(subject, report)
    else:
        report.skip("changes arrive on S3", "the table is not wired")
    _try_deletion(subject, backup, report)
    if options.keep:
        report.skip("the wiring is taken away", "--keep")
    else:
        report.check("the wiring is taken away", lambda: _release(subject))
    report.check("the data on S3 stays", backup.require_data)


def _try_writing(backup: Backup, report: Report) -> None:
    if not report.check("changes of every kind are written", backup.write):
        return
    claim = "all changes arrive, at documented paths, in the documented format"
    report.check(claim, backup.wait_until_all_are_there)
    backup.check(report)


def _try_deletion(subject: Subject, backup: Backup, report: Report) -> None:
    """The stream of a deleted table has to be read to its end."""
    wired = bool(subject.mappings())
    deleted = report.check("changes are written right before the table is deleted", backup.write_last)
    if not (deleted and wired):
        report.skip("what was written last arrives", "the table is not deleted, or was not wired")
        return
    report.check("what was written last arrives", backup.wait_until_all_are_there)
    report.check("with it, the fold still equals what the table held", backup.require_fold)
    report.check("deleting the table took no wiring away", lambda: wiring.stays(subject))


def _release(subject: Subject) -> str:
    """As deprovision_tables.py does it: the mapping, then the buffer's time, then the delivery stream."""
    provisioning = Provisioning(subject.aws, subject.config, subject.account, table_scripts.log())
    plans = provisioning.plan_deprovisioning(Whitelist(all_tables=False, names=(subject.table,)))
    results = provisioning.carry_out(plans, Wanted.DEPROVISIONED, patience=subject.patience)
    if not results[0].ok:
        raise BackupError(results[0].result, "deprovision_tables.py goes on with it")
    return results[0].result


def _commands(subject: Subject, options: argparse.Namespace, *, table: bool, wired: bool) -> list[str]:
    """What removes what is left, in this order; the last one removes the data."""
    where = "".join(
        f" {name} {shlex.quote(value)}"
        for name, value in (
            ("--profile", options.profile),
            ("--region", subject.account.region),
            ("--endpoint-url", options.endpoint_url),
        )
        if value
    )
    commands = [f"aws dynamodb delete-table --table-name {subject.table}{where}"] if table else []
    if wired:
        whitelist = shlex.quote(json.dumps({"tableNames": [subject.table]}))
        configured = f" --config-file {shlex.quote(str(options.config_file))}" if options.config_file else ""
        commands.append(
            f"echo {whitelist} > smoke.hjson && ./deprovision_tables.py smoke.hjson{configured}{where}"
        )
    return [*commands, f"aws s3 rm --recursive s3://{subject.config.bucket}/{subject.prefix}{where}"]


def _tell_left(subject: Subject, commands: list[str]) -> None:
    cli.tell(f"What was backed up stays in s3://{subject.config.bucket}/{subject.prefix}. To remove what is left:")
    for command in commands:
        cli.tell(f"  {command}")


if __name__ == "__main__":
    sys.exit(cli.run(main))
