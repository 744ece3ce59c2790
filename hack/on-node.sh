# The steps that need a cluster. Sourced after steps.sh, never run.
# shellcheck shell=bash

# Over the whole workspace, as the unit tests are built: a package alone would want its dependencies with other features.
node_tests() { cargo test --locked --workspace --features tests/node --no-fail-fast "$@"; }

# A node that was up before stays up; one that these steps made goes with them.
ready_node() {
  KUBECONFIG=$("$ROOT/hack/cluster/env.sh")
  export KUBECONFIG
  if ! kubectl get nodes --request-timeout 5s >/dev/null 2>&1; then
    trap '"$ROOT/hack/cluster/down.sh"' EXIT
  fi
  # A chart without its neighbours does not install, and one with old copies of them is not what stands here.
  step "chart dependencies" make --no-print-directory charts
  step "a node" "$ROOT/hack/cluster/up.sh"
  step "images" "$ROOT/hack/images.sh"
}

# Why the API server went on without the injector stands in its log only, which goes with the node. Some tests want it to: each
# line has its time.
went_on_without() {
  local log=${NODE_DIR:-$ROOT/.node}/log/kube-apiserver.log
  [ ! -e "$log" ] || grep -i 'failed calling webhook' "$log" | cut -c 1-400 | tail -n 40 >&2 || true
}

on_node() {
  ready_node
  # One after the other: both install the chart. The tests of either wait more than they work, so many more of them run at once
  # than there are cores; which of them must be alone they know.
  step "charts on a real node" node_tests --test helm on_node -- --show-output --test-threads 6
  step "the main job on a real node" node_tests --test node -- --show-output --test-threads 10
  [ ${#FAILED_STEPS[@]} -eq 0 ] || went_on_without
}
