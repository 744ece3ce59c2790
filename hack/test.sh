#!/usr/bin/env bash
# test.sh: check, and every promise once on one real node. CLUSTER=node (default), kind, existing; none leaves the node out
# and lists what that left out.
# shellcheck source=hack/lib.sh source=hack/steps.sh source=hack/checks.sh
source "$(dirname "$0")/lib.sh"
source "$ROOT/hack/steps.sh"
source "$ROOT/hack/checks.sh"
cd "$ROOT"
export CLUSTER=${CLUSTER:-node}

if [ "$CLUSTER" = none ]; then
  "$ROOT/hack/tools.sh" apt charts rust
  all_checks
  left_out "tests on a real node" "CLUSTER=none"
  close
  exit
fi

"$ROOT/hack/tools.sh"
all_checks
# A node that was up before stays up; one that these tests made goes with them.
KUBECONFIG=$("$ROOT/hack/cluster/env.sh")
export KUBECONFIG
if ! kubectl get nodes --request-timeout 5s >/dev/null 2>&1 && [ "${KEEP_NODE:-}" != true ]; then
  trap '"$ROOT/hack/cluster/down.sh"' EXIT
fi
step "a node" "$ROOT/hack/cluster/up.sh"
step "images" "$ROOT/hack/images.sh"
step "tests on a real node" cargo test --locked --package tests --features node --test node --no-fail-fast
close
