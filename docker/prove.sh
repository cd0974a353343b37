#!/bin/sh
# Starts the program without a stream. The program ends by itself if a GStreamer element that it needs is missing or an encoder
# does not work.
set -eu
export BARSTONE_LISTEN=127.0.0.1:8080 BARSTONE_MEDIA_DIR=none BARSTONE_CONFIG=/tmp/prove.toml
echo 'streams = []' >$BARSTONE_CONFIG
barstone serve &
tries=0
until barstone health; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] && kill -0 $! || exit 1
    sleep 0.2
done
kill -TERM $!
wait $!
rm $BARSTONE_CONFIG
