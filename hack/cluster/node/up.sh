#!/usr/bin/env bash
# One real Kubernetes node on this machine, in namespaces of its own. Asked again, it says that it is there.
# shellcheck source=hack/lib.sh source=hack/cluster/node/config.sh source=hack/cluster/node/host.sh
# shellcheck source=hack/cluster/node/pki.sh source=hack/cluster/node/settings.sh source=hack/cluster/node/preflight.sh
source "$(dirname "$0")/../../lib.sh"
for part in config host pki settings preflight; do
  source "$ROOT/hack/cluster/node/$part.sh"
done
[ -e "$ROOT/hack/tools/kubernetes-$KUBERNETES/go.mod" ] ||
  die "no Kubernetes $KUBERNETES here; there is:$(cd "$ROOT/hack/tools" && printf ' %s' kubernetes-*/ | sed 's|kubernetes-||g; s|/||g')" \
    "choose one, as in make node-up KUBERNETES=1.37"

if node_pid >/dev/null; then
  running=$(cat "$NODE_DIR/kubernetes")
  [ "$running" = "$KUBERNETES" ] ||
    die "a node with Kubernetes $running is up, $KUBERNETES was asked for" "make node-down, then this again"
  if node_ready 2>/dev/null; then
    log "the node is Ready already (Kubernetes $KUBERNETES); KUBECONFIG=$KUBECONFIG_FILE"
    exit 0
  fi
fi
if [ -d "$NODE_DIR" ]; then
  log "a node that is not Ready stands here; starting over"
  "$ROOT/hack/cluster/node/down.sh"
fi

preflight
"$ROOT/hack/tools.sh" apt node
preflight_commands
mkdir -p "$NODE_DIR/log"
echo "$KUBERNETES" >"$NODE_DIR/kubernetes"

log "certificates, settings, cgroups"
make_pki
write_settings
remember_host
make_cgroups
"$ROOT/hack/cluster/pause/image.sh" "$NODE_DIR/pause.tar" "$PAUSE_IMAGE"

log "starting etcd, containerd and Kubernetes $KUBERNETES"
export NODE_DIR NODE_LINK NODE_NET KUBERNETES
setsid unshare --fork --kill-child --pid --mount-proc --mount --net --uts --ipc --propagation private \
  bash "$ROOT/hack/cluster/node/init.sh" "$ROOT" "node=$NODE_DIR" </dev/null >"$NODE_DIR/log/node.log" 2>&1 &
wait_for 10 "the node's first process" pgrep -P $! || die "the node did not start" "read $NODE_DIR/log/node.log"
pgrep -P $! >"$PID_FILE"
wait_for 5 "the node's first process" node_pid || die "the node's first process ended" "read $NODE_DIR/log/node.log"
plug_cable "$(node_pid)"
firewall -A
echo 1 >/proc/sys/net/ipv4/ip_forward

# stage SECONDS WHAT LOG COMMAND...
stage() {
  local limit=$1 what=$2 file=$3
  shift 3
  if ! wait_for "$limit" "$what" "$@"; then
    tail -n 15 "$NODE_DIR/log/$file.log" >&2
    die "$what: not within $limit s" "read $NODE_DIR/log/$file.log (it stays until make node-down)"
  fi
  log "$what"
}
import_pause() { ctr --address "$(containerd_socket)" -n k8s.io images import "$NODE_DIR/pause.tar"; }
addons() {
  # shellcheck disable=SC2153 # config.sh assigns them
  sed "s/@DNS_IP@/$DNS_IP/; s/@DNS_PORT@/$DNS_PORT/; s/@METRICS_PORT@/$METRICS_PORT/; s/@NODE_IP@/$NODE_IP/" \
    "$ROOT/hack/cluster/node/addons.yaml" | kube apply -f -
}
metrics_there() {
  [ "$(kube get apiservice v1beta1.metrics.k8s.io -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}')" = True ]
}
stage 60 "containerd answers" containerd import_pause
stage 120 "the API server answers" kube-apiserver kube get --raw /readyz
stage 30 "DNS and metrics are set up" kube-apiserver addons
stage 120 "the node is Ready" kubelet node_ready
stage 60 "Pods can be made" kube-controller-manager kube get serviceaccount default
stage 60 "cluster DNS answers" coredns in_node curl -sf http://127.0.0.1:8181/ready
stage 60 "the metrics API is there" metrics-server metrics_there
log "up: Kubernetes $KUBERNETES, KUBECONFIG=$KUBECONFIG_FILE"
