#!/usr/bin/env bash
# Brings what only the tests need: a Chromium, bubblewrap for the grader's cold way into a sandbox, and
# PostgreSQL, Slurm and munge, which the hub's tests start themselves.
# What is installed is used; what is missing comes by apt where that may be.
set -euo pipefail

has() {
  local name
  for name in "$@"; do
    if [ -n "$name" ] && command -v "$name" >/dev/null; then return 0; fi
  done
  return 1
}

missing=()
has "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable || missing+=(chromium)
has bwrap || missing+=(bubblewrap)
has postgres /usr/lib/postgresql/*/bin/postgres || missing+=(postgresql)
has slurmctld /usr/sbin/slurmctld || missing+=(slurm-wlm)
has munged /usr/sbin/munged || missing+=(munge)
if [ ${#missing[@]} = 0 ]; then exit 0; fi
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo -n"; else root="no"; fi
  if [ "$root" != "no" ]; then
    echo "installing ${missing[*]} for the tests"
    $root apt-get update -qq >/dev/null && $root apt-get install -y -qq "${missing[@]}" >/dev/null 2>&1 && exit 0
  fi
fi
echo "the tests need ${missing[*]}. Debian: sudo apt install ${missing[*]} (or set CHROMIUM to a browser you have)" >&2
exit 1
