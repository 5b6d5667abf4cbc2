#!/usr/bin/env bash
# All tests, in the order in which a failure is cheapest: style, the site, the package, the pages.
# The last lines say what failed. CI=true re-executes every page; else only those that changed since.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()
run() {
  local name=$1
  shift
  echo "── $name"
  "$@" || failed+=("$name")
}
python=.venv/bin/python

run "style: ruff check" .venv/bin/ruff check --quiet .
run "style: ruff format" .venv/bin/ruff format --check --quiet .
run "style: vulture" .venv/bin/vulture
run "style: biome" node_modules/.bin/biome check --error-on-warnings --colors=off
run "types: Python" .venv/bin/mypy --no-error-summary
run "types: JavaScript" node_modules/.bin/tsc -p tsconfig.json
run "types: widgets' views" node_modules/.bin/tsc -p tsconfig.views.json
run "site: build" $python -m introml.site build
if [ ${#failed[@]} -gt 0 ] && [[ " ${failed[*]} " == *"site: build"* ]]; then
  echo "the site does not build, so the tests that read it cannot run"
  exit 1
fi
run "pages: executed again" $python tests/pages/execute_again.py
# Tests wait now and then, so there is a process more than there are cores; then a thread for each will do.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
run "package, widgets, site, grader" $python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/browser --ignore tests/hub "$@"
run "hub" $python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder tests/hub "$@"
# Test by test, for the pages of one file are most of them.
run "browser" $python -m pytest -q -n 3 --dist worksteal tests/browser "$@"
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
