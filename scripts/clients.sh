#!/usr/bin/env bash
# Drives the clients that are not ours, at exact versions, against the emulator, and shows each step.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/tools.sh clients
go test -count=1 -v -run TestNode ./test/clients
cd test/clients/go
go vet ./...
go test -count=1 -v -timeout 20m ./... # some sixty starts of the CLI for Microsoft 365 are slow on a busy machine
