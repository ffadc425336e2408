"""deploy.py and undeploy.py between the command line and the plan: show it, ask, carry it out."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from continuous_backup import naming
from continuous_backup.aws import Aws, BotoCoreError, ClientError, explain
from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import fit, hjson_text
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.optin import opt_in_filter
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import BackupError, ExitCode, UsageError
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.deployment import environment as of_environment
from continuous_backup.operations.deployment import freshness, named_roles, observer, package, planner, replica
from continuous_backup.operations.deployment.actions import (
    Action,
    Conflict,
    DeleteFunction,
    DeleteRule,
    Step,
)
from continuous_backup.operations.deployment.executor import Executor
from continuous_backup.operations.deployment.wanted import (
    IMAGES_TEMPLATE,
    REPLICA_TEMPLATE,
    ROLES_TEMPLATE,
    environment_of,
    wanted,
)
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables import matching
from continuous_backup.operations.tables import script as table_scripts
from continuous_backup.operations.tables.provisioning import Provisioning, TablePlan, for_release

_DIST = cli.REPOSITORY / "dist"
_IN_DIST = "the configuration in dist"
_TEMPLATES = cli.REPOSITORY / "templates"


def deploy(options: argparse.Namespace, environment: Mapping[str, str]) -> ExitCode:
    """Deploys, or shows with --dry-run what deploying would change. DONE where nothing is left to do."""
    if options.replica:
        return _deploy_replica(options, cli.load_config(options))
    as_written = configuration.load(options.config_file, environment) if options.config_file else None
    dist = options.dist or _DIST
    packages = package.load(dist)
    config_file = options.config_file or freshness.built_from(dist)
    if config_file:
        freshness.require_config(packages, config_file)
    text = packages[naming.ENSURE_FUNCTION].config_text
    values = hjson_text.parse(text, _IN_DIST)
    if as_written is None:
        as_written = configuration.parse(values, environment, _IN_DIST)
    as_written = _with_options(as_written, options)
    aws, account, config = cli.connect(options, as_written)
    fit.require(config, account)
    variables = environment_of(text, environment)
    aim = wanted(config, as_written, account, packages, _templates(options), variables)
    there = observer.observe(aws, config, account, cli.tell)
    around = observer.surroundings(aws, config, account, named_roles.named_in(as_written, account, options))
    steps = [
        *freshness.notes_on_code(packages, cli.REPOSITORY / "src", config_file),
        *of_environment.notes_on(there.functions.values(), values, variables),
        *planner.plan(there, aim, around, redeploy=options.redeploy),
    ]
    cli.tell(f"Account {account.id}, region {account.region}, backup in s3://{config.bucket}/{config.prefix}")
    steps += _told_of_tables(aws, config, options, packages)
    for line in _not_restorable_in_words(config):
        cli.tell(line)
    return _carry_out(options, steps, Executor(aws, account, packages), "{count} changes made; deployed.")


def _templates(options: argparse.Namespace) -> Path:
    """Raises UsageError for a folder that lacks one."""
    folder: Path = options.templates or _TEMPLATES
    if missing := [
        name for name in (ROLES_TEMPLATE, IMAGES_TEMPLATE, REPLICA_TEMPLATE) if not (folder / name).is_file()
    ]:
        raise UsageError(
            f"--templates {folder} has no {', '.join(missing)}",
            f"copy the folder {_TEMPLATES} and change the copy",
        )
    return folder


def _deploy_replica(options: argparse.Namespace, config: Config) -> ExitCode:
    steps, executor, then = replica.planned(options, config, _templates(options))
    code = _carry_out(options, steps, executor, "{count} changes made; deployed.")
    if not options.dry_run:
        cli.tell(then)
    return code


def undeploy(options: argparse.Namespace) -> ExitCode:
    """Takes everything away but data. Refuses while tables are wired, unless told to release them."""
    aws, account, config = cli.connect(options, cli.load_config(options))
    steps = planner.plan_removal(observer.observe_removable(aws, account))
    _refuse_conflicts(steps)
    cli.tell(f"Account {account.id}, region {account.region}, backup in s3://{config.bucket}/{config.prefix}")
    provisioning = Provisioning(aws, for_release(aws, config), account, table_scripts.log())
    wired = sorted(provisioning.wired_tables())
    if wired and not options.deprovision:
        still_wired = BackupError(
            f"{'1 table is' if len(wired) == 1 else f'{len(wired)} tables are'} still wired, and their backup "
            f"would end: {', '.join(wired[:10])}" + (", ..." if len(wired) > 10 else ""),
            "run ./undeploy.py --deprovision to release them first; what is on S3 stays in any case",
        )
        if not options.dry_run:
            raise still_wired
        steps = [Note(f"without --deprovision this is refused: {still_wired.problem}", undone=True), *steps]
    if not wired and not steps:
        cli.tell(f"Nothing to do: nothing is deployed in account {account.id}, region {account.region}.")
        cli.show(options, [], {"dryRun": options.dry_run, "ok": True, "changes": [], "notes": []})
        return ExitCode.DONE
    released = [_released(table, config) for table in wired if options.deprovision]
    planned = [*released, *map(str, _changes(steps))]
    for each in planned:
        cli.tell(f"  - {each}")
    executor = Executor(aws, account)
    if planned and not options.dry_run:
        if not cli.confirm(options, _question_of_removal(wired, account, config)):
            cli.tell("Nothing was changed.")
            return ExitCode.FAILED
        if wired:
            _release(provisioning, wired, executor, steps)
            steps = planner.plan_removal(observer.observe_removable(aws, account))
    return _carry_out(options, steps, executor, f"Taken away. What is in s3://{config.bucket} stays.", planned)


def _released(table: str, config: Config) -> str:
    theirs = config.delivery_streams.get(table)
    then = f"delivery stream {theirs} is somebody else's and stays" if theirs else "then its delivery stream"
    return f"release table {table}: its mapping, {then}"


def _question_of_removal(wired: list[str], account: Account, config: Config) -> str:
    where = f"account {account.id}, {account.region}"
    tables = "1 table" if len(wired) == 1 else f"{len(wired)} tables"
    ends = f"End the backup of ALL {tables} of {where}, and take all of this away?" if wired else ""
    return f"{ends or f'Take all of this away from {where}?'} s3://{config.bucket} stays as it is."


def _told_of_tables(
    aws: Aws, config: Config, options: argparse.Namespace, packages: Mapping[str, package.Package]
) -> list[Note]:
    """Says which tables are taken, and how many that is; answers with what a person should know of it."""
    words = config.name_filter_problem or _filter_in_words(config)
    # The function of people's own is beside the configuration, or else in the zip; ours are not taken from there.
    beside = options.config_file.resolve().parent if options.config_file else packages[naming.ENSURE_FUNCTION].path
    sys.path.append(str(beside))
    found = matching.look(aws, opt_in_filter(config, table_scripts.log()), table_scripts.log())
    count = f" ({found.taken} of {found.tables} that are there)" if found else ""
    cli.tell(f"Tables: {words}{count}")
    return matching.notes_on(found) if found else []


def _filter_in_words(config: Config) -> str:
    names = (
        [f"whose name matches {config.table_name_match_regex} from its start"]
        if config.table_name_match_regex
        else []
    )
    functions = [f"for which {config.optin_function} says yes"] if config.optin_function else []
    return "those " + " and ".join(names + functions) if names + functions else "all"


def _not_restorable_in_words(config: Config) -> list[str]:
    """Nothing where every table's log is a whole record of its changes."""
    of_all = config.why_not_restorable("")
    lines = [f"Not restorable: every table, because of {', '.join(of_all)}"] if of_all else []
    named = [f"{table} (to {config.delivery_streams[table]})" for table in sorted(config.delivery_streams)]
    return [*lines, *([f"Not restorable: {', '.join(named)}, because of deliveryStreams"] if named else [])]


