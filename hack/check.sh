#!/usr/bin/env bash
# check.sh: everything that needs no node: format, lints, dependency rules, unit, property, golden and chart tests.
# shellcheck source=hack/lib.sh source=hack/steps.sh
source "$(dirname "$0")/lib.sh"
source "$ROOT/hack/steps.sh"
cd "$ROOT"

"$ROOT/hack/tools.sh" charts ct rust
# shellcheck source=hack/checks.sh
source "$ROOT/hack/checks.sh"
all_checks
close
