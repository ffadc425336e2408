"""What the code calls is allowed to whoever runs it: the calls are read from the source, not written down here."""

import pytest
from botocore.exceptions import UnknownServiceError

from tests.unit.iam.calls import Module
from tests.unit.iam.policies import IMAGES_BUCKET, ROOT, SCRIPTS, actions_of, operator_policy, roles_stack
from tests.unit.iam.restoring_policies import BUCKET_SIDE, SIDES, TABLE_SIDE, restoring_policy
from tests.unit.iam.sample import ACCOUNT, BUCKET, PREFIX

WIRING, OPERATIONS = "src/continuous_backup/ensure_backup", "src/continuous_backup/operations"
WIRING_OBSERVER = Module(f"{WIRING}/observer.py")
WIRING_PLANNER = Module(f"{WIRING}/planner.py")
WIRING_ACTIONS = Module(f"{WIRING}/actions.py")
WIRING_EXECUTOR = Module(f"{WIRING}/executor.py")
DEPLOYMENT_OBSERVER = Module(f"{OPERATIONS}/deployment/observer.py")
DEPLOYMENT_PLANNER = Module(f"{OPERATIONS}/deployment/planner.py")
DEPLOYMENT_ACTIONS = Module(f"{OPERATIONS}/deployment/actions.py")
DEPLOYMENT_EXECUTOR = Module(f"{OPERATIONS}/deployment/executor.py")
DEPLOYMENT_SCRIPT = Module(f"{OPERATIONS}/deployment/script.py")
PROVISIONING = Module(f"{OPERATIONS}/tables/provisioning.py")
TABLE_SCRIPTS = Module(f"{OPERATIONS}/tables/script.py")
NAMED_DELIVERY_STREAMS = Module(f"{OPERATIONS}/tables/named_delivery_streams.py").actions("look")
NAMED_ROLES = Module(f"{OPERATIONS}/deployment/named_roles.py").actions()
DEPLOYMENT_WIRING = Module(f"{OPERATIONS}/deployment/wiring.py").actions()
DRIFT = Module(f"{OPERATIONS}/deployment/drift.py").actions()
MATCHING_TABLES = Module(f"{OPERATIONS}/tables/matching.py").actions()
EXISTING_ITEMS = Module(f"{OPERATIONS}/tables/existing_items.py")
#: PutObject needs s3:PutObjectTagging where it is given tags: for tombstones, which no scan of a table finds.
WRITING_IMAGES = Module("src/continuous_backup/item_images/writing.py").actions()
RESTORING = {
    action
    for folder in ("images", "writing_items")
    for path in sorted((ROOT / OPERATIONS / folder).glob("*.py"))
    for action in Module(str(path)).actions()
}
#: GetObject needs it where it is given a version.
READING_VERSIONS = {"s3:GetObjectVersion"}
PROVISION, DEPROVISION = Module("provision_tables.py"), Module("deprovision_tables.py")

EXECUTORS = {
    "wiring": (WIRING_EXECUTOR, WIRING_ACTIONS),
    "deployment": (DEPLOYMENT_EXECUTOR, DEPLOYMENT_ACTIONS),
}
#: One planner decides for everybody, by what is wanted: people alone opt a table in and out.
PROTECTING = WIRING_PLANNER.planned("plan", WIRING_ACTIONS) - {"OptIn", "OptOut"}
RELEASING = WIRING_PLANNER.planned("_release", WIRING_ACTIONS)

