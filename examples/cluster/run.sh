#!/usr/bin/env bash
# Starts a back end, three nodes that form a cluster, HAProxy before them and Prometheus, shows that
# a quota is one number for all nodes, and goes on serving until Ctrl-C.
#
#   CLUSTER_ONCE=1      ends after the quota was asked for: 0 when exactly ten requests passed, else 1
#   CLUSTER_BIN=PATH    the binary, by default target/release/tollgate
#   CLUSTER_PORT=PORT   the balancer's port, by default 8000; node N has the hundred ports from
#                       PORT + N * 100 on, Prometheus is at PORT + 90
set -euo pipefail
# Each program in a process group of its own: Ctrl-C reaches this script, which ends them in order.
set -m
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly BIN=${CLUSTER_BIN:-target/release/tollgate}
readonly ONCE=${CLUSTER_ONCE:-0}
readonly PORT=${CLUSTER_PORT:-8000}
readonly READY_SECONDS_MAX=30
readonly QUOTA=10
# Where tests/install.sh unpacks HAProxy and Prometheus, and where Debian keeps them.
export PATH="$PWD/target/tools/usr/bin:$PWD/target/tools/usr/sbin:$PATH:/usr/sbin"

work=$(mktemp -d)
pids=()

say() { printf '%s\n' "$*"; }
fail() {
    say "examples/cluster/run.sh: $*" >&2
    exit 1
}
alive() { kill -0 "$1" 2>/dev/null; }

# Ends what was started here, by its process id, the last first: clients before what serves them.
# shellcheck disable=SC2317 # called by the trap
cleanup() {
    trap '' INT TERM
    local at
    for ((at = ${#pids[@]} - 1; at >= 0; at--)); do
        kill "${pids[at]}" 2>/dev/null || true
        wait "${pids[at]}" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 0' INT TERM

# Starts a program in the background with its output in a file of that name.
run() {
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 &
    pids+=("$!")
}

# Waits until a command succeeds; fails when the program started last is gone or time is up.
wait_for() {
    local what=$1 until=$((SECONDS + READY_SECONDS_MAX))
    shift
    until "$@"; do
        alive "${pids[-1]}" || fail "$what ended: $(cat "$work"/*.log)"
        ((SECONDS < until)) || fail "$what was not ready within $READY_SECONDS_MAX s: $(cat "$work"/*.log)"
        sleep 0.05
    done
}
answers() { curl --silent --fail --output /dev/null "$1"; }
# What node N listens on: http, admin, ops, peer.
port() {
    local -A offsets=([http]=0 [admin]=1 [ops]=2 [peer]=3)
    printf '%s' $((PORT + $1 * 100 + offsets[$2]))
}
address() { printf '127.0.0.1:%s' "$(port "$1" "$2")"; }

node() {
    local number=$1
    shift
    run "node$number" "$BIN" "$@" --data-dir "$work/node$number" --name "node$number" \
        --http "$(address "$number" http)" --admin "$(address "$number" admin)" \
        --ops "$(address "$number" ops)" --peer "$(address "$number" peer)" \
        --trusted-proxies 127.0.0.0/8
    wait_for "node $number" answers "http://$(address "$number" ops)/readyz"
}

start_nodes() {
    local number line
    node 1 start
    for number in 2 3; do
        # It prints the whole command that the new node runs: tollgate join ADDRESS --token TOKEN
        line=$("$BIN" token create --data-dir "$work/node1" 2>/dev/null)
        # shellcheck disable=SC2086 # words of a command line
        node "$number" ${line#tollgate }
    done
    "$BIN" apply -f examples/cluster/api.yaml --data-dir "$work/node1" >"$work/apply.log" 2>&1 ||
        fail "$(cat "$work/apply.log")"
}

start_balancer() {
    local number
    export BALANCER=127.0.0.1:$PORT
    for number in 1 2 3; do
        export "NODE${number}_HTTP=$(address "$number" http)"
        export "NODE${number}_OPS_PORT=$(port "$number" ops)"
    done
    run haproxy haproxy -db -f examples/cluster/haproxy.cfg
    wait_for "HAProxy" answers "http://$BALANCER/orders/1"
}

start_prometheus() {
    cat >"$work/prometheus.yml" <<END
global: {scrape_interval: 2s}
scrape_configs:
  - job_name: tollgate
    static_configs: [{targets: ['$(address 1 ops)', '$(address 2 ops)', '$(address 3 ops)']}]
END
    run prometheus prometheus --config.file="$work/prometheus.yml" \
        --storage.tsdb.path="$work/prometheus" --web.listen-address="127.0.0.1:$((PORT + 90))"
    wait_for "Prometheus" answers "http://127.0.0.1:$((PORT + 90))/-/ready"
}

for tool in curl python3 haproxy prometheus; do
    command -v "$tool" >/dev/null || fail "needs $tool; tests/install.sh brings it"
done
[[ -x $BIN ]] || fail "$BIN is not there; build it with: cargo build --release --package tollgate-node"

run backend python3 examples/demo/backend.py
wait_for "the back end" test -s "$work/backend.log"
DEMO_BACKEND="127.0.0.1:$(<"$work/backend.log")"
export DEMO_BACKEND
start_nodes
start_balancer
start_prometheus

say
say "Three nodes are one gateway:"
say
"$BIN" members --data-dir "$work/node1"
say
say "$((QUOTA + 4)) requests with bob's key through the balancer, whose plan admits $QUOTA a day:"
codes=$(curl --silent --output /dev/null --write-out '%{http_code} ' -H 'x-api-key: bob-0123456789-0123456789' \
    "http://$BALANCER/tickets?n=[1-$((QUOTA + 4))]")
say "$codes"
admitted=$(grep -o 200 <<<"$codes" | wc -l)
((admitted == QUOTA)) || fail "$admitted were admitted instead of $QUOTA"
[[ $ONCE == 1 ]] && exit 0

say
say "Now yours:"
say
say "  curl -i -H 'x-api-key: alice-0123456789-0123456789' http://$BALANCER/tickets"
say "  $BIN usage alice --data-dir $work/node3"
say "  $BIN members --data-dir $work/node2"
say "  kill -9 ${pids[2]}                    node 2 dies; ask the balancer again, it goes on"
say "  http://127.0.0.1:$((PORT + 90))/graph?g0.expr=sum(rate(tollgate_edge_requests_total[1m]))by(instance)"
say
say "Ctrl-C ends it."
# A node may be killed on purpose; the balancer stays until the end.
wait "${pids[4]}"
