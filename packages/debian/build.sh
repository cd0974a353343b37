#!/bin/sh
# Builds the Debian package of a binary that was built on this system:
#   build.sh BINARY DIRECTORY [REVISION]   writes barstone_VERSION-REVISION_ARCHITECTURE.deb, and prints its path
# COMPRESSION is the level of xz, 0 to 9.
# A package that was built on Debian 12 runs on Debian 12 and newer.
set -eu
binary=$(realpath "$1")
out=$(realpath "$2")
revision=${3:-1}
here=$(dirname "$(realpath "$0")")
root=$here/../..
version=$("$binary" --version | sed 's/^barstone //')-$revision
architecture=$(dpkg --print-architecture)
date=$(date --utc --reference "$root/CHANGELOG.md" +%s)
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$date}"

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
tree=$work/tree
umask 022

# put FILE MODE: writes standard input to a file of the package.
put() {
    mkdir -p "$(dirname "$tree/$1")"
    cat >"$tree/$1"
    chmod "$2" "$tree/$1"
}

mkdir -p "$tree/usr/bin" "$tree/DEBIAN"
strip --strip-all -o "$tree/usr/bin/barstone" "$binary"
"$binary" man | gzip -9n | put usr/share/man/man1/barstone.1.gz 644
"$binary" completions bash | put usr/share/bash-completion/completions/barstone 644
"$binary" completions zsh | put usr/share/zsh/vendor-completions/_barstone 644
"$binary" completions fish | put usr/share/fish/vendor_completions.d/barstone.fish 644
put usr/lib/systemd/system/barstone.service 644 <"$here/barstone.service"
# The service can write nowhere else.
sed -e 's/^#\(state_dir = \)/\1/' -e 's/^#\(media_dir = \)/\1/' "$root/examples/barstone.toml" | put etc/barstone/barstone.toml 644
{
    echo "barstone is licensed under MIT or Apache-2.0, at your choice. The text of Apache-2.0 is in"
    echo "/usr/share/common-licenses/Apache-2.0. The licences of players and font in the binary are in licenses/."
    echo
    cat "$root/LICENSE-MIT"
} | put usr/share/doc/barstone/copyright 644
for licence in "$root"/static/vendor/*LICENSE* "$root"/static/fonts/LICENSE*; do
    put "usr/share/doc/barstone/licenses/$(basename "$licence")" 644 <"$licence"
done
gzip -9n <"$root/CHANGELOG.md" | put usr/share/doc/barstone/changelog.gz 644
{
    echo "barstone ($version) stable; urgency=medium"
    echo
    echo "  * See changelog.gz."
    echo
    echo " -- barstone <barstone@localhost>  $(date --utc --date="@$SOURCE_DATE_EPOCH" --rfc-email)"
} | gzip -9n | put usr/share/doc/barstone/changelog.Debian.gz 644

# Libraries according to the binary, plugins according to the list that all installations share.
mkdir "$work/debian"
printf 'Source: barstone\n\nPackage: barstone\nArchitecture: any\n' >"$work/debian/control"
libraries=$(cd "$work" && dpkg-shlibdeps -O "$tree/usr/bin/barstone" | sed 's/^shlibs:Depends=//')
plugins=$(paste -s -d, "$root/docker/packages.run" | sed 's/,/, /g')
put DEBIAN/control 644 <<EOF
Package: barstone
Version: $version
Architecture: $architecture
Maintainer: barstone <barstone@localhost>
Installed-Size: $(du -sk "$tree" | cut -f1)
Depends: $libraries, $plugins
Section: video
Priority: optional
Description: live test streams as HLS, LL-HLS, DASH and LL-DASH
 Colour bars, a UTC clock and a beep on every second, for tests of players,
 caches, origins and clusters. Every picture contains its exact time, and
 every replica publishes the same bytes. The package contains a service,
 which listens on port 8080.
EOF
echo /etc/barstone/barstone.toml | put DEBIAN/conffiles 644
for script in postinst prerm postrm; do put "DEBIAN/$script" 755 <"$here/$script"; done
(cd "$tree" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum) | put DEBIAN/md5sums 644

file=$out/barstone_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz "-z${COMPRESSION:-6}" --build "$tree" "$file" >/dev/null
echo "$file"
