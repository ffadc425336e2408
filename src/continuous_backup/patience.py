"""How often, and until when, a call to AWS is tried again."""

from collections.abc import Callable

from continuous_backup.aws import UNREACHABLE, BotoCoreError, ClientError, error_code, explain

#: Of a call to Firehose or S3. Short, since Lambda waits for us and nothing else can be done meanwhile.
CONNECT_SECONDS = 2
READ_SECONDS = 10
#: What has to be left of the invocation when a call begins: all its time-outs, and a second for the answer.
#: Below the shortest time-out that the configuration allows the function.
SECONDS_OF_A_CALL = CONNECT_SECONDS + READ_SECONDS + 1

#: The most that one invocation spends on attempts that fail, and on the pauses after them. What is not done
#: by then Lambda brings again: meanwhile another shard has the execution. So an outage of one delivery
#: stream does not keep those that are well from their turn, and one of Firehose itself costs what
#: forwarderReservedConcurrency allows, and no more.
RETRYING_SECONDS = 20.0

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
_DOUBLINGS = 10

_HTTP_TOO_MANY_REQUESTS = 429
_HTTP_SERVER_ERROR = 500
#: Beside all codes that speak of throttling.
#: https://docs.aws.amazon.com/firehose/latest/APIReference/CommonErrors.html
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_TRANSIENT = {
    "ConditionalRequestConflict",
    "InternalError",
    "InternalFailure",
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
    "TooManyRequestsException",
}


def passes_by_itself(err: BaseException) -> bool:
    """Whether the same call can succeed later, with nobody having changed anything."""
    if isinstance(err, UNREACHABLE):
        return True
    if not isinstance(err, ClientError):
        return False
    status = err.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error_code(err)
    return (
        status == _HTTP_TOO_MANY_REQUESTS
        or status >= _HTTP_SERVER_ERROR
        or code in _TRANSIENT
        or "throttl" in code.lower()
    )


class Patience:
    """One invocation's: it lasts as long as the invocation does, and counts what it was asked for.

    `seconds_left` says how long the invocation may still take; `random` gives numbers from 0 to below 1.
    """

    def __init__(
        self, seconds_left: Callable[[], float], sleep: Callable[[float], None], random: Callable[[], float]
    ) -> None:
        self._seconds_left = seconds_left
        self._sleep = sleep
        self._random = random
        self._failing_seconds = 0.0
        self.calls = 0
        self.retries = 0

    def try_until_done(self, attempt: Callable[[], str], doing: str) -> str:
        """Repeats an attempt until it answers "", nothing is left to do, or else until time runs short, or
        the invocation has spent RETRYING_SECONDS on failing.

        An attempt answers why it is not done; that, too, is what comes back when time has run short.
        What AWS refuses for good is raised as a BackupError that says what was being done.
        """
        # An invocation that tries nothing is repeated for ever: its first call needs no time to be left.
        if self.calls and not self._has_time_for_a_call(after=0):
            return "no time was left to try"
        tries = 0
        while True:
            self.calls += 1
            left = self._seconds_left()
            reason = _reason_not_done(attempt, doing)
            if not reason:
                return ""
            self._failing_seconds += left - self._seconds_left()
            if not self._paused(tries):
                return reason
            tries += 1
            self.retries += 1

    def _paused(self, tries: int) -> bool:
        """Exponential backoff with full jitter: of many shards refused at once, no two come back together.

        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(tries, _DOUBLINGS))
        pause = self._random() * longest
        if self._failing_seconds + pause > RETRYING_SECONDS:
            self._failing_seconds = RETRYING_SECONDS  # for good: what comes after is tried once
            return False
        if not self._has_time_for_a_call(after=pause):
            return False
        self._sleep(pause)
        self._failing_seconds += pause
        return True

    def _has_time_for_a_call(self, after: float) -> bool:
        return self._seconds_left() - after >= SECONDS_OF_A_CALL


def _reason_not_done(attempt: Callable[[], str], doing: str) -> str:
    try:
        return attempt()
    except (ClientError, BotoCoreError) as err:
        if not passes_by_itself(err):
            raise explain(err, doing) from err
        return error_code(err) or type(err).__name__
