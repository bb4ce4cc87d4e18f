#!/usr/bin/env bash
# Every relative link of a Markdown page leads to a file that exists.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 - <<'PYTHON'
import pathlib, re, sys
broken = 0
pages = [page for page in pathlib.Path(".").rglob("*.md") if not any(part.startswith(".") for part in page.parts[:-1])]
for page in pages:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        if not (page.parent / target).exists():
            print(f"docs: {page}: no such page: {target}", file=sys.stderr)
            broken += 1
if broken == 0:
    print(f"docs: {len(pages)} pages, every link leads somewhere")
sys.exit(1 if broken else 0)
PYTHON
