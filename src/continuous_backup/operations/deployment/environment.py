"""What a person should know of keys that came from the environment, now or when it was deployed before."""

from collections.abc import Iterable, Mapping
from typing import Any

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import from_environment
from continuous_backup.operations.deployment.state import Function
from continuous_backup.operations.notes import Note

_AGAIN = "Set the same each time, or put it into the configuration file"


def notes_on(deployed: Iterable[Function], values: Mapping[str, Any], now: Mapping[str, str]) -> list[Note]:
    """`values` are those of the file, `now` the variables that the functions are to have.

    Whoever deploys without a variable that was set the last time deploys something else.
    """
    functions = [each for each in deployed if each.ours]
    return [*_on_those_set(now), *_on_those_missing(functions, values, now), *_on_those_of_others(functions)]


def _on_those_set(now: Mapping[str, str]) -> list[Note]:
    if not now:
        return []
    return [Note(f"from the environment: {from_environment.in_words(now)}; set for the functions too. {_AGAIN}")]


def _on_those_missing(functions: list[Function], values: Mapping[str, Any], now: Mapping[str, str]) -> list[Note]:
    """One that the file has meanwhile is not missing, whatever its value: the file is what a person looks at."""
    settled = {variable for name in values for variable in _variables(name)}
    had = {name: value for each in functions for name, value in each.environment.items()}
    gone = {name: had[name] for name in sorted(had.keys() & _all_variables() - now.keys() - settled)}
    if not gone:
        return []
    it = "which is" if len(gone) == 1 else "which are"
    return [
        Note(
            f"was deployed with {from_environment.in_words(gone)} from the environment, {it} not set now: it is "
            f"deployed without. {_AGAIN}",
            loud=True,
        )
    ]


def _on_those_of_others(functions: list[Function]) -> list[Note]:
    """By name alone: what somebody else set may be a secret."""
    known = _all_variables()
    return [
        Note(f"function {each.name} has environment variables that no key has: {', '.join(theirs)}; they go")
        for each in functions
        if (theirs := sorted(each.environment.keys() - known))
    ]


def _all_variables() -> set[str]:
    return set().union(*map(_variables, configuration.keys()))


def _variables(key: str) -> set[str]:
    """The names of the environment variables that a key can come from; none for what is no key."""
    its = configuration.keys().get(key)
    return {key, its.metadata["variable"]} - {""} if its else set()
