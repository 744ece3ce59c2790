#!/usr/bin/env bash
# bot.sh: the bot's memory, idle and with 1,000 live runs whose watchers poll, and how long it answers interactions meanwhile.
# It prints figures and judges nothing. RUNS (1000), COUNT (2000).
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"
cd "$ROOT"
ulimit -n 8192
cargo build --release --package bot --bin bot
target=${CARGO_TARGET_DIR:-target}
cargo run --release --package tests --example bench_bot -- "$target/release/bot"
