#!/usr/bin/env bash
# soak.sh [SECONDS]: agents come and go on a node for SECONDS (1800 without one) while watchers, the bot and the injector's
# replicas are ended on the way. After each wave of agents it says what our servers take; it fails when anything is missing, left
# behind or grown.
# shellcheck source=hack/lib.sh source=hack/steps.sh source=hack/on-node.sh
source "$(dirname "$0")/lib.sh"
source "$ROOT/hack/steps.sh"
source "$ROOT/hack/on-node.sh"
cd "$ROOT"

export CLUSTER=${CLUSTER:-node} SOAK_SECONDS=${1:-1800}
[[ $SOAK_SECONDS =~ ^[1-9][0-9]*$ ]] || die "$SOAK_SECONDS is no number of seconds" "hack/soak.sh 1800"
[ "$CLUSTER" != none ] || die "a soak needs a cluster" "CLUSTER=node, kind or existing"
"$ROOT/hack/tools.sh"
ready_node
step "a soak of $SOAK_SECONDS s" node_tests --test node alone::soak -- --ignored --nocapture
close
