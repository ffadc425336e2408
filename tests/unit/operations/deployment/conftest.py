"""What several tests of looking at a deployment begin with."""

import pytest


@pytest.fixture
def nothing_but_a_bucket(stub):
    """Everything but the bucket, which a test describes itself, is not there."""
    for _ in range(2):
        stub("cloudformation").add_client_error("describe_stacks", "ValidationError", "does not exist")
    for _ in range(4):
        stub("logs").add_response("describe_log_groups", {"logGroups": []})
    for _ in range(3):
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")
    for _ in range(2):
        stub("events").add_client_error("describe_rule", "ResourceNotFoundException")
    return stub("s3")
