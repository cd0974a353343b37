#!/bin/sh
# Copies the GStreamer plugins that the program uses to OUT/root, and writes the packages that they are of to
# OUT/packages.copied, and those that they and PROGRAM need to OUT/packages.needed: usage: pick-plugins.sh PROGRAM OUT
set -eu
program=$1
out=$2
# app: appsrc, appsink; coreelements: capsfilter; videotestsrc: for the version of x264.
plugins='app coreelements videotestsrc voaacenc x264'
directory=$(dirname "$(find /usr/lib -name libgstcoreelements.so)")
files=
for plugin in $plugins; do
    file=$directory/libgst$plugin.so
    package=$(dpkg-query -S "$file" | cut -d: -f1)
    mkdir -p "$out/root$directory" "$out/root/usr/share/doc/$package"
    files="$files $file"
    cp "$file" "$out/root$directory"
    echo "$package" >>"$out/packages.copied"
    cp "/usr/share/doc/$package/copyright" "$out/root/usr/share/doc/$package" || echo "$package: no copyright here"
done
# shellcheck disable=SC2086 # one word for each file
ldd "$program" $files | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
    # A package knows a library by its path from before or after /lib became a link, or by what it is a link to.
    dpkg-query -S "$library" "/usr$library" "$(readlink -f "$library")" 2>/dev/null || true
done | cut -d: -f1 | sort -u >"$out/packages.needed"
test -s "$out/packages.needed"
