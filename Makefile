# What can be done here, one line each: make help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
TOOLS := $(CURDIR)/.tools
BIN := $(TOOLS)/bin
export PATH := $(BIN):$(PATH)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT := mvdan.cc/gofumpt@v0.12.0
GOSEC := github.com/securego/gosec/v2/cmd/gosec@v2.22.5
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0
AXE := 4.14.1
FUZZTIME ?= 10s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help tools check test race soak fuzz bench clients docs run release reproduce

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

tools: ## install what is missing: chromium, PostgreSQL, nodejs (Debian), the Go checkers, axe-core
	@scripts/tools.sh install $(AXE) $(STATICCHECK) $(GOFUMPT) $(GOSEC) $(GOVULNCHECK)

check: ## format, vet, staticcheck, gosec, govulncheck, arch test, generated docs, tidy
	@scripts/check.sh

test: ## everything, browser tests and PostgreSQL included (says what is missing; make tools installs it)
	@scripts/tools.sh need $(AXE)
	go test -timeout 20m ./...

race: ## the tests under the race detector (browser journeys left out)
	go test -race -timeout 60m $$(go list ./... | grep -v /test/journey)

soak: ## many random histories of several clients against plain models of the tenant's objects; a plan of 10,000 rows killed 50 times (SEED, FAULTS), and one among faults by the clock of the directory; lost answers (G4), throttles (G7) and undo (G11) by the thousand; 10,000 odd texts through each box of the portal
	go test ./emulator -run TestModel -count=20 -timeout 30m
	go test ./test/journey -run TestA36_OddTextsInEveryBox -count=1 -v -timeout 170m -odd 10000
	G1_SOAK=10000,50,$${SEED:-1},$${FAULTS:-0} go test ./test/journey -run TestG1_F13_APlanWhose -count=1 -timeout 120m -v
	G4_SOAK=1000 go test ./internal/change -run TestG4_ -count=1 -timeout 30m -v
	G7_SOAK=7000 G11_SOAK=200 go test ./internal/bulk -run 'TestG7_Nobody|TestG11_' -count=1 -timeout 60m -v
	G1_FAULTS=3000,50,$${SEED:-1},0.1 go test ./internal/bulk -run TestG1_F01to10 -count=1 -timeout 120m -v

fuzz: ## each fuzz target for FUZZTIME (default 10s), or only FUZZ
	@scripts/fuzz.sh $(FUZZTIME) $(FUZZ)

bench: ## the figures of docs/reference/performance.md, measured again; BENCH=sync only those of copies, BENCH=bulk those of many people at once, BENCH=rest the others
	@scripts/bench.sh $(BENCH)

clients: ## every foreign client (Node, Go, Python, CLI for Microsoft 365) and every page of docs/guide/emulator, against the emulator
	@scripts/clients.sh

docs: ## write the generated pages of docs/reference again
	go run ./cmd/nameplate docs docs/reference

run: ## the demo
	go run ./cmd/nameplate demo

release: ## programs for Linux, macOS and Windows in bin/, with lists of contents and checksums
	@scripts/release.sh $(VERSION)

reproduce: ## each program of a release built twice, the second time elsewhere and from nothing: the same bytes, and lists that tell what is in them
	go test ./test/release -all -count=1 -timeout 60m
