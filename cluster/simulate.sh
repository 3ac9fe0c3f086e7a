#!/usr/bin/env bash
# Runs SEEDS (10,000) simulated clusters from SEED (0) on, on THREADS threads (one a processor), for
# at most MINUTES. Seeds that violate an invariant are printed and added to the file FAILED.
#
# A process runs a thousand: what the end of a simulated machine leaves behind, about 0.7 MB a seed,
# is there until its process ends.
set -euo pipefail
cd "$(dirname "$0")"

first=${SEED:-0} left=${SEEDS:-10000} failed=${FAILED:-$PWD/../target/failed-seeds.txt}
threads=${THREADS:-$(nproc)}
mkdir -p "$(dirname "$failed")"
simulate=(cargo test --profile prove --locked --package tollgate-cluster --lib)
"${simulate[@]}" --no-run

begun=$SECONDS run=0 violated=0
until=$((SECONDS + 60 * ${MINUTES:-1000000}))
while ((left > 0 && SECONDS < until)); do
    count=$((left < 1000 ? left : 1000))
    if ! SEED=$first SEEDS=$count THREADS=$threads MINUTES=$(((until - SECONDS) / 60 + 1)) \
        FAILED=$failed "${simulate[@]}" --quiet sim::runs::no_seed_violates_an_invariant -- --nocapture; then
        violated=$((violated + 1))
    fi
    first=$((first + count)) left=$((left - count)) run=$((run + count))
    echo "simulation: $run seeds up to $first in $((SECONDS - begun)) s, $violated of $(((run + 999) / 1000)) processes saw a violation"
done
((violated == 0))
