"""The templates of the buckets of items' images: what travels, who may do what, and what expires when."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from continuous_backup import naming
from continuous_backup.item_images.writing import TOMBSTONE_TAG
from continuous_backup.naming import Account
from local import templates
from local.templates import Refused, RenderedStack
from tests.unit.iam import reference
from tests.unit.iam.cases import named
from tests.unit.iam.evaluator import Request, Statement, allows, listed, trusts
from tests.unit.iam.policies import actions_of
from tests.unit.iam.sample import of_object

SOURCE = Account("123456789012", "eu-west-1")
REPLICA = Account("210987654321", "eu-central-1")
STRANGER = Account("999999999999", "eu-west-1")

BUCKET = naming.default_images_bucket(SOURCE)
BUCKET_ARN = SOURCE.bucket_arn(BUCKET)
REPLICA_BUCKET = "dynamodb-item-images-replica-210987654321-eu-central-1"
REPLICA_ARN = REPLICA.bucket_arn(REPLICA_BUCKET)
ROLE = SOURCE.role_arn("DynamoDBItemImages-eu-west-1-Replication")
KEY = SOURCE.arn("kms", "key/0f3b2c1d")
REPLICA_KEY = REPLICA.arn("kms", "key/ffffffff")
IMAGE = "Orders/id.S.1/image.json"

REPLICATED = {"ReplicaBucketArn": REPLICA_ARN, "ReplicaAccountId": REPLICA.id}
KEYS = {"KmsKeyArn": KEY, "ReplicaKmsKeyArn": REPLICA_KEY}
OF_SOURCE = {"SourceAccountId": SOURCE.id, "SourceReplicationRoleArn": ROLE}
REPLICATE = ["s3:ReplicateObject", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"]


class Stack(RenderedStack):
    """What CloudFormation makes of a template, by the names of its parts."""

    @property
    def bucket(self) -> dict[str, Any]:
        return self.properties("Bucket")

    @property
    def policy(self) -> dict[str, Statement]:
        """The bucket's policy by Sid."""
        return {each["Sid"]: each for each in self.properties("BucketPolicy")["PolicyDocument"]["Statement"]}

    @property
    def lifecycle(self) -> dict[str, Any]:
        return {each["Id"]: each for each in self.bucket["LifecycleConfiguration"]["Rules"]}

    @property
    def replication_rule(self) -> dict[str, Any]:
        (rule,) = self.bucket["ReplicationConfiguration"]["Rules"]
        return dict(rule)

    @property
    def role_statements(self) -> list[Statement]:
        policies = self.properties("ReplicationRole")["Policies"]
        return [statement for each in policies for statement in each["PolicyDocument"]["Statement"]]

    @property
    def trust(self) -> list[Statement]:
        statements: list[Statement] = self.properties("ReplicationRole")["AssumeRolePolicyDocument"]["Statement"]
        return statements


def template(name: str) -> dict[str, Any]:
    return templates.read(f"item-images-{name}.yaml")


def stack(name: str, account: Account, parameters: Mapping[str, str]) -> Stack:
    made = templates.rendered(f"item-images-{name}.yaml", account, parameters)
    return Stack(made.resources, made.outputs)


def source(account: Account = SOURCE, **parameters: str) -> Stack:
    return stack("source", account, parameters)


def replica(account: Account = REPLICA, **parameters: str) -> Stack:
    return stack("replica", account, {**OF_SOURCE, **parameters})


def by_role(arn: str, account: Account) -> dict[str, str]:
    """The context of a request that a role of an account makes."""
    return {"aws:PrincipalArn": arn, "aws:PrincipalAccount": account.id}


def bucket_policy_allows(policy: Mapping[str, Statement], request: Request) -> bool:
    """Whether the policy allows it over TLS to whom the context says. NotAction is any action but these."""
    effects = set()
    for each in policy.values():
        if each["Sid"] == "DenyRequestsWithoutTls" or not _names(each["Principal"], request):
            continue
        rest = {name: its for name, its in each.items() if name not in ("Principal", "NotAction", "Effect")}
        if "NotAction" in each:
            named = {"Effect": "Allow", "Action": each["NotAction"], "Resource": "*"}
            rest["Action"] = "none:None" if allows([named], Request(request.action)) else "*"
        if allows([{**rest, "Effect": "Allow"}], request):
            effects.add(each["Effect"])
    return effects == {"Allow"}


def _names(principal: Any, request: Request) -> bool:
    return principal == "*" or principal == {"AWS": f"arn:aws:iam::{request.context['aws:PrincipalAccount']}:root"}


