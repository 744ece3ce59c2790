#!/usr/bin/env bash
# env.sh: prints the path of the kubeconfig to use, as in  export KUBECONFIG=$(hack/cluster/env.sh)
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"

case ${CLUSTER:-node} in
  node) echo "${NODE_DIR:-$ROOT/.node}/kubeconfig" ;;
  kind) echo "$CACHE/kind/kubeconfig" ;;
  existing) echo "${KUBECONFIG:-$HOME/.kube/config}" ;;
  none) die "CLUSTER=none has no kubeconfig" "CLUSTER=node, kind or existing" ;;
  *) die "CLUSTER=$CLUSTER is not known" "CLUSTER=node, kind, existing or none" ;;
esac
