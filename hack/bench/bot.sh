#!/usr/bin/env bash
# bot.sh: the bot's memory and processor time, idle and with 1,000 live runs whose watchers poll, and how long it takes to
# answer interactions meanwhile. It prints goals beside figures, and fails when one is missed. RUNS (1000), COUNT (2000), IDLE
# (20): see tests/examples/bench_bot.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"
cd "$ROOT"
ulimit -n 8192
cargo build --release --package bot --bin bot
target=${CARGO_TARGET_DIR:-target}
cargo run --release --package tests --example bench_bot -- "$target/release/bot"
