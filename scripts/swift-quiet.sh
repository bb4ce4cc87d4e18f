#!/usr/bin/env bash
# swift, silent unless it fails.
log=$(mktemp)
swift "$@" >"$log" 2>&1
code=$?
[ "$code" = 0 ] || { grep -E 'error|warning' "$log" || tail -n 40 "$log"; } >&2
rm -f "$log"
exit "$code"
