#!/usr/bin/env bash
# watcher.sh: what a watcher costs: from append to request, idle, on a backlog of 1 GB, and its statistics against ccusage's.
# It ends with a line for each goal, reached or not, and fails when the two disagree on the totals. BYTES (1000000000) of
# backlog, STATS_BYTES (250000000), RACE (9) rounds against ccusage; WHAT ("wire idle backlog stats") chooses. WATCHER: a binary
# to measure; without it the image's own is built. CCUSAGE is ccusage's native program; without it, it is fetched with npm where
# that works.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"
cd "$ROOT"
WHAT=${WHAT:-wire idle backlog stats}
BYTES=${BYTES:-1000000000}
STATS_BYTES=${STATS_BYTES:-250000000}
RACE=${RACE:-9}
CCUSAGE_VERSION=20.0.24

if [ -z "${WATCHER:-}" ]; then
  CLUSTER=none "$ROOT/hack/images.sh" watcher
  WATCHER=target/$(rustc -vV | sed -n 's/^host: //p')/release/watcher
fi
cargo build --release --package tests --bin player --example bench_watcher
target=${CARGO_TARGET_DIR:-target}/release
# As the chart sets them in a Pod.
export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072
bench=$target/examples/bench_watcher
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# sessions DIR BYTES: ten sessions of so many bytes together.
sessions() {
  local seed
  for seed in 1 2 3 4 5 6 7 8 9 10; do
    "$target/player" --generate clean --seed "$seed" --bytes $(($2 / 10)) --config-dir "$1" >/dev/null
  done
}

# native: the path of ccusage's program for this machine, or nothing.
native() {
  if [ -n "${CCUSAGE:-}" ]; then
    echo "$CCUSAGE"
    return
  fi
  local place=$CACHE/ccusage-$CCUSAGE_VERSION
  local program=$place/node_modules/@ccusage/ccusage-linux-x64/bin/ccusage
  if [ ! -e "$program" ]; then
    npm install --silent --no-audit --no-fund --prefix "$place" "@ccusage/ccusage-linux-x64@$CCUSAGE_VERSION" >&2 || return 0
  fi
  chmod +x "$program"
  echo "$program"
}

# measure COMMAND...: its figures, and its goals once more at the end.
measure() { "$@" | tee -a "$work/figures"; }

# totals: a JSON of tokens by kind and dollars to the cent, from a program's own of another shape.
ours='.totals | {input, output, read: .cacheRead, written: (.cacheWrite5m + .cacheWrite1h), cents: (.costUsd * 100 | round)}'
theirs='.totals | {input: .inputTokens, output: .outputTokens, read: .cacheReadTokens, written: .cacheCreationTokens, cents: (.totalCost * 100 | round)}'

wants() { [[ " $WHAT " == *" $1 "* ]]; }

if wants wire; then measure "$bench" wire "$WATCHER"; fi
if wants idle; then measure "$bench" idle "$WATCHER"; fi

if wants backlog; then
  sessions "$work/backlog" "$BYTES"
  # From memory: the disk is not what is measured.
  find "$work/backlog" -type f -exec cat {} + >/dev/null
  measure "$bench" backlog "$work/backlog/projects"
  PARITY=1 measure "$bench" backlog "$work/backlog/projects"
  rm -rf "$work/backlog"
fi

if wants stats; then
  sessions "$work/stats" "$STATS_BYTES"
  mkdir "$work/home"
  ccusage=$(native)
  export CLAUDE_CONFIG_DIR=$work/stats HOME=$work/home
  if [ -z "$ccusage" ]; then
    log "ccusage $CCUSAGE_VERSION cannot be had here; the watcher runs alone"
    measure "$bench" race "$RACE" "$WATCHER" stats --json "$work/stats/projects"
  else
    measure "$bench" race "$RACE" "$WATCHER" stats --json "$work/stats/projects" -- "$ccusage" daily --json --offline
    "$WATCHER" stats --json "$work/stats/projects" | jq -c "$ours" >"$work/ours"
    "$ccusage" daily --json --offline | jq -c "$theirs" >"$work/theirs"
    printf 'watcher: %s\nccusage: %s\n' "$(<"$work/ours")" "$(<"$work/theirs")"
    if cmp -s "$work/ours" "$work/theirs"; then
      measure echo "goal: statistics, totals: the same to the token and the cent: reached"
    else
      measure echo "goal: statistics, totals: the same to the token and the cent: MISSED"
    fi
  fi
fi

echo
grep '^goal:' "$work/figures" || true
if grep -q '^goal: statistics, totals.*MISSED' "$work/figures"; then die "the totals are not ccusage's" "one of the two is wrong: compare by model"; fi
