#!/usr/bin/env bash
# Builds the test servers pinned here and links them into .cache/bin of the clone.
# They are kept outside the clone, under the hash of what they are built from: the next clone links the same files.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$here/../../.cache/bin
cache=${XDG_CACHE_HOME:-$HOME/.cache}/s3dlio
version=$(cat "$here"{,/fake-gcs-server}/go.{mod,sum} "$here"/fake-gcs-server/*.go "$here/build.sh" <(go env GOVERSION GOARCH) | sha256sum | cut -c1-16)
store=$cache/servers-$version

declare -A packages=(
    [minio]=github.com/minio/minio
    [versitygw]=github.com/versity/versitygw/cmd/versitygw
    [toxiproxy]=github.com/Shopify/toxiproxy/v2/cmd/server
    [fake-gcs-server]=. # with a repair of our own
)

mkdir -p "$cache" "$bin"
exec 9> "$store.lock"
flock 9 # another clone may be building the same servers
for name in "${!packages[@]}"; do
    if [ ! -x "$store/$name" ]; then
        echo "building the test server $name (once for this machine)"
        module=$here/$name # where it has one of its own
        [ -d "$module" ] || module=$here
        go build -C "$module" -trimpath -ldflags "-s -w" -o "$store/.$name" "${packages[$name]}"
        mv "$store/.$name" "$store/$name"
    fi
    ln -sf "$store/$name" "$bin/$name"
done

"$here/azurite/fetch.sh" "$cache" "$bin"
"$here/hdfs/fetch.sh" "$cache" "$bin"
