#!/usr/bin/env bash
# tools.sh install AXE TOOL@VERSION…   installs what is missing
# tools.sh need AXE                    says what is missing and fails
set -euo pipefail
cd "$(dirname "$0")/.."
mode=$1 axe=$2
shift 2

chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
node() { command -v npm >/dev/null; }
clients() { [ -f test/clients/node_modules/.package-lock.json ] && [ test/clients/node_modules/.package-lock.json -nt test/clients/package-lock.json ]; }
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

packages=()
chromium || packages+=(chromium fonts-noto-core)
postgres || packages+=(postgresql)
command -v npm >/dev/null || { command -v node >/dev/null && packages+=(npm) || packages+=(nodejs npm); }
if [ ${#packages[@]} -gt 0 ]; then
	if ! command -v apt-get >/dev/null; then
		echo "missing: ${packages[*]}. This machine has no apt-get: install them by its own package manager."
		exit 1
	fi
	as=()
	if [ "$(id -u)" != 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "missing: ${packages[*]}. Installing them needs root: run make tools as root, or install sudo."
			exit 1
		fi
		as=(sudo)
	fi
	echo "installing ${packages[*]}"
	"${as[@]}" apt-get update -qq
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
if ! axe; then
	echo "installing axe-core $axe"
	npm install --silent --no-audit --no-fund --no-save --prefix .tools "axe-core@$axe"
fi
if ! clients; then
	echo "installing the foreign clients of test/clients"
	(cd test/clients && npm ci --no-audit --no-fund --silent && touch node_modules/.package-lock.json)
fi
mkdir -p .tools/bin
for tool in "$@"; do
	path=${tool%@*} version=${tool#*@} name=$(basename "${tool%@*}")
	if ! go version -m ".tools/bin/$name" 2>/dev/null | grep -qE "mod[[:space:]].*[[:space:]]$version([[:space:]]|\$)"; then
		echo "installing $name $version"
		GOBIN="$PWD/.tools/bin" GOFLAGS= go install "$path@$version"
	fi
done
