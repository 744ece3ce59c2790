#!/usr/bin/env bash
# release.sh STEP: what .github/workflows/release.yaml calls, one make target a step.
#   package    packs the charts into .cache/charts
#   images     builds the shipped images for this machine's architecture and pushes each as :VERSION-ARCHITECTURE
#   manifests  joins the architectures under :VERSION, lists what is in each image (SPDX), signs image and list
#   charts     pushes the packed charts to oci://$REGISTRY/charts and signs them
# All but package need REGISTRY (host and folder); the last two also buildx, syft and cosign, with an identity to sign by.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

IMAGES="injector watcher bot"
ARCHITECTURES="amd64 arm64"
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# The tag, the crates and the charts say one version, or a release would install images that are not there.
check_versions() {
  local chart wanted=${GITHUB_REF_NAME:-v$VERSION}
  [ "$wanted" = "v$VERSION" ] || die "the tag is $wanted, Cargo.toml says $VERSION" "set the version there and in charts/*/Chart.yaml"
  for chart in charts/*/Chart.yaml; do
    grep -qx "appVersion: $VERSION" "$chart" || die "$chart has another appVersion than $VERSION" "set it to $VERSION"
  done
}

registry() {
  [ -n "${REGISTRY:-}" ] || die "REGISTRY is not set" "REGISTRY=host/folder"
  echo "${REGISTRY%/}"
}

name() { echo "$(registry)/discord-monitoring/$1"; }

package() {
  local chart
  rm -rf "$CACHE/charts"
  mkdir -p "$CACHE/charts"
  for chart in charts/*/; do
    if grep -qs '^dependencies:' "$chart/Chart.yaml"; then helm dependency build "$chart" >/dev/null; fi
    helm package "$chart" --destination "$CACHE/charts"
  done
}

images() {
  local image architecture
  case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) die "no releases for $(uname -m)" ;; esac
  registry >/dev/null
  # shellcheck disable=SC2086 # a list of names
  CLUSTER=none "$ROOT/hack/images.sh" $IMAGES
  for image in $IMAGES; do
    docker load --input "$CACHE/images/$image.tar"
    docker tag "discord-monitoring/$image:$VERSION" "$(name "$image"):$VERSION-$architecture"
    docker push "$(name "$image"):$VERSION-$architecture"
  done
}

manifests() {
  local image architecture digest parts
  mkdir -p "$CACHE/sbom"
  for image in $IMAGES; do
    parts=()
    for architecture in $ARCHITECTURES; do parts+=("$(name "$image"):$VERSION-$architecture"); done
    docker buildx imagetools create --tag "$(name "$image"):$VERSION" "${parts[@]}"
    digest=$(docker buildx imagetools inspect "$(name "$image"):$VERSION" --format '{{.Manifest.Digest}}')
    syft scan "registry:$(name "$image")@$digest" --output "spdx-json=$CACHE/sbom/$image.spdx.json"
    cosign sign --yes --recursive "$(name "$image")@$digest"
    cosign attest --yes --type spdxjson --predicate "$CACHE/sbom/$image.spdx.json" "$(name "$image")@$digest"
  done
}

charts() {
  local archive chart digest
  package
  for archive in "$CACHE"/charts/*.tgz; do
    chart=$(basename "$archive") chart=${chart%-*.tgz}
    digest=$(helm push "$archive" "oci://$(registry)/charts" 2>&1 | tee /dev/stderr | sed -n 's/^Digest: //p')
    [ -n "$digest" ] || die "helm push of $chart told no digest"
    cosign sign --yes "$(registry)/charts/$chart@$digest"
  done
}

case ${1:-} in
  package) check_versions; package ;;
  images | manifests | charts) check_versions; "$1" ;;
  *) die "no step called ${1:-}" "one of: package images manifests charts" ;;
esac