ASKING_WHO = {"sts:GetCallerIdentity"}
LOOKING_AT_TABLES = WIRING_OBSERVER.actions()
CALLS = {
    "deploy": (
        ASKING_WHO
        | DEPLOYMENT_OBSERVER.actions_for(DEPLOYMENT_SCRIPT, "deploy")
        | NAMED_DELIVERY_STREAMS
        | NAMED_ROLES
        | DEPLOYMENT_WIRING
        | MATCHING_TABLES
        | DRIFT
        | DEPLOYMENT_EXECUTOR.actions_of_cases(DEPLOYMENT_PLANNER.planned("plan", DEPLOYMENT_ACTIONS))
    ),
    # To release tables too, whoever runs it needs the policy of deprovision_tables.py beside.
    "undeploy": (
        ASKING_WHO
        | LOOKING_AT_TABLES
        | PROVISIONING.actions_for(DEPLOYMENT_SCRIPT, "undeploy")
        | DEPLOYMENT_OBSERVER.actions_for(DEPLOYMENT_SCRIPT, "undeploy")
        | DEPLOYMENT_EXECUTOR.actions_of_cases(DEPLOYMENT_PLANNER.planned("plan_removal", DEPLOYMENT_ACTIONS))
    ),
    "provision": (
        ASKING_WHO
        | LOOKING_AT_TABLES
        | PROVISIONING.actions_for(PROVISION, "main")
        | TABLE_SCRIPTS.actions_for(PROVISION, "main")
        | NAMED_DELIVERY_STREAMS
        | EXISTING_ITEMS.actions("write")
        | WRITING_IMAGES
        | WIRING_EXECUTOR.actions_of_cases(PROTECTING | {"OptIn"})
    ),
    "deprovision": (
        ASKING_WHO
        | LOOKING_AT_TABLES
        | PROVISIONING.actions_for(DEPROVISION, "main")
        | WIRING_EXECUTOR.actions_of_cases(RELEASING | {"OptOut"})
    ),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_policy_of_a_script_allows_every_call_that_its_code_makes(script: str):
    documents = [operator_policy(each, ACCOUNT, BUCKET, PREFIX) for each in SCRIPTS[script]]
    allowed = actions_of([statement for each in documents for statement in each["Statement"]])

    assert CALLS[script] - allowed == set()


def test_policies_for_the_sides_of_a_restoration_allow_the_calls_that_its_code_makes_there_and_no_others():
    allowed = {side: actions_of(restoring_policy(side, ACCOUNT, IMAGES_BUCKET)["Statement"]) for side in SIDES}

    assert {action.partition(":")[0] for action in RESTORING} == {"s3", "dynamodb"}
    assert allowed == {
        BUCKET_SIDE: ASKING_WHO | READING_VERSIONS | {each for each in RESTORING if each.startswith("s3:")},
        TABLE_SIDE: ASKING_WHO | {each for each in RESTORING if each.startswith("dynamodb:")},
    }


def test_ensure_role_allows_every_call_that_ensuring_a_backup_makes():
    role = roles_stack(ACCOUNT, BucketName=BUCKET).roles["EnsureRole"]

    assert LOOKING_AT_TABLES | WIRING_EXECUTOR.actions_of_cases(PROTECTING) <= actions_of(role.statements)


# --- the reading of the source is worth as much as these


@pytest.mark.parametrize(("executor", "actions"), EXECUTORS.values(), ids=list(EXECUTORS))
def test_executor_knows_a_way_to_apply_every_action_and_nothing_else(executor: Module, actions: Module):
    assert executor.cases == actions.classes


@pytest.mark.parametrize(("executor", "actions"), EXECUTORS.values(), ids=list(EXECUTORS))
def test_calls_of_an_executor_are_all_reached_through_its_cases(executor: Module, actions: Module):
    assert executor.actions_of_cases(actions.classes) == executor.actions()


def test_releasing_a_table_is_planned_without_anything_that_protects_it():
    assert {"DeleteMapping", "MarkReleased", "DeleteDeliveryStream"} == RELEASING


def test_every_action_is_planned_by_somebody():
    assert DEPLOYMENT_ACTIONS.classes == (
        DEPLOYMENT_PLANNER.planned("plan", DEPLOYMENT_ACTIONS)
        | DEPLOYMENT_PLANNER.planned("plan_removal", DEPLOYMENT_ACTIONS)
    )
    assert WIRING_ACTIONS.classes == PROTECTING | {"OptIn", "OptOut"}


@pytest.mark.parametrize(
    ("code", "actions"),
    [
        ('aws.client("s3").head_bucket(Bucket=b)', {"s3:ListBucket"}),
        ('tags = aws.client("lambda").list_tags(Resource=r)["Tags"]', {"lambda:ListTags"}),
        ('s3, name = aws.client("s3"), b\ns3.create_bucket(Bucket=name)', {"s3:CreateBucket"}),
        ('f = aws.client("lambda")\nask(f)\nwait(lambda: f.get_policy())', {"lambda:GetPolicy"}),
        ('aws.pages("resourcegroupstaggingapi", "get_resources", "x")', {"tag:GetResources"}),
        ('aws.client("dynamodb").get_paginator("list_tables").paginate()', {"dynamodb:ListTables"}),
        ('aws.client("lambda").get_waiter("function_active_v2").wait()', {"lambda:GetFunction"}),
        ('self._firehose("delete_delivery_stream")(DeliveryStreamName=n)', {"firehose:DeleteDeliveryStream"}),
        ('logs = aws.client("logs")\nlogs.exceptions.ResourceNotFoundException', set()),
        ('aws.client("logs", informs=True).create_log_stream()', {"logs:CreateLogStream"}),
        ('aws.client("logs").create_log_group(tags=t)', {"logs:CreateLogGroup", "logs:TagResource"}),
        ("def f(s3: Client):\n    use(s3)\n    s3.get_object(Key=k)", {"s3:GetObject"}),
        (
            'class C:\n    def m(self):\n        self._d: Client = aws.client("dynamodb")\n        self._d.scan()',
            {"dynamodb:Scan"},
        ),
        (
            "class C:\n    def __init__(self, s3: Client):\n        self._s3 = s3\n"
            "    def m(self):\n        ask(self._s3)\n        return self._s3.head_object(Key=k)",
            {"s3:GetObject"},
        ),
    ],
)
def test_calls_of_source_are_the_actions_that_iam_asks_for(tmp_path, code: str, actions: set[str]):
    assert _module(tmp_path, code).actions() == actions


@pytest.mark.parametrize(
    "code",
    [
        "aws.client(service).list_things()",
        'use(aws.client("s3"))',
        'return_value = [aws.client("s3")]',
        'getattr(aws.client("firehose"), operation)()',
        'some = aws.client("s3")\nsome = aws.client("sns")',
        'def f():\n    return aws.client("s3")',
        "def f(s3: Client):\n    return [s3]",
        "class C:\n    def m(self, s3: Client):\n        self.s3, self.other = s3, 1\n        return self.s3",
        'def f(s3: Client):\n    s3 = aws.client("sns")',
        'clients["s3"] = aws.client("s3")',
        "def f(s4: Client):\n    s4.get_object()",
    ],
)
def test_calls_of_source_that_cannot_be_told_are_an_error(tmp_path, code: str):
    with pytest.raises((NotImplementedError, KeyError, UnknownServiceError)):
        _module(tmp_path, code).actions()


def _module(folder, code: str) -> Module:
    (folder / "code.py").write_text(code)
    return Module(str(folder / "code.py"))