STACKS = {"source": source(**REPLICATED), "replica": replica()}
both = pytest.mark.parametrize("its", STACKS.values(), ids=list(STACKS))


@both
def test_bucket_keeps_versions_and_belongs_to_its_owner_alone(its: Stack):
    assert its.bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert its.bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert its.bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }


@both
@pytest.mark.parametrize("resource", ["Bucket", "BucketPolicy"])
def test_stack_when_deleted_or_replaced_leaves_the_bucket_and_its_policy(its: Stack, resource: str):
    assert its.resources[resource]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert its.resources[resource]["UpdateReplacePolicy"] == "Retain"


@both
def test_bucket_policy_denies_everything_without_tls(its: Stack):
    arn = its.outputs["BucketArn"]
    assert its.policy["DenyRequestsWithoutTls"] == {
        "Sid": "DenyRequestsWithoutTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


@both
def test_tombstones_expire_by_the_tag_that_the_function_writes(its: Stack):
    key, value = TOMBSTONE_TAG.split("=")
    rule = its.lifecycle["Tombstones"]
    assert rule["TagFilters"] == [{"Key": key, "Value": value}]
    assert rule["ExpirationInDays"] == "90"


@both
def test_latest_image_when_no_tombstone_never_expires(its: Stack):
    expiring = [name for name, rule in its.lifecycle.items() if "ExpirationInDays" in rule]
    assert expiring == ["Tombstones"]


@both
def test_older_versions_delete_markers_and_uploads_do_not_stay_for_ever(its: Stack):
    assert its.lifecycle["OlderVersions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": "35"}
    assert its.lifecycle["Remains"]["ExpiredObjectDeleteMarker"] is True
    assert its.lifecycle["Remains"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


@both
def test_lifecycle_rules_with_a_tag_have_only_what_s3_allows_with_one(its: Stack):
    (tagged,) = [rule for rule in its.lifecycle.values() if "TagFilters" in rule]
    assert not {"ExpiredObjectDeleteMarker", "AbortIncompleteMultipartUpload"} & set(tagged)


@both
def test_lifecycle_rules_are_all_on(its: Stack):
    assert {rule["Status"] for rule in its.lifecycle.values()} == {"Enabled"}


def test_days_when_given_are_those_of_both_buckets():
    for its in (source(TombstoneDays="7", NoncurrentDays="400"), replica(TombstoneDays="7", NoncurrentDays="400")):
        assert its.lifecycle["Tombstones"]["ExpirationInDays"] == "7"
        assert its.lifecycle["OlderVersions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": "400"}


def test_tombstones_cannot_expire_while_a_stream_still_replays():
    for name in ("source", "replica"):
        assert template(name)["Parameters"]["TombstoneDays"]["MinValue"] == 2


@pytest.mark.parametrize("days", ["0", ""])
def test_older_versions_when_glacier_is_off_stay_in_their_class(days: str):
    its = source(**({"GlacierDays": days} if days else {}))
    assert "NoncurrentVersionTransitions" not in its.lifecycle["OlderVersions"]


def test_older_versions_when_glacier_is_on_move_and_latest_images_do_not():
    rules = source(GlacierDays="10", GlacierStorageClass="DEEP_ARCHIVE").lifecycle
    assert rules["OlderVersions"]["NoncurrentVersionTransitions"] == [
        {"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": "10"}
    ]
    assert not any("Transitions" in rule or "Transition" in rule for rule in rules.values())


@both
def test_encryption_when_no_key_is_given_is_s3s_own(its: Stack):
    assert its.bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]


@pytest.mark.parametrize(
    ("its", "key"),
    [(source(KmsKeyArn=KEY), KEY), (replica(KmsKeyArn=REPLICA_KEY), REPLICA_KEY)],
    ids=["source", "replica"],
)
def test_encryption_when_a_key_is_given_is_with_it_and_a_bucket_key(its: Stack, key: str):
    assert its.bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        }
    ]


def test_names_when_left_out_are_made_of_account_and_region():
    assert STACKS["source"].outputs == {
        "BucketName": BUCKET,
        "BucketArn": BUCKET_ARN,
        "ReplicationRoleArn": ROLE,
    }
    assert STACKS["replica"].outputs == {"BucketName": REPLICA_BUCKET, "BucketArn": REPLICA_ARN}


def test_names_when_given_are_used_everywhere():
    its = source(**REPLICATED, **KEYS, BucketName="ours", ReplicationRoleName="Ours")
    assert its.outputs == {
        "BucketName": "ours",
        "BucketArn": "arn:aws:s3:::ours",
        "ReplicationRoleArn": SOURCE.role_arn("Ours"),
    }
    assert BUCKET not in json.dumps(its.resources)
    assert replica(BucketName="theirs").outputs["BucketArn"] == "arn:aws:s3:::theirs"
    assert REPLICA_BUCKET not in json.dumps(replica(BucketName="theirs").resources)


