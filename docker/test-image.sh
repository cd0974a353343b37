#!/bin/sh
# Builds the images without a container engine, with base images made from Debian's packages, and plays from them. The
# containers run without capabilities and with a read-only root file system. PROGRAM replaces the stage `build` of the
# Dockerfile. Without PROGRAM, the Dockerfile also builds the program, with the Rust toolchain of this machine, which needs
# 4 GB on disk.
# Usage: test-image.sh [PROGRAM]
set -eu
cd "$(dirname "$0")/.."
program=${1:-}
began=$(date +%s)
# If IMAGE_STORE is set, the images stay in that directory, and the next run is faster. Otherwise they are removed.
store=${IMAGE_STORE:-$(mktemp -d "${TMPDIR:-/tmp}/barstone-image-XXXXXX")}
mkdir -p "$store/tmp" "$store/target"
export TMPDIR="$store/tmp"
toolchain=$(rustc --print sysroot)
registry=${CARGO_HOME:-$HOME/.cargo}/registry
profile=${PROFILE:-dist}
running=
export STORAGE_DRIVER="${STORAGE_DRIVER:-overlay}"

buildah() {
    command buildah --root "$store/storage" --runroot "$store/run" "$@"
}

# runc, because crun refuses machines with both versions of cgroups. Without systemd, podman warns at each start that it cannot
# schedule health checks; the log level hides these warnings, and not errors.
podman() {
    command podman --log-level fatal --root "$store/storage" --runroot "$store/run" --runtime runc --cgroup-manager cgroupfs "$@"
}

clean_up() {
    for name in $running; do
        podman rm --force --time 0 "$name" >/dev/null 2>&1 || true
    done
    # Working containers of an interrupted build, with their mounts.
    buildah rm --all >/dev/null 2>&1 || true
    [ -n "${IMAGE_STORE:-}" ] || {
        buildah rmi --all --force >/dev/null 2>&1 || true
        # Files of other file systems that are still mounted there stay.
        rm -rf --one-file-system "$store"
    }
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

fail() {
    for name in $running; do podman logs "$name" >&2 || true; done
    echo "$1" >&2
    exit 1
}

# until_true WHAT COMMAND...: runs COMMAND until it succeeds, for up to a minute.
until_true() {
    what=$1
    shift
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 120 ] || fail "not within a minute: $what"
        sleep 0.5
    done
}

# quietly WHAT COMMAND...: runs COMMAND, and prints its output only if it fails.
quietly() {
    log=$store/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        tail -40 "$log" >&2
        fail "$(basename "$log" .log) cannot be built"
    }
}

make_bases() {
    # The same packages as the official image, without documentation. dpkg does not wait for the disk.
    [ -s "$store/base.tar" ] || quietly base mmdebstrap --variant=minbase \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        bookworm "$store/base.tar"
    container=$(buildah from --pull-never scratch)
    buildah add --quiet "$container" "$store/base.tar" / >/dev/null
    buildah commit --quiet --rm "$container" debian:bookworm-slim >/dev/null
    [ -z "$program" ] || return 0
    container=$(buildah from --pull-never debian:bookworm-slim)
    buildah config --env CARGO_NET_OFFLINE=true --env CARGO_HOME=/usr/local/cargo \
        --env PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" rust:1-bookworm >/dev/null
}

