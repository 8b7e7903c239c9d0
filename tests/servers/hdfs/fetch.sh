#!/usr/bin/env bash
# fetch.sh CACHE BIN: fetches the HDFS of the tests into a folder of CACHE, once for the machine, and links it into BIN.
# It runs on Java. Without Java its tests are skipped, unless S3DLIO_REQUIRE_SERVERS is set, as it is in CI.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$1 bin=$2

if ! java -version > /dev/null 2>&1 || ! mvn --version > /dev/null 2>&1; then
    echo "WITHOUT HDFS: its tests need Java 17 and Maven (Debian: openjdk-17-jre-headless and maven)" >&2
    [ -z "${S3DLIO_REQUIRE_SERVERS:-}" ]
    exit
fi

store=$cache/hdfs-$(cat "$here"/* | sha256sum | cut -c1-16)
exec 9> "$store.lock"
flock 9 # another clone may be fetching the same
if [ ! -d "$store" ]; then
    echo "fetching the test server hdfs-minicluster (once for this machine)"
    rm -rf "$store.new"
    mvn --batch-mode --quiet --file "$here/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime "-DoutputDirectory=$store.new/jars"
    cp "$here/log4j.properties" "$here/hdfs-minicluster" "$store.new"
    mv "$store.new" "$store"
fi
ln -sf "$store/hdfs-minicluster" "$bin/hdfs-minicluster"
