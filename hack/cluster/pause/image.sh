#!/usr/bin/env bash
# image.sh FILE NAME: builds pause and writes an image archive that holds nothing else. A docker-archive is three
# files in a tar; writing it here spares the node a dependency on an image builder.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/../../lib.sh"
archive=$1 name=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/root"
(cd "$ROOT/hack/cluster/pause" && CGO_ENABLED=0 GOFLAGS='' GO111MODULE=off go build -trimpath -ldflags '-s -w' -o "$work/root/pause" main.go)
same=(--sort=name --owner=0 --group=0 --numeric-owner --mtime=@0)
tar "${same[@]}" -C "$work/root" -cf "$work/layer.tar" pause
layer=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
cat >"$work/config.json" <<END
{"architecture": "$(go env GOARCH)", "os": "linux", "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
END
printf '[{"Config": "config.json", "RepoTags": ["%s"], "Layers": ["layer.tar"]}]\n' "$name" >"$work/manifest.json"
mkdir -p "$(dirname "$archive")"
tar "${same[@]}" -C "$work" -cf "$archive" manifest.json config.json layer.tar
