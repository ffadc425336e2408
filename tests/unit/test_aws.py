"""AWS's SDK behind one wrapper: pages, pace, and its errors in words."""

import pytest
from botocore import exceptions as sdk

from continuous_backup.aws import Aws, ClientError, Pace, error_code, explain
from continuous_backup.errors import AwsError, BackupError, ExitCode, UsageError
from continuous_backup.naming import Account


def refused(code: str, message: str = "no", operation: str = "DescribeTable") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


# --- connecting


def test_aws_without_a_region_says_where_to_set_one(no_aws_settings):
    with pytest.raises(UsageError, match=r"^no AWS region is set$") as caught:
        Aws()

    assert caught.value.hint == "give --region, set region in the configuration file, or set AWS_REGION"


def test_aws_with_regions_in_the_environment_takes_the_nearest(no_aws_settings, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert Aws().region == "eu-central-1"

    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert Aws().region == "eu-north-1"
    assert Aws(region="eu-west-1").region == "eu-west-1"


def test_aws_with_a_profile_that_is_not_there_names_it(no_aws_settings):
    with pytest.raises(UsageError, match=r"^there is no AWS profile nobody$") as caught:
        Aws(profile="nobody", region="eu-west-1")

    assert "list-profiles" in caught.value.hint


def test_aws_with_a_profile_in_the_environment_that_is_not_there_names_it(no_aws_settings, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(UsageError, match=r"^there is no AWS profile nobody$"):
        Aws(region="eu-west-1")


def test_account_without_credentials_says_how_to_get_some(aws):
    with pytest.raises(UsageError, match=r"^there are no AWS credentials$") as caught:
        aws.account()

    assert "--profile" in caught.value.hint


def test_account_with_half_of_the_credentials_says_that_there_are_none(aws, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half")

    with pytest.raises(UsageError, match=r"^there are no AWS credentials$"):
        aws.account()


@pytest.mark.parametrize("region", ["eu west 1", "mars", "eu-west", "EU-WEST-1"])
def test_account_with_a_region_that_cannot_be_one_names_it(no_aws_settings, region):
    with pytest.raises(UsageError, match=f"^{region} is not an AWS region$"):
        Aws(region=region).account()


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "eu-west-99"])
def test_account_with_a_region_that_is_one_or_may_become_one_goes_on_to_ask(no_aws_settings, region):
    with pytest.raises(UsageError, match="credentials"):
        Aws(region=region).account()


def test_account_with_an_endpoint_that_is_no_url_is_the_persons_mistake(no_aws_settings):
    with pytest.raises(UsageError, match="localhost:4566") as caught:
        Aws(region="eu-west-1", endpoint_url="localhost:4566").account()

    assert "http://" in caught.value.hint


def test_account_is_asked_for_once_and_tells_the_partition(aws, stub):
    stub("sts").add_response(
        "get_caller_identity",
        {"Account": "123456789012", "Arn": "arn:aws-cn:iam::123456789012:user/me", "UserId": "me"},
    )

    assert aws.account() == aws.account() == Account("123456789012", "eu-west-1", "aws-cn")


def test_account_with_expired_credentials_says_so(aws, stub):
    stub("sts").add_client_error("get_caller_identity", "ExpiredToken", "The security token is expired")

    with pytest.raises(UsageError, match="does not accept these credentials"):
        aws.account()


def test_client_of_a_service_is_made_once(aws):
    assert aws.client("sqs") is aws.client("sqs")
    assert aws.client("sqs", informs=True) is aws.client("sqs", informs=True) is not aws.client("sqs")


def longest_wait(client) -> float:
    """Seconds until a call is given up whose endpoint takes connections, and never answers."""
    config = client.meta.config
    return config.retries["total_max_attempts"] * config.read_timeout


@pytest.mark.parametrize(
    ("service", "informs"),
    [
        ("cloudtrail", False),
        ("cloudwatch", False),
        ("iam", False),
        ("lambda", True),
        ("logs", True),
        ("pipes", False),
        ("resourcegroupstaggingapi", False),
    ],
)
def test_client_that_only_informs_is_not_waited_for_long(aws, service, informs):
    client = aws.client(service, informs=informs)
    assert longest_wait(client) == 20
    assert client.meta.config.connect_timeout == 10


@pytest.mark.parametrize("service", ["dynamodb", "firehose", "lambda", "logs", "s3"])
def test_client_whose_answer_decides_is_waited_for(aws, service):
    aws.client(service, informs=True)
    assert longest_wait(aws.client(service)) == 480


# --- pages


def test_pages_over_several_pages_are_one_list(aws, stub):
    dynamodb = stub("dynamodb")
    dynamodb.add_response(
        "list_tables", {"TableNames": ["aaa", "bbb"], "LastEvaluatedTableName": "bbb"}, {"Limit": 2}
    )
    dynamodb.add_response(
        "list_tables",
        {"TableNames": [], "LastEvaluatedTableName": "ccc"},
        {"Limit": 2, "ExclusiveStartTableName": "bbb"},
    )
    dynamodb.add_response("list_tables", {"TableNames": ["ddd"]}, {"Limit": 2, "ExclusiveStartTableName": "ccc"})

    assert aws.pages("dynamodb", "list_tables", "TableNames", Limit=2) == ["aaa", "bbb", "ddd"]


def test_pages_without_the_key_are_empty(aws, stub):
    stub("lambda").add_response("list_event_source_mappings", {})

    assert aws.pages("lambda", "list_event_source_mappings", "EventSourceMappings") == []


def test_pages_where_one_is_refused_give_nothing_less_than_all(aws, stub):
    stub("dynamodb").add_response("list_tables", {"TableNames": ["aaa"], "LastEvaluatedTableName": "aaa"})
    stub("dynamodb").add_client_error("list_tables", "ThrottlingException")

    with pytest.raises(ClientError):
        aws.pages("dynamodb", "list_tables", "TableNames")


# --- pace


def test_pace_of_first_call_does_not_wait(aws, clock):
    Pace(aws, 4).wait_for("DescribeDeliveryStream")

    assert clock.slept == []


def test_pace_of_calls_one_after_the_other_keeps_them_apart(aws, clock):
    pace = Pace(aws, 4)
    started = clock.now

    for _ in range(9):
        pace.wait_for("DescribeDeliveryStream")

    assert clock.now - started == pytest.approx(8 / 4)


def test_pace_of_calls_that_took_their_time_does_not_wait(aws, clock):
    pace = Pace(aws, 4)

    for _ in range(3):
        pace.wait_for("DescribeDeliveryStream")
        clock.now += 0.3

    assert clock.slept == []


def test_pace_after_a_pause_does_not_make_up_for_it_with_a_burst(aws, clock):
    pace = Pace(aws, 4)
    pace.wait_for("DescribeDeliveryStream")
    clock.now += 100

    for _ in range(3):
        pace.wait_for("DescribeDeliveryStream")

    assert clock.slept == pytest.approx([0.25, 0.25])


def test_pace_of_another_operation_is_its_own(aws, clock):
    pace = Pace(aws, 4)

    pace.wait_for("DescribeDeliveryStream")
    pace.wait_for("ListDeliveryStreams")

    assert clock.slept == []


# --- errors in words


@pytest.mark.parametrize(
    ("raised", "kind", "exit_code", "problem", "hint"),
    [
        (sdk.NoCredentialsError(), UsageError, 2, "there are no AWS credentials", "aws sso login"),
        (
            sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            UsageError,
            2,
            "there are no AWS credentials",
            "AWS_SECRET_ACCESS_KEY",
        ),
        (sdk.NoRegionError(), UsageError, 2, "no AWS region is set", "AWS_REGION"),
        (sdk.ProfileNotFound(profile="p"), UsageError, 2, "there is no AWS profile p", "list-profiles"),
        *(
            (
                refused(code, "bad token"),
                UsageError,
                2,
                f"AWS does not accept these credentials ({code}: bad token)",
                "log in again",
            )
            for code in ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch")
        ),
        *(
            (refused(code, "not allowed"), AwsError, 1, "DescribeTable: not allowed", "allow DescribeTable")
            for code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
        ),
        (refused("403", "Forbidden", "HeadBucket"), AwsError, 1, "HeadBucket: Forbidden", "docs/iam.md"),
        (
            refused("AccessDenied", "User me may not assume role r", "AssumeRole"),
            AwsError,
            1,
            "AssumeRole: User me may not assume role r",
            "trust relationship",
        ),
        *(
            (
                refused(code, "slow down"),
                AwsError,
                1,
                "DescribeTable: slow down (after 8 attempts)",
                "again in a minute",
            )
            for code in ("ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown")
        ),
        (
            refused("ValidationException", "no such thing"),
            AwsError,
            1,
            "DescribeTable: no such thing (ValidationException)",
            "",
        ),
        (refused("Odd", ""), AwsError, 1, "DescribeTable: Odd (Odd)", ""),
        (
            sdk.WaiterError(name="FunctionActive", reason="Max attempts exceeded", last_response={}),
            AwsError,
            1,
            "Waiter FunctionActive failed: Max attempts exceeded",
            "",
        ),
    ],
)
def test_explain_says_in_one_sentence_and_with_the_exit_code(raised, kind, exit_code, problem, hint):
    explained = explain(raised)

    assert type(explained) is kind
    assert (explained.exit_code, explained.problem) == (exit_code, problem)
    assert hint in explained.hint
    assert bool(explained.hint) == bool(hint)


@pytest.mark.parametrize(
    "raised",
    [
        sdk.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com/"),
        sdk.ConnectTimeoutError(endpoint_url="https://sts.eu-west-1.amazonaws.com/"),
        sdk.ReadTimeoutError(endpoint_url="https://sts.eu-west-1.amazonaws.com/"),
        sdk.ConnectionClosedError(endpoint_url="https://sts.eu-west-1.amazonaws.com/"),
        sdk.SSLError(endpoint_url="https://sts.eu-west-1.amazonaws.com/", error="bad certificate"),
        sdk.ProxyConnectionError(proxy_url="http://proxy", error="refused"),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_explain_where_no_answer_comes_says_unreachable(no_aws_settings, raised):
    explained = explain(raised)

    assert explained.exit_code == ExitCode.FAILED
    assert explained.problem.startswith("AWS cannot be reached: ")
    assert explained.hint == "check the network, and the name of the region"


def test_explain_where_an_endpoint_of_ones_own_does_not_answer_names_it(no_aws_settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")

    explained = explain(sdk.EndpointConnectionError(endpoint_url="http://localhost:4566/"))

    assert explained.hint == (
        "AWS_ENDPOINT_URL is http://localhost:4566: is something listening there, "
        "and does AWS_CA_BUNDLE belong to it?"
    )


@pytest.mark.parametrize(
    "raised", [refused("ThrottlingException"), refused("X"), sdk.NoCredentialsError(), sdk.NoRegionError()]
)
def test_explain_with_what_was_done_begins_with_it(raised):
    assert explain(raised, "could not create bucket b").problem.startswith("could not create bucket b: ")


def test_explain_of_an_error_for_people_leaves_it_as_it_is():
    ours = BackupError("it is so", "do that")

    assert explain(ours, "Orders") is ours


def test_explain_of_an_error_of_aws_keeps_its_code():
    assert explain(refused("AccessDenied")).code == "AccessDenied"
    assert explain(refused("ThrottlingException")).code == "ThrottlingException"
    assert explain(refused("Odd")).code == "Odd"


def test_error_code_of_something_else_is_empty():
    assert error_code(refused("Odd")) == "Odd"
    assert error_code(ClientError({}, "X")) == ""
    assert error_code(ValueError("x")) == ""


def test_explain_of_a_key_that_may_not_be_used_says_which_permissions_it_takes():
    said = explain(
        ClientError({"Error": {"Code": "InvalidKMSResourceException", "Message": "no"}}, "PutRecordBatch")
    )
    assert "kms:GenerateDataKey and kms:Decrypt" in said.hint
