"""Requests as cases of tests: one each, named by what is asked for."""

from collections.abc import Mapping, Sequence

from tests.unit.iam.evaluator import Request


def cases(requests: Mapping[str, Sequence[Request]]) -> list[tuple[str, Request]]:
    """Each request beside whose it is."""
    return [(whose, each) for whose, several in requests.items() for each in several]


def named(case: object) -> str:
    return f"{case.action} {case.resource}" if isinstance(case, Request) else str(case)
