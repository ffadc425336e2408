"""What differs from a stack's template, as CloudFormation tells it, and what is made of it."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError
from deployments import ACCOUNT, ENSURE, FORWARDER, WANTED, aim, with_function
from planning import AROUND, planned

from continuous_backup import naming
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.operations.deployment import drift
from continuous_backup.operations.deployment.actions import GiveRole, RevertRolesStack, UpdateRolesStack
from continuous_backup.operations.deployment.drift import Drift
from continuous_backup.operations.deployment.state import ImagesBucket
from continuous_backup.operations.notes import Note
from tests.unit.operations.deployment.observing import drifted, drifted_role

ROLE = "DynamoDBContinuousBackup-eu-west-1-Delivery"
STACK = naming.ROLES_STACK


def _policy(name: str, effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": "s3:*", "Resource": "*"}
    return json.dumps({"PolicyName": name, "PolicyDocument": {"Statement": [statement]}})


def _difference(path: str, kind: str, expected: str = "null", actual: str = "null") -> dict[str, str]:
    return {"PropertyPath": path, "DifferenceType": kind, "ExpectedValue": expected, "ActualValue": actual}


def _look(aws, **how):
    return drift.look(aws, STACK, "CREATE_COMPLETE", lambda _: None, **how)


def test_look_where_nothing_differs_finds_nothing_and_waits_while_cloudformation_looks(aws, stub, clock):
    drifted(stub)
    told = []

    assert drift.look(aws, STACK, "UPDATE_COMPLETE", told.append) == ()
    assert clock.slept == [2.0]
    assert told == [f"CloudFormation compares stack {STACK} with what is there, which takes some seconds"]


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (_difference("/Policies/0", "REMOVE", expected=_policy("DeliverToS3")), "policy DeliverToS3 is gone"),
        (
            _difference("/Policies/1/PolicyDocument/Statement/0/Action", "NOT_EQUAL", '"s3:*"', '"s3:Get*"'),
            "policy EncryptObjects is another",
        ),
        (_difference("/Policies/1/PolicyDocument/Statement/1", "REMOVE"), "policy EncryptObjects is another"),
        (_difference("/AssumeRolePolicyDocument/Statement/0/Effect", "NOT_EQUAL"), "its trust policy is another"),
        (_difference("/Policies", "REMOVE"), "its Policies is another"),
        (_difference("/Description", "NOT_EQUAL"), "its Description is another"),
    ],
)
def test_look_where_a_role_has_lost_something_says_what(aws, stub, difference, words):
    drifted(stub, drifted_role(ROLE, difference, policies=("DeliverToS3", "EncryptObjects")))

    assert _look(aws) == (Drift(ROLE, lost=(words,)),)


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_look_where_a_policy_was_added_knows_whether_it_denies(aws, stub, effect):
    added = _difference("/Policies/2", "ADD", actual=_policy("Theirs", effect))
    drifted(stub, drifted_role(ROLE, added))

    assert _look(aws) == (Drift(ROLE, added=("policy Theirs",), denies=effect == "Deny"),)


def test_look_where_a_statement_was_added_to_one_of_our_policies_takes_it_for_somebodys(aws, stub):
    statement = json.dumps({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"})
    added = _difference("/Policies/0/PolicyDocument/Statement/3", "ADD", actual=statement)
    drifted(stub, drifted_role(ROLE, added, policies=("DeliverToS3",)))

    assert _look(aws) == (Drift(ROLE, added=("more in policy DeliverToS3",)),)


@pytest.mark.parametrize("expected", ["", "null", "[]", '{"Policies": null}', '{"Policies": [1]}'])
def test_look_where_cloudformation_tells_its_differences_oddly_still_tells_them(aws, stub, expected):
    odd = drifted_role(ROLE, _difference("Policies", "NOT_EQUAL"), _difference("/Policies/0/x", "REMOVE"))
    drifted(stub, {**odd, "ExpectedProperties": expected})

    (found,) = _look(aws)

    assert len(found.lost) == 2


def test_look_where_there_are_pages_reads_all(aws, stub):
    gone = drifted_role("DynamoDBContinuousBackup-eu-west-1-Events", status="DELETED")
    drifted(stub, drifted_role(ROLE, _difference("/Description", "NOT_EQUAL")), gone)

    assert [each.gone for each in _look(aws)] == [False, True]


def test_look_at_some_resources_asks_for_them_alone_and_tells_of_no_other(aws, stub):
    others = drifted_role("Another", _difference("/Policies/0", "REMOVE", expected=_policy("P")))
    mine = drifted_role(ROLE, _difference("/Policies/0", "REMOVE", expected=_policy("P")))
    drifted(stub, others, mine, LogicalResourceIds=["DeliveryRole"])

    assert [each.role for each in _look(aws, resources=["DeliveryRole"])] == [ROLE]


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_look_at_a_stack_where_cloudformation_cannot_look_asks_nothing(aws, stub, status):
    stub("cloudformation")

    assert drift.look(aws, STACK, status, lambda _: None) is None


@pytest.mark.parametrize("code", ["AccessDenied", "Throttling", "ValidationError"])
def test_look_where_cloudformation_refuses_is_unknown(aws, stub, code):
    stub("cloudformation").add_client_error("detect_stack_drift", code)

    assert _look(aws) is None


def test_look_where_cloudformation_cannot_be_reached_is_unknown(aws, stub):
    def unreachable(**_):
        raise EndpointConnectionError(endpoint_url="https://cloudformation")

    stub("cloudformation")
    aws.client("cloudformation").meta.events.register(
        "provide-client-params.cloudformation.DetectStackDrift", unreachable
    )

    assert _look(aws) is None


def test_look_where_the_looking_fails_or_never_ends_is_unknown(aws, stub):
    cloudformation = stub("cloudformation")
    for status, times in (("DETECTION_FAILED", 1), ("DETECTION_IN_PROGRESS", 61)):
        cloudformation.add_response("detect_stack_drift", {"StackDriftDetectionId": "looking"})
        looked = {"StackId": "s", "StackDriftDetectionId": "looking", "DetectionStatus": status, "Timestamp": 0}
        for _ in range(times):
            cloudformation.add_response("describe_stack_drift_detection_status", looked)

        assert _look(aws) is None


# --- what is made of it

LOST = Drift(ROLE, lost=("policy DeliverToS3 is gone",))
GONE = Drift(f"{ROLE.removesuffix('Delivery')}Ensure", gone=True)


def _with_drift(*found: Drift, **changes):
    return replace(WANTED, roles_stack=replace(WANTED.roles_stack, drift=found, **changes))


def test_plan_where_a_role_lost_a_policy_reverts_that_and_says_what_it_was():
    steps = planned(_with_drift(LOST))

    assert steps == [RevertRolesStack(WANTED.roles_stack, (LOST,))]
    assert str(steps[0]).endswith(f": role {ROLE}: policy DeliverToS3 is gone")


def test_plan_where_the_template_changed_too_does_both_in_one():
    assert planned(_with_drift(LOST, template="older")) == [RevertRolesStack(WANTED.roles_stack, (LOST,))]


def test_plan_where_a_role_is_gone_gives_the_function_the_new_one():
    steps = planned(_with_drift(GONE))

    assert steps == [
        RevertRolesStack(WANTED.roles_stack, (GONE,)),
        GiveRole(ENSURE, WANTED.functions[ENSURE].role_arn),
    ]


def test_plan_where_a_role_is_gone_and_nothing_can_be_reverted_gives_no_function_what_is_not_there():
    added = Drift(ROLE, added=("policy Theirs",))

    assert [type(each) for each in planned(_with_drift(GONE, added))] == [Note, Note]


@pytest.mark.parametrize("denies", [True, False])
def test_plan_where_somebody_added_a_policy_leaves_it_and_says_so(denies):
    steps = planned(_with_drift(Drift(ROLE, added=("policy Theirs",), denies=denies)))

    assert [(type(each), each.loud, each.undone) for each in steps] == [(Note, denies, False)]
    assert "policy Theirs" in str(steps[0])
    assert ("denies something" in str(steps[0])) is denies


def test_plan_where_repairing_would_take_away_what_somebody_added_leaves_it_to_people():
    both = replace(LOST, added=("policy Theirs",))
    steps = planned(_with_drift(both, template="older"))

    assert [type(each) for each in steps] == [UpdateRolesStack, Note, Note]
    assert "policy DeliverToS3 is gone" in str(steps[1])
    assert "attach that as a managed policy" in str(steps[1])
    assert steps[1].loud
    assert steps[1].undone


def test_plan_where_it_is_unknown_what_differs_says_so_and_goes_on():
    steps = planned(replace(WANTED, roles_stack=replace(WANTED.roles_stack, drift=None)))

    assert [(type(each), each.undone) for each in steps] == [(Note, False)]
    assert "cloudformation:DetectStackDrift" in str(steps[0])


# --- item images

IMAGES = aim(item_images=ItemImages(replica_account_id="999999999999", replica_region="eu-central-1"))
OURS = ImagesBucket(naming.default_images_bucket(ACCOUNT), ours=True)


def test_plan_where_the_replication_role_lost_a_policy_says_loudly_that_it_is_for_people_to_revert():
    lost = Drift("DynamoDBItemImages-eu-west-1-Replication", lost=("policy Replicate is gone",))
    steps = planned(replace(IMAGES, images_stack=replace(IMAGES.images_stack, drift=(lost,))), IMAGES)

    assert [(type(each), each.loud, each.undone) for each in steps] == [(Note, True, True)]
    assert "docs/iam.md#roles-that-were-changed-by-hand" in str(steps[0])


@pytest.mark.parametrize(
    ("found", "words"),
    [({"versioned": False}, "versioning of bucket"), ({"replicates": False}, "no replication rule that is on")],
)
def test_plan_where_our_images_bucket_lost_what_keeps_images_says_so_loudly(found, words):
    steps = planned(IMAGES, IMAGES, replace(AROUND, images_bucket=replace(OURS, **found)))

    assert [(type(each), each.loud, each.undone) for each in steps] == [(Note, True, True)]
    assert words in str(steps[0])


def test_plan_where_a_replica_is_only_now_asked_for_does_not_miss_its_rule():
    there = replace(IMAGES, images_stack=replace(IMAGES.images_stack, parameters={"BucketName": OURS.name}))
    steps = planned(there, IMAGES, replace(AROUND, images_bucket=replace(OURS, replicates=False)))

    assert not any("no replication rule" in str(each) for each in steps)


def test_plan_where_a_stack_could_not_even_be_looked_at_blames_no_permission():
    there = replace(WANTED.roles_stack, drift=None, status="UPDATE_FAILED")

    assert planned(replace(WANTED, roles_stack=there)) == []


def test_plan_where_our_images_bucket_is_as_it_was_made_says_nothing():
    assert planned(IMAGES, IMAGES, replace(AROUND, images_bucket=OURS)) == []


# --- from one role to a role for each function


@pytest.mark.parametrize("key", ["", "arn:aws:kms:eu-west-1:123456789012:key/1"])
def test_plan_where_functions_get_roles_of_their_own_says_which_keys_have_to_name_them(key):
    wanted = aim(kms_key_arn=key)
    there = with_function(wanted, ENSURE, role_arn=wanted.functions[FORWARDER].role_arn)
    steps = planned(there, wanted)

    assert steps[0] == GiveRole(ENSURE, wanted.functions[ENSURE].role_arn)
    assert [(type(each), each.loud) for each in steps[1:]] == [(Note, True)]
    assert "EnsureDynamoBackup (DynamoDBContinuousBackup-eu-west-1-Ensure)" in str(steps[1])


def test_plan_where_a_role_of_peoples_is_given_up_says_nothing_of_keys():
    there = with_function(WANTED, ENSURE, role_arn="arn:aws:iam::123456789012:role/mine")

    assert planned(there) == [GiveRole(ENSURE, WANTED.functions[ENSURE].role_arn)]