# Makes an image with the same files as the stage `build`.
make_built() {
    # shellcheck disable=SC1091 # of this machine
    [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" = bookworm ] ||
        fail "The images are of Debian 12, and a program that another system built does not run there: use make image-full"
    mkdir -p "$store/built/out/usr/local/bin" "$store/built/sbom"
    strip -o "$store/built/out/usr/local/bin/barstone" "$program"
    docker/sbom.sh crates >"$store/built/sbom/crates"
    docker/sbom.sh vendored >"$store/built/sbom/vendored"
    container=$(buildah from --pull-never scratch)
    buildah add --quiet "$container" "$store/built" / >/dev/null
    buildah commit --quiet --rm "$container" localhost/barstone-built >/dev/null
}

# build TARGET NAME
build() {
    if [ -n "$program" ]; then
        set -- "$1" "$2" --build-context build=container-image://localhost/barstone-built
    else
        set -- "$1" "$2" --build-arg PROFILE="$profile" --volume "$toolchain:/usr/local/rust:ro" \
            --volume "$registry:/usr/local/cargo/registry:ro" --volume "$store/target:/src/target"
    fi
    target=$1
    name=$2
    shift 2
    quietly "$target" buildah build --isolation chroot --pull-never --layers --format docker "$@" \
        --target "$target" --tag "$name" --file docker/Dockerfile .
    bytes=$(podman image inspect --format '{{.Size}}' "$name")
    echo "$target: $((bytes / 1000000)) MB, with $((base_bytes / 1000000)) MB of the base"
}

# start NAME ARGUMENTS...: starts a container on the network of this machine, without capabilities. The limits are explicit,
# because podman's defaults may exceed those of this machine.
start() {
    name=$1
    shift
    running="$running $name"
    podman run --detach --name "$name" --network host --ulimit nofile=4096:4096 --ulimit nproc=4096:4096 \
        --read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges "$@" >/dev/null ||
        fail "$name does not start"
}

# ends NAME CODE: stops a container with its stop signal, and checks its exit code.
ends() {
    podman stop --time 30 "$1" >/dev/null
    code=$(podman inspect --format '{{.State.ExitCode}}' "$1")
    [ "$code" = "$2" ] || fail "$1 ended with $code"
}

free_port() {
    python3 -c 'import socket; probe = socket.socket(); probe.bind(("127.0.0.1", 0)); print(probe.getsockname()[1])'
}

# on_front_port FILE: prints the nginx configuration with 127.0.0.1 and the front port as its address.
on_front_port() { sed "s/listen 8080 /listen 127.0.0.1:$front_port /; /include .*ipv6-http/d" "$1"; }

playlist() { curl --silent --fail --max-time 10 "http://127.0.0.1:$1/live/test/v720/hls.m3u8" | grep '\.m4s$'; }

# plays PORT: plays 4 s of HLS and of DASH without a gap. A slow machine makes gaps, so there are several attempts.
plays() {
    for manifest in hls.m3u8 dash.mpd; do
        url=http://127.0.0.1:$1/live/test/$manifest
        tries=0
        until decodes "$url"; do
            tries=$((tries + 1))
            [ $tries -lt 5 ] ||
                fail "$url has $(different 0) pictures and $(different 1) sounds in four seconds $(cat "$store/errors")"
            sleep 2
        done
    done
}

# decodes URL: decodes 4 s. All pictures differ, because each contains the clock, and the sound changes.
decodes() {
    timeout 120 ffmpeg -nostdin -v error -xerror -i "$1" -t 4 -map 0:v:0 -map 0:a:0 -f framemd5 - \
        >"$store/frames" 2>"$store/errors" && [ "$(different 0)" = 100 ] && [ "$(different 1)" -gt 10 ]
}

# different TRACK: prints the number of different frames.
different() { awk -F', *' -v track="$1" '$1 == track { print $6 }' "$store/frames" | sort -u | wc -l; }

# tells_of NAME COMPONENTS...: checks that the bill of materials in the image lists the components.
tells_of() {
    podman exec "$1" cat /usr/local/share/doc/barstone/sbom.cdx.json >"$store/sbom.json"
    shift
    tests/kubernetes/venv/bin/python tests/kubernetes/sbom.py "$store/sbom.json" "$@" || fail "the bill of materials is wrong"
}

cargo fetch --locked --quiet
last_base=${program:+debian:bookworm-slim}
[ -n "$(buildah images --quiet "${last_base:-rust:1-bookworm}" 2>/dev/null)" ] || make_bases
[ -z "$program" ] || make_built
port=$(free_port)
front_port=$(free_port)
base_bytes=$(podman image inspect --format '{{.Size}}' debian:bookworm-slim)
build all-in-one barstone
build source barstone-source
build edge barstone-edge

start all-in-one --env BARSTONE_LISTEN="127.0.0.1:$port" barstone
until_true "the health check of the image" podman healthcheck run all-in-one
plays "$port"
[ "$(podman exec all-in-one id -u)" = 10001 ] || fail "it is another user"
podman exec all-in-one test -r /usr/local/share/barstone/gstreamer.registry || fail "plugins are looked for at each start"
tells_of all-in-one axum shaka-player libc6 gstreamer1.0-plugins-ugly
podman logs all-in-one 2>/dev/null | grep -q "#token=" || fail "no link with the token is printed"
podman exec all-in-one barstone streams start test --server "http://127.0.0.1:$port" ||
    fail "a command in the container does not find the token"
podman exec all-in-one touch /usr/local/here 2>/dev/null && fail "the root can be written"

echo "server 127.0.0.1:$port;" >"$store/origins.conf"
on_front_port docker/nginx/edge.conf >"$store/edge.conf"
start edge --volume "$store/origins.conf:/etc/barstone/origins.conf:ro" --volume "$store/edge.conf:/etc/barstone/edge.conf:ro" barstone-edge
until_true "the edge has the playlist" playlist "$front_port"
plays "$front_port"
tells_of edge nginx-light
ends edge 0
ends all-in-one 0

# Any user in group 0, as on OpenShift.
start any-user --user 123456:0 --env BARSTONE_LISTEN="127.0.0.1:$port" --volume any-user:/state barstone
until_true "the health check of the image for any user" podman healthcheck run any-user
until_true "any user writes the state" podman exec any-user test -s /state/streams/test.json
ends any-user 0

mkdir -p "$store/media" && chown 10001:0 "$store/media"
start source --env BARSTONE_LISTEN="127.0.0.1:$port" --volume "$store/media:/media" barstone-source
on_front_port docker/nginx/volume.conf >"$store/volume.conf"
start volume --volume "$store/media:/media:ro" --volume "$store/volume.conf:/etc/barstone/volume.conf:ro" \
    barstone-edge /etc/barstone/volume.conf
until_true "nginx has the playlist" playlist "$front_port"
plays "$front_port"
ends volume 0
ends source 0
echo "the images of ${program:-$profile} run, after $(($(date +%s) - began)) s and with $(du -sm "$store" | cut -f1) MB"
