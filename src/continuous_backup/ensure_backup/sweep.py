"""Everything in the account, compared with what it should be: finds the tables that need a closer look."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import gcd

from continuous_backup import naming
from continuous_backup.aws import BotoCoreError, ClientError
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.convergence import Convergence, Outcome
from continuous_backup.ensure_backup.observer import Observer, Overview
from continuous_backup.ensure_backup.optin import Filter
from continuous_backup.ensure_backup.state import DeliveryStream
from continuous_backup.ensure_backup.wanted import Wanted

#: Whole describes roll through the account: this many delivery streams a sweep, at most one a second.
LOOKED_AT_A_SWEEP = 20
#: About how many tables a sweep has the time to look at closely, with the default time-out.
_LOOKED_AT_CLOSELY = 500
#: Of the time: for tables that are left out and wired, so that troubles of the others never use it all up.
_SHARE_OF_THE_KEPT = 0.2


@dataclass(frozen=True)
class Due:
    """What a sweep looks at closely: tables that are to be backed up, and those whose wiring is to stay whole.

    `taken` are all tables that there are and that the filter lets in, `opted_out` those of them with the tag.
    """

    protected: list[str]
    kept: list[str]
    taken: frozenset[str] = frozenset()
    opted_out: frozenset[str] = frozenset()
    left_out: int = 0


def tables_to_look_at(
    observer: Observer,
    convergence: Convergence,
    config: Config,
    is_backed_up: Filter,
    turn: int,
    log: logging.Logger,
) -> Due:
    """Tables where the lists show something amiss, tables that are gone, and a few whose turn it is.

    Tables that the filter leaves out, and that are wired, go on being backed up: they are kept.

    `turn` counts the sweeps: with each, the next few tables and delivery streams are looked at whole,
    so that what no list shows is seen in the end.
    """
    overview = observer.overview()
    there = sorted(table for table in overview.tables if is_backed_up(table))
    opted_out: set[str] = set()
    look = partial(
        _something_amiss, observer=observer, convergence=convergence, overview=overview, opted_out=opted_out
    )
    amiss = [table for table in there if look(table, Wanted.PROTECTED)]
    wired_all_the_same = sorted(_wired(overview) & overview.tables - {*there})
    kept = [table for table in wired_all_the_same if look(table, Wanted.KEPT)]
    amiss = _from_another(amiss, turn, _LOOKED_AT_CLOSELY)
    kept = _from_another(kept, turn, int(_LOOKED_AT_CLOSELY * _SHARE_OF_THE_KEPT))
    gone = _former_tables(overview)
    rolling = _in_turn(there, turn)
    untagged = _untold(observer, config, overview, there, turn, log)
    log.info(
        "Swept %d tables",
        len(overview.tables),
        extra={
            "tables": len(overview.tables),
            "filtered": len(overview.tables) - len(there),
            "filteredAndWired": len(wired_all_the_same),
            "amiss": len(amiss),
            "gone": len(gone),
        },
    )
    if overview.tables and not there:
        log.warning("No table is backed up: the filter leaves out all %d", len(overview.tables))
    rolling_kept = _in_turn(wired_all_the_same, turn)
    return Due(
        list(dict.fromkeys([*amiss, *sorted(gone | untagged), *rolling])),
        list(dict.fromkeys([*kept, *rolling_kept])),
        taken=frozenset(there),
        opted_out=frozenset(opted_out & {*there}),
        left_out=len(overview.tables) - len(there),
    )


def brought_about(
    due: Due, converge: Callable[..., dict[str, Outcome]], now: float, seconds: float
) -> dict[str, Outcome]:
    """What comes of all that is due in so many seconds from now; `converge` is a Convergence's `run`.

    Tables that are kept come last, and have a share of the time that nobody takes from them, beside what the
    others leave.
    """
    of_the_kept = seconds * _SHARE_OF_THE_KEPT if due.kept else 0.0
    outcomes = converge(due.protected, Wanted.PROTECTED, deadline=now + seconds - of_the_kept)
    return outcomes | converge(due.kept, Wanted.KEPT, deadline=now + seconds)


def _from_another(tables: list[str], turn: int, most: int) -> list[str]:
    """So that those that nobody can mend do not always come first: a sweep has the time for about so many.

    The step has no divisor in common with their number, so that each of them comes first in its turn, also where
    the time is for fewer.
    """
    if not tables:
        return []
    step = next(each for each in range(most, 0, -1) if gcd(each, len(tables)) == 1)
    first = turn * step % len(tables)
    return tables[first:] + tables[:first]


def _something_amiss(
    table: str,
    wanted: Wanted,
    *,
    observer: Observer,
    convergence: Convergence,
    overview: Overview,
    opted_out: set[str],
) -> bool:
    """Also where it cannot be told: the closer look gives that table its error, and the others go on."""
    try:
        state = observer.glance(table, overview)
        if state.table and state.table.opted_out:
            opted_out.add(table)
        return bool(convergence.planned(state, wanted))
    except (ClientError, BotoCoreError):
        return True


def _wired(overview: Overview) -> set[str]:
    return {naming.table_of_arn(each.stream_arn) for each in (*overview.mappings, *overview.image_mappings)}


def _former_tables(overview: Overview) -> set[str]:
    """Tables that are gone, of which something of ours is left."""
    by_tag = {tags.get(naming.TABLE_TAG, "") for tags in overview.tags.values()}
    return {table for table in by_tag | _wired(overview) if table and table not in overview.tables}


def _untold(
    observer: Observer, config: Config, overview: Overview, there: list[str], turn: int, log: logging.Logger
) -> set[str]:
    """Former tables of ours among the delivery streams of which the tagging API tells nothing.

    It is eventually consistent, and some emulators do not list delivery streams at all; so those that
    belong to no table are asked for their tags, a few a sweep.
    """
    wanted = {config.delivery_stream_name(table) for table in there}
    unclaimed = sorted(overview.delivery_streams - overview.told - wanted)
    found = (_looked_up(observer, name, log) for name in _in_turn(unclaimed, turn))
    return {each.table for each in found if each and each.ours and each.table not in overview.tables}


def _looked_up(observer: Observer, name: str, log: logging.Logger) -> DeliveryStream | None:
    try:
        return observer.delivery_stream(name)
    except (ClientError, BotoCoreError) as err:
        log.warning("Delivery stream %s cannot be described: %s", name, err)
        return None


def _in_turn(names: list[str], turn: int) -> list[str]:
    if len(names) <= LOOKED_AT_A_SWEEP:
        return names
    start = turn * LOOKED_AT_A_SWEEP % len(names)
    return (names + names)[start : start + LOOKED_AT_A_SWEEP]
