# The steps that need a cluster. Sourced after steps.sh, never run.
# shellcheck shell=bash

# Over the whole workspace, as the unit tests are built: a package alone would want its dependencies with other features.
node_tests() { cargo test --locked --workspace --features tests/node --no-fail-fast "$@"; }

# A node that was up before stays up; one that these steps made goes with them.
on_node() {
  KUBECONFIG=$("$ROOT/hack/cluster/env.sh")
  export KUBECONFIG
  if ! kubectl get nodes --request-timeout 5s >/dev/null 2>&1; then
    trap '"$ROOT/hack/cluster/down.sh"' EXIT
  fi
  step "a node" "$ROOT/hack/cluster/up.sh"
  step "images" "$ROOT/hack/images.sh"
  # One after the other: both install the chart.
  step "charts on a real node" node_tests --test helm on_node
  # These wait more than they work, so more of them run at once than there are cores.
  step "the main job on a real node" node_tests --test node -- --test-threads 4
}
