#!/usr/bin/env bash
# test.sh: check, and every promise once on one real node. CLUSTER=node (default), kind, existing; none leaves the node out
# and lists what that left out.
# shellcheck source=hack/lib.sh source=hack/steps.sh source=hack/checks.sh source=hack/on-node.sh
source "$(dirname "$0")/lib.sh"
for part in steps checks on-node; do
  source "$ROOT/hack/$part.sh"
done
cd "$ROOT"
export CLUSTER=${CLUSTER:-node}

"$ROOT/hack/tools.sh"
all_checks
if [ "${FULL:-}" = true ]; then
  # What needs ten thousand runs to be found is a line lost; elsewhere so many would take hours.
  PROPTEST_CASES=12000 step "the follower against its model" cargo test --locked --workspace --test follow_model
  step "the bot on a real PostgreSQL" "$ROOT/hack/postgres.sh" cargo test --locked --workspace \
    --test kill --test threads --test relay --test replicas --test runs --test trouble --test caps --no-fail-fast -- --include-ignored
fi
if [ "$CLUSTER" = none ]; then
  left_out "tests on a real node" "CLUSTER=none"
else
  on_node
fi
close
