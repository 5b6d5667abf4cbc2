#!/usr/bin/env bash
# make hub: what can be known is looked at first, in a second; then before the long build; then it starts.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python
first=$python
if [ ! -x "$first" ]; then
  bash deploy/local/install.sh look
  first="${PYTHON:-python3}"
fi
"$first" -I introml/hub/operate/preflight.py "$@"
make -s --no-print-directory .venv/hub-ready
status=0
"$python" -m introml.hub.operate.start --look "$@" || status=$?
if [ "$status" = 3 ]; then # it runs already, and a teacher got a link
  exit 0
elif [ "$status" != 0 ]; then
  exit "$status"
fi
make -s --no-print-directory site
exec "$python" -m introml.hub.operate.start "$@"
