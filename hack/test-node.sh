#!/usr/bin/env bash
# test-node.sh: only the tests on a real node, on the Kubernetes that KUBERNETES names. A node made for it goes with it.
# shellcheck source=hack/lib.sh source=hack/steps.sh source=hack/on-node.sh
source "$(dirname "$0")/lib.sh"
source "$ROOT/hack/steps.sh"
source "$ROOT/hack/on-node.sh"
cd "$ROOT"
"$ROOT/hack/tools.sh"
on_node
close
