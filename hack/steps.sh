# What the runners (check.sh, test.sh, test-full.sh) share: named steps, what each counted, and one closing line.
# Sourced after lib.sh, never run.
# shellcheck shell=bash disable=SC2034

PASSED=0 FAILED=0 SKIPPED=0
FAILED_STEPS=() SKIPPED_STEPS=()

# counts FILE WORD: sums "N WORD" over the closing lines of cargo's and our own runners in FILE.
counts() {
  awk -v word="$2" '/^test result:|^[0-9]+ passed, [0-9]+ failed/ {
    for (i = 2; i <= NF; i++) if ($i ~ "^" word) sum += $(i - 1)
  } END { print sum + 0 }' "$1"
}

# step LABEL COMMAND...: runs it with signs of life. A command without counts of its own counts as one check. A failed
# step does not end the runner: a person wants the whole list at once.
step() {
  local label=$1 file status=0 passed failed skipped left
  shift
  file=$CACHE/log/$(printf '%s' "$label" | tr -cs 'A-Za-z0-9.\n' '-').log
  (run "$label" "$@") || status=$?
  passed=$(counts "$file" passed) failed=$(counts "$file" failed) skipped=$(counts "$file" ignored)
  skipped=$((skipped + $(counts "$file" skipped)))
  # What a test says of what it could not look at (no samples here, no mount allowed) belongs on the screen, and such a test has
  # passed nothing, whatever its runner counts.
  grep -h '^skipped: ' "$file" >&2 || true
  left=$(grep -c '^skipped: ' "$file" || true)
  passed=$((passed > left ? passed - left : 0)) skipped=$((skipped + left))
  if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  if [ $((passed + failed + skipped)) -eq 0 ]; then passed=1; fi
  [ "$status" -eq 0 ] || FAILED_STEPS+=("$label")
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
}

# left_out LABEL WHY: a step that cannot run here.
left_out() {
  log "left out: $1 ($2)"
  SKIPPED_STEPS+=("$1: $2")
  SKIPPED=$((SKIPPED + 1))
}

# close: what failed, what was left out, the counts; fails when a step did.
close() {
  local line
  for line in "${SKIPPED_STEPS[@]}"; do echo "left out: $line"; done
  for line in "${FAILED_STEPS[@]}"; do echo "failed: $line"; done
  log "all of it took $(elapsed) s"
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ]
}
