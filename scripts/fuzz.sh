#!/usr/bin/env bash
# Runs each fuzz target for a while: fuzz.sh 10s; or one: fuzz.sh 10m FuzzGraph
set -euo pipefail
cd "$(dirname "$0")/.."
only=${2:-}
found=
for file in $(git grep -lE '^func Fuzz[A-Z]' -- '*_test.go'); do
	for target in $(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -c6-); do
		[ -z "$only" ] || [ "$target" = "$only" ] || continue
		found=yes
		echo "== ./$(dirname "$file") $target"
		GOMEMLIMIT=${GOMEMLIMIT:-1GiB} go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 10x
	done
done
[ -n "$found" ] || { echo "there is no target $only"; exit 2; }
