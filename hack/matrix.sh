#!/usr/bin/env bash
# matrix.sh [KUBERNETES...]: the tests on a real node, on each Kubernetes there is a tool module for (or those named),
# one after the other; each node is made for its tests and goes with them. Ends with a line for each.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
[ "${CLUSTER:-node}" = node ] || die "the matrix makes its own nodes: CLUSTER=$CLUSTER has one Kubernetes" "CLUSTER=node"

mapfile -t known < <(cd "$ROOT/hack/tools" && printf '%s\n' kubernetes-*/ | sed 's|kubernetes-||; s|/||' | sort -V)
[ $# -gt 0 ] || set -- "${known[@]}"
for kubernetes in "$@"; do
  [ -e "$ROOT/hack/tools/kubernetes-$kubernetes/go.mod" ] || die "no Kubernetes $kubernetes here" "one of: ${known[*]}"
done

mkdir -p "$CACHE/log"
table="" failed=0
for kubernetes in "$@"; do
  log "Kubernetes $kubernetes"
  "$ROOT/hack/cluster/down.sh"
  counts=$CACHE/log/matrix-$kubernetes
  KUBERNETES=$kubernetes "$ROOT/hack/test-node.sh" | tee "$counts" || failed=1
  table+="Kubernetes $kubernetes: $(tail -n 1 "$counts")"$'\n'
done
printf '\n%s' "$table"
[ "$failed" = 0 ]
