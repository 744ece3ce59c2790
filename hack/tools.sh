#!/usr/bin/env bash
# tools.sh [GROUP...]: makes the programs that no package registry ships, from pinned Go tool modules, into .tools/.
# Groups: apt (Debian packages), helm (helm, kubeconform: all that the demo needs), charts (those and what checks charts and
# workflows), ct (chart-testing), helm4 (for test-full), node (Kubernetes, etcd, CoreDNS, metrics-server), postgres (for
# test-full), rust (cargo-deny). Without a group: all that this machine has a use for, but what is for test-full. A group that is up to date costs milliseconds.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"

KUBERNETES=${KUBERNETES:-1.37}
CLUSTER=${CLUSTER:-node}
CARGO_DENY=0.20.2
PACKAGES="containerd runc containernetworking-plugins iptables conntrack iproute2 procps curl jq openssl buildah shellcheck"
# Our builds are alike on every machine: no cgo, no paths, and none of the caller's own flags.
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false

# version MODULE-FOLDER MODULE: the version that its go.mod pins.
version() { sed -n "s|^\(require \)\?[[:space:]]*$2 \(v[^ ]*\).*|\2|p" "$ROOT/hack/tools/$1/go.mod" | head -n 1; }

# go_tools MODULE-FOLDER OUT-FOLDER LDFLAGS: builds every `tool` line of the module, unless the stamp says that it was.
go_tools() {
  local module=$ROOT/hack/tools/$1 out=$2 flags="-s -w $3" stamp
  have go || die "go is missing: $1 is built from source" "install Go 1.26 or newer (https://go.dev/dl)"
  stamp=$(cat "$module/go.mod" "$module/go.sum" <(go env GOVERSION GOARCH) <(echo "$flags") | sha256sum | cut -d ' ' -f 1)
  ! fresh "$1" "$out" "$stamp" || return 0
  one_at_a_time "$1"
  ! fresh "$1" "$out" "$stamp" || return 0
  mkdir -p "$out"
  run "building $1" build "$module" "$out" "$flags"
  echo "$stamp" >"$out/.stamp-$1"
  fresh "$1" "$out" "$stamp" || die "building $1 did not make all of: $(programs "$1" | tr '\n' ' ')" "read .cache/log"
}

# fresh MODULE-FOLDER OUT-FOLDER STAMP
fresh() {
  local program
  [ "$(cat "$2/.stamp-$1" 2>/dev/null)" = "$3" ] || return 1
  for program in $(programs "$1"); do
    [ -x "$2/$program" ] || return 1
  done
}

# one_at_a_time WHAT: two runs at once (two terminals, two tests) would build the same thing twice.
one_at_a_time() {
  mkdir -p "$TOOLS"
  exec 9>"$TOOLS/.lock-$1"
  flock --nonblock 9 || { log "$1 is being made by another tools.sh; waiting for it"; flock 9; }
}

# programs MODULE-FOLDER: what its tools are called, as Go names them after the last part of their path.
programs() {
  sed -n 's/^tool \([^(]*\)$/\1/p; /^tool (/,/^)/{/^[[:space:]]/p}' "$ROOT/hack/tools/$1/go.mod" |
    sed 's|/v[0-9]*[[:space:]]*$||; s|.*/||; s|^server$|etcd|'
}

build() {
  local target=$2/
  [ "$(basename "$1")" != etcd ] || target=$2/etcd
  cd "$1"
  # A cold build of Kubernetes takes minutes: the names of its packages, as they are compiled, are the sign of life.
  go build -v -trimpath -ldflags "$3" -o "$target" tool
}

