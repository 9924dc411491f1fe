#!/usr/bin/env bash
# Measures again and writes docs/reference/performance.md: everything, or with "rest", "sync" or "bulk" that part, and the others stay.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/reference/performance.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

rest() { go test ./test/bench -run '^$' -bench . -skip '^Benchmark(Bulk|Chaos|Sync)$' -benchtime 1x -timeout 60m; }

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

sync() { go test ./test/bench -run '^$' -bench '^BenchmarkSync$' -benchtime 1x -timeout 120m; }

# part prints one of the parts of a page.
part() { awk -v want="$2" 'BEGIN { at = "rest" } /^## Copies of a directory/ { at = "sync" } /^## Many people at once/ { at = "bulk" } at == want' "$1"; }

case ${1:-} in
bulk | rest | sync) "$1" ;;
*) rest && sync && bulk ;;
esac | tee "$tmp/out"
go run ./test/bench/table < "$tmp/out" > "$tmp/new"
for p in rest sync bulk; do
	from=$page
	if [ -z "${1:-}" ] || [ "$1" = "$p" ]; then from=$tmp/new; fi
	part "$from" "$p"
	echo
done | cat -s | sed '$ { /^$/d }' > "$tmp/page"
cat "$tmp/page" > "$page"
