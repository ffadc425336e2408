from collections.abc import Callable

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from continuous_backup.configuration.config import keys
from continuous_backup.errors import AwsError, UsageError
from continuous_backup.patience import (
    LONGEST_PAUSE_SECONDS,
    RETRYING_SECONDS,
    SECONDS_OF_A_CALL,
    passes_by_itself,
)
from tests.unit.streams_to_firehose.fakes import DENIED, THROTTLED, UNHEARD, Time, client_error

URL = "https://firehose.eu-west-1.amazonaws.com/"
NEVER = "refused"


def attempts(*answers: str | Exception) -> Callable[[], str]:
    left = list(answers)

    def attempt() -> str:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return attempt


@pytest.mark.parametrize(
    "err",
    [
        client_error("ServiceUnavailableException", 503),
        client_error("ServiceUnavailableException", 400),
        client_error("LimitExceededException"),
        client_error("ThrottlingException"),
        client_error("KMS.ThrottlingException"),
        client_error("SlowDown", 503, "PutObject"),
        client_error("RequestTimeout", 400, "PutObject"),
        client_error("SomethingNew", 500),
        client_error("SomethingNew", 429),
        UNHEARD,
        ConnectTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
    ],
)
def test_passes_by_itself_when_aws_is_busy_or_out_of_reach_expects_yes(err: Exception):
    assert passes_by_itself(err)


@pytest.mark.parametrize(
    "err",
    [
        DENIED,
        client_error("AccessDenied", 403, "PutObject"),
        client_error("NoSuchBucket", 404, "PutObject"),
        client_error("InvalidArgumentException"),
        client_error("InvalidKMSResourceException"),
        client_error("ResourceNotFoundException"),
        client_error("ExpiredTokenException"),
        NoCredentialsError(),
        ParamValidationError(report="Data"),
        ValueError("ours"),
    ],
)
def test_passes_by_itself_when_somebody_has_to_mend_it_expects_no(err: Exception):
    assert not passes_by_itself(err)


def test_try_until_done_when_it_is_done_at_once_expects_one_call_and_no_pause():
    time = Time()
    patience = time.patience()
    assert patience.try_until_done(attempts(""), "it") == ""
    assert (patience.calls, patience.retries, time.pauses) == (1, 0, [])


def test_try_until_done_when_refused_and_throttled_expects_it_tried_again():
    patience = Time().patience()
    assert patience.try_until_done(attempts("refused", THROTTLED, UNHEARD, ""), "it") == ""
    assert (patience.calls, patience.retries) == (4, 3)


def test_try_until_done_when_it_goes_on_expects_pauses_that_double_up_to_a_cap():
    time = Time(left=60)
    time.patience(random=1.0).try_until_done(lambda: NEVER, "it")
    assert time.pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2] + [5.0] * (len(time.pauses) - 6))
    assert len(time.pauses) == 8


def test_try_until_done_when_it_goes_on_expects_pauses_spread_from_zero():
    time = Time(left=60)
    time.patience(random=0.25).try_until_done(attempts(*[THROTTLED] * 3, ""), "it")
    assert time.pauses == pytest.approx([0.025, 0.05, 0.1])


def test_try_until_done_when_tried_thousands_of_times_expects_the_last_reason_and_a_finite_pause():
    time = Time(left=1e6)
    assert time.patience(random=0.0).try_until_done(attempts(*[NEVER] * 5000, ""), "it") == ""
    assert max(time.pauses) == 0


def test_try_until_done_when_it_goes_on_expects_an_end_though_there_is_time_left():
    time = Time(left=900)
    assert time.patience().try_until_done(lambda: NEVER, "it") == NEVER
    assert 900 - RETRYING_SECONDS <= time.left <= 900 - RETRYING_SECONDS + LONGEST_PAUSE_SECONDS


def test_try_until_done_when_attempts_themselves_take_long_expects_their_time_counted():
    time = Time(left=900)

    def slow() -> str:
        time.left -= 9
        return NEVER

    patience = time.patience()
    assert patience.try_until_done(slow, "it") == NEVER
    assert patience.calls == 3


def test_try_until_done_when_one_thing_used_up_the_retrying_expects_the_next_tried_once():
    time = Time(left=900)
    patience = time.patience()
    patience.try_until_done(lambda: NEVER, "it")
    calls = patience.calls
    assert patience.try_until_done(lambda: NEVER, "another") == NEVER
    assert patience.calls == calls + 1
    assert patience.try_until_done(attempts(""), "a third") == ""


def test_try_until_done_when_much_succeeds_expects_no_end_of_it():
    time = Time(left=900)
    patience = time.patience()

    def slow_but_done() -> str:
        time.left -= 5
        return ""

    assert [patience.try_until_done(slow_but_done, "it") for _ in range(100)] == [""] * 100


def test_try_until_done_when_time_runs_short_expects_the_last_reason_with_time_for_the_answer():
    time = Time(left=60, seconds_a_call=0)
    assert time.patience().try_until_done(lambda: NEVER, "it") == NEVER
    assert time.left >= SECONDS_OF_A_CALL


def test_try_until_done_when_no_time_is_left_expects_no_second_thing_begun():
    time = Time(left=60)
    patience = time.patience()
    assert patience.try_until_done(attempts(""), "it") == ""
    time.left = SECONDS_OF_A_CALL - 0.001
    assert patience.try_until_done(attempts(), "it") == "no time was left to try"
    assert patience.calls == 1


def test_try_until_done_when_no_time_is_left_at_all_expects_the_first_thing_tried_all_the_same():
    patience = Time(left=0.5).patience()
    assert patience.try_until_done(attempts(THROTTLED), "it") == "ThrottlingException"
    assert patience.try_until_done(attempts(), "it") == "no time was left to try"


def test_try_until_done_when_aws_refuses_for_good_expects_an_error_that_says_where():
    with pytest.raises(AwsError, match="delivery stream Orders: PutRecordBatch") as raised:
        Time().patience().try_until_done(attempts(THROTTLED, DENIED), "delivery stream Orders")
    assert raised.value.code == "AccessDeniedException"
    assert "allow PutRecordBatch" in raised.value.hint


def test_try_until_done_when_there_are_no_credentials_expects_an_error():
    with pytest.raises(UsageError, match="no AWS credentials"):
        Time().patience().try_until_done(attempts(NoCredentialsError()), "it")


def test_seconds_of_a_call_when_the_function_has_its_shortest_time_out_expects_time_for_a_call():
    assert keys()["forwarderTimeoutSeconds"].metadata["least"] > SECONDS_OF_A_CALL
