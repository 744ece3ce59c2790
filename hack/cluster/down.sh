#!/usr/bin/env bash
# down.sh: removes the cluster that up.sh made; one that it did not make is left alone.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"

case ${CLUSTER:-node} in
  node) exec "$ROOT/hack/cluster/node/down.sh" ;;
  kind) exec "$ROOT/hack/cluster/kind.sh" down ;;
  existing | none) log "CLUSTER=$CLUSTER: not ours to remove" ;;
  *) die "CLUSTER=$CLUSTER is not known" "CLUSTER=node, kind, existing or none" ;;
esac
