#!/usr/bin/env bash
# demo.sh: the main job, from nothing: a cluster, the chart, an agent's Job with one annotation, and its posts as they arrive, in
# this terminal and on a page. With DISCORD_WEBHOOK_URL set the posts go to the real Discord instead.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export CLUSTER=${CLUSTER:-node}
[ "$CLUSTER" != none ] || die "the demo needs a cluster" "CLUSTER=node, kind or existing"
NAMESPACE=dm-demo
JOB=fix-the-flaky-test
PAGE_PORT=${PAGE_PORT:-8088}
DOUBLE=target/$(rustc -vV | sed -n 's/^host: //p')/release/discord-double

case $CLUSTER in
  node) "$ROOT/hack/tools.sh" apt helm node ;;
  *) "$ROOT/hack/tools.sh" helm ;;
esac
"$ROOT/hack/cluster/up.sh"
KUBECONFIG=$("$ROOT/hack/cluster/env.sh")
export KUBECONFIG
"$ROOT/hack/images.sh"
run "chart dependencies" make --no-print-directory charts

log "helm install dm charts/discord-monitoring"
helm upgrade --install dm charts/discord-monitoring --namespace discord-monitoring --create-namespace --wait --timeout 120s \
  >"$CACHE/log/demo-helm.log" 2>&1 || { tail -n 20 "$CACHE/log/demo-helm.log" >&2; die "helm install failed"; }

# From here on kubectl speaks to the demo's own namespace; a second demo starts with a new one.
k() { kubectl --namespace "$NAMESPACE" "$@"; }
kubectl delete namespace "$NAMESPACE" --ignore-not-found --wait >/dev/null
kubectl create namespace "$NAMESPACE" >/dev/null

STARTED=()
stop() { for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap stop EXIT

if [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  k apply -f hack/demo/double.yaml >/dev/null
  k rollout status deployment/discord-double --timeout 60s >/dev/null
  k port-forward service/discord-double "$PAGE_PORT:8080" >"$CACHE/log/demo-port-forward.log" 2>&1 &
  STARTED+=($!)
  page=http://127.0.0.1:$PAGE_PORT
  wait_for 20 "the double's page" curl -sf "$page/" || die "nothing answers at $page" "PAGE_PORT=another port"
  url=http://discord-double.$NAMESPACE.svc:8080/api/webhooks/1200000000000000001/demo
  curl -sf -X PUT "$page/_double/webhooks/1200000000000000001/demo" -H 'content-type: application/json' \
    -d '{"channel":"run-fix-the-flaky-test-1"}' >/dev/null
  log "the channel as Discord would show it: $page/"
else
  url=$DISCORD_WEBHOOK_URL
  log "the posts go to the Discord channel of DISCORD_WEBHOOK_URL"
fi
k create secret generic discord-webhook --from-literal=url="$url" >/dev/null

log "kubectl apply -f hack/demo/job.yaml"
k apply -f hack/demo/job.yaml >/dev/null
if [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  "$DOUBLE" tail --url "$page" &
  STARTED+=($!)
fi

# The watcher's appetite while it works, as metrics-server sees it.
most_memory=0 most_cpu=0 began=$SECONDS
until [ -n "$(k get job "$JOB" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')" ]; do
  [ $((SECONDS - began)) -lt 300 ] || die "the Job has not ended within 300 s" "kubectl -n $NAMESPACE describe pods"
  read -r cpu memory < <(k top pods --containers --no-headers 2>/dev/null |
    awk '$2 == "discord-watcher" { sub("m", "", $3); sub("Mi", "", $4); print $3, $4 }') || true
  [ "${memory:-0}" -le "$most_memory" ] || most_memory=$memory
  [ "${cpu:-0}" -le "$most_cpu" ] || most_cpu=$cpu
  sleep 2
done
sleep 2 # the last post is on its way to the terminal

pod=$(k get pods -l "batch.kubernetes.io/job-name=$JOB" -o 'jsonpath={.items[0].metadata.name}')
watcher=$(k get pod "$pod" -o 'jsonpath={.status.initContainerStatuses[?(@.name=="discord-watcher")].state.terminated}')
state=$(k get job "$JOB" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')
message=$(jq -r '.message // "{}"' <<<"$watcher")
echo
echo "Job:      $state"
echo "posts:    $(jq -r '.posted // "?"' <<<"$message")"
echo "lost:     $(jq -r 'if .lost == null then "?" else .lost + .unsent end' <<<"$message")"
echo "watcher:  exit code $(jq -r '.exitCode // "?"' <<<"$watcher"), at most ${most_memory} MiB and ${most_cpu}m CPU as metrics-server saw it"
[ -n "${DISCORD_WEBHOOK_URL:-}" ] || echo "page:     $page/ (as long as this runs)"
case $state in *Complete*) ;; *) die "the Job did not complete" "kubectl -n $NAMESPACE describe job $JOB" ;; esac
jq -e '.posted > 0 and .lost + .unsent + .unreadBytes == 0' <<<"$message" >/dev/null ||
  die "not everything was posted: $message" "kubectl -n $NAMESPACE logs $pod -c discord-watcher"
if [ -t 0 ] && [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  read -r -p "Enter ends the demo (the cluster stays; make node-down removes it) "
fi
