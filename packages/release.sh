#!/bin/sh
# Writes the files of a release for this architecture: an archive of the binary, the Debian package, and the bill of materials
# of the binary. Prints their paths.
#   release.sh BINARY DIRECTORY
set -eu
binary=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$(realpath "$0")")/.."
version=$("$binary" --version | sed 's/^barstone //')
name=barstone-$version-linux-$(dpkg --print-architecture)

packages/debian/build.sh "$binary" "$out"

{ docker/sbom.sh crates && docker/sbom.sh vendored; } | docker/sbom.sh document barstone application >"$out/$name.cdx.json"
echo "$out/$name.cdx.json"

# The archive contains the files of the Debian package, in the layout of /usr/local.
tree=$(mktemp -d)
trap 'rm -r "$tree"' EXIT
dpkg-deb --extract "$out/barstone_$version-1_$(dpkg --print-architecture).deb" "$tree"
mkdir "$tree/$name"
mv "$tree/usr/bin" "$tree/usr/share" "$tree/$name"
cp examples/barstone.toml packages/debian/barstone.service docker/packages.run LICENSE-MIT LICENSE-APACHE "$tree/$name"
tar --create --xz --directory "$tree" --owner 0 --group 0 --numeric-owner --sort name \
    --mtime "@$(date --utc --reference CHANGELOG.md +%s)" --file "$out/$name.tar.xz" "$name"
echo "$out/$name.tar.xz"
