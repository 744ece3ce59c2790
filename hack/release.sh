#!/usr/bin/env bash
# release.sh STEP: what .github/workflows/release.yaml calls, one make target a step.
#   package    packs the charts into .cache/charts; with REGISTRY, their images are of that registry
#   images     builds the shipped images for this machine's architecture and pushes each as :VERSION-ARCHITECTURE
#   manifests  joins the architectures under :VERSION, lists what is in each of them (SPDX), signs images and lists
#   charts     pushes the packed charts to oci://$REGISTRY/charts and signs them
# All but package need REGISTRY (host and folder); the last two also buildx and cosign, with an identity to sign by.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

IMAGES="injector watcher bot"
ARCHITECTURES="amd64 arm64"
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# The tag, the crates and the charts say one version, or a release would install images that are not there. Where a branch or a
# pull request is built, GITHUB_REF_NAME is the name of that, and there is no tag to compare.
check_versions() {
  local chart wanted=v$VERSION
  if [ "${GITHUB_REF_TYPE:-}" = tag ]; then wanted=${GITHUB_REF_NAME:-}; fi
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

# A chart from a registry has to install the images that were pushed beside it, so what is packed is a copy that names them.
package() {
  local chart work=$CACHE/packing
  rm -rf "$CACHE/charts" "$work"
  mkdir -p "$CACHE/charts" "$work"
  cp -R charts "$work/charts"
  rm -rf "$work"/charts/*/charts
  if [ -n "${REGISTRY:-}" ]; then
    sed -i "s|^\( *\)registry: \"\"\$|\1registry: \"$(registry)\"|" "$work"/charts/*/values.yaml
    sed -i "s|^\( *image: \)\(discord-monitoring/\)|\1$(registry)/\2|" "$work"/charts/*/Chart.yaml
  fi
  for chart in "$work"/charts/*/; do
    if grep -qs '^dependencies:' "$chart/Chart.yaml"; then helm dependency build "$chart" >/dev/null; fi
    helm package "$chart" --destination "$CACHE/charts"
  done
  rm -rf "$work"
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

# digest REFERENCE: what the registry has under that name.
digest() { docker buildx imagetools inspect "$1" --format '{{.Manifest.Digest}}'; }

# An image is one stripped static binary, in which no scanner finds a package: the lists come from Cargo.lock, one for each
# architecture, for they differ.
manifests() {
  local image architecture part list parts
  mkdir -p "$CACHE/sbom"
  for image in $IMAGES; do
    parts=()
    for architecture in $ARCHITECTURES; do parts+=("$(name "$image"):$VERSION-$architecture"); done
    docker buildx imagetools create --tag "$(name "$image"):$VERSION" "${parts[@]}"
    cosign sign --yes --recursive "$(name "$image")@$(digest "$(name "$image"):$VERSION")"
    for architecture in $ARCHITECTURES; do
      part=$(name "$image")@$(digest "$(name "$image"):$VERSION-$architecture")
      list=$CACHE/sbom/$image-$architecture.spdx.json
      "$ROOT/hack/sbom.sh" "$image" "$architecture" >"$list"
      cosign attest --yes --type spdxjson --predicate "$list" "$part"
    done
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
