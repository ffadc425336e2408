"""What can go wrong, in words for the person who has to mend it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script's exit status says. The numbers are a contract: other programs read them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTLY_DONE = 3
    NOT_PROTECTED = 10
    DIFFERENCES_FOUND = 20
    INTERRUPTED = 130


class BackupError(Exception):
    """Something that a person can mend: what is wrong, and what to try.

    `problem` names the thing (table, bucket, key, file); `hint` says what to do, and may be empty.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


class UsageError(BackupError):
    """The command line, a configuration file or a whitelist is not what it should be."""

    exit_code = ExitCode.USAGE


class ConfigurationError(UsageError):
    """All that is wrong with a configuration, together; `problems` has one line each."""

    def __init__(self, source: str, problems: list[str], hint: str = "") -> None:
        many = f"{len(problems)} problems in {source}" if len(problems) > 1 else f"a problem in {source}"
        super().__init__(f"{many}:\n" + "\n".join(f"  - {problem}" for problem in problems), hint)
        self.problems = problems


class AwsError(BackupError):
    """AWS refused or could not be reached; `code` is AWS's own error code, empty where there is none."""

    def __init__(self, problem: str, hint: str = "", code: str = "") -> None:
        super().__init__(problem, hint)
        self.code = code


class MalformedEvent(BackupError):
    """A Lambda function was invoked with something that is not the event it is made for."""


def failure(err: BaseException) -> str:
    """What was raised and where, without its message: that of a stranger's function could quote an item."""
    trace, where = err.__traceback__, ""
    while trace:
        code = trace.tb_frame.f_code
        where = f" in {code.co_name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return type(err).__name__ + where
