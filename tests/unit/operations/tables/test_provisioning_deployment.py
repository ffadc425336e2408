"""What provisioning asks of the deployment: that it is there and as configured, and how far it is behind."""

from dataclasses import replace

import pytest

from continuous_backup.aws import ClientError
from continuous_backup.errors import UsageError
from continuous_backup.operations.deployment.wanted import description
from continuous_backup.operations.tables.provisioning import (
    for_release,
    lag,
)
from tests.unit.operations.tables.provisionings import CONFIG, provisioning

# --- the forwarder


FUNCTIONS = ("LambdaStreamToFirehose", "EnsureDynamoBackup")


def deployed(stub, *told: str) -> None:
    """What the functions say of themselves, the forwarder first; an empty text: it is not there."""
    for name, description_ in zip(FUNCTIONS, told, strict=False):
        if description_:
            answer = {"Description": description_}
            stub("lambda").add_response("get_function_configuration", answer, {"FunctionName": name})
        else:
            stub("lambda").add_client_error("get_function_configuration", "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("told", "missing"), [([""], "LambdaStreamToFirehose"), ([description(CONFIG), ""], "EnsureDynamoBackup")]
)
def test_require_deployment_where_one_is_missing_says_what_to_do_first(aws, stub, told, missing):
    deployed(stub, *told)

    with pytest.raises(UsageError, match=rf"^there is no function {missing} in eu-west-1$") as caught:
        provisioning(aws).require_deployment()

    assert "deploy.py" in caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [{}, {"log_retention_days": 7}, {"ensure_timeout_seconds": 60}, {"forwarder_memory_mb": 1024}],
)
def test_require_deployment_where_both_wire_in_the_same_way_is_content(aws, stub, changes):
    told = description(replace(CONFIG, **changes))
    deployed(stub, told, told)

    provisioning(aws).require_deployment()


@pytest.mark.parametrize("other", [description(replace(CONFIG, prefix="elsewhere")), "theirs"])
@pytest.mark.parametrize("deployment_was_interrupted", [True, False])
def test_require_deployment_where_one_has_another_configuration_says_which(
    aws, stub, other, deployment_was_interrupted
):
    """Also the second alone: a deployment that was interrupted has changed the forwarder and not the other."""
    deployed(stub, *([description(CONFIG), other] if deployment_was_interrupted else [other]))

    with pytest.raises(UsageError, match="another configuration than that of the deployed function") as caught:
        provisioning(aws).require_deployment()

    assert "--config-file" in caught.value.hint


def test_require_deployment_that_may_not_look_does_not_say_that_there_is_none(aws, stub):
    stub("lambda").add_client_error("get_function_configuration", "AccessDeniedException")

    with pytest.raises(ClientError):
        provisioning(aws).require_deployment()


@pytest.mark.parametrize(("timeout", "waited"), [(900, 900), (15, CONFIG.forwarder_timeout_seconds)])
def test_for_release_whatever_is_deployed_gives_invocations_their_own_time(aws, stub, timeout, waited):
    stub("lambda").add_response("get_function_configuration", {"Timeout": timeout, "Description": "another"})

    assert for_release(aws, CONFIG) == replace(CONFIG, forwarder_timeout_seconds=waited)


def test_for_release_where_no_forwarder_is_left_waits_as_configured(aws, stub):
    stub("lambda").add_client_error("get_function_configuration", "ResourceNotFoundException")

    assert for_release(aws, CONFIG) == CONFIG


# --- how far behind


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], "not known: nothing was measured in the last 15 minutes"),
        ([{"Maximum": 1200.0}, {"Maximum": 61_000.0}], "at most 61 s over all tables in the last 15 minutes"),
    ],
)
def test_lag_is_the_worst_of_the_last_quarter_of_an_hour(aws, stub, clock, points, said):
    stub("cloudwatch").add_response(
        "get_metric_statistics",
        {"Datapoints": points},
        {
            "Namespace": "AWS/Lambda",
            "MetricName": "IteratorAge",
            "Dimensions": [{"Name": "FunctionName", "Value": "LambdaStreamToFirehose"}],
            "StartTime": clock.now - 900,
            "EndTime": clock.now,
            "Period": 60,
            "Statistics": ["Maximum"],
        },
    )

    assert lag(aws) == said


def test_lag_that_may_not_be_asked_for_is_unknown(aws, stub):
    stub("cloudwatch").add_client_error("get_metric_statistics", "AccessDenied")

    assert lag(aws) == "unknown (AccessDenied)"
