#!/usr/bin/env bash
# Holds what three tools recorded against the tables that the database ended with: scripts/recordings.sh [FOLDER [OPTIONS]]
# The folder has maxwell.jsonl.xz, canal.jsonl.xz, debezium.jsonl.xz, ... and expected/. First the decoders alone, then the
# programs: every recording as a file, through an agent and Kafka, and out of topics (Tests/system/recordings.py
# says its options: --only NAME, --way files, --tool-zone or --session-zone Asia/Shanghai, --dates typed).
set -euo pipefail
cd "$(dirname "$0")/.."
from=${1:-../shared/data/cdc-live}
[ $# -eq 0 ] || shift
[ -d "$from" ] || { echo "recordings: there is no $from" >&2; exit 64; }
to=$(mktemp -d)
trap 'rm -rf "$to"' EXIT
mkdir "$to/expected"
cp "$from"/expected/*.tsv "$to/expected/"
for file in "$from"/*.jsonl.xz "$from"/expected/*.tsv.xz; do
    name=${file#"$from"/}
    xz -dc "$file" > "$to/${name%.xz}"
done
MILLRACE_CDC_RECORDINGS=$to "${SWIFT:-swift}" test --filter RecordingTests 2>&1 | tail -n 40
rm -rf "$to"
"${SWIFT:-swift}" build 2>&1 | tail -n 3
.venv/bin/python Tests/system/recordings.py "$from" "$@"
