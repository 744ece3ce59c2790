#!/usr/bin/env bash
# sbom.sh BINARY [ARCHITECTURE]: on stdout an SPDX 2.3 document of the crates that are linked into one of our binaries, as
# Cargo.lock pins them for that architecture (amd64 or arm64; this machine's without one). Crates that only build or test it
# are not in it. Two runs give the same bytes but for the date, which SOURCE_DATE_EPOCH fixes.
# shellcheck source=hack/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

binary=${1:-}
[ -n "$binary" ] || die "no binary named" "hack/sbom.sh injector"
case ${2:-$(uname -m)} in
  amd64 | x86_64) target=x86_64-unknown-linux-gnu ;;
  arm64 | aarch64) target=aarch64-unknown-linux-gnu ;;
  *) die "no binaries for ${2:-$(uname -m)}" "amd64 or arm64" ;;
esac
have jq || die "jq is missing" "apt-get install jq"

# Name, version and licence of each crate, ours first. Proc macros run at build time, but `normal` edges lead to them and on to
# what they use; to list too much does no harm.
crates() {
  cargo tree --locked --package "$binary" --target "$target" --edges normal --prefix none --no-dedupe --format '{p}|{l}' |
    sed -E 's/^([^ ]+) v([^ |]+)[^|]*\|/\1|\2|/' | awk '!seen[$0]++'
}

date=$(date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} +%Y-%m-%dT%H:%M:%SZ)
crates | jq --raw-input --null-input --arg binary "$binary" --arg target "$target" --arg date "$date" '
  def id: "SPDXRef-" + gsub("[^A-Za-z0-9.]"; "-");
  [inputs | split("|") | {name: .[0], version: .[1], licence: .[2]}] as $crates
  | ($crates[0] | "\(.name)-\(.version)" | id) as $ours
  | {
      spdxVersion: "SPDX-2.3",
      dataLicense: "CC0-1.0",
      SPDXID: "SPDXRef-DOCUMENT",
      name: "\($binary) \($crates[0].version) for \($target)",
      documentNamespace: "https://github.com/discord-monitoring/discord-monitoring/sbom/\($binary)-\($crates[0].version)-\($target)",
      creationInfo: {created: $date, creators: ["Organization: discord-monitoring"]},
      packages: [$crates[] | {
        name, versionInfo: .version, SPDXID: ("\(.name)-\(.version)" | id),
        downloadLocation: "NOASSERTION", filesAnalyzed: false, copyrightText: "NOASSERTION",
        licenseConcluded: "NOASSERTION",
        licenseDeclared: (if .licence == "" then "NOASSERTION" else (.licence | gsub(" */ *"; " OR ")) end),
        externalRefs: [{
          referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: "pkg:cargo/\(.name)@\(.version)"
        }]
      }],
      relationships: (
        [{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: $ours}]
        + [$crates[1:][] | {
            spdxElementId: $ours, relationshipType: "DEPENDS_ON", relatedSpdxElement: ("\(.name)-\(.version)" | id)
          }])
    }'
