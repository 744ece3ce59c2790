# The checks of check.sh, which test.sh runs too. Sourced after steps.sh, never run.
# shellcheck shell=bash

shell_scripts() {
  git ls-files --cached --others --exclude-standard '*.sh' .ci/run | sort -u
}

check_shell() { shell_scripts | xargs shellcheck --external-sources; }

# No file outside tests grows beyond what a person reads at once.
check_house() {
  local long
  long=$(git ls-files --cached --others --exclude-standard '*.rs' | grep -v -E '(^|/)tests?/' | xargs -r wc -l |
    awk '$2 != "total" && $1 > 400 { print $2 " has " $1 " lines" }')
  [ -z "$long" ] || { echo "$long"; echo "split it: one idea each, at most 400 lines"; return 1; }
}

all_checks() {
  step "format" cargo fmt --all --check
  if have shellcheck; then step "shellcheck" check_shell; else left_out "shellcheck" "it is not installed"; fi
  step "house rules" check_house
  step "dependency rules" cargo-deny --log-level warn check bans licenses sources
  step "lints" cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
  step "chart dependencies" make --no-print-directory charts
  step "ct lint" "$ROOT/hack/ct.sh"
  # Shown output: what a test left out stands there.
  step "unit, property, golden and chart tests" cargo test --workspace --locked --no-fail-fast -- --show-output
}
