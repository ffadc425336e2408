"""Which tables are backed up. Whatever cannot be decided means: this one is."""

import importlib
import logging
import re
from collections.abc import Callable

from continuous_backup.configuration.config import Config
from continuous_backup.strangers import LOADS_WITHIN_SECONDS, Failed, Stranger, ask

Filter = Callable[[str], bool]

#: It may ask AWS, and is asked once a table.
_ANSWERS_WITHIN_SECONDS = 10.0


def opt_in_filter(config: Config, log: logging.Logger) -> Filter:
    """The filter that the configuration asks for: a table's name to whether it is backed up.

    Both a regular expression and a function may be given: a table is backed up when both say so. One
    that is missing, not valid, or that raises, backs the table up, and the log says why.
    """
    checks = [check for check in (_by_name(config, log), _by_function(config, log)) if check]

    def is_backed_up(table: str) -> bool:
        return all(check(table) for check in checks)

    return is_backed_up


def _by_name(config: Config, log: logging.Logger) -> Filter | None:
    if not config.table_name_match_regex:
        return None
    if config.name_filter_problem:
        log.error(config.name_filter_problem, extra={"tableNameMatchRegex": config.table_name_match_regex})
        return None
    pattern = re.compile(config.table_name_match_regex)
    return lambda table: pattern.match(table) is not None


def _by_function(config: Config, log: logging.Logger) -> Filter | None:
    if not config.optin_function:
        return None
    module, _, name = config.optin_function.partition(":")
    named = f"optinFunction {config.optin_function}"
    try:
        function = ask(named, lambda: getattr(importlib.import_module(module), name), LOADS_WITHIN_SECONDS)
    except Failed as err:
        log.error("every table is backed up, since optinFunction cannot be loaded: %s", err)
        return None
    stranger = Stranger(named, function, answers_within=_ANSWERS_WITHIN_SECONDS)

    def checked(table: str) -> bool:
        try:
            return bool(stranger.ask(table))
        except Failed as err:
            log.error("%s is backed up: %s", table, err, extra={"table": table})
            return True

    return checked
