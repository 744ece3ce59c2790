#!/usr/bin/env bash
# fuzz.sh [SECONDS]: mutated reviews, definitions and annotations, SECONDS on each side by side (60 without one); an hour is
# 3600. A finding prints its input and where to keep it. `make check` runs a second of it.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "$seconds is no number of seconds" "hack/fuzz.sh 3600"
log "fuzzing for $seconds s"
FUZZ_SECONDS=$seconds cargo test --locked --package injector --lib fuzz:: -- --nocapture --test-threads 3
