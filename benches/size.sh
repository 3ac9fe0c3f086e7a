#!/usr/bin/env bash
# Prints the size of a program, and fails when it is not below what the project promises.
set -euo pipefail

readonly BYTES_MAX=30000000

bytes=$(stat --format %s "$1")
printf 'bar 7: a binary of %.1f MB (below %d): %s\n' "${bytes}e-6" $((BYTES_MAX / 1000000)) "$1"
((bytes < BYTES_MAX))
