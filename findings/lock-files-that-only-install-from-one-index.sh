#!/usr/bin/env bash
# Of five lock files for one package with hashes, one alone can be installed from another index than it was made with.
#
# Hashes say what is to be installed, so it should not matter where from: a backup is restored years later, maybe from
# a mirror in an account without internet, and has to be built there. But pylock.toml and uv.lock name an address for
# each file, and those win over the index that pip or uv is told to use. pip-compile writes the index into the file
# when it stands in an environment variable, where uv pip compile leaves it out.
# Two servers on loopback play the index of today and the mirror of later; both have the same file.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install pip==26.3 uv==0.13.9 pip-tools==7.6.2
cd "$work"
mkdir -p index/simple/jmespath project
pip download --quiet --no-deps --dest index/simple/jmespath jmespath==1.0.1
for wheel in index/simple/jmespath/*.whl; do
    digest=$(pip hash --algorithm sha256 "$wheel" | grep -o '[0-9a-f]\{64\}')
    name=$(basename "$wheel")
    echo "<a href=\"$name#sha256=$digest\">$name</a>" >index/simple/jmespath/index.html
done
echo 'jmespath==1.0.1' >direct.in
cat >project/pyproject.toml <<'TOML'
[project]
name = "function"
version = "1"
requires-python = ">=3.11"
dependencies = ["jmespath==1.0.1"]
TOML

# From here on the tools know of nothing but the two servers.
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_RETRIES=0
export UV_NO_CONFIG=1 UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_HTTP_RETRIES=0
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_CONSTRAINT
unset UV_FIND_LINKS UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL
today=$(free_port)
start "$today" python -m http.server --bind 127.0.0.1 --directory index "$today"
use_index() {
    export PIP_INDEX_URL=http://127.0.0.1:$1/simple
    export UV_DEFAULT_INDEX=$PIP_INDEX_URL
}
use_index "$today"

uv pip compile --quiet --generate-hashes direct.in --output-file uv-pip-compile.txt
pip-compile --quiet --generate-hashes --strip-extras direct.in --output-file pip-compile.txt
pip lock --quiet -r direct.in --output pylock.pip-lock.toml 2>/dev/null
(cd project && uv lock --quiet)
(cd project && uv export --quiet --no-emit-project --format pylock.toml --output-file ../pylock.uv-export.toml)

# can_be_installed FILE TARGET: by the tool that the file is for, and from the index that is in use.
can_be_installed() {
    case $1 in
    *.txt) pip install --target "$2" --require-hashes -r "$1" ;;
    *.toml) pip install --target "$2" -r "$1" ;;
    project/uv.lock) UV_PROJECT_ENVIRONMENT=$work/$2 uv sync --frozen --project project ;;
    esac >"$2.log" 2>&1
}

lock_files=(uv-pip-compile.txt pip-compile.txt pylock.pip-lock.toml pylock.uv-export.toml project/uv.lock)
for file in "${lock_files[@]}"; do
    can_be_installed "$file" "today-${file//\//-}" || not_tried "$file cannot be installed where it was made"
done

kill "${started[0]}"
wait "${started[0]}" 2>/dev/null || true
later=$(free_port)
start "$later" python -m http.server --bind 127.0.0.1 --directory index "$later"
use_index "$later"

echo "Versions: pip $(python -c 'import pip; print(pip.__version__)'), $(uv --version), $(pip-compile --version)"
echo "Expected: no file names the index that it was made with, and all can be installed from another one"
results=()
for file in "${lock_files[@]}"; do
    names=no installs=no
    if grep -q "127.0.0.1:$today" "$file"; then names=yes; fi
    if can_be_installed "$file" "later-${file//\//-}"; then installs=yes; fi
    results+=("$names/$installs")
    echo "Seen:     $file: names the index: $names; can be installed from another one: $installs"
done

if [ "${results[*]}" != "no/yes yes/no yes/no yes/no yes/no" ]; then
    echo "Changed:  the lock files name other things now, or are installed otherwise."
    exit 1
fi
