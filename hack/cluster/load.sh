#!/usr/bin/env bash
# load.sh ARCHIVE...: makes image archives (docker-archive tar files) known to the cluster's nodes.
# shellcheck source=hack/lib.sh source=hack/cluster/node/config.sh
source "$(dirname "$0")/../lib.sh"

load_node() {
  source "$ROOT/hack/cluster/node/config.sh"
  local archive name digest socket
  node_pid >/dev/null || { log "no node is up: nothing loaded; make node-up, then this again"; return; }
  socket=$(containerd_socket)
  mkdir -p "$NODE_DIR/images"
  for archive in "$@"; do
    name=$(basename "$archive" .tar)
    digest=$(sha256sum "$archive" | cut -d ' ' -f 1)
    [ "$(cat "$NODE_DIR/images/$name" 2>/dev/null)" != "$digest" ] || continue
    ctr --address "$socket" -n k8s.io images import "$archive" >/dev/null || die "the node took no $archive"
    echo "$digest" >"$NODE_DIR/images/$name"
    log "loaded $name"
  done
}

load_kind() {
  local archive
  for archive in "$@"; do
    run "loading $(basename "$archive")" kind load image-archive "$archive" --name "${KIND_NAME:-discord-monitoring}"
  done
}

# A cluster that is not ours pulls from a registry: IMAGE_REGISTRY names one that may be pushed to.
push() {
  local archive name id
  if [ -z "${IMAGE_REGISTRY:-}" ]; then
    log "CLUSTER=existing: nothing loaded. Set IMAGE_REGISTRY=registry.example/team to have the images pushed there,"
    log "and install with --set global.imageRegistry=registry.example/team"
    return
  fi
  source "$ROOT/hack/images/buildah.sh"
  for archive in "$@"; do
    name=$(tar -xOf "$archive" manifest.json | sed 's/.*"RepoTags":\["\([^"]*\)".*/\1/; s|^docker.io/||; s|^localhost/||')
    id=$(in_store pull -q "docker-archive:$archive")
    run "pushing $IMAGE_REGISTRY/$name" in_store push "$id" "docker://$IMAGE_REGISTRY/$name"
  done
}

[ $# -gt 0 ] || die "load.sh needs archives" "hack/cluster/load.sh .cache/images/*.tar"
case ${CLUSTER:-node} in
  node) load_node "$@" ;;
  kind) load_kind "$@" ;;
  existing) push "$@" ;;
  none) log "CLUSTER=none: no images loaded" ;;
  *) die "CLUSTER=$CLUSTER is not known" "CLUSTER=node, kind, existing or none" ;;
esac
