#!/usr/bin/env bash
# Writes one zip a Lambda function into dist/: ./build.sh [config file]; ./build.sh --help says the rest.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

python="$here/.venv/bin/python"
if ! "$python" -c 'import hjson, pip' 2>/dev/null; then
    python=python3
    if ! python3 -c 'import sys, hjson, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "Error: building needs Python 3.11 or newer with pip and hjson" >&2
        echo "Try: make install" >&2
        exit 2
    fi
fi

# -P: modules in the folder that this is called from are not ours.
PYTHONPATH="$here/src" exec "$python" -P -m continuous_backup.operations.building.build "$@"
