#!/usr/bin/env bash
# screenshot.sh: the README's picture of what Discord shows: `watcher preview` of a generated session, as a browser draws it.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
have chromium || die "chromium is missing" "apt-get install chromium"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

run "building player and watcher" cargo build --locked --package tests --package watcher --bins
built=${CARGO_TARGET_DIR:-target}/debug
"$built/player" --generate demo --seed 1 --config-dir "$scratch/claude" --cwd /workspace >/dev/null
"$built/watcher" preview --html "$scratch/page.html" "$(ls "$scratch"/claude/projects/*/*.jsonl)"
# The bottom edge falls between two posts.
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=820,954 \
  --screenshot="$ROOT/docs/preview.png" "file://$scratch/page.html" 2>"$scratch/log" || { cat "$scratch/log" >&2; die "no picture was made" "read what it says above"; }
log "docs/preview.png"
