#!/usr/bin/env bash
# kind.sh up|down: the same cluster where docker and kind exist. Kind brings DNS; metrics-server is added.
# KIND_IMAGE picks the node's image; else KUBERNETES does (kindest/node:v1.34.0); else Kind's own default.
# METRICS_MANIFEST is another address, or a file, of metrics-server's manifest: for where GitHub cannot be reached.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"

NAME=${KIND_NAME:-discord-monitoring}
CONFIG=$CACHE/kind/kubeconfig
METRICS=${METRICS_MANIFEST:-https://github.com/kubernetes-sigs/metrics-server/releases/download/v0.9.0/components.yaml}
have kind || die "kind is missing" "install it (https://kind.sigs.k8s.io), or use CLUSTER=node or existing"
docker info >/dev/null 2>&1 || die "docker does not answer" "start it, or use CLUSTER=node or existing"
there() { kind get clusters 2>/dev/null | grep -qx "$NAME"; }
kube() { kubectl --kubeconfig "$CONFIG" --request-timeout 10s "$@"; }
# One whose container was stopped, or whose start was interrupted, is there and gives no kubeconfig, or no answer.
answers() { kind get kubeconfig --name "$NAME" >"$CONFIG" && kube get --raw /readyz >/dev/null; }
measures() { [[ $(kube -n kube-system get deployment metrics-server -o yaml) = *--kubelet-insecure-tls* ]]; }
metrics() {
  kube apply -f "$METRICS" && kube -n kube-system patch deployment metrics-server --type json -p '[{"op": "add",
    "path": "/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}]'
}

up() {
  local image=${KIND_IMAGE:-${KUBERNETES:+kindest/node:v$KUBERNETES.0}}
  have kubectl || die "kubectl is missing" "install it (https://kubernetes.io/docs/tasks/tools)"
  mkdir -p "$CACHE/kind"
  if there; then
    if answers 2>/dev/null; then log "the Kind cluster $NAME is up already"; else down; fi
  fi
  if ! there; then
    mkdir -p "$CACHE/kind"
    run "kind create cluster" kind create cluster --name "$NAME" --kubeconfig "$CONFIG" --wait 180s ${image:+--image "$image"}
  fi
  measures 2>/dev/null || run "metrics-server" metrics
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
