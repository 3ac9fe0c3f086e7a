#!/usr/bin/env bash
# The steps of `make test` after the tools are there. Changes no source file. Every step runs with
# the profile `ci`, so that dependencies, their build scripts and macros are compiled once for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PROFILE=ci
# Programs for the suites `functions` and `sdk`, which build them in the same way when they run alone.
readonly RUST_FUNCTIONS=tests/functions/code/rust/Cargo.toml
readonly RUST_SDK=tests/sdk/rust/Cargo.toml
# What the suites measure of what the project promises; tests/harness/src/bars.rs writes it.
readonly BARS=target/bars.txt
ran=()
skipped=()
running=none
finished=no

say() { printf '\n== %s\n' "$*" >&2; }

# Runs one step and remembers how long it took, for the summary.
step() {
    local name=$1 began=$SECONDS
    shift
    running=$name
    say "$name: $*"
    "$@"
    ran+=("$name $((SECONDS - began)) s")
}

skip() {
    say "$1: skipped, $2"
    skipped+=("$1")
}

summary() {
    local verdict=passed
    if [[ -s $BARS ]]; then
        printf '\n'
        sort -u "$BARS"
    fi
    # Not the exit code: a signal can end the script between two steps.
    [[ $finished == yes ]] || verdict="FAILED at '$running'"
    printf '\nmake test %s in %d s; ran: %s' "$verdict" "$SECONDS" "$(join "${ran[@]}")"
    ((${#skipped[@]} == 0)) || printf '; skipped: %s' "$(join "${skipped[@]}")"
    printf '\n'
}
join() {
    local IFS=,
    local joined="$*"
    printf '%s' "${joined//,/, }"
}
trap summary EXIT
rm -f "$BARS"

step "dependencies" cargo fetch --locked

format() {
    cargo fmt --all --check
    cargo fmt --manifest-path $RUST_FUNCTIONS --check
    cargo fmt --manifest-path $RUST_SDK --check
}

if cargo fmt --version >/dev/null 2>&1; then
    step "format" format
else
    skip "format" "rustfmt is not installed (rustup component add rustfmt)"
fi

# With the tests, or the next step would resolve features anew and compile dependencies again.
step "build" cargo build --profile $PROFILE --workspace --all-targets --locked

step "functions in Rust" cargo build --quiet --locked --manifest-path $RUST_FUNCTIONS --target-dir target/rust-functions

step "SDK for Rust" cargo build --quiet --locked --manifest-path $RUST_SDK --target-dir target/rust-sdk

if cargo clippy --version >/dev/null 2>&1; then
    step "clippy" cargo clippy --profile $PROFILE --workspace --all-targets --locked -- --deny warnings
else
    skip "clippy" "clippy is not installed (rustup component add clippy)"
fi

# Nodes wait for the disk at every change: not for what the compiler wrote.
sync

if cargo nextest --version >/dev/null 2>&1; then
    step "tests" cargo nextest run --cargo-profile $PROFILE --workspace --locked
else
    # Suites start whole nodes: two at a time, as .config/nextest.toml has it.
    step "tests" cargo test --profile $PROFILE --workspace --lib --bins --tests --no-fail-fast --locked -- --test-threads 2
fi
finished=yes
