# The configuration files of the node's programs. Sourced after config.sh; call `write_settings`.
# shellcheck shell=bash

write_settings() {
  local etc=$NODE_DIR/etc mtu
  mkdir -p "$etc/cni" "$NODE_DIR/log"
  mtu=$(host_mtu)
  write_resolv_conf >"$etc/resolv.conf"

  cat >"$etc/containerd.toml" <<END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  # Without CAP_SYS_RESOURCE (a container, a small VM) no sandbox could lower its score otherwise.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_BIN:-/usr/lib/cni}"
    conf_dir = "$etc/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
END

  cat >"$etc/cni/10-node.conflist" <<END
{"cniVersion": "0.4.0", "name": "discord-monitoring", "plugins": [
  {"type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true, "mtu": $mtu,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_CIDR"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END

  cat >"$etc/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $NODE_DIR/pki/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$NODE_LINK
clusterDNS: [$DNS_IP]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
resolvConf: $etc/resolv.conf
volumePluginDir: /var/lib/kubelet/plugins-exec
failSwapOn: false
maxPods: 250
failCgroupV1: false
oomScoreAdj: 0
# The host's disk is not the node's to judge: no Pod is evicted, no image collected, because it is nearly full.
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
nodeStatusUpdateFrequency: 5s
shutdownGracePeriod: 0s
END

  cat >"$etc/audit.yaml" <<END
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "coredns", "metrics-server"]
  verbs: [get, list, watch]
- level: None
  resources: [{group: coordination.k8s.io, resources: [leases]}]
- level: Metadata
END

  cat >"$etc/Corefile" <<END
.:$DNS_PORT {
  bind $NODE_IP
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $NODE_DIR/pki/coredns.kubeconfig
    pods insecure
    ttl 5
  }
  $(grep -q ^nameserver "$etc/resolv.conf" && printf 'forward . %s' "$etc/resolv.conf")
  cache 5
}
END
}

# host_mtu: of the way out, so that the node's own packets need not be cut up on it.
host_mtu() {
  local device
  device=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  cat "/sys/class/net/${device:-none}/mtu" 2>/dev/null || echo 1500
}

# A resolver on the host's loopback cannot be reached from the node; what systemd-resolved itself asks can.
write_resolv_conf() {
  local file
  for file in /etc/resolv.conf /run/systemd/resolve/resolv.conf; do
    if grep -E '^nameserver ' "$file" 2>/dev/null | grep -qvE ' (127\.|::1)'; then
      grep -E '^nameserver ' "$file" | grep -vE ' (127\.|::1)'
      return
    fi
  done
  log "no name server that the node can reach: names outside the cluster will not resolve in Pods"
}
