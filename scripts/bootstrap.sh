#!/usr/bin/env bash
# Installs what building and testing need and is missing: Debian packages by apt-get (as root or by
# sudo), and a Python venv (.venv) with the independent readers that check results. Says nothing when
# all is there. Usage: scripts/bootstrap.sh [--kafka|--database] (also what tests with a real broker need: Java, kcat, strace; a MariaDB to test against)
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "bootstrap: $*" >&2; }

if ! command -v swift >/dev/null; then
  say "no Swift toolchain (6.2 or newer): take one from https://www.swift.org/install/linux/, or Debian's package"
  say "swiftlang where it is 6.2 or newer, and put its bin folder on PATH. Then run this again."
  exit 69
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -1)
case "$version" in
  6.[2-9]*|6.[1-9][0-9]*|[7-9].*|[1-9][0-9].*) ;;
  *) say "Swift $version is too old: 6.2 or newer is needed (https://www.swift.org/install/linux/, or Debian's swiftlang)"; exit 69 ;;
esac

packages=(pkg-config libc6-dev libstdc++-12-dev librdkafka-dev libyaml-dev libsimdjson-dev libpcre2-dev
  zlib1g-dev libzstd-dev libsnappy-dev libxxhash-dev libcctz-dev libmariadb-dev tzdata binutils python3-venv)
# Why the core alone: it starts no server.
if [ "${1:-}" = --database ]; then packages+=(mariadb-server-core mariadb-client-core); fi
if [ "${1:-}" = --kafka ]; then
  packages+=(kcat strace)
  command -v java >/dev/null || packages+=(openjdk-17-jre-headless)
fi

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
  done
else
  say "not a Debian system: install the counterparts of: ${packages[*]}"
fi
# Why: any libstdc++ of the distribution does, not only Debian 12's.
if ls /usr/include/c++/*/string >/dev/null 2>&1; then
  missing=($(printf '%s\n' "${missing[@]:-}" | grep -v '^libstdc++-12-dev$' || true))
fi

if [ "${#missing[@]}" -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "as root: apt-get install ${missing[*]}"; exit 77; }
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  log=$(mktemp)
  run() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1; }
  if ! { run update && run install -y --no-install-recommends "${missing[@]}"; }; then
    tail -15 "$log" >&2
    say "apt-get failed (log: $log)"
    exit 69
  fi
  rm -f "$log"
fi

if ! { [ -f .venv/complete ] && cmp -s .venv/complete scripts/oracles.txt; }; then
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  say "making .venv with $(tr '\n' ' ' <scripts/oracles.txt)"
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install -q --disable-pip-version-check -r scripts/oracles.txt
  cp scripts/oracles.txt .venv/complete
fi
