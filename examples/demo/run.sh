#!/usr/bin/env bash
# Starts a back end and a gateway, runs the curl lines of README.md against them, compares what they
# print with what README.md says, and goes on serving until Ctrl-C.
#
#   DEMO_ONCE=1              ends after the lines: 0 when all of them print what README.md says, else 1
#   DEMO_BIN=PATH            the binary, by default target/release/tollgate
#   TOLLGATE_HTTP=HOST:PORT  other addresses; likewise TOLLGATE_ADMIN, TOLLGATE_OPS, TOLLGATE_PEER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly README_HTTP=127.0.0.1:8080
export TOLLGATE_HTTP=${TOLLGATE_HTTP:-$README_HTTP}
export TOLLGATE_ADMIN=${TOLLGATE_ADMIN:-127.0.0.1:8081}
export TOLLGATE_OPS=${TOLLGATE_OPS:-127.0.0.1:8082}
# Node.js and Python may be anywhere that this shell finds them.
export TOLLGATE_FUNCTION_PATH=${TOLLGATE_FUNCTION_PATH:-/usr/local/bin:/usr/bin:/bin:$PATH}
readonly BIN=${DEMO_BIN:-target/release/tollgate}
readonly ONCE=${DEMO_ONCE:-0}
readonly READY_SECONDS_MAX=30

work=$(mktemp -d)
export TOLLGATE_DATA_DIR=$work/data
backend_pid='' gateway_pid='' tail_pid=''

say() { printf '%s\n' "$*"; }
fail() {
    say "examples/demo/run.sh: $*" >&2
    exit 1
}
alive() { kill -0 "$1" 2>/dev/null; }

# Ends what was started here, by its process id; the gateway first, so that it finishes its requests.
# shellcheck disable=SC2317 # called by the trap
cleanup() {
    trap '' INT TERM
    for pid in $gateway_pid $backend_pid $tail_pid; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 0' INT TERM

# Waits until a command succeeds; fails when the process that it waits for is gone or time is up.
wait_for() {
    local what=$1 pid=$2 until=$((SECONDS + READY_SECONDS_MAX))
    shift 2
    until "$@"; do
        alive "$pid" || fail "$what ended: $(cat "$work"/*.log)"
        ((SECONDS < until)) || fail "$what was not ready within $READY_SECONDS_MAX s: $(cat "$work"/*.log)"
        sleep 0.05
    done
}
is_ready() { curl --silent --fail --output /dev/null "http://$TOLLGATE_OPS/readyz"; }

start() {
    for tool in curl python3 node; do
        command -v "$tool" >/dev/null || fail "needs $tool"
    done
    [[ -x $BIN ]] || fail "$BIN is not there; build it with: cargo build --release --package tollgate-node"

    python3 examples/demo/backend.py >"$work/port" 2>"$work/backend.log" &
    backend_pid=$!
    wait_for "the back end" "$backend_pid" test -s "$work/port"
    DEMO_BACKEND="127.0.0.1:$(<"$work/port")"
    export DEMO_BACKEND

    "$BIN" dev examples/demo/api.yaml >"$work/gateway.log" 2>&1 &
    gateway_pid=$!
    wait_for "the gateway" "$gateway_pid" is_ready
}

# The lines of the block in README.md that shows the demo.
readme_lines() { awk '/^```console demo$/ { on = 1; next } /^```$/ { on = 0 } on' README.md; }

# Runs one line, shows it, and compares what it prints.
failed=0 count=0
run_line() {
    local line=$1 expected=$2 actual
    line=${line//$README_HTTP/$TOLLGATE_HTTP}
    # Whoever tries the lines after this finds alice's limits untouched.
    [[ $ONCE == 1 ]] || line=${line//alice/bob}
    say "\$ $line"
    actual=$(bash -c "$line" 2>&1) || true
    say "$actual"
    count=$((count + 1))
    [[ $actual == "$expected" ]] && return
    failed=$((failed + 1))
    say "-- README.md says that it prints:"
    say "$expected"
}

run_lines() {
    local line command='' expected=''
    while IFS= read -r line; do
        if [[ $line == '$ '* ]]; then
            [[ -z $command ]] || run_line "$command" "$expected"
            command=${line#'$ '} expected=''
        else
            expected+=${expected:+$'\n'}$line
        fi
    done < <(readme_lines)
    [[ -z $command ]] || run_line "$command" "$expected"
}

start
say
say "Tollgate serves examples/demo/api.yaml on http://$TOLLGATE_HTTP"
say
run_lines
say
((count > 0)) || fail "README.md shows no lines to run"
if ((failed > 0)); then
    cat "$work/gateway.log"
    fail "$failed of $count lines print something else than README.md says"
fi
say "All $count lines print what README.md says."
[[ $ONCE == 1 ]] && exit 0

say "Now yours: the same lines with alice's key, http://$TOLLGATE_OPS/metrics,"
say "or change examples/demo/api.yaml or a function: it is served at once. Ctrl-C ends it."
say
tail --quiet --lines=0 --follow "$work/gateway.log" &
tail_pid=$!
wait "$gateway_pid"
