#!/bin/sh
# Renders the overlays of docker/kubernetes, with the components that add objects, into the chart. Run it after a change of
# docker/kubernetes; a test compares the files.
set -eu
cd "$(dirname "$0")"
kustomize() { if command -v kubectl >/dev/null; then kubectl kustomize "$1"; else command kustomize build "$1"; fi; }

directory=$(mktemp -d ./kustomize-XXXXXX)
trap 'rm -r "$directory"' EXIT
# render OVERLAY COMPONENT...
render() {
    overlay=$1
    shift
    {
        echo "resources: [../../kubernetes/overlays/$overlay]"
        echo "components:"
        for component in "$@"; do echo "  - ../../kubernetes/components/$component"; done
    } >"$directory/kustomization.yaml"
    kustomize "$directory" >"barstone/files/$overlay.yaml"
}
render single ingress servicemonitor
render split ingress servicemonitor
render replicated ingress servicemonitor autoscale egress-metric
