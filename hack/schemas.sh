#!/bin/sh
# Puts Kubernetes' own JSON schemas into .tools/schemas/v1.NN, for kubeconform without the internet's schema server. They
# come from a package on PyPI, through pip. A stamp makes a second run free.
set -eu
cd "$(dirname "$0")/.."

PACKAGE=kubernetes-validate
VERSION=1.37.0
RELEASES="1.32 1.34 1.36 1.37"

dir=.tools/schemas
stamp="$PACKAGE $VERSION: $RELEASES"
# Tests ask side by side: the first one fetches, the others wait for it.
mkdir -p .tools
exec 9>.tools/.lock-schemas
flock 9
[ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
python3 -m pip --version >/dev/null 2>&1 || { echo "schemas: python3 with pip is missing; install python3-pip" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "schemas: fetching $PACKAGE $VERSION"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$work" "$PACKAGE==$VERSION"

rm -rf "$dir"
mkdir -p "$dir"
# The package's references are addresses on a web site; here they become names of neighbouring files.
python3 - "$work" "$dir" "$RELEASES" <<'PYTHON'
import glob, json, pathlib, sys, zipfile

work, out, releases = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3].split()


def localise(node):
    if isinstance(node, dict):
        node.pop("$id", None)
        ref = node.get("$ref")
        if isinstance(ref, str) and "#" in ref:
            node["$ref"] = "_definitions.json#" + ref.split("#", 1)[1]
        for value in node.values():
            localise(value)
    elif isinstance(node, list):
        for value in node:
            localise(value)


with zipfile.ZipFile(glob.glob(work + "/*.whl")[0]) as wheel:
    for release in releases:
        prefix = f"kubernetes_validate/kubernetes-json-schema/v{release}.0-local-strict/"
        names = [name for name in wheel.namelist() if name.startswith(prefix) and name.endswith(".json")]
        if not names:
            sys.exit(f"schemas: the package holds none for Kubernetes {release}")
        target = out / f"v{release}"
        target.mkdir()
        for name in names:
            schema = json.loads(wheel.read(name))
            localise(schema)
            (target / name[len(prefix):]).write_text(json.dumps(schema))
PYTHON
echo "$stamp" >"$dir/stamp"
