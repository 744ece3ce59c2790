#!/usr/bin/env bash
# kind.sh up|down: the same cluster where docker and kind exist. Kind brings DNS; metrics-server is added.
# KIND_IMAGE picks the node's image; else KUBERNETES does (kindest/node:v1.34.0); else Kind's own default.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"

NAME=${KIND_NAME:-discord-monitoring}
CONFIG=$CACHE/kind/kubeconfig
METRICS=https://github.com/kubernetes-sigs/metrics-server/releases/download/v0.9.0/components.yaml
have kind || die "kind is missing" "install it (https://kind.sigs.k8s.io), or use CLUSTER=node or existing"
docker info >/dev/null 2>&1 || die "docker does not answer" "start it, or use CLUSTER=node or existing"
there() { kind get clusters 2>/dev/null | grep -qx "$NAME"; }
kube() { kubectl --kubeconfig "$CONFIG" --request-timeout 10s "$@"; }

up() {
  local image=${KIND_IMAGE:-${KUBERNETES:+kindest/node:v$KUBERNETES.0}}
  have kubectl || die "kubectl is missing" "install it (https://kubernetes.io/docs/tasks/tools)"
  mkdir -p "$CACHE/kind"
  if there; then
    kind get kubeconfig --name "$NAME" >"$CONFIG"
    if kube get --raw /readyz >/dev/null; then
      log "the Kind cluster $NAME is up already; KUBECONFIG=$CONFIG"
      return
    fi
    down
  fi
  run "kind create cluster" kind create cluster --name "$NAME" --kubeconfig "$CONFIG" --wait 180s ${image:+--image "$image"}
  run "metrics-server" kube apply -f "$METRICS"
  kube -n kube-system patch deployment metrics-server --type json -p '[{"op": "add",
    "path": "/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}]' >/dev/null
  log "up: KUBECONFIG=$CONFIG"
}

down() {
  run "kind delete cluster" kind delete cluster --name "$NAME"
  rm -rf "$CACHE/kind"
}

case ${1:-} in
  up | down) "$1" ;;
  *) die "kind.sh knows up and down" ;;
esac
