#!/usr/bin/env bash
# cfn-lint finds a name that is too long if its parameter has a default, and not if it has none.
#
# Delivery streams have names of at most 64 characters, tables of up to 255, and a template makes one from the other.
# The text here is 67 characters before anything is added to it. cfn-lint works out what a !Sub or a !Join gives, but
# only with values that it knows, and it does not count the characters that are there in any case. So a parameter that
# loses its default, which makes a template stricter, makes the check go away without a word.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install cfn-lint==1.58.0
cd "$work"
too_long=changes-of-a-table-with-a-name-that-is-longer-than-one-would-think-

# template PARAMETER NAME: a delivery stream that is called so.
template() {
    cat <<YAML
Parameters:
  Table: $1
Resources:
  Changes:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamName: $2
      ExtendedS3DestinationConfiguration:
        BucketARN: arn:aws:s3:::backups
        RoleARN: arn:aws:iam::123456789012:role/delivery
        Prefix: !Sub "\${Table}/"
YAML
}
template '{Type: String, Default: orders}' "${too_long}orders" >written-out.yaml
template '{Type: String, Default: orders}' "!Sub '$too_long\${Table}'" >sub-with-default.yaml
template '{Type: String}' "!Sub '$too_long\${Table}'" >sub-without-default.yaml
template '{Type: String}' "!Join ['', [$too_long, !Ref Table]]" >join-without-default.yaml

echo "Versions: $(cfn-lint --version)"
echo "Expected: cfn-lint finds all four names too long, the fixed part alone being ${#too_long} characters of 64"
results=()
for file in written-out sub-with-default sub-without-default join-without-default; do
    if said=$(cfn-lint --format parseable "$file.yaml"); then said=nothing; else said=$(cut -d : -f 6 <<<"$said"); fi
    results+=("$said")
    echo "Seen:     $file.yaml: $said"
done
if [ "${results[*]}" != "E3033 W1031 nothing nothing" ]; then
    echo "Changed:  cfn-lint finds other names too long now."
    exit 1
fi
