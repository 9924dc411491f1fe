#!/usr/bin/env bash
# release.sh VERSION [SYSTEMS [FOLDER]]: one stripped program for each system in bin/, a list of contents beside each (modules, versions,
# checksums, licenses), the licenses' texts, and SHA256SUMS. Made so that the same commit and toolchain give the same bytes: no path, no
# date, no C, and no setting of whoever makes it.
set -euo pipefail
version=$1
systems=${2:-"linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64"}
cd "$(dirname "$0")/.."
mkdir -p "${3:-bin}"
folder=$(cd "${3:-bin}" && pwd)
rm -f "$folder"/nameplate-* "$folder"/LICENSES.txt "$folder"/SHA256SUMS
export GOFLAGS=-mod=readonly GOWORK=off GOEXPERIMENT='' GOAMD64=v1 GOARM64=v8.0 GODEBUG=''
programs=()
for system in $systems; do
  os=${system%/*} arch=${system#*/}
  file=$folder/nameplate-$os-$arch
  [ "$os" != windows ] || file=$file.exe
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$version" -o "$file" ./cmd/nameplate
  programs+=("$file")
done
go run ./scripts/contents "$version" "${programs[@]}"
cd "$folder"
sha256sum nameplate-* LICENSES.txt > SHA256SUMS
cat SHA256SUMS
