#!/bin/sh
# Plays through an edge from replicas that fail, on five hosts that are network namespaces: two replicas, the store, the
# edge, and the one in which players and tests run. Replicas reach the store over a network of its own.
# PLAY_SECONDS (300) is how long players play, with all faults in it.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || {
    echo "This makes network namespaces, for which it has to be root: sudo make cluster" >&2
    exit 1
}
# Another run at the same time has another.
prefix=barstone-$$
hosts="one two store edge players"
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/$prefix-XXXXXX")
export TMPDIR

# Removes what was made, also if it was made in part.
clean_up() {
    # A second signal would end this halfway.
    trap '' HUP INT TERM
    for name in $hosts switch; do
        for process in $(ip netns pids "$prefix-$name" 2>/dev/null); do kill -9 "$process" 2>/dev/null || true; done
        ip netns del "$prefix-$name" 2>/dev/null || true
    done
    rm -rf "$TMPDIR"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# HOST NETWORK ADDRESS: plugs the host into the switch, where the other end of the cable is called HOST-NETWORK.
plug() {
    ip link add "$1-$2" netns "$prefix-switch" type veth peer name "$2" netns "$prefix-$1"
    ip -n "$prefix-switch" link set "$1-$2" master "$2" up
    ip -n "$prefix-$1" address add "$3/24" dev "$2"
    ip -n "$prefix-$1" link set "$2" up
}

for name in switch $hosts; do
    ip netns add "$prefix-$name"
    ip -n "$prefix-$name" link set lo up
done
for network in front back; do
    ip -n "$prefix-switch" link add "$network" type bridge
    ip -n "$prefix-switch" link set "$network" up
done
plug one front 10.0.0.1
plug two front 10.0.0.2
plug edge front 10.0.0.3
plug players front 10.0.0.4
plug one back 10.0.1.1
plug two back 10.0.1.2
plug store back 10.0.1.3

# In the background, because a shell hears a signal only when what is in front has ended.
HOSTS=$prefix ip netns exec "$prefix-players" node tests/cluster/cluster.test.mjs &
wait $!
