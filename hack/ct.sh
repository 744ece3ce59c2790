#!/usr/bin/env bash
# ct.sh: chart-testing's `ct lint` over the charts, with the versions that hack/tools/ct pins.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
"$ROOT/hack/tools.sh" helm ct
PATH=$TOOLS/ct/bin:$PATH ct lint --config ct.yaml --chart-yaml-schema "$TOOLS/ct/chart_schema.yaml"
