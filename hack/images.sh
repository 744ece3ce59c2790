#!/usr/bin/env bash
# images.sh [NAME...]: static release binaries, an image of each in .cache/images/, and those in the cluster when one
# is up. Names: injector watcher bot double player player-home; all without one. What did not change is not done again.
# shellcheck source=hack/lib.sh source=hack/images/buildah.sh
source "$(dirname "$0")/lib.sh"
source "$ROOT/hack/images/buildah.sh"
cd "$ROOT"
# An image is made of this folder alone: what goes into it must be built here, wherever a person builds else.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR

LIMIT=12000000 # bytes: the images that are shipped stay below this
ALL="injector watcher bot double player player-home"
OUT=$CACHE/images
VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
have cargo || die "cargo is missing" "install Rust (https://rustup.rs)"
TRIPLE=$(rustc -vV | sed -n 's/^host: //p')
BIN_DIR=target/$TRIPLE/release

[ $# -gt 0 ] || read -ra names <<<"$ALL"
[ $# -eq 0 ] || names=("$@")
for name in "${names[@]}"; do
  [[ " $ALL " == *" $name "* ]] || die "no image called $name" "one of: $ALL"
done

binary() { case $1 in double) echo discord-double ;; player*) echo player ;; *) echo "$1" ;; esac; }
tag() { case $1 in double | player*) echo test ;; *) echo "$VERSION" ;; esac; }
shipped() { [ "$(tag "$1")" != test ]; }

# A package at a time: built together they would share the union of their features, and what is shipped would
# depend on what else was asked for.
# All in one go, whatever was asked for: built one by one they would want the dependencies with other features each, and
# compile them anew. With --target, build scripts and macros stay dynamic, as they must.
# Packed relocations take half a MB off each; the C library must know them where it starts a static program.
build_binaries() {
  local flags="-C target-feature=+crt-static"
  if printf '2.36\n%s\n' "$(ldd --version 2>/dev/null | sed -n '1s/.* //p')" | sort -CV; then
    flags+=" -C link-arg=-Wl,-z,pack-relative-relocs"
  fi
  RUSTFLAGS=$flags \
    cargo build --release --target "$TRIPLE" --bins -p injector -p watcher -p bot -p tests
}

builder() {
  if have buildah && [ "$(id -u)" = 0 ]; then echo buildah
  elif docker info >/dev/null 2>&1; then echo docker
  elif have buildah; then echo buildah
  else die "nothing here builds images" "install buildah (hack/tools.sh apt) or docker"; fi
}

# image NAME REFERENCE ARCHIVE
image() {
  local arguments=(--file Dockerfile --target "$1" --build-arg "BIN_DIR=$BIN_DIR" --build-arg "VERSION=$VERSION"
    --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
    --build-arg "CREATED=$(date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} +%Y-%m-%dT%H:%M:%SZ)" --tag "$2")
  rm -f "$3"
  if [ "$BUILDER" = docker ]; then
    # As an archive: docker without BuildKit finds nothing behind the * of .dockerignore, one with it walks all of target/.
    # It makes each stage before the one that is asked for, too: so every binary is in it.
    tar -c Dockerfile hack/images/home "$BIN_DIR"/{injector,watcher,bot,discord-double,player} |
      docker build "${arguments[@]}" - && docker save "$2" -o "$3"
  else
    in_store bud --isolation chroot --layers=false "${arguments[@]}" . && in_store push -q "$2" "docker-archive:$3" &&
      in_store rmi --force "$2" # the archive is what counts; the store would only grow
  fi
}

BUILDER=${BUILDER:-$(builder)}
mkdir -p "$OUT"
run "release binaries of ${names[*]}" build_binaries

archives=() table="" fat="" absent=""
for name in "${names[@]}"; do
  file=$BIN_DIR/$(binary "$name") archive=$OUT/$name.tar reference=discord-monitoring/$name:$(tag "$name")
  if [ ! -x "$file" ]; then
    absent="$absent $name"
    continue
  fi
  size=$(stat -c %s "$file")
  if shipped "$name" && [ "$size" -gt "$LIMIT" ]; then fat="$fat $name"; fi
  stamp=$({ cat "$file" Dockerfile; find hack/images/home | sort; echo "$reference"; } | sha256sum | cut -d ' ' -f 1)
  state=unchanged
  if [ ! -e "$archive" ] || [ "$(cat "$archive.stamp" 2>/dev/null)" != "$stamp" ]; then
    run "image $name" image "$name" "docker.io/$reference" "$archive"
    echo "$stamp" >"$archive.stamp"
    state=built
  fi
  archives+=("$archive")
  table+=$(printf '%-38s %6d.%02d MB  %s' "$reference" $((size / 1000000)) $((size / 10000 % 100)) "$state")$'\n'
done

printf '\n%s' "$table"
[ -z "$absent" ] || log "no binary yet for:$absent"
[ -z "$fat" ] || die "above $((LIMIT / 1000000)) MB:$fat" "cargo tree -p CRATE shows what it links; cargo bloat what of it is large"
[ ${#archives[@]} -eq 0 ] || "$ROOT/hack/cluster/load.sh" "${archives[@]}"
