#!/usr/bin/env bash
# Measures again and writes docs/reference/performance.md: everything, or with "bulk" or "rest" that part, and the other part stays.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/reference/performance.md
out=$(mktemp)
new=$(mktemp)
trap 'rm -f "$out" "$new"' EXIT
case ${1:-} in
bulk) benches='^BenchmarkBulk$' skip='^$' ;;
rest) benches=. skip='^BenchmarkBulk$' ;;
*) benches=. skip='^$' ;;
esac
[ -d test/clients/node_modules ] || (cd test/clients && npm ci --silent)
go test ./test/bench -run '^$' -bench "$benches" -skip "$skip" -benchtime 1x -timeout 120m | tee "$out"
[ "${1:-}" != bulk ] || sed '/^## Many people at once/,$d' "$page" | sed '$ { /^$/d }' > "$new"
go run ./test/bench/table < "$out" >> "$new"
[ "${1:-}" != rest ] || { echo; sed -n '/^## Many people at once/,$p' "$page"; } >> "$new"
cat "$new" > "$page"
