#!/usr/bin/env bash
# The demonstration: samples/ into .demo/warehouse, and a look at what came of it.
set -euo pipefail
cd "$(dirname "$0")/.."
export SAMPLES=$PWD/samples DEMO=$PWD/.demo
step() { printf '\n--- %s\n' "$*"; }

step "building the programs"
scripts/swift-quiet.sh build -j "${JOBS:-$(nproc)}" --product millrace
millrace=$PWD/.build/debug/millrace

rm -rf "$DEMO"
mkdir -p "$DEMO"

step "millrace run --once --config samples/demo.yaml"
"$millrace" run --once --config samples/demo.yaml

step "the warehouse"
(cd "$DEMO/warehouse" && find . -type f -not -path './_millrace/*' | sort | sed 's|^\./||')
(cd "$DEMO/warehouse" && find . -type f -path './_millrace/*' | sort | sed 's|^\./||')

step "millrace lag"
"$millrace" lag --config samples/demo.yaml

step "millrace audit"
"$millrace" audit --config samples/demo.yaml

step "what DuckDB reads there"
.venv/bin/python scripts/demo_query.py "$DEMO/warehouse"

step "the same files again: nothing new, nothing twice"
"$millrace" run --once --config samples/demo.yaml
