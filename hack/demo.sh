#!/usr/bin/env bash
# demo.sh: the main job, from nothing: a cluster, the chart, an agent's Job with one annotation, and its posts as they arrive, in
# this terminal and on a page. With DISCORD_WEBHOOK_URL set the posts go to the real Discord instead.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export CLUSTER=${CLUSTER:-node}
[ "$CLUSTER" != none ] || die "the demo needs a cluster" "CLUSTER=node, kind or existing"
NAMESPACE=dm-demo
QUESTION="please also note in the changelog what was wrong"
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

# From here on kubectl speaks to the demo's own namespace; a second demo starts with a new one.
k() { kubectl --namespace "$NAMESPACE" "$@"; }
kubectl delete namespace "$NAMESPACE" --ignore-not-found --wait >/dev/null
kubectl create namespace "$NAMESPACE" >/dev/null

STARTED=()
stop() { for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap stop EXIT

# What the platform team sets. Input needs the bridge; without a bot of one's own it takes none.
values=(--set discord.monitoring.bridge.enabled=true)
if [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  k apply -f hack/demo/double.yaml >/dev/null
  k rollout status deployment/discord-double --timeout 60s >/dev/null
  k port-forward service/discord-double "$PAGE_PORT:8080" >"$CACHE/log/demo-port-forward.log" 2>&1 &
  STARTED+=($!)
  page=http://127.0.0.1:$PAGE_PORT
  wait_for 20 "the double's page" curl -sf "$page/" || die "nothing answers at $page" "PAGE_PORT=another port"
  # The double's guild and bot token are its defaults. The team's token is good for the demo's namespace alone, and the same each
  # time: a mounted Secret that changes reaches the bot a minute later.
  token="token-of-the-demo-team"
  values+=(
    --set bot-service.enabled=true
    --set-string bot-service.guildId=81384788765712384
    --set-string bot-service.secrets.discordBotToken=double-bot-token
    --set-string "bot-service.secrets.publicKey=$(curl -sf "$page/_double/public-key")"
    --set-string "bot-service.discordApiUrl=http://discord-double.$NAMESPACE.svc:8080/api/v10"
    --set-json "bot-service.apiTokens.tokens=[{\"name\":\"demo\",\"token\":\"$token\",\"namespaces\":[\"$NAMESPACE\"]}]"
  )
  k create secret generic discord-bot --from-literal=token="$token" >/dev/null
  log "the channels as Discord would show them: $page/"
else
  k create secret generic discord-webhook --from-literal=url="$DISCORD_WEBHOOK_URL" >/dev/null
  log "the posts go to the Discord channel of DISCORD_WEBHOOK_URL"
fi

log "helm install dm charts/discord-monitoring"
installed() { helm get values dm --namespace discord-monitoring -o json 2>/dev/null || true; }
before=$(installed)
helm upgrade --install dm charts/discord-monitoring --namespace discord-monitoring --create-namespace --wait --timeout 120s \
  "${values[@]}" >"$CACHE/log/demo-helm.log" 2>&1 || { tail -n 20 "$CACHE/log/demo-helm.log" >&2; die "helm install failed"; }

if [ -n "$before" ] && [ "$before" != "$(installed)" ]; then
  # Other values reach a running injector by its mounted files, within a minute; nobody waits for that here.
  for what in restart "status --timeout=120s"; do
    # shellcheck disable=SC2086 # two words
    kubectl --namespace discord-monitoring rollout $what deployments >>"$CACHE/log/demo-helm.log" 2>&1 || die "the chart's Pods do not start"
  done
fi

log "kubectl apply -f hack/demo/job.yaml"
k apply -f hack/demo/job.yaml >/dev/null
if [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  "$DOUBLE" tail --url "$page" &
  STARTED+=($!)
fi

# The run's channel: its id, its name and its category's name, once the bot has made it.
channel() {
  curl -sf "$page/_double/channels" | jq -r '. as $all | .[] | select(.name | startswith("run-")) |
    .parentId as $parent | [.id, .name, ($all[] | select(.id == $parent) | .name)] | @tsv'
}
# A person types /input in that channel, as soon as the agent is at work. The double signs it as Discord does.
asked=
ask() {
  local id name
  IFS=$'\t' read -r id name _ < <(channel) || return 0
  [ -n "${id:-}" ] && curl -sf "$page/_double/messages" | jq -e 'length > 5' >/dev/null || return 0
  log "a person in #$name: /input $QUESTION"
  local order answer
  order=$(jq -n --arg channel "$id" --arg text "$QUESTION" '{type: 2, channel: $channel,
    url: "http://dm-bot-service.discord-monitoring.svc:8080/interactions",
    data: {id: "1", name: "input", type: 1, options: [{name: "text", type: 3, value: $text}]}}')
  answer=$(curl -sf -X POST "$page/_double/interact" -H 'content-type: application/json' -d "$order" | jq -r '.answer.data.content')
  log "the bot, to that person alone: $answer"
  asked=true
}

# The watcher's appetite while it works, as metrics-server sees it.
most_memory=0 most_cpu=0 began=$SECONDS
until [ -n "$(k get job "$JOB" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}')" ]; do
  [ $((SECONDS - began)) -lt 300 ] || die "the Job has not ended within 300 s" "kubectl -n $NAMESPACE describe pods"
  read -r cpu memory < <(k top pods --containers --no-headers 2>/dev/null |
    awk '$2 == "discord-watcher" { sub("m", "", $3); sub("Mi", "", $4); print $3, $4 }') || true
  [ -n "$asked" ] || [ -n "${DISCORD_WEBHOOK_URL:-}" ] || ask
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
if [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  archived() { channel | grep -q 'Agent Archive$'; }
  wait_for 20 "the archived channel" archived || die "the run's channel was not archived" \
    "kubectl -n discord-monitoring logs deployment/dm-bot-service"
  echo "channel:  #$(channel | cut -f2), now in $(channel | cut -f3)"
  curl -sf "$page/_double/messages" | jq -e --arg text "$QUESTION" '[.[].embeds[]? | select(.title == "💬 Prompt" and
    (.description | contains($text)))] | length == 1' >/dev/null || die "the input did not reach the agent"
  echo "input:    reached the agent, once"
  echo "page:     $page/ (as long as this runs)"
fi
case $state in *Complete*) ;; *) die "the Job did not complete" "kubectl -n $NAMESPACE describe job $JOB" ;; esac
jq -e '.posted > 0 and .lost + .unsent + .unreadBytes == 0' <<<"$message" >/dev/null ||
  die "not everything was posted: $message" "kubectl -n $NAMESPACE logs $pod -c discord-watcher"
if [ -t 0 ] && [ -z "${DISCORD_WEBHOOK_URL:-}" ]; then
  read -r -p "Enter ends the demo (the cluster stays; make node-down CLUSTER=$CLUSTER removes it) "
fi
