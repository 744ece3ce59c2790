#!/usr/bin/env bash
# up.sh: a cluster that works, of the sort that CLUSTER names. Tests and demo ask for no more than its kubeconfig.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"

case ${CLUSTER:-node} in
  node) exec "$ROOT/hack/cluster/node/up.sh" ;;
  kind) exec "$ROOT/hack/cluster/kind.sh" up ;;
  existing)
    config=$("$ROOT/hack/cluster/env.sh")
    have kubectl || die "kubectl is missing" "install it; CLUSTER=existing uses the cluster of $config"
    kubectl --kubeconfig "$config" --request-timeout 10s get --raw /readyz >/dev/null ||
      die "the cluster of $config does not answer" "check KUBECONFIG, or use CLUSTER=node, kind or none"
    log "the cluster of $config answers"
    ;;
  none) log "CLUSTER=none: nothing to start; what needs a cluster will be left out" ;;
  *) die "CLUSTER=$CLUSTER is not known" "CLUSTER=node, kind, existing or none" ;;
esac
