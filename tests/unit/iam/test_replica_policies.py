"""What administrators of the two accounts may do for a replica: deploy.py --replica there, and deploy.py here."""

import pytest

from continuous_backup import naming
from continuous_backup.naming import Account
from tests.unit.iam import reference
from tests.unit.iam.calls import Module
from tests.unit.iam.cases import named
from tests.unit.iam.evaluator import Request, Statement, allows
from tests.unit.iam.policies import actions_of, filled_in, operator_policy
from tests.unit.iam.sample import ACCOUNT, BUCKET, PREFIX
from tests.unit.iam.test_item_images_templates import REPLICATED, source

OTHER = Account("210987654321", "eu-central-1")
REPLICA_BUCKET = naming.default_replica_bucket(OTHER.id, OTHER.region)
REPLICA_ARN = OTHER.bucket_arn(REPLICA_BUCKET)
STACK = OTHER.arn("cloudformation", f"stack/{naming.REPLICA_STACK}/1234")
ROLE = ACCOUNT.role_arn(naming.replication_role(ACCOUNT.region))
BY_CLOUDFORMATION = {"aws:CalledVia": ["cloudformation.amazonaws.com"]}


def statements(policy: str, account: Account, images_bucket: str = "") -> list[Statement]:
    document = filled_in(policy, account, ImagesBucket=images_bucket, ReplicaBucket=REPLICA_BUCKET)
    found: list[Statement] = document["Statement"]
    return found


THERE = statements("deploy-replica", OTHER, REPLICA_BUCKET)
HERE = statements("deploy-replication", ACCOUNT)


def test_replication_role_has_the_name_that_its_template_gives_it():
    assert source(ACCOUNT, **REPLICATED).properties("ReplicationRole")["RoleName"] == ROLE.rpartition("/")[2]


def test_policy_of_the_other_account_allows_every_call_that_the_code_makes_of_its_stack():
    executor = Module("src/continuous_backup/operations/deployment/executor.py")
    actions = Module("src/continuous_backup/operations/deployment/actions.py")
    planner = Module("src/continuous_backup/operations/deployment/planner.py")
    made = executor.actions_of_cases(planner.planned("plan_replica", actions))
    assert made
    assert made - actions_of(THERE) == set()


ALLOWED_THERE = [
    Request("sts:GetCallerIdentity", "*"),
    *(Request(f"cloudformation:{call}", STACK) for call in ("CreateStack", "DescribeStacks", "GetTemplate")),
    *(
        Request(f"s3:{call}", REPLICA_ARN, BY_CLOUDFORMATION)
        for call in (
            "CreateBucket",
            "DeleteBucket",
            "PutBucketPolicy",
            "PutBucketVersioning",
            "PutLifecycleConfiguration",
        )
    ),
]
DENIED_THERE = [
    Request("s3:DeleteBucket", REPLICA_ARN),
    Request("s3:PutBucketPolicy", REPLICA_ARN),
    Request("s3:DeleteBucket", f"{REPLICA_ARN}-too", BY_CLOUDFORMATION),
    Request("s3:GetObject", f"{REPLICA_ARN}/Orders/x"),
    Request("s3:DeleteObjectVersion", f"{REPLICA_ARN}/Orders/x", BY_CLOUDFORMATION),
    Request("cloudformation:DeleteStack", OTHER.arn("cloudformation", "stack/Another/1234")),
]
TO_S3 = {"iam:PassedToService": "s3.amazonaws.com"}
ALLOWED_HERE = [
    Request("s3:ListBucket", REPLICA_ARN),
    Request("iam:GetRole", ROLE),
    *(Request(f"iam:{call}", ROLE, BY_CLOUDFORMATION) for call in ("CreateRole", "PutRolePolicy", "DeleteRole")),
    Request("iam:PassRole", ROLE, TO_S3),
]
DENIED_HERE = [
    Request("iam:CreateRole", ROLE),
    Request("iam:CreateRole", ACCOUNT.role_arn("Another"), BY_CLOUDFORMATION),
    Request("iam:PassRole", ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
    Request("s3:GetObject", f"{REPLICA_ARN}/Orders/x"),
]


@pytest.mark.parametrize("request_", ALLOWED_THERE, ids=named)
def test_policy_of_the_other_account_when_the_replica_is_deployed_allows_it(request_: Request):
    assert allows(THERE, request_)


@pytest.mark.parametrize("request_", DENIED_THERE, ids=named)
def test_policy_of_the_other_account_when_it_is_about_anything_else_denies_it(request_: Request):
    assert not allows(THERE, request_)


@pytest.mark.parametrize("request_", ALLOWED_HERE, ids=named)
def test_policy_of_replication_when_its_role_is_kept_allows_it(request_: Request):
    assert allows(HERE, request_)


@pytest.mark.parametrize("request_", DENIED_HERE, ids=named)
def test_policy_of_replication_when_it_is_about_anything_else_denies_it(request_: Request):
    assert not allows(HERE, request_)


@pytest.mark.parametrize("statement", [*THERE, *HERE], ids=lambda its: its["Sid"])
def test_statement_when_compared_with_the_authorization_reference_fits(statement: Statement):
    assert reference.misfits(statement) == []


def test_policy_of_deploy_lets_a_creation_that_failed_take_its_bucket_away():
    deploy = operator_policy("deploy-stacks", ACCOUNT, BUCKET, PREFIX)["Statement"]
    bucket = ACCOUNT.bucket_arn("images-of-ours")
    for action in ("s3:DeleteBucket", "s3:DeleteBucketPolicy"):
        assert allows(deploy, Request(action, bucket, BY_CLOUDFORMATION))
        assert not allows(deploy, Request(action, bucket))
