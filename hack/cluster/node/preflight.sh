# What the node needs of the host, said in one sentence each when it is missing. Sourced after config.sh.
# shellcheck shell=bash

OTHERWISE="use another cluster: CLUSTER=kind (docker and kind), CLUSTER=existing (KUBECONFIG), or CLUSTER=none for what needs none"

preflight() {
  [ "$(uname -s)" = Linux ] || die "the node runs on Linux only" "$OTHERWISE"
  [ "$(id -u)" = 0 ] || die "the node needs root: it makes namespaces, mounts and cgroups" "run as root, or $OTHERWISE"
  have go || die "go is missing: the node's programs are built from source" "install Go 1.26 or newer, or $OTHERWISE"
  cgroups_usable || die "no cgroups with cpu, memory and pids under /sys/fs/cgroup that may be written" "$OTHERWISE"
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
    die "the kernel has no overlayfs" "$OTHERWISE"
  [ -e /proc/sys/net/bridge ] || modprobe br_netfilter 2>/dev/null ||
    log "the kernel has no br_netfilter: a Pod that calls a Service whose Pod is itself on this node may get no answer"
  unshare --pid --mount --net --uts --ipc --fork true 2>/dev/null || die "this machine forbids new namespaces" "$OTHERWISE"
  ! ip -4 route show 2>/dev/null | grep -qF "$NODE_NET." ||
    die "the network $NODE_NET.0 is in use on this host" \
      "make node-down where that node was started, or set NODE_LINK and NODE_NET, as in NODE_LINK=dm-node1 NODE_NET=10.246.0"
  # Two nodes of one name would share firewall rules and cgroups, and the end of one would be the end of both.
  ! ip link show "$NODE_LINK" >/dev/null 2>&1 ||
    die "the interface $NODE_LINK stands already on this host" \
      "make node-down where its node was started, or set NODE_LINK, as in NODE_LINK=dm-node1"
}

# preflight_commands: after hack/tools.sh apt had its chance.
preflight_commands() {
  local command missing=""
  for command in containerd ctr runc iptables ip nsenter unshare openssl pgrep; do
    have "$command" || missing="$missing $command"
  done
  [ -z "$missing" ] || die "missing commands:$missing" "run hack/tools.sh apt, or $OTHERWISE"
  [ -x "${CNI_BIN:-/usr/lib/cni}/bridge" ] ||
    die "no CNI plugins in ${CNI_BIN:-/usr/lib/cni}" "run hack/tools.sh apt, or set CNI_BIN to their folder"
}

cgroups_usable() {
  local controller
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    for controller in cpu memory pids; do
      grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers || return 1
    done
    [ -w /sys/fs/cgroup/cgroup.subtree_control ]
  else
    for controller in cpu memory pids; do
      [ -w "/sys/fs/cgroup/$controller/tasks" ] || return 1
    done
  fi
}
