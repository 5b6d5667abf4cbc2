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
run "style: biome" node_modules/.bin/biome check --error-on-warnings --colors=off
run "site: build" $python -m introml.site build
if [ ${#failed[@]} -gt 0 ] && [[ " ${failed[*]} " == *"site: build"* ]]; then
  echo "the site does not build, so the tests that read it cannot run"
  exit 1
fi
run "pages: executed again" $python tests/pages.py
# Apart from the others: playwright leaves an event loop running in its process, and nbclient needs none.
run "package, widgets, site" $python -m pytest -q -n 2 --dist loadfile --ignore tests/browser "$@"
controls=tests/browser/test_controls.py
run "browser" $python -m pytest -q -n 2 --dist loadfile --ignore $controls tests/browser "$@"
# On its own, so that its pages are spread over both workers.
run "every control of every widget" $python -m pytest -q -n 2 $controls
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
