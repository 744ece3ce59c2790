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

# The node's first process, what started it, and what it forked: all bear the node's folder as an argument. The pid
# file is not asked: a start that was interrupted may not have written it.
# (-e and the pattern are one word, so that grep does not find itself.)
# shellcheck disable=SC2062
processes() { grep -lzxF -e"node=$NODE_DIR" /proc/[0-9]*/cmdline 2>/dev/null | cut -d / -f 3; }
none_left() { [ -z "$(processes)" ]; }
if ! none_left; then
  log "ending the node's processes"
  # Its pid namespace dies with its first process: no program of the node or of a Pod can outlive it or delay it.
  processes | xargs -r kill -KILL 2>/dev/null || true
  wait_for 20 "the node's processes to end" none_left ||
    log "processes $(processes | tr '\n' ' ')still stand after 20 s (in the kernel); going on"
fi
drop_network
drop_cgroups
put_back
# The node's mounts lived in its own namespace; one found here would be of somebody's own making.
if grep -qF " $NODE_DIR/" /proc/self/mountinfo; then
  die "something is mounted below $NODE_DIR" "unmount it (findmnt | grep $NODE_DIR), then run this again"
fi
rm -rf --one-file-system "$NODE_DIR"
log "the node is gone"
