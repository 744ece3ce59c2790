#!/usr/bin/env bash
# test-full.sh: what test.sh runs, in its long versions (many seeds, many kills, long outages), and once more on the oldest
# Kubernetes there is a node for. Tests read FULL=true.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
export FULL=true PROPTEST_CASES=${PROPTEST_CASES:-4096}

log "the default Kubernetes"
"$ROOT/hack/test.sh"
if [ "${CLUSTER:-node}" = node ]; then
  log "Kubernetes 1.34"
  "$ROOT/hack/cluster/down.sh"
  KUBERNETES=1.34 "$ROOT/hack/test-node.sh"
fi
