"""The evaluator decides as IAM documents it; the other tests here are worth as much as this."""

import pytest

from tests.unit.iam.evaluator import Request, allows, trusts

BUCKET = "arn:aws:s3:::bucket"
PUT = {"Effect": "Allow", "Action": ["s3:Put*"], "Resource": f"{BUCKET}/a/*"}


def test_allows_when_nothing_matches_denies():
    assert not allows([], Request("s3:PutObject", f"{BUCKET}/a/key"))
    assert not allows([PUT], Request("s3:GetObject", f"{BUCKET}/a/key"))
    assert not allows([PUT], Request("s3:PutObject", f"{BUCKET}/b/key"))


def test_allows_when_action_and_resource_match_allows():
    assert allows([PUT], Request("S3:putobject", f"{BUCKET}/a/deep/key"))


def test_allows_when_a_statement_denies_denies_whatever_else_allows():
    deny = {"Effect": "Deny", "Action": "*", "Resource": f"{BUCKET}/a/secret"}
    assert not allows([PUT, deny], Request("s3:PutObject", f"{BUCKET}/a/secret"))


def test_allows_when_the_call_has_no_resource_needs_a_star():
    on_tables = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/*"}
    assert not allows([on_tables], Request("dynamodb:ListTables"))
    assert allows([{**on_tables, "Resource": "*"}], Request("dynamodb:ListTables"))


@pytest.mark.parametrize(
    ("operator", "expected", "actual", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringLike", "a*", "ab", True),
        ("ArnEquals", "arn:aws:lambda:r:1:function:f", "arn:aws:lambda:r:1:function:f", True),
        ("ArnEquals", "arn:aws:lambda:r:1:function:f", "arn:aws:lambda:r:1:function:g", False),
        ("ArnLike", "arn:aws:lambda:*:function:f", "arn:aws:lambda:r:1:function:f", False),
        ("ArnLike", "arn:aws:lambda:*:1:function:f", "arn:aws:lambda:r:1:function:f", True),
        ("ArnEqualsIfExists", "arn:aws:lambda:r:1:function:f", None, True),
        ("ForAnyValue:StringEquals", "a", ["b", "a"], True),
        ("ForAnyValue:StringEquals", "a", ["b"], False),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAllValues:StringEquals", ["a", "b"], ["b", "a"], True),
        ("ForAllValues:StringEquals", "a", ["a", "b"], False),
        ("ForAllValues:StringEquals", "a", None, True),
        ("Null", "false", "a", True),
        ("Null", "false", None, False),
        ("Null", "true", None, True),
        ("ArnNotEquals", "arn:aws:iam::1:role/r", "arn:aws:iam::1:role/r", False),
        ("ArnNotEquals", "arn:aws:iam::1:role/r", "arn:aws:iam::1:role/s", True),
        ("ArnNotEquals", "arn:aws:iam::1:role/r", None, True),
    ],
)
def test_condition_when_evaluated_holds_as_documented(operator, expected, actual, holds):
    statement = {**PUT, "Condition": {operator: {"aws:Key": expected}}}
    context = {} if actual is None else {"AWS:key": actual}
    assert allows([statement], Request("s3:PutObject", f"{BUCKET}/a/key", context)) is holds


def test_conditions_when_there_are_several_all_have_to_hold():
    statement = {**PUT, "Condition": {"StringEquals": {"k": "a", "l": "b"}}}
    assert allows([statement], Request("s3:PutObject", f"{BUCKET}/a/key", {"k": "a", "l": "b"}))
    assert not allows([statement], Request("s3:PutObject", f"{BUCKET}/a/key", {"k": "a", "l": "c"}))


def test_trusts_when_asked_for_another_service_denies():
    trust = [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    assert trusts(trust, "lambda.amazonaws.com", {})
    assert not trusts(trust, "ec2.amazonaws.com", {})


@pytest.mark.parametrize("unknown", [{"NotAction": "s3:*"}, {"Condition": {"DateLessThan": {"k": "v"}}}])
def test_allows_when_a_policy_uses_what_is_not_known_raises(unknown):
    with pytest.raises((NotImplementedError, KeyError)):
        allows([{**PUT, **unknown}], Request("s3:PutObject", f"{BUCKET}/a/key", {"k": "v"}))