def test_replication_when_no_replica_is_given_is_off_and_has_no_role():
    its = source()
    assert "ReplicationConfiguration" not in its.bucket
    assert "ReplicationRole" not in its.resources
    assert set(its.outputs) == {"BucketName", "BucketArn"}


def test_replication_rule_sends_everything_and_gives_it_away():
    assert STACKS["source"].bucket["ReplicationConfiguration"]["Role"] == ROLE
    assert STACKS["source"].replication_rule == {
        "Id": "Replica",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {
            "Bucket": REPLICA_ARN,
            "Account": REPLICA.id,
            "AccessControlTranslation": {"Owner": "Destination"},
            "StorageClass": "STANDARD",
            "Metrics": {"Status": "Enabled"},
        },
    }


def test_replication_rule_when_a_prefix_is_given_does_not_take_in_its_neighbour():
    assert source(**REPLICATED, Prefix="team/images").replication_rule["Filter"] == {"Prefix": "team/images/"}


def test_replication_when_time_control_is_on_has_the_only_times_that_s3_allows():
    destination = source(**REPLICATED, ReplicationTimeControl="true").replication_rule["Destination"]
    assert destination["ReplicationTime"] == {"Status": "Enabled", "Time": {"Minutes": 15}}
    assert destination["Metrics"] == {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}


def test_replication_when_there_are_keys_selects_encrypted_objects_and_names_the_replicas_key():
    rule = source(**REPLICATED, **KEYS, ReplicaStorageClass="GLACIER_IR").replication_rule
    assert rule["SourceSelectionCriteria"] == {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    assert rule["Destination"]["EncryptionConfiguration"] == {"ReplicaKmsKeyID": REPLICA_KEY}
    assert rule["Destination"]["StorageClass"] == "GLACIER_IR"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ReplicaBucketArn": REPLICA_ARN}, "ReplicaAccountId"),
        ({**REPLICATED, "KmsKeyArn": KEY}, "only with ReplicaKmsKeyArn"),
        ({**REPLICATED, "ReplicaKmsKeyArn": REPLICA_KEY}, "needs KmsKeyArn"),
    ],
)
def test_parameters_when_they_do_not_go_together_are_refused(parameters: dict[str, str], said: str):
    with pytest.raises(Refused, match=said):
        source(**parameters)


ALLOWED = [
    Request("s3:GetReplicationConfiguration", BUCKET_ARN),
    Request("s3:ListBucket", BUCKET_ARN),
    Request("s3:GetObjectVersionForReplication", f"{BUCKET_ARN}/{IMAGE}"),
    Request("s3:GetObjectVersionAcl", f"{BUCKET_ARN}/{IMAGE}"),
    Request("s3:GetObjectVersionTagging", f"{BUCKET_ARN}/{IMAGE}"),
    *(Request(action, f"{REPLICA_ARN}/{IMAGE}") for action in REPLICATE),
]
WITH_KEYS = [
    Request("kms:Decrypt", KEY, of_object(BUCKET_ARN)),
    Request("kms:Decrypt", KEY, of_object(f"{BUCKET_ARN}/{IMAGE}")),
    *(
        Request(action, REPLICA_KEY, {"kms:ViaService": "s3.eu-central-1.amazonaws.com", **context})
        for action in ("kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt")
        for context in ({"kms:EncryptionContext:aws:s3:arn": at} for at in (REPLICA_ARN, f"{REPLICA_ARN}/{IMAGE}"))
    ),
]
DENIED = [
    Request("s3:GetObject", f"{BUCKET_ARN}/{IMAGE}"),
    Request("s3:PutObject", f"{BUCKET_ARN}/{IMAGE}"),
    Request("s3:DeleteObject", f"{BUCKET_ARN}/{IMAGE}"),
    Request("s3:GetObjectVersionForReplication", f"{BUCKET_ARN}-too/{IMAGE}"),
    Request("s3:PutReplicationConfiguration", BUCKET_ARN),
    Request("s3:ReplicateDelete", f"{REPLICA_ARN}/{IMAGE}"),
    Request("s3:ReplicateObject", f"{BUCKET_ARN}/{IMAGE}"),
    Request("s3:ReplicateObject", f"{REPLICA_ARN}-too/{IMAGE}"),
    Request("s3:PutObject", f"{REPLICA_ARN}/{IMAGE}"),
    Request("s3:DeleteObjectVersion", f"{REPLICA_ARN}/{IMAGE}"),
    Request("s3:GetObject", f"{REPLICA_ARN}/{IMAGE}"),
    Request("kms:Encrypt", KEY, of_object(f"{BUCKET_ARN}/{IMAGE}")),
    Request("kms:Decrypt", KEY),
    Request("kms:Decrypt", KEY, of_object(f"{BUCKET_ARN}-too/{IMAGE}")),
    Request("kms:Encrypt", REPLICA_KEY, of_object(f"{BUCKET_ARN}/{IMAGE}")),
    Request("kms:Encrypt", REPLICA_KEY),
]


