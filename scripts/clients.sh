#!/usr/bin/env bash
# Drives the clients that are not ours, at exact versions, against the emulator, and shows each step.
set -euo pipefail
cd "$(dirname "$0")/../test/clients"
npm ci --no-audit --no-fund --silent
go test -count=1 -v -run TestNode .
