#!/bin/sh
# Renders injector/default-sidecar.yaml: the sidecar definition as the chart's default values give it, which the injector
# carries for use without a cluster. Run it after a change under charts/; a test fails while the file is stale.
# With an argument it writes there instead.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
command -v helm >/dev/null || { echo "default-sidecar: helm is missing; run 'make tools'" >&2; exit 1; }

out=${1:-injector/default-sidecar.yaml}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R charts "$work/charts"
helm dependency build "$work/charts/discord-monitoring" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
{
    echo "# Made by hack/default-sidecar.sh from charts/discord-monitoring; do not edit."
    # The ConfigMap's one key is a block of text, indented by four.
    helm template default "$work/charts/discord-monitoring" --kube-version 1.37.0 \
        --show-only templates/sidecar-configmap.yaml |
        sed -e '1,/^  sidecar.yaml: |$/d' -e 's/^    //'
} >"$work/sidecar.yaml"
mv "$work/sidecar.yaml" "$out"
