#!/bin/sh
# Installs the package in a fresh root of each release of Debian, boots the root with systemd, upgrades and purges the package.
# Needs root, and systemd-nspawn.
#   test.sh BINARY RELEASE...
set -eu
binary=$1
shift
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d "${TMPDIR:-/tmp}/barstone-package-XXXXXX")
machine=

clean_up() {
    [ -z "$machine" ] || { pkill -KILL --parent "$machine" && wait "$machine"; } || true
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail() {
    cat "$work/log" >&2 || true
    echo "$release: $1" >&2
    exit 1
}

# boot: starts systemd in the root, with the network of the host.
boot() {
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --directory "$root" --boot --register=no --keep-unit \
        </dev/null >"$work/console" 2>&1 &
    machine=$!
}

halt() {
    kill "$machine"
    wait "$machine" || true
    machine=
}

# inside COMMAND...: runs a command in the booted root.
inside() {
    nsenter --all --target "$(pgrep --parent "$machine")" \
        env -i LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# serves: waits until the service serves its streams.
serves() {
    tries=0
    until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ]; then
            inside journalctl --unit barstone >"$work/log" 2>&1
            fail "the service does not serve"
        fi
        sleep 0.2
    done
}

# api ARGUMENT...: sends a request with the token, which is in the log of the service.
api() { curl --silent --fail --show-error --header "Authorization: Bearer $token" "$@"; }

first=$(COMPRESSION=0 "$here/build.sh" "$binary" "$work")
second=$(COMPRESSION=0 "$here/build.sh" "$binary" "$work" 2)
port=$(python3 -c 'import socket; probe = socket.socket(); probe.bind(("127.0.0.1", 0)); print(probe.getsockname()[1])')
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
for release in "$@"; do
    began=$(date +%s)
    root=$work/$release
    mmdebstrap --variant=minbase --include=systemd-sysv --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook="copy-in $first $second /root" \
        --customize-hook="chroot \"\$1\" apt-get install --yes --no-install-recommends /root/$(basename "$first")" \
        "$release" "$root" "$mirror" >"$work/log" 2>&1 || fail "the package cannot be installed in a fresh root"
    for file in usr/share/man/man1/barstone.1.gz usr/share/bash-completion/completions/barstone; do
        [ -s "$root/$file" ] || fail "$file is missing"
    done
    mkdir -p "$root/etc/systemd/system/barstone.service.d"
    printf '[Service]\nEnvironment=BARSTONE_LISTEN=127.0.0.1:%s\n' "$port" >"$root/etc/systemd/system/barstone.service.d/port.conf"

    boot
    serves
    timeout 180 ffmpeg -nostdin -v error -xerror -i "http://127.0.0.1:$port/live/test/hls.m3u8" -t 2 -f null - >"$work/log" 2>&1 ||
        fail "the service does not play"
    pid=$(inside systemctl show --property MainPID --value barstone)
    [ "$(inside stat --format %u "/proc/$pid")" -ge 61184 ] || fail "the service does not run as a dynamic user"
    # As docs/install.md says.
    token=$(inside journalctl -u barstone | sed -n 's/.*#token=//p')
    api --request PUT --json '{"name": "mine"}' "http://127.0.0.1:$port/api/v1/streams/mine" >/dev/null || fail "no stream can be created"
    inside barstone streams stop mine --server "http://127.0.0.1:$port" --state-dir /var/lib/barstone >"$work/log" 2>&1 ||
        fail "root cannot stop a stream on the command line"
    echo 'max_viewers = 7' >"$work/changed"
    cat "$root/etc/barstone/barstone.toml" >>"$work/changed"
    cp "$work/changed" "$root/etc/barstone/barstone.toml"
    inside systemctl reload barstone || fail "the service cannot be reloaded"

    inside dpkg --force-confold --force-unsafe-io --install "/root/$(basename "$second")" >"$work/log" 2>&1 || fail "it cannot be upgraded"
    cmp -s "$work/changed" "$root/etc/barstone/barstone.toml" || fail "the upgrade changed the configuration"
    serves
    [ "$(inside systemctl show --property MainPID --value barstone)" != "$pid" ] || fail "the upgrade did not restart the service"
    api "http://127.0.0.1:$port/api/v1/streams/mine" >/dev/null || fail "the upgrade lost a stream"
    inside journalctl --unit barstone | grep -q 'max_viewers = 7' || fail "the changed configuration has no effect"
    [ "$(inside systemctl show --property NRestarts --value barstone)" = 0 ] || fail "the service failed"

    inside apt-get purge --yes --quiet barstone >"$work/log" 2>&1 || fail "it cannot be purged"
    ! inside systemctl --quiet is-active barstone || fail "the service runs on"
    for directory in etc var/lib var/lib/private var/cache var/cache/private; do
        [ ! -e "$root/$directory/barstone" ] || fail "/$directory/barstone is left"
    done
    halt
    rm -rf --one-file-system "$root"
    echo "$release: installed, booted, upgraded and purged in $(($(date +%s) - began)) s"
done
