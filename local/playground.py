"""`make local`: an emulated account with everything deployed in it, to play with until Ctrl-C."""

import shutil
import signal
import sys
import threading

from local.emulator import ROOT, EmulatorError
from local.stage import PREFIX, REPOSITORY, ScriptFailed, Stage


def main() -> int:
    """Stays up until it is interrupted; nothing is left running then."""
    work = REPOSITORY / ".local" / "playground"
    shutil.rmtree(work, ignore_errors=True)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    try:
        with Stage(work) as stage:
            stage.build()
            print(stage.deploy().stderr, end="")
            print(_invitation(stage), flush=True)
            over.wait()
    except (EmulatorError, ScriptFailed) as err:
        print(f"Error: {err}", file=sys.stderr)
        return 1
    print("Stopped.")
    return 0


def _invitation(stage: Stage) -> str:
    python = REPOSITORY / ".venv" / "bin" / "python"
    return f"""
Continuous backup is deployed in an emulated account. In another terminal:

  export AWS_ENDPOINT_URL={stage.emulator.endpoint_url}
  export AWS_CA_BUNDLE={stage.emulator.ca_bundle}
  export AWS_REGION={stage.emulator.region}
  export AWS_ACCESS_KEY_ID={ROOT.access_key_id}
  export AWS_SECRET_ACCESS_KEY={ROOT.secret_access_key}

Create a table, and see it wired and written:

  aws dynamodb create-table --table-name Orders --billing-mode PAY_PER_REQUEST \\
      --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH
  aws lambda list-event-source-mappings
  aws dynamodb put-item --table-name Orders --item '{{"id": {{"S": "1"}}, "paid": {{"BOOL": true}}}}'
  aws s3 ls --recursive s3://{stage.bucket}/{PREFIX}/
  aws logs tail /aws/lambda/EnsureDynamoBackup

And the scripts, from {REPOSITORY}:

  {python} provision_tables.py whitelist.hjson --dry-run --config-file {stage.config_file}
  {python} deprovision_tables.py whitelist.hjson --dry-run --config-file {stage.config_file}
  {python} undeploy.py --dry-run --config-file {stage.config_file}

Ctrl-C ends it, and everything in it is gone."""


if __name__ == "__main__":
    sys.exit(main())
