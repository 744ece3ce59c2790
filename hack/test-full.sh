#!/usr/bin/env bash
# test-full.sh: what test.sh runs, in its long versions (many seeds, many kills, long outages), and the tests on a node once
# more on the oldest Kubernetes there is one for. Tests read FULL=true. The second part runs even when the first fails: who
# waits this long wants the whole list.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
export FULL=true PROPTEST_CASES=${PROPTEST_CASES:-1024}
status=0

"$ROOT/hack/tools.sh" helm4 postgres

log "the default Kubernetes"
"$ROOT/hack/test.sh" || status=1
if [ "${CLUSTER:-node}" = node ]; then "$ROOT/hack/matrix.sh" 1.34 || status=1; fi
exit "$status"
