#!/usr/bin/env bash
# postgres.sh COMMAND...: runs COMMAND with a PostgreSQL of its own, whose address is in BOT_TEST_POSTGRES. The server is
# Debian's package, runs as a user of its own in a directory of its own, and is gone afterwards with all in it.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
[ $# -gt 0 ] || die "no command" "hack/postgres.sh cargo test -p bot"

bin=$(dirname "$(readlink -f "$(command -v initdb || echo /usr/lib/postgresql/*/bin/initdb)")")
[ -x "$bin/initdb" ] || die "PostgreSQL is not installed" "apt-get install postgresql"

# The server refuses to run as root.
as=()
owner=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
  owner=postgres
  id "$owner" >/dev/null 2>&1 || owner=nobody
  as=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups)
fi
dir=$(mktemp -d)
chown "$owner" "$dir"

stop() {
  (cd / && "${as[@]}" "$bin/pg_ctl" --pgdata="$dir/data" --mode=immediate stop) >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap stop EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(
  cd /
  "${as[@]}" "$bin/initdb" --pgdata="$dir/data" --username=bot --auth=trust --no-sync >"$dir.log" 2>&1
  # Many bots at one time, and nothing worth a disk's time.
  "${as[@]}" "$bin/pg_ctl" --pgdata="$dir/data" --log="$dir/server.log" --wait start \
    --options="-c listen_addresses=127.0.0.1 -p $port -k $dir -c max_connections=800 -c fsync=off" >>"$dir.log" 2>&1
) || { cat "$dir.log" >&2; rm -f "$dir.log"; die "PostgreSQL does not start" "read what it says above"; }
rm -f "$dir.log"
log "PostgreSQL on port $port, as $owner"

BOT_TEST_POSTGRES=postgres://bot@127.0.0.1:$port/postgres "$@"
