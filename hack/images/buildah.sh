# in_store COMMAND...: buildah with a store of the project's own, so that the host's is left as it is. Sourced.
# shellcheck shell=bash
in_store() {
  buildah --root "$CACHE/buildah/store" --runroot "$CACHE/buildah/run" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"
}
