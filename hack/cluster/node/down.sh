#!/usr/bin/env bash
# Ends the node and removes all of it, however far it had come.
# shellcheck source=hack/lib.sh source=hack/cluster/node/config.sh source=hack/cluster/node/host.sh
source "$(dirname "$0")/../../lib.sh"
source "$ROOT/hack/cluster/node/config.sh"
source "$ROOT/hack/cluster/node/host.sh"

if [ ! -d "$NODE_DIR" ]; then
  log "no node here ($NODE_DIR does not exist)"
  exit 0
fi
[ "$(id -u)" = 0 ] || die "only root can end the node" "run as root"

if pid=$(node_pid); then
  log "ending the node's processes"
  # Its pid namespace dies with its first process: no program of the node or of a Pod can outlive it or delay it.
  kill -KILL "$pid"
  wait_for 20 "the node's processes to end" test ! -d "/proc/$pid" ||
    log "process $pid still stands after 20 s (in the kernel); going on"
fi
drop_network
drop_cgroups
restore_sysctls
drop_places
# The node's mounts lived in its own namespace; one found here would be of somebody's own making.
if grep -qF " $NODE_DIR/" /proc/self/mountinfo; then
  die "something is mounted below $NODE_DIR" "unmount it (findmnt | grep $NODE_DIR), then run this again"
fi
rm -rf --one-file-system "$NODE_DIR"
log "the node is gone"
