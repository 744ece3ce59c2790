# What the node is called, where it lives and which addresses it has. Sourced after hack/lib.sh.
# shellcheck shell=bash disable=SC2034

KUBERNETES=${KUBERNETES:-1.37}
KUBE_BIN=$TOOLS/kubernetes-$KUBERNETES

# A second node beside the first needs all three of these to differ.
NODE_DIR=${NODE_DIR:-$ROOT/.node}
NODE_LINK=${NODE_LINK:-dm-node0} # the host's end of the cable; also the name of the node's cgroup
NODE_NET=${NODE_NET:-10.245.0}   # the first three numbers of the /30 between host and node

NODE_NAME=discord-monitoring
HOST_IP=$NODE_NET.1
NODE_IP=$NODE_NET.2
# These two exist only in the node's own network namespace.
POD_CIDR=10.244.0.0/16
SERVICE_CIDR=10.96.0.0/16
DNS_IP=10.96.0.10
DNS_PORT=10053
METRICS_PORT=10443

KUBECONFIG_FILE=$NODE_DIR/kubeconfig
PID_FILE=$NODE_DIR/pid
PAUSE_IMAGE=discord-monitoring/pause:1

# Host settings that a node changes (kubelet the first six) and node-down puts back.
SYSCTLS="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
kernel.keys.root_maxbytes net.ipv4.ip_forward"
# Places where node programs insist on writing: the node sees folders of its own there.
BORROWED="/var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/pods /var/log/containers"

# node_pid: the node's init as the host numbers it. Fails when there is none; a number reused by another program
# is told by its command line.
node_pid() {
  local pid
  pid=$(cat "$PID_FILE" 2>/dev/null) && [ -n "$pid" ] &&
    grep -qzFx "node=$NODE_DIR" "/proc/$pid/cmdline" 2>/dev/null && printf '%s\n' "$pid"
}

# in_node COMMAND...: runs it inside the node's namespaces.
in_node() { nsenter --target "$(node_pid)" --mount --net --pid --uts --ipc -- "$@"; }

kube() { "$KUBE_BIN/kubectl" --kubeconfig "$KUBECONFIG_FILE" --request-timeout 5s "$@"; }

node_ready() {
  [ "$(kube get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

# ctr on the host speaks to the node's containerd through the node's own view of /run.
containerd_socket() { printf '/proc/%s/root/run/containerd/containerd.sock\n' "$(node_pid)"; }
