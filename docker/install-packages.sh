#!/bin/sh
# Installs the packages of the lists that are named (build, run, test), those that are missing only.
# The lists are files beside this script; the Makefile and the Dockerfile share them.
set -eu
here=$(dirname "$0")
missing=
for list in "$@"; do
    while read -r package; do
        case $package in
        # Any installation of these does, whatever package it came in.
        nodejs) command -v node >/dev/null && continue ;;
        npm) command -v npm >/dev/null && continue ;;
        esac
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done <"$here/packages.$list"
done
[ -z "$missing" ] && exit 0
command -v apt-get >/dev/null || {
    echo "This needs the packages:$missing. There is no apt-get here; install their like by hand." >&2
    exit 1
}
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "Installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # one word for each package
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
