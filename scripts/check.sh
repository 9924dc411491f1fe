#!/usr/bin/env bash
# Everything that a change must pass besides the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
step() { printf '%-12s ' "$1"; shift; if out=$("$@" 2>&1); then echo ok; else echo FAILED; printf '%s\n' "$out"; fail=1; fi; }

formatted() { local f; f=$(git ls-files -z '*.go' | xargs -0 gofumpt -l); [ -z "$f" ] || { echo "$f"; echo 'Format them: gofumpt -w FILE'; return 1; }; }
tidy() { go mod tidy -diff; }
fresh() {
	local dir; dir=$(mktemp -d)
	go run ./cmd/nameplate docs "$dir" >/dev/null
	local f; for f in "$dir"/*; do diff -u "docs/reference/$(basename "$f")" "$f" || { echo 'The generated pages are stale: make docs'; rm -rf "$dir"; return 1; }; done
	rm -rf "$dir"
}
vulnerabilities() {
	local db=${GOVULNDB:-}
	if [ -z "$db" ]; then echo 'no database at hand (GOVULNDB): not checked'; return 0; fi
	govulncheck -db "$db" ./...
}

for tool in gofumpt staticcheck gosec govulncheck; do
	command -v "$tool" >/dev/null || { echo "missing: $tool. Install it with: make tools"; exit 1; }
done
step format formatted
step vet go vet ./...
step staticcheck staticcheck ./...
# G304: the operator names the files on the command line and in the configuration; nothing a browser sends becomes a path.
# G115: conversions between integers of the emulator's own records and of lengths that were checked.
# The harnesses that only tests import are left out.
step gosec gosec -quiet -severity medium -exclude=G304,G115 -exclude-dir=out -exclude-dir=test -exclude-dir=internal/store/storetest -exclude-dir=internal/directory/directorytest ./...
step govulncheck vulnerabilities
step architecture go test -count=1 .
step docs fresh
step tidy tidy
step modules go mod verify
[ -n "${GOVULNDB:-}" ] || echo 'govulncheck had no database: set GOVULNDB to file:// and a folder with one.'
exit $fail
