#!/usr/bin/env bash
# tools.sh install AXE TOOL@VERSION…   installs what is missing
# tools.sh need AXE                    says what is missing and fails
# tools.sh clients                     installs what only `make clients` needs
set -euo pipefail
cd "$(dirname "$0")/.."
mode=$1 axe=${2:-}
shift; shift || true

has() { type -P "$1" >/dev/null; } # a program; command -v would find the functions below too
chromium() { has chromium || has chromium-browser || has google-chrome; }
postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
node() { has npm; }
fresh() { [ -f "$1/node_modules/.package-lock.json" ] && [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]; }
clients() { fresh test/clients; }
python() { /usr/bin/python3 -c 'import authlib, msal, requests, httpx' 2>/dev/null; }
axe() { grep -qs "\"version\": \"$axe\"" .tools/node_modules/axe-core/package.json; }

if [ "$mode" = need ]; then
	missing=()
	chromium || missing+=("chromium (Debian: chromium)")
	postgres || missing+=("PostgreSQL's server (Debian: postgresql)")
	node || missing+=("nodejs with npm (Debian: nodejs npm)")
	axe || missing+=("axe-core $axe (npm)")
	clients || missing+=("the foreign clients of test/clients (npm)")
	if [ ${#missing[@]} -gt 0 ]; then
		printf 'missing: %s\n' "${missing[@]}"
		echo 'The tests need these. Install them with: make tools'
		exit 1
	fi
	exit 0
fi

# debian installs Debian's packages that are named.
debian() {
	[ $# -gt 0 ] || return 0
	if ! has apt-get; then
		echo "missing: $*. This machine has no apt-get: install them by its own package manager."
		exit 1
	fi
	local as=()
	if [ "$(id -u)" != 0 ]; then
		if ! has sudo; then
			echo "missing: $*. Installing them needs root: run make tools as root, or install sudo."
			exit 1
		fi
		as=(sudo)
	fi
	echo "installing $*"
	"${as[@]}" apt-get update -qq
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
# npm_ci installs a folder's packages at the versions of its lock file.
npm_ci() { echo "installing the foreign clients of $1"; (cd "$1" && npm ci --no-audit --no-fund --silent && touch node_modules/.package-lock.json); }

packages=()
has npm || { has node && packages+=(npm) || packages+=(nodejs npm); }
if [ "$mode" = clients ]; then
	python || packages+=(python3 python3-authlib python3-msal python3-requests python3-httpx)
	has jq || packages+=(jq)
	debian "${packages[@]}"
	for folder in test/clients test/clients/m365; do fresh "$folder" || npm_ci "$folder"; done
	exit 0
fi
chromium || packages+=(chromium fonts-noto-core)
postgres || packages+=(postgresql)
debian "${packages[@]}"
if ! axe; then
	echo "installing axe-core $axe"
	npm install --silent --no-audit --no-fund --no-save --prefix .tools "axe-core@$axe"
fi
clients || npm_ci test/clients
mkdir -p .tools/bin
for tool in "$@"; do
	path=${tool%@*} version=${tool#*@} name=$(basename "${tool%@*}")
	if ! go version -m ".tools/bin/$name" 2>/dev/null | grep -qE "mod[[:space:]].*[[:space:]]$version([[:space:]]|\$)"; then
		echo "installing $name $version"
		GOBIN="$PWD/.tools/bin" GOFLAGS= go install "$path@$version"
	fi
done
