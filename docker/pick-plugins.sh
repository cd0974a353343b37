#!/bin/sh
# Copies the plugins of GStreamer and GIO that PROGRAM uses to OUT/root. Writes the names of their packages to
# OUT/packages.copied, and the names of the packages that plugins and PROGRAM need to OUT/packages.needed.
# Usage: pick-plugins.sh PROGRAM OUT
set -eu
program=$1
out=$2
# app: appsrc, appsink; coreelements: capsfilter; opus: sound over WebRTC; videotestsrc: for the version of x264. The second line is for push,
# the third line, with videoparsersbad, for what a publisher sends.
plugins='app coreelements opus videotestsrc voaacenc x264
    flv rtmp2 mpegtsmux videoparsersbad srt udp
    openh264 vpx videoconvertscale'
# The plugins use two small libraries of this package, which depends on a desktop. The script copies the two libraries.
copied=libgstreamer-plugins-bad1.0-0
directory=$(dirname "$(find /usr/lib -name libgstcoreelements.so)")
# TLS of GIO, for rtmps. Its package also depends on a desktop.
tls=$(dirname "$directory")/gio/modules/libgiognutls.so

# copy FILE DIRECTORY PACKAGE: copies a file of a package, and the copyright of the package.
copy() {
    mkdir -p "$out/root$2" "$out/root/usr/share/doc/$3"
    cp -L "$1" "$out/root$2"
    echo "$3" >>"$out/packages.copied"
    cp "/usr/share/doc/$3/copyright" "$out/root/usr/share/doc/$3" || echo "$3: no copyright here" >&2
}

# owners LIBRARY: prints the packages that contain the library. dpkg may know its path in /lib, in /usr/lib, or after links.
owners() {
    { dpkg-query -S "$1" "/usr$1" "$(readlink -f "$1")" 2>/dev/null || true; } | cut -d: -f1 | sort -u
}

files=
for plugin in $plugins; do
    files="$files $directory/libgst$plugin.so"
done
files="$files $tls"
for file in $files; do
    copy "$file" "$(dirname "$file")" "$(dpkg-query -S "$file" | cut -d: -f1)"
done
# shellcheck disable=SC2086 # one word for each file
ldd "$program" $files | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
    for package in $(owners "$library"); do
        case $package in
            "$copied") copy "$library" "$(readlink -f "$(dirname "$library")")" "$package" ;;
            *) echo "$package" ;;
        esac
    done
done | sort -u >"$out/packages.needed"
test -s "$out/packages.needed"
