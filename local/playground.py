"""`make local`: an emulated account with everything deployed in it, to play with until Ctrl-C."""

import shutil
import signal
import sys
import threading
from shlex import quote

from local.emulator import ROOT, EmulatorError
from local.stage import PREFIX, REPOSITORY, ScriptFailed, Stage


def main() -> int:
    """Stays up until it is interrupted; nothing is left running then."""
    work = REPOSITORY / ".local" / "playground"
    shutil.rmtree(work, ignore_errors=True)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(over))
    try:
        with Stage(work) as stage:
            stage.build()
            print(stage.deploy().stderr, end="")
            print(_invitation(stage), flush=True)
            over.wait()
    except (EmulatorError, ScriptFailed) as err:
        if not over.is_set():  # Ctrl-C reaches the scripts that are running, too
            print(f"Error: {err}", file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        over.set()
    print("Stopped.")
    return 0


def _stop(over: threading.Event) -> None:
    over.set()
    raise KeyboardInterrupt


def _invitation(stage: Stage) -> str:
    config, dist = quote(str(stage.config_file)), quote(str(stage.dist))
    return f"""
Continuous backup is deployed in an emulated account. In another terminal:

  export AWS_ENDPOINT_URL={stage.emulator.endpoint_url}
  export AWS_CA_BUNDLE={quote(str(stage.emulator.ca_bundle))}
  export AWS_REGION={stage.emulator.region} AWS_DEFAULT_REGION={stage.emulator.region}
  export AWS_ACCESS_KEY_ID={ROOT.access_key_id}
  export AWS_SECRET_ACCESS_KEY={ROOT.secret_access_key}
  unset AWS_PROFILE AWS_SESSION_TOKEN

Create a table, and see it wired and written (with the AWS CLI, version 2):

  aws dynamodb create-table --table-name Orders --billing-mode PAY_PER_REQUEST \\
      --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH
  aws lambda list-event-source-mappings
  aws dynamodb put-item --table-name Orders --item '{{"id": {{"S": "1"}}, "paid": {{"BOOL": true}}}}'
  aws s3 ls --recursive s3://{stage.bucket}/{PREFIX}/
  aws logs tail /aws/lambda/EnsureDynamoBackup

And the scripts:

  cd {quote(str(REPOSITORY))}
  ./provision_tables.py whitelist.hjson --dry-run --config-file {config}
  ./deprovision_tables.py whitelist.hjson --dry-run --config-file {config}
  ./undeploy.py --deprovision --dry-run --config-file {config}

The emulator knows nothing of single failures in a batch: where a delivery stream that you route to is missing,
changes that would wait on AWS are passed over here.

To deploy another configuration here, edit that file; functions run on this machine, not on Lambda's:

  ./build.sh {config} --this-machine --dist {dist} && ./deploy.py --dist {dist}

Ctrl-C ends it, and everything in it is gone."""


if __name__ == "__main__":
    sys.exit(main())
