#!/bin/sh
# Installs the missing packages of the named lists (build, run, test and others). The lists are files beside this script, which
# the Makefile and the Dockerfile share. On a system without apt-get, the script prints the command that installs the missing
# packages, with their names in packages.names.
set -eu
here=$(dirname "$0")

# Prints the system's package manager, or nothing if packages.names does not support it.
manager() {
    for name in apt-get dnf pacman brew; do
        command -v "$name" >/dev/null && echo "$name" && return
    done
    return 0
}

# is_installed PACKAGE
is_installed() {
    case $manager in
    apt-get) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    dnf) rpm --quiet -q "$1" ;;
    pacman) pacman -Qq "$1" >/dev/null 2>&1 ;;
    brew) brew list --versions "$1" >/dev/null 2>&1 ;;
    esac
}

# names DEBIAN_PACKAGE: prints the names of the package in the package manager, one or several, or "?" if unknown.
names() {
    case $manager in
    dnf) column=2 ;;
    pacman) column=3 ;;
    brew) column=4 ;;
    *) echo "$1" && return ;;
    esac
    awk -F ' *[|] *' -v package="$1" -v column="$column" \
        '$1 == package { print $column; found = 1 } END { if (!found) print "?" }' "$here/packages.names"
}

# wanted LIST...: prints Debian's names of the packages in the lists, except Node.js and npm if they are installed already.
wanted() {
    for list in "$@"; do
        while read -r package; do
            case $package in
            nodejs) command -v node >/dev/null && continue ;;
            npm) command -v npm >/dev/null && continue ;;
            esac
            echo "$package"
        done <"$here/packages.$list"
    done
}

case $(uname -s) in
MINGW* | MSYS* | CYGWIN*)
    echo "barstone does not build on Windows. Use Docker (docs/install.md), or Debian or Ubuntu in WSL 2." >&2
    exit 1
    ;;
esac
manager=$(manager)
if [ -z "$manager" ]; then
    echo "Cannot install packages: this system has none of apt-get, dnf, pacman and brew." >&2
    echo "Continuing. These are the packages that Debian needs:" $(wanted "$@") >&2
    exit 0
fi

missing=
unknown=
for package in $(wanted "$@"); do
    for name in $(names "$package"); do
        case " $missing " in *" $name "*) continue ;; esac
        if [ "$name" = '?' ]; then
            unknown="$unknown $package"
        elif [ "$name" != - ]; then
            is_installed "$name" || missing="$missing $name"
        fi
    done
done
[ -z "$missing$unknown" ] && exit 0
if [ "$manager" = apt-get ]; then
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "Installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq
    # shellcheck disable=SC2086 # one word for each package
    $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
[ -z "$missing" ] || case $manager in
dnf)
    echo "Packages are missing. Install them, then run this again (x264 and AAC encoders are in RPM Fusion):" >&2
    echo "    sudo dnf install$missing" >&2
    ;;
pacman)
    echo "Packages are missing. Install them, then run this again:" >&2
    echo "    sudo pacman -S --needed$missing" >&2
    ;;
brew)
    echo "Packages are missing. Install them, then run this again:" >&2
    echo "    brew install$missing" >&2
    ;;
esac
[ -z "$unknown" ] || echo "Install what Debian calls$unknown too. docker/packages.names has no name for it here." >&2
exit 1
