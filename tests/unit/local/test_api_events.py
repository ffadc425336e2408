"""What EventBridge makes of a call, and whom a function's policy lets invoke it."""

import pytest

from local.api_events import event_bridge_event, lets_rule_invoke

RULE = "arn:aws:events:eu-west-1:123456789012:rule/DynamoDBCreateDelete"
CALL = {
    "eventSource": "dynamodb.amazonaws.com",
    "eventName": "CreateTable",
    "eventTime": "2026-08-03T10:00:00Z",
    "awsRegion": "eu-west-1",
    "recipientAccountId": "123456789012",
    "readOnly": "false",
    "requestParameters": {
        "TableName": "Orders",
        "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True},
    },
}


def policy(**changed: object) -> dict[str, object]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Condition": {"ArnLike": {"AWS:SourceArn": RULE}},
        **changed,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_event_of_a_call_is_what_eventbridge_delivers():
    event = event_bridge_event(CALL)

    assert event.pop("id")
    detail = event.pop("detail")
    assert event == {
        "version": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.dynamodb",
        "account": "123456789012",
        "time": "2026-08-03T10:00:00Z",
        "region": "eu-west-1",
        "resources": [],
    }
    assert detail["eventName"] == "CreateTable"
    assert detail["readOnly"] is False
    assert detail["requestParameters"] == {
        "tableName": "Orders",
        "keySchema": [{"attributeName": "Id", "keyType": "HASH"}],
        "streamSpecification": {"streamEnabled": True},
    }


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"Principal": "*"},
        {"Action": ["lambda:GetFunction", "lambda:InvokeFunction"]},
        {"Condition": {"ArnLike": {"AWS:SourceArn": RULE.replace("DynamoDBCreateDelete", "*")}}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}},
    ],
)
def test_policy_that_names_the_rule_lets_it_invoke(changed):
    assert lets_rule_invoke(policy(**changed), RULE)


@pytest.mark.parametrize(
    "changed",
    [
        {"Effect": "Deny"},
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Action": "lambda:GetFunction"},
        {"Condition": {"ArnLike": {"AWS:SourceArn": RULE + "2"}}},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": "999999999999"}}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ],
)
def test_policy_that_does_not_name_the_rule_does_not_let_it_invoke(changed):
    assert not lets_rule_invoke(policy(**changed), RULE)


def test_policy_without_statements_lets_nobody_invoke():
    assert not lets_rule_invoke({"Statement": []}, RULE)
