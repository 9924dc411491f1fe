#!/usr/bin/env bash
# One stripped program for each system in bin/, a list of contents beside each (every module with version and checksum, as the
# toolchain wrote it into the program), and SHA256SUMS. Made so that the same commit and toolchain give the same bytes (no path, no date, no C).
set -euo pipefail
version=$1
systems=${2:-"linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64"}
mkdir -p bin
cd bin
rm -f nameplate-* SHA256SUMS
for system in $systems; do
  os=${system%/*} arch=${system#*/}
  name=nameplate-$os-$arch
  file=$name
  [ "$os" != windows ] || file=$name.exe
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch GOFLAGS=-mod=readonly go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=$version" -o "$file" ../cmd/nameplate
  go version -m "$file" | sed "1s|.*|$file $version $(go env GOVERSION)|" > "$name.contents.txt"
done
sha256sum nameplate-* > SHA256SUMS
cat SHA256SUMS
