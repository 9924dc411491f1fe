#!/usr/bin/env bash
# Measures everything again and writes docs/reference/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp)
go test ./test/bench -run '^$' -bench . -benchtime 1x -timeout 60m | tee "$out"
go run ./test/bench/table < "$out" > docs/reference/performance.md
rm -f "$out"
