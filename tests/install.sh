#!/usr/bin/env bash
# Brings what only the tests need: a Chromium. An installed one is used; else apt brings it where it may.
set -euo pipefail
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
  if [ -n "$name" ] && command -v "$name" >/dev/null; then exit 0; fi
done
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo -n"; else root="no"; fi
  if [ "$root" != "no" ]; then
    echo "installing Chromium for the browser tests"
    $root apt-get update -qq >/dev/null && $root apt-get install -y -qq chromium >/dev/null 2>&1 && exit 0
  fi
fi
echo "the browser tests need Chromium. Debian: sudo apt install chromium (or set CHROMIUM to one you have)" >&2
exit 1
