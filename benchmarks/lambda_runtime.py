"""The forwarder's handler called as Lambda calls it, in this process, against a sink."""

import atexit
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import straightforward

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:LambdaStreamToFirehose"
#: The values of firehoseCompression.
MODES = ("firehose", "forwarder")

Handler = Callable[[Any, Any], Any]


class Context:
    """What Lambda's context has, of an invocation that has time enough.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name = "LambdaStreamToFirehose"
    function_version = "$LATEST"
    invoked_function_arn = FUNCTION_ARN
    memory_limit_in_mb = 512
    aws_request_id = "8e6a3d0c-6f6b-4f0e-9a4b-1f2d3c4b5a69"
    log_group_name = "/aws/lambda/LambdaStreamToFirehose"
    log_stream_name = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


def environment(sink_url: str, mode: str, folder: Path, **settings: Any) -> Mapping[str, str]:
    """The environment variables of a function whose configuration is in the folder."""
    (folder / "config.hjson").write_text(json.dumps({"firehoseCompression": mode, **settings}), encoding="utf-8")
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "of-a-role-" + "x" * 340,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": sink_url,
        "AWS_LAMBDA_FUNCTION_NAME": Context.function_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "LAMBDA_TASK_ROOT": str(folder),
    }


def handler_of(design: str, sink_url: str, **settings: Any) -> Handler:
    """The handler of a mode of ours, or of the straightforward design, in this process.

    Once a process: the function reads its configuration when it is first called.
    """
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(environment(sink_url, design if design in MODES else MODES[0], folder, **settings))
    if design not in MODES:
        return straightforward.handler
    from continuous_backup.streams_to_firehose.handler import handler

    return handler


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Logs are written, since that is work, to nowhere."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stderr(nowhere),
        contextlib.redirect_stdout(nowhere),
    ):
        yield
