#!/usr/bin/env bash
# The node's first process, inside its own pid, mount, net, ipc and uts namespaces. When it dies the kernel ends
# every process of the node and drops its mounts, interfaces and firewall rules: that is how the node leaves nothing.
# shellcheck source=hack/lib.sh source=hack/cluster/node/config.sh
source "$1/hack/lib.sh"
source "$ROOT/hack/cluster/node/config.sh"
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy

# Nothing mounted here is seen by the host (unshare made it all private); the Pods see it (shared from here on).
for place in $BORROWED; do
  mkdir -p "$NODE_DIR/fs$place"
  mount --bind "$NODE_DIR/fs$place" "$place"
done
# /sys shows the interfaces of the network namespace it was mounted in, so it is mounted anew.
mkdir -p "$NODE_DIR/fs/cgroup"
mount --rbind /sys/fs/cgroup "$NODE_DIR/fs/cgroup"
mount -t sysfs sysfs /sys
mount --move "$NODE_DIR/fs/cgroup" /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
mount --make-rshared /
hostname "$NODE_NAME"

ip link set lo up
wait_for 20 "the cable from the host" ip link show eth0 || die "the host never plugged the node in"
ip addr add "$NODE_IP/30" dev eth0
ip link set eth0 up
ip route add default via "$HOST_IP"
echo 1 >/proc/sys/net/ipv4/ip_forward
# Traffic between two Pods on the bridge must pass kube-proxy's rules too.
[ ! -e /proc/sys/net/bridge ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables

# A Service address that kube-proxy does not know yet is refused, not sent out into the host's network.
iptables -A FORWARD -d "$SERVICE_CIDR" -j REJECT
iptables -A OUTPUT -d "$SERVICE_CIDR" -j REJECT

# keep NAME COMMAND...: starts it, and again when it ends: a loaded machine makes programs give up that would recover.
keep() {
  local name=$1
  shift
  while true; do
    "$@" >>"$NODE_DIR/log/$name.log" 2>&1
    echo "$name ended with status $?; starting it again" >>"$NODE_DIR/log/node.log"
    sleep 1
  done &
}
set +e # a program that ends is started again, not a reason to end the node

etc=$NODE_DIR/etc pki=$NODE_DIR/pki
keep containerd containerd --config "$etc/containerd.toml"
keep etcd "$TOOLS/bin/etcd" --data-dir "$NODE_DIR/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380
keep kube-apiserver "$KUBE_BIN/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
  --bind-address 0.0.0.0 --advertise-address "$NODE_IP" --service-cluster-ip-range "$SERVICE_CIDR" \
  --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --client-ca-file "$pki/ca.crt" \
  --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged \
  --service-account-issuer https://kubernetes.default.svc.cluster.local \
  --service-account-key-file "$pki/service-accounts.key" \
  --service-account-signing-key-file "$pki/service-accounts.key" \
  --kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key" \
  --kubelet-preferred-address-types InternalIP \
  --requestheader-client-ca-file "$pki/front-proxy-ca.crt" --requestheader-allowed-names front-proxy \
  --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
  --requestheader-extra-headers-prefix X-Remote-Extra- \
  --proxy-client-cert-file "$pki/front-proxy.crt" --proxy-client-key-file "$pki/front-proxy.key" \
  --audit-policy-file "$etc/audit.yaml" --audit-log-path "$NODE_DIR/log/audit.log" \
  --audit-log-maxsize 50 --audit-log-maxbackup 2
keep kube-controller-manager "$KUBE_BIN/kube-controller-manager" --kubeconfig "$pki/controller-manager.kubeconfig" \
  --leader-elect=false --kube-api-qps 200 --kube-api-burst 400 --use-service-account-credentials --root-ca-file "$pki/ca.crt" \
  --service-account-private-key-file "$pki/service-accounts.key" \
  --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" --node-monitor-period 2s
keep kube-scheduler "$KUBE_BIN/kube-scheduler" --kubeconfig "$pki/scheduler.kubeconfig" --leader-elect=false
keep kubelet "$KUBE_BIN/kubelet" --config "$etc/kubelet.yaml" --kubeconfig "$pki/kubelet.kubeconfig" \
  --hostname-override "$NODE_NAME" --node-ip "$NODE_IP"
# The conntrack table belongs to the host: zero leaves its limits alone.
keep kube-proxy "$KUBE_BIN/kube-proxy" --kubeconfig "$pki/kube-proxy.kubeconfig" --hostname-override "$NODE_NAME" \
  --proxy-mode iptables --cluster-cidr "$POD_CIDR" --oom-score-adj 0 --conntrack-max-per-core 0 \
  --conntrack-tcp-timeout-established 0s --conntrack-tcp-timeout-close-wait 0s
keep coredns "$TOOLS/bin/coredns" -conf "$etc/Corefile"
keep metrics-server "$TOOLS/bin/metrics-server" --kubeconfig "$pki/metrics-server.kubeconfig" \
  --authentication-kubeconfig "$pki/metrics-server.kubeconfig" \
  --authorization-kubeconfig "$pki/metrics-server.kubeconfig" \
  --secure-port "$METRICS_PORT" --cert-dir "$NODE_DIR/metrics-server" --metric-resolution 10s --kubelet-request-timeout 5s \
  --kubelet-insecure-tls --kubelet-preferred-address-types InternalIP
wait
