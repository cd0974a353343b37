#!/bin/sh
# Installs the package in a fresh root of each release of Debian, runs it as its unit does, upgrades and purges it. Needs root.
#   test.sh BINARY RELEASE...
set -eu
binary=$1
shift
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d "${TMPDIR:-/tmp}/barstone-package-XXXXXX")
server=

clean_up() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail() {
    cat "$work/log" >&2 || true
    echo "$release: $1" >&2
    exit 1
}

inside() { chroot "$root" env LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }

# start: runs the command of the unit, without systemd, as another user than root.
start() {
    command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/barstone.service")
    # shellcheck disable=SC2086 # the words of the command
    (exec chroot "$root" setpriv --reuid 12345 --regid 12345 --clear-groups \
        env -i "BARSTONE_LISTEN=127.0.0.1:$port" GST_REGISTRY=/var/cache/barstone/gstreamer.registry $command >"$work/log" 2>&1) &
    server=$!
    tries=0
    until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do
        tries=$((tries + 1))
        [ $tries -lt 150 ] && kill -0 "$server" || fail "it does not run"
        sleep 0.2
    done
}

stop() {
    kill "$server"
    wait "$server" || fail "it ended with $?"
    server=
}

api() { curl --silent --fail --show-error --header "Authorization: Bearer $(cat "$root/var/lib/barstone/token")" "$@"; }

first=$(COMPRESSION=0 "$here/build.sh" "$binary" "$work")
second=$(COMPRESSION=0 "$here/build.sh" "$binary" "$work" 2)
port=$(python3 -c 'import socket; probe = socket.socket(); probe.bind(("127.0.0.1", 0)); print(probe.getsockname()[1])')
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
for release in "$@"; do
    began=$(date +%s)
    root=$work/$release
    mmdebstrap --variant=minbase --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/locale/*' --skip=cleanup/tmp \
        --customize-hook="copy-in $first $second /tmp" \
        --customize-hook="chroot \"\$1\" apt-get install --yes --no-install-recommends /tmp/$(basename "$first")" \
        "$release" "$root" "$mirror" >"$work/log" 2>&1 || fail "the package cannot be installed in a fresh root"
    for file in usr/share/man/man1/barstone.1.gz usr/share/bash-completion/completions/barstone; do
        [ -s "$root/$file" ] || fail "$file is missing"
    done
    # systemd makes these for the dynamic user.
    for directory in lib cache; do mkdir "$root/var/$directory/barstone" && chown 12345:12345 "$root/var/$directory/barstone"; done
    start
    timeout 60 ffmpeg -nostdin -v error -xerror -i "http://127.0.0.1:$port/live/test/hls.m3u8" -t 2 -f null - || fail "it does not play"
    api --request PUT --json '{"name": "mine", "enabled": false}' "http://127.0.0.1:$port/api/v1/streams/mine" >/dev/null || fail "no stream can be created"
    stop
    echo 'max_viewers = 7' >"$work/changed"
    cat "$root/etc/barstone/barstone.toml" >>"$work/changed"
    cp "$work/changed" "$root/etc/barstone/barstone.toml"

    inside dpkg --force-confold --force-unsafe-io --install "/tmp/$(basename "$second")" >"$work/log" 2>&1 || fail "it cannot be upgraded"
    cmp -s "$work/changed" "$root/etc/barstone/barstone.toml" || fail "the upgrade changed the configuration"
    start
    api "http://127.0.0.1:$port/api/v1/streams/mine" >/dev/null || fail "the upgrade lost a stream"
    grep -q 'max_viewers = 7' "$work/log" || fail "the changed configuration has no effect"
    stop

    inside apt-get purge --yes --quiet barstone >"$work/log" 2>&1 || fail "it cannot be purged"
    for directory in etc var/lib var/cache; do [ ! -e "$root/$directory/barstone" ] || fail "/$directory/barstone is left"; done
    rm -rf --one-file-system "$root"
    echo "$release: installed, upgraded and purged in $(($(date +%s) - began)) s"
done
