#!/bin/sh
# Installs the clients that are not ours, at exact versions, and drives them against the emulator.
set -eu
cd "$(dirname "$0")/../test/clients"
npm ci --no-audit --no-fund --silent
go test -count=1 -v -run TestNodeClients .
