#!/bin/bash
# The step of action.yml: starts barstone in the background, waits until every stream plays, and writes outputs. The runner
# ends the process after the last step of the job.
set -euo pipefail

log=$RUNNER_TEMP/barstone-$$.log
name=barstone-$$
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "::add-mask::$token"
export BARSTONE_API_TOKEN=$token
: >"$log"

fail() {
    echo "::group::Log of barstone"
    cat "$log"
    echo "::endgroup::"
    [ -z "${container:-}" ] || docker rm --force "$container" >/dev/null 2>&1 || true
    [ -z "${process:-}" ] || kill "$process" 2>/dev/null || true
    echo "::error title=barstone::$1"
    exit 1
}

[ -z "$INPUT_CONFIG" ] || [ -r "$INPUT_CONFIG" ] || fail "there is no file $INPUT_CONFIG (input config)"

binary=$INPUT_BINARY
image=$INPUT_IMAGE
if [ -z "$binary$image" ]; then
    binary=${BARSTONE_BIN:-}
    image=${BARSTONE_IMAGE:-}
    [ -n "$binary$image" ] || binary=$(command -v barstone) ||
        fail "set the input image or binary: barstone is not on PATH, and BARSTONE_IMAGE and BARSTONE_BIN are not set"
fi

if [ -n "$binary" ]; then
    [ -x "$binary" ] || fail "there is no program at $binary (input binary, or BARSTONE_BIN)"
    "$binary" serve --listen "127.0.0.1:$INPUT_PORT" --media-dir none ${INPUT_CONFIG:+--config "$INPUT_CONFIG"} \
        </dev/null >"$log" 2>&1 &
    process=$!
else
    [ "$INPUT_PORT" = 0 ] && publish=127.0.0.1::8080 || publish=127.0.0.1:$INPUT_PORT:8080
    volume=()
    [ -z "$INPUT_CONFIG" ] || volume=(--volume "$(realpath "$INPUT_CONFIG"):/etc/barstone.toml:ro")
    container=$(docker run --detach --name "$name" --publish "$publish" --env BARSTONE_API_TOKEN "${volume[@]}" \
        "$image" serve ${INPUT_CONFIG:+--config /etc/barstone.toml} 2>"$log") || fail "the image $image does not start"
    docker logs --follow "$container" </dev/null >"$log" 2>&1 &
fi

runs() {
    if [ -n "${process:-}" ]; then
        kill -0 "$process" 2>/dev/null
    else
        [ "$(docker inspect --format '{{.State.Running}}' "$container")" = true ]
    fi
}

# Prints address and port, once barstone listens.
address() {
    if [ -n "${process:-}" ]; then
        sed -n 's/.* listening .*address=\([^ ]*\).*/\1/p' "$log"
    else
        docker port "$container" 8080/tcp | head -n 1
    fi
}

deadline=$((SECONDS + INPUT_TIMEOUT))
until at=$(address) && [ -n "$at" ] && curl --silent --fail --output /dev/null "http://$at/readyz"; do
    runs || fail "barstone has ended; its log is above"
    [ "$SECONDS" -lt "$deadline" ] || fail "not within $INPUT_TIMEOUT s: every stream plays; $(curl --silent "http://$at/readyz")"
    sleep 0.2
done
curl --silent --fail --output /dev/null "http://$at/live/$INPUT_STREAM/hls.m3u8" ||
    fail "there is no stream $INPUT_STREAM (input stream)"

{
    echo "url=http://$at"
    echo "token=$token"
    echo "log=$log"
} >>"$GITHUB_OUTPUT"
