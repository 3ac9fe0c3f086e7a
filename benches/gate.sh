#!/usr/bin/env bash
# Instruction counts of the request path against benches/baseline.json. Fails when a scenario needs
# 3 % more instructions or one more allocation, or an allowance check 100 ns.
#   benches/gate.sh            compare
#   benches/gate.sh --update   keep today's counts as the baseline, to be committed with the reason
#   benches/gate.sh time       nanoseconds of every scenario on this machine
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The profile that is published: counts of another one would guard code that nobody runs.
cargo build --profile dist --locked --package tollgate-benches
readonly BENCHES=${CARGO_TARGET_DIR:-target}/dist/tollgate-benches
case ${1-} in
    time) exec "$BENCHES" time ;;
    *) exec "$BENCHES" gate "$@" ;;
esac
