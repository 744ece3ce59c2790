#!/usr/bin/env bash
# interactions.sh: how long the bot takes to answer an interaction, signature, HTTP and client included, against a desk
# without a store. It prints the goal beside figures, and fails when it is missed. COUNT (4000): requests a try. PROFILE
# (release): dev is quick to build and slow to run.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../lib.sh"
cd "$ROOT"
COUNT="${COUNT:-4000}" cargo test -q --profile "${PROFILE:-release}" -p bot --test interaction_latency -- --ignored --nocapture
