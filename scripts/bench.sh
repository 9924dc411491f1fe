#!/usr/bin/env bash
# Measures again and writes docs/reference/performance.md: everything, or with "bulk" or "rest" that part, and the other part stays.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/reference/performance.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

rest() { go test ./test/bench -run '^$' -bench . -skip '^Benchmark(Bulk|Chaos)$' -benchtime 1x -timeout 60m; }

# bulk measures each latency by a process of its own, and chaos by one more: nearly all the time is waiting for the quota.
bulk() {
	local folder=test/clients latency
	[ -d "$folder/node_modules" ] || (cd "$folder" && npm ci --no-audit --no-fund --silent)
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$tmp/nameplate" ./cmd/nameplate
	go test -c -o "$tmp/bench.test" ./test/bench
	one() { (cd test/bench && "$tmp/bench.test" -test.run '^$' -test.bench "^Benchmark$1\$" -test.benchtime 1x -test.timeout 60m -nameplate "$tmp/nameplate" -latency "$2" > "$tmp/$1.$2" 2>&1); }
	for latency in 0s 60ms 250ms; do
		one Bulk "$latency" &
		sleep 20 # the first writes need no quota, only the machine
	done
	one Chaos 60ms &
	wait
	cat "$tmp"/Bulk.0s "$tmp"/Bulk.60ms "$tmp"/Bulk.250ms "$tmp"/Chaos.60ms
	! grep -l '^--- FAIL' "$tmp"/Bulk.* "$tmp"/Chaos.*
}

case ${1:-} in
bulk) bulk ;;
rest) rest ;;
*) rest && bulk ;;
esac | tee "$tmp/out"
[ "${1:-}" != bulk ] || sed '/^## Many people at once/,$d' "$page" | sed '$ { /^$/d }' > "$tmp/page"
go run ./test/bench/table < "$tmp/out" >> "$tmp/page"
[ "${1:-}" != rest ] || { echo; sed -n '/^## Many people at once/,$p' "$page"; } >> "$tmp/page"
cat "$tmp/page" > "$page"
