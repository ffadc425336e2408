"""`make local`: an emulated account with everything deployed in it, to play with until Ctrl-C."""

import fcntl
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from shlex import quote

from local.emulator import ROOT, EmulatorError
from local.stage import PREFIX, REPOSITORY, ScriptFailed, Settings, Stage


def main() -> int:
    """Stays up until it is interrupted; nothing is left running then. One at a time: it has one folder."""
    work = REPOSITORY / ".local" / "playground"
    work.parent.mkdir(parents=True, exist_ok=True)
    with (work.parent / "playground.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Error: `make local` is running already\nTry: its terminal says how to use it", file=sys.stderr)
            return 1
        if kept := kept_aside(work / "config.hjson", Settings()):
            print(f"The configuration that you edited last time is in {kept}")
        shutil.rmtree(work, ignore_errors=True)
        return _play(work)


def kept_aside(config: Path, as_made: Settings) -> Path | None:
    """Where an edited configuration was moved to, out of the folder that is made anew; None where unedited."""
    if not config.exists():
        return None
    edited = config.read_bytes()
    as_made.write(config)
    if edited == config.read_bytes():
        return None
    kept = config.parent.parent / f"playground-config-{time.strftime('%Y%m%d-%H%M%S')}.hjson"
    kept.write_bytes(edited)
    return kept


def _play(work: Path) -> int:
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
    config, dist, templates = (quote(str(each)) for each in (stage.config_file, stage.dist, stage.templates))
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
changes that would wait on AWS are passed over here. It delivers whatever the delivery role may do, and does not
see what a role lost.

To deploy another configuration here, edit that file; functions run on this machine, not on Lambda's:

  ./build.sh {config} --this-machine --dist {dist} && ./deploy.py --dist {dist} --templates {templates}

Ctrl-C ends it, and everything in it is gone."""


if __name__ == "__main__":
    sys.exit(main())