kubernetes_flags() {
  local full=$1 at=k8s.io/component-base/version minor
  minor=${full#v*.} minor=${minor%%.*}
  echo "-X $at.gitVersion=$full -X $at.gitMajor=1 -X $at.gitMinor=$minor"
}

uses_kind() { [ "$CLUSTER" = kind ] && have kind && docker info >/dev/null 2>&1; }

group_apt() {
  local package missing=""
  have dpkg-query || { log "no Debian here: expecting the commands of these packages: $PACKAGES"; return; }
  for package in $PACKAGES; do
    [ -e "/var/lib/dpkg/info/$package.list" ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  { [ "$(id -u)" = 0 ] && have apt-get; } ||
    die "missing packages:$missing" "sudo apt-get install --no-install-recommends$missing"
  export DEBIAN_FRONTEND=noninteractive
  one_at_a_time apt
  run "apt-get update" apt-get update
  # shellcheck disable=SC2086 # a list of names
  run "apt-get install$missing" apt-get install -y --no-install-recommends $missing
}

# For test-full alone.
group_postgres() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || PACKAGES=postgresql group_apt; }

# Without a Kubernetes version of its own, `helm template` takes the cluster for 1.20 and refuses our charts.
group_helm() {
  local at=helm.sh/helm/v3
  go_tools helm "$TOOLS/bin" "-X $at/internal/version.version=$(version helm $at) \
    -X $at/pkg/chartutil.k8sVersionMajor=1 -X $at/pkg/chartutil.k8sVersionMinor=${KUBERNETES#*.}"
}

group_charts() {
  local module
  group_helm
  for module in actionlint helm-docs kube-score helm-unittest; do go_tools "$module" "$TOOLS/bin" ""; done
}

# chart-testing calls two Python programs, which get an environment of their own beside it.
group_ct() {
  local wanted=$ROOT/hack/tools/ct/requirements.txt schema
  go_tools ct "$TOOLS/ct/bin" ""
  ! cmp -s "$wanted" "$TOOLS/ct/requirements.txt" || return 0
  one_at_a_time ct-python
  python3 -m venv --help >/dev/null 2>&1 || die "python3 -m venv is missing: ct calls yamllint and yamale" "apt-get install python3-venv"
  schema=$(cd "$ROOT/hack/tools/ct" && go list -m -f '{{.Dir}}' github.com/helm/chart-testing/v3)/etc/chart_schema.yaml
  install -m 0644 "$schema" "$TOOLS/ct/chart_schema.yaml"
  run "yamllint and yamale" python_of_ct "$TOOLS/ct/python" "$wanted"
  ln -sfn ../python/bin/yamllint ../python/bin/yamale "$TOOLS/ct/bin/"
  cp "$wanted" "$TOOLS/ct/requirements.txt"
}
python_of_ct() { python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"; }

# In a folder of its own, for it is called helm too.
group_helm4() { go_tools helm4 "$TOOLS/helm4" "-X helm.sh/helm/v4/internal/version.version=$(version helm4 helm.sh/helm/v4)"; }

group_node() {
  if uses_kind; then log "Kind brings its own node: nothing to build"; return; fi
  local module=kubernetes-$KUBERNETES
  [ -e "$ROOT/hack/tools/$module/go.mod" ] || die "no Kubernetes $KUBERNETES here" "see hack/tools/kubernetes-*"
  go_tools etcd "$TOOLS/bin" ""
  go_tools "$module" "$TOOLS/$module" "$(kubernetes_flags "$(version "$module" k8s.io/kubernetes)")"
  # For the scripts and the person on a machine without one; the newest serves every node here.
  if [ "$KUBERNETES" = 1.37 ] || [ ! -e "$TOOLS/bin/kubectl" ]; then ln -sfn "../$module/kubectl" "$TOOLS/bin/kubectl"; fi
  go_tools coredns "$TOOLS/bin" ""
  go_tools metrics-server "$TOOLS/bin" ""
}

group_rust() {
  [ "$("$TOOLS/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ] || return 0
  one_at_a_time rust
  have cargo || die "cargo is missing" "install Rust (https://rustup.rs); rust-toolchain.toml names the version"
  run "building cargo-deny" cargo install --locked --version "$CARGO_DENY" --root "$TOOLS" cargo-deny
}

[ $# -gt 0 ] || case $CLUSTER in
  node) set -- apt charts ct node rust ;;
  *) set -- charts ct rust ;;
esac
for group in "$@"; do
  case $group in
    apt | helm | charts | ct | helm4 | node | postgres | rust) "group_$group" ;;
    *) die "no group called $group" "one of: apt helm charts ct helm4 node postgres rust" ;;
  esac
done