def _with_options(config: Config, options: argparse.Namespace) -> Config:
    """The roles of the command line instead of the file's; checked as the file's are."""
    given = {"cloudWatchRoleArn": options.cw_role_arn, "lambdaExecRoleArn": options.lambda_role_arn}
    checked = configuration.parse({key: arn for key, arn in given.items() if arn}, {}, "the command line")
    return replace(
        config,
        events_role_arn=checked.events_role_arn or config.events_role_arn,
        lambda_role_arn=checked.lambda_role_arn or config.lambda_role_arn,
    )


def _release(provisioning: Provisioning, wired: list[str], executor: Executor, steps: list[Step]) -> None:
    """Takes away what could wire a table again, and then the wiring of every table."""
    ensure = DeleteFunction(naming.ENSURE_FUNCTION)
    for step in steps:
        if isinstance(step, DeleteRule) or step == ensure:
            _apply(executor, step)
    results = provisioning.carry_out(
        [TablePlan(table, provisioning.release_steps(table)) for table in wired],
        Wanted.RELEASED,
        lambda each: cli.tell(f"{each.table}: {each.result}"),
        on_waiting=table_scripts.tell_waits,
    )
    left = [each.table for each in results if not each.ok]
    if left:
        raise BackupError(
            f"{len(left)} tables could not be released: {', '.join(left)}",
            "mend that and run it again: it continues",
        )


def _changes(steps: list[Step]) -> list[Action]:
    return [step for step in steps if not isinstance(step, Conflict | Note)]


def _refuse_conflicts(steps: list[Step]) -> None:
    conflicts = [step for step in steps if isinstance(step, Conflict)]
    if conflicts:
        raise BackupError("\n".join(map(str, conflicts)), conflicts[0].hint)


def _carry_out(
    options: argparse.Namespace,
    steps: list[Step],
    executor: Executor,
    done: str,
    planned: list[str] | None = None,
) -> ExitCode:
    """`planned` is all that this run changes, where it was told before: then it is not told again."""
    notes = [step for step in steps if isinstance(step, Note)]
    # First what a person should know: should a change fail, the next run may not see any more what was before.
    _tell_notes(each for each in notes if not each.undone)
    _refuse_conflicts(steps)
    changes = _changes(steps)
    code = ExitCode.PARTLY_DONE if any(each.undone for each in notes) else ExitCode.DONE
    made = [str(each) for each in changes] if planned is None else planned
    document = {
        "dryRun": options.dry_run,
        "ok": code is ExitCode.DONE,
        "changes": made,
        "notes": [str(each) for each in notes],
    }
    for change in changes:
        if planned is None:
            cli.tell(f"  - {change}")
        if not options.dry_run:
            _apply(executor, change)
    _tell_notes(each for each in notes if each.undone)
    if not made:
        cli.tell(f"Nothing to do{'' if notes else ': everything is as it should be'}.")
    elif options.dry_run:
        cli.tell("Nothing was changed: this was a dry run.")
    else:
        cli.tell(done.format(count=len(made)))
    if code is ExitCode.PARTLY_DONE:
        cli.tell("Not all that was asked for is so: the notes say what, and why.")
    cli.show(options, [], document)
    return code


def _tell_notes(notes: Iterable[Note]) -> None:
    for note in notes:
        cli.tell(f"WARNING: {note}" if note.loud else f"Note: {note}")


def _apply(executor: Executor, change: Action) -> None:
    try:
        executor.apply(change)
    except (ClientError, BotoCoreError) as err:
        raise explain(err, f"could not {change}") from err
