#!/usr/bin/env bash
# pip, asked for the packages of another Python or platform, leaves out what only that one needs, and says nothing.
#
# A zip for Lambda is built on some other machine: `pip install --target ... --platform ... --python-version ...`
# chooses wheels for Lambda's Python and processor. But whether a requirement applies, its marker such as
# `python_version < "3.11"`, pip asks of the Python that it runs in. So the zip lacks a package, and the function
# fails at its first import, as late as when a change is to be backed up. Hashes do not help: a lock for all
# platforms, as uv writes it with --universal, has the markers, and pip skips what it takes for not needed. What helps
# is a lock for the one target, which has no markers, or uv, which takes markers for the target.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install pip==26.3 uv==0.13.9
python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || not_tried "Python 3.11 or newer is needed"
export UV_CACHE_DIR=$work/uv UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
cd "$work"

echo "Versions: pip $(python -c 'import pip; print(pip.__version__)'), $(uv --version), $(python --version)"
# anyio needs exceptiongroup before Python 3.11; the other lines are what it needs, pinned.
cat >direct.txt <<<'anyio==4.4.0'
printf '%s\n' exceptiongroup==1.2.2 idna==3.10 sniffio==1.3.1 typing-extensions==4.12.2 >pins.txt
lock() { uv pip compile --quiet --generate-hashes --no-annotate --python-version 3.10 -c pins.txt direct.txt "$@"; }
lock --universal >for-all.txt
lock --python-platform aarch64-manylinux2014 >for-one.txt
grep -q '^exceptiongroup==1.2.2 ; python_full_version < .3.11.' for-all.txt || not_tried "uv writes another lock"

with_pip() {
    pip install --quiet --target "$1" --python-version 3.10 --platform manylinux2014_aarch64 --only-binary=:all: \
        --require-hashes -r "$2"
}
holds() { if [ -d "$1/exceptiongroup" ]; then echo "with exceptiongroup"; else echo "without exceptiongroup"; fi; }

with_pip by-pip for-all.txt
with_pip by-pip-for-one for-one.txt
uv pip install --quiet --target by-uv --python-version 3.10 --python-platform aarch64-manylinux2014 \
    --only-binary=:all: --require-hashes -r for-all.txt

echo "Expected: every folder made for Python 3.10 is complete, with exceptiongroup, or the tool fails"
echo "Seen:     by pip from a lock for all platforms: $(holds by-pip), exit status 0"
echo "Seen:     by uv from the same lock: $(holds by-uv)"
echo "Seen:     by pip from a lock for this platform: $(holds by-pip-for-one)"
if [ -d by-pip/exceptiongroup ] || [ ! -d by-pip/anyio ]; then
    echo "Changed:  pip takes the markers for the target now."
    exit 1
fi
if [ ! -d by-uv/exceptiongroup ] || [ ! -d by-pip-for-one/exceptiongroup ]; then
    echo "Changed:  the other ways do not have the package, either."
    exit 1
fi
