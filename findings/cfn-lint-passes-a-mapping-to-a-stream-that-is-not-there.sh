#!/usr/bin/env bash
# cfn-lint passes a template whose Lambda function reads the stream of a table that has no stream.
#
# It checks that a table has an attribute called StreamArn, not that this table will have a value for it, and of what
# else a mapping to a DynamoDB stream needs, only the numbers. A clean lint says nothing about whether a backup's
# mapping can be made: CloudFormation's refusal comes at deployment, after it has made other resources. MiniStack
# plays CloudFormation here and refuses the first template; what AWS says about the next two is in the SDK's own
# description, and is shown from there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 cfn-lint==1.58.0 ministack==1.5.33
start_ministack
cd "$work"

# template STREAM START: of a table and a mapping to its stream.
template() {
    cat <<YAML
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]
      KeySchema: [{AttributeName: k, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      $1
  ChangesToBackup:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: backup
      EventSourceArn: !GetAtt Orders.StreamArn
      $2
YAML
}
stream='StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}'
template '' 'StartingPosition: TRIM_HORIZON' >no-stream.yaml
template "$stream" '' >no-position.yaml
template "$stream" 'StartingPosition: AT_TIMESTAMP' >position-of-other-sources.yaml
template "$stream" 'ParallelizationFactor: 11' >number-too-large.yaml

echo "Versions: $(cfn-lint --version)"
echo "Expected: cfn-lint has something to say about all four templates"
for file in no-stream no-position position-of-other-sources number-too-large; do
    if said=$(cfn-lint --format parseable "$file.yaml" | cut -d : -f 6-); then said=nothing; fi
    echo "Seen:     $file.yaml: $said"
    case $file in
    number-too-large) [ "$said" != nothing ] || { echo "Changed:  not even numbers are checked now."; exit 1; } ;;
    *) [ "$said" = nothing ] || { echo "Changed:  cfn-lint finds the mistake in $file.yaml now."; exit 1; } ;;
    esac
done

python - <<'PY'
import contextlib
import re
from pathlib import Path

import boto3
from botocore.exceptions import WaiterError
from finding import say_versions, seen, still

say_versions("ministack", "boto3")
cloudformation = boto3.client("cloudformation")
cloudformation.create_stack(StackName="backup", TemplateBody=Path("no-stream.yaml").read_text())
with contextlib.suppress(WaiterError):
    cloudformation.get_waiter("stack_create_complete").wait(StackName="backup", WaiterConfig={"Delay": 1})
events = cloudformation.describe_stack_events(StackName="backup")["StackEvents"]
reasons = [event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
seen(f"no-stream.yaml, deployed: {reasons}")
still(any("StreamArn" in reason for reason in reasons), "the emulated CloudFormation has another reason, or none.")

members = boto3.client("lambda").meta.service_model.shape_for("CreateEventSourceMappingRequest").members
seen("AWS on StartingPosition: " + re.sub(r"<[^>]+>", "", members["StartingPosition"].documentation))
PY