@pytest.mark.parametrize("request_", ALLOWED, ids=named)
def test_role_when_s3_replicates_allows_it(request_: Request):
    assert allows(source(**REPLICATED).role_statements, request_)


@pytest.mark.parametrize("request_", [*ALLOWED, *WITH_KEYS], ids=named)
def test_role_when_s3_replicates_with_keys_allows_it(request_: Request):
    assert allows(source(**REPLICATED, **KEYS).role_statements, request_)


@pytest.mark.parametrize("request_", DENIED, ids=named)
def test_role_when_a_call_is_none_of_replications_denies_it(request_: Request):
    assert not allows(source(**REPLICATED, **KEYS).role_statements, request_)


def test_role_allows_exactly_what_s3_documents_without_replicating_deletions():
    assert actions_of(source(**REPLICATED).role_statements) == {each.action for each in ALLOWED}


def test_role_when_a_prefix_is_given_stays_in_it():
    statements = source(**REPLICATED, Prefix="team/images").role_statements
    for arn, action in ((BUCKET_ARN, "s3:GetObjectVersionForReplication"), (REPLICA_ARN, "s3:ReplicateObject")):
        assert allows(statements, Request(action, f"{arn}/team/images/{IMAGE}"))
        assert not allows(statements, Request(action, f"{arn}/team/images-too/{IMAGE}"))


@pytest.mark.parametrize("statement", source(**REPLICATED, **KEYS).role_statements, ids=lambda its: its["Sid"])
def test_statement_of_the_role_when_compared_with_the_authorization_reference_fits(statement: Statement):
    assert reference.misfits(statement) == []


@pytest.mark.parametrize("context", [{}, {"aws:SourceAccount": SOURCE.id, "aws:SourceArn": BUCKET_ARN}])
def test_trust_when_s3_asks_for_this_bucket_lets_it(context: dict[str, str]):
    assert trusts(STACKS["source"].trust, "s3.amazonaws.com", context)


@pytest.mark.parametrize(
    ("service", "context"),
    [
        ("s3.amazonaws.com", {"aws:SourceAccount": STRANGER.id}),
        ("s3.amazonaws.com", {"aws:SourceAccount": SOURCE.id, "aws:SourceArn": f"{BUCKET_ARN}-too"}),
        ("batchoperations.s3.amazonaws.com", {"aws:SourceAccount": SOURCE.id}),
        ("lambda.amazonaws.com", {}),
    ],
)
def test_trust_when_another_service_account_or_bucket_asks_denies(service: str, context: dict[str, str]):
    assert not trusts(STACKS["source"].trust, service, context)


@pytest.mark.parametrize("action", REPLICATE)
def test_replica_when_the_sources_role_replicates_allows_it(action: str):
    request = Request(action, f"{REPLICA_ARN}/{IMAGE}", by_role(ROLE, SOURCE))
    assert bucket_policy_allows(STACKS["replica"].policy, request)


@pytest.mark.parametrize("action", REPLICATE)
@pytest.mark.parametrize(
    "who",
    [
        by_role(SOURCE.role_arn("Administrator"), SOURCE),
        by_role(f"{ROLE}-too", SOURCE),
        by_role(f"arn:aws:iam::{SOURCE.id}:root", SOURCE),
        by_role(STRANGER.role_arn("DynamoDBItemImages-eu-west-1-Replication"), STRANGER),
    ],
    ids=lambda who: who["aws:PrincipalArn"],
)
def test_replica_when_anybody_else_replicates_does_not_allow_it(action: str, who: dict[str, str]):
    assert not bucket_policy_allows(STACKS["replica"].policy, Request(action, f"{REPLICA_ARN}/{IMAGE}", who))


