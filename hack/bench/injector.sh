#!/usr/bin/env bash
# injector.sh: what the injector costs, beside a bare server of the same stack, in one run, by turns, one core for the server and one
# for the caller: processor time a review, latency, memory, start, sizes. With KUBECONFIG (a cluster that can reach this machine): the
# start with certificates of its own, and a Pod's creation with the webhook, without, and with the bare server's.
# It prints figures, then each goal with what was measured and whether it was reached, and fails when one was missed.
# INJECTOR: a binary to measure; without it the image's own is built. ROUNDS (5), REVIEWS (20000)
# a round, SOAK (1000000) reviews after which memory is looked at; WHAT ("served cluster") chooses. A peer that runs already:
# PEER_URL (https://HOST:PORT/PATH), PEER_CA (PEM), PEER_PID, PEER_BODY (its review).
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"
cd "$ROOT"
WHAT=${WHAT:-served cluster}
SIDECAR=injector/default-sidecar.yaml
[ "$(nproc)" -gt 1 ] || log "one core: server and caller share it, and no figure is what it should be"
have taskset || die "taskset is missing" "install util-linux"

if [ -z "${INJECTOR:-}" ]; then
  CLUSTER=none "$ROOT/hack/images.sh" injector
  INJECTOR=target/$(rustc -vV | sed -n 's/^host: //p')/release/injector
  IMAGE=$CACHE/images/injector.tar
fi
cargo build --release --package tests --example bench_injector
cargo build --profile speed --package tests --example bench_injector_floor
examples=${CARGO_TARGET_DIR:-target}/release/examples
floor=${CARGO_TARGET_DIR:-target}/speed/examples/bench_injector_floor

status=0
wants() { [[ " $WHAT " == *" $1 "* ]]; }

if wants served; then
  peer=()
  [ -z "${PEER_URL:-}" ] || peer+=(--peer-url "$PEER_URL" --peer-ca "$PEER_CA")
  [ -z "${PEER_PID:-}" ] || peer+=(--peer-pid "$PEER_PID")
  [ -z "${PEER_BODY:-}" ] || peer+=(--peer-body "$PEER_BODY")
  [ -z "${IMAGE:-}" ] || peer+=(--image "$IMAGE")
  "$examples/bench_injector" served --injector "$INJECTOR" --floor "$floor" --sidecar "$SIDECAR" \
    --rounds "${ROUNDS:-5}" --reviews "${REVIEWS:-20000}" --soak "${SOAK:-1000000}" "${peer[@]}" || status=1
fi

if wants cluster; then
  if [ -z "${KUBECONFIG:-}" ]; then
    log "no KUBECONFIG: nothing is measured through an API server"
  else
    "$examples/bench_injector" cluster --injector "$INJECTOR" --floor "$floor" --sidecar "$SIDECAR" || status=1
  fi
fi
exit $status
