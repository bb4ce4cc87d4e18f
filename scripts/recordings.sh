#!/bin/sh
# Holds what three tools recorded against the tables that the database ended with: scripts/recordings.sh [FOLDER]
# The folder has maxwell.jsonl.xz, canal.jsonl.xz, debezium.jsonl.xz, ... and expected/.
set -eu
cd "$(dirname "$0")/.."
from=${1:-../shared/data/cdc-live}
[ -d "$from" ] || { echo "recordings: there is no $from" >&2; exit 64; }
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
mkdir "$to/expected"
cp "$from"/expected/*.tsv "$to/expected/"
for file in "$from"/*.jsonl.xz "$from"/expected/*.tsv.xz; do
    name=${file#"$from"/}
    xz -dc "$file" > "$to/${name%.xz}"
done
MILLRACE_CDC_RECORDINGS=$to "${SWIFT:-swift}" test --filter RecordingTests
