#!/usr/bin/env bash
# fetch.sh CACHE BIN: installs the Azurite of the tests into a folder of CACHE, once for the machine, and links it into BIN.
# It runs on Node.js. Without it its tests are skipped, unless S3DLIO_REQUIRE_SERVERS is set, as it is in CI.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$1 bin=$2

if ! node --version > /dev/null 2>&1 || ! npm --version > /dev/null 2>&1; then
    echo "WITHOUT AZURITE: its tests need Node.js 20 and npm (Debian: nodejs and npm)" >&2
    [ -z "${S3DLIO_REQUIRE_SERVERS:-}" ]
    exit
fi

store=$cache/azurite-$(cat "$here"/* <(node --version) | sha256sum | cut -c1-16)
exec 9> "$store.lock"
flock 9 # another clone may be installing the same
if [ ! -d "$store" ]; then
    echo "installing the test server azurite (once for this machine)"
    rm -rf "$store.new"
    mkdir "$store.new"
    cp "$here/package.json" "$here/package-lock.json" "$here/azurite" "$store.new"
    npm ci --prefix "$store.new" --silent --ignore-scripts --omit=dev --no-audit --no-fund
    mv "$store.new" "$store"
fi
ln -sf "$store/azurite" "$bin/azurite"
