# Shared by every script of this folder: where things are, how to speak, how to wait. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=$ROOT/.tools
CACHE=$ROOT/.cache
export PATH=$TOOLS/bin:$PATH

# Nested scripts count from the start of the outermost one.
: "${HACK_STARTED:=$EPOCHREALTIME}"
export HACK_STARTED

# elapsed: seconds since the outermost script began, with one decimal.
elapsed() {
  local now=${EPOCHREALTIME/[.,]/} then=${HACK_STARTED/[.,]/}
  local tenths=$(((now - then) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# log TEXT...: one line to stderr, so that stdout stays for what a script is asked for.
log() { printf '[%6ss] %s\n' "$(elapsed)" "$*" >&2; }

# die WHAT [WHAT-TO-DO]: the end of the script, with the cure.
die() {
  printf '\nerror: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '   do: %s\n' "$2" >&2
  exit 1
}

# run LABEL COMMAND...: a long step. Its output goes to .cache/log/, a sign of life with the last line of that
# every 10 seconds to the terminal, and the end of it all when the step fails.
run() {
  local label=$1 began=$SECONDS file status=0 ticks=0
  shift
  mkdir -p "$CACHE/log"
  file=$CACHE/log/$(printf '%s' "$label" | tr -cs 'A-Za-z0-9.\n' '-').log
  log "$label ..."
  "$@" >"$file" 2>&1 &
  local pid=$!
  # What runs in the background does not hear Ctrl-C by itself.
  # shellcheck disable=SC2064 # this very pid
  trap "pkill -P $pid; kill $pid; exit 130" INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    [ $((ticks % 50)) -ne 0 ] ||
      log "$label: $((SECONDS - began)) s so far; $(tail -n 1 "$file" | tr -d '\r' | cut -c 1-80)"
  done
  wait "$pid" || status=$?
  trap - INT TERM
  if [ "$status" -ne 0 ]; then
    tail -n 25 "$file" >&2
    die "$label failed (status $status) after $((SECONDS - began)) s" "read $file"
  fi
  log "$label: done in $((SECONDS - began)) s"
}

# wait_for SECONDS WHAT COMMAND...: asks until the command succeeds; fails, with no word, when the time is over.
wait_for() {
  local limit=$1 what=$2 began=$SECONDS said=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $((SECONDS - began)) -lt "$limit" ] || return 1
    if [ $((SECONDS - said)) -ge 10 ]; then
      said=$SECONDS
      log "waiting for $what: $((SECONDS - began)) of at most $limit s"
    fi
    sleep 0.2
  done
}

have() { command -v "$1" >/dev/null 2>&1; }