#: What would take away, change or weaken what is in the replica's bucket.
DESTRUCTIVE = [
    *(
        Request(action, f"{REPLICA_ARN}/{IMAGE}")
        for action in (
            "s3:BypassGovernanceRetention",
            "s3:DeleteObject",
            "s3:DeleteObjectTagging",
            "s3:DeleteObjectVersion",
            "s3:PutObject",
            "s3:PutObjectAcl",
            "s3:PutObjectRetention",
            "s3:PutObjectVersionTagging",
            "s3:ReplicateDelete",
            "s3:RestoreObject",
        )
    ),
    *(
        Request(action, REPLICA_ARN)
        for action in (
            "s3:DeleteBucket",
            "s3:DeleteBucketPolicy",
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutBucketPolicy",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:PutReplicationConfiguration",
        )
    ),
]


@pytest.mark.parametrize("request_", DESTRUCTIVE, ids=named)
@pytest.mark.parametrize("arn", [ROLE, SOURCE.role_arn("Administrator")])
def test_replica_when_the_source_deletes_or_changes_denies_it_whatever_else_is_allowed(
    request_: Request, arn: str
):
    later = {"Sid": "Later", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    asked = Request(request_.action, request_.resource, by_role(arn, SOURCE))
    assert bucket_policy_allows({"Later": later}, asked)
    assert not bucket_policy_allows({**STACKS["replica"].policy, "Later": later}, asked)


def test_replica_when_its_own_account_deletes_leaves_that_to_its_own_policies():
    its_own = by_role(REPLICA.role_arn("Administrator"), REPLICA)
    later = {"Sid": "Later", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    asked = Request("s3:DeleteObjectVersion", f"{REPLICA_ARN}/{IMAGE}", its_own)
    assert bucket_policy_allows({**STACKS["replica"].policy, "Later": later}, asked)


def test_replica_names_no_role_as_a_principal_so_that_it_can_be_deployed_first():
    principals = [json.dumps(each["Principal"]) for each in STACKS["replica"].policy.values()]
    assert not any(":role/" in each for each in principals)


def test_replica_lets_the_source_do_all_that_the_sources_role_may_do_there():
    allowed = STACKS["replica"].policy["LetTheSourceReplicate"]
    (writes,) = [each for each in STACKS["source"].role_statements if each["Sid"] == "WriteReplicas"]
    assert set(listed(allowed["Action"])) == set(listed(writes["Action"]))
    assert listed(allowed["Resource"]) == listed(writes["Resource"])


@pytest.mark.parametrize("statement", STACKS["replica"].policy.values(), ids=list(STACKS["replica"].policy))
def test_statement_of_the_replica_when_compared_with_the_authorization_reference_has_no_unknown_action(statement):
    whole = [each for each in listed(statement.get("Action", statement.get("NotAction"))) if "*" not in each]
    assert [each for each in whole if reference.misfits({"Action": each, "Resource": f"{REPLICA_ARN}/x"})] == []


def test_object_lock_when_not_asked_for_is_off():
    for its in (replica(), replica(ObjectLockDays="0", ObjectLockMode="COMPLIANCE")):
        assert not {"ObjectLockEnabled", "ObjectLockConfiguration"} & set(its.bucket)


@pytest.mark.parametrize("mode", ["GOVERNANCE", "COMPLIANCE"])
def test_object_lock_when_asked_for_is_on_from_the_buckets_creation(mode: str):
    its = replica(ObjectLockDays="30", ObjectLockMode=mode)
    assert its.bucket["ObjectLockEnabled"] is True
    assert its.bucket["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": mode, "Days": "30"}},
    }


def test_object_lock_mode_when_left_out_can_be_undone():
    assert template("replica")["Parameters"]["ObjectLockMode"]["Default"] == "GOVERNANCE"


def test_replica_when_the_source_is_not_named_cannot_be_deployed():
    with pytest.raises(KeyError):
        stack("replica", REPLICA, {})


def test_arns_when_in_another_partition_are_of_that_partition():
    of_replica = {"ReplicaBucketArn": "arn:aws-cn:s3:::there", "ReplicaAccountId": REPLICA.id}
    keys = {"KmsKeyArn": "arn:aws-cn:kms:x:1:key/1", "ReplicaKmsKeyArn": "arn:aws-cn:kms:y:2:key/2"}
    of_source = {"SourceReplicationRoleArn": "arn:aws-cn:iam::123456789012:role/x"}
    made = [
        source(Account(SOURCE.id, "cn-north-1", "aws-cn"), **of_replica, **keys),
        replica(Account(REPLICA.id, "cn-northwest-1", "aws-cn"), **of_source),
    ]
    for its in made:
        assert "arn:aws-cn:" in json.dumps(its.resources)
        assert "arn:aws:" not in json.dumps([its.resources, its.outputs])
