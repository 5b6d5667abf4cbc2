#!/usr/bin/env bash
# All tests, in the order in which a failure is cheapest: style, the site, the package, the pages.
# The last lines say what failed. CI=true and ALL=1 run everything; else what is unchanged since it
# passed is left out (tests/selection).
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
run "types: Python" .venv/bin/mypy
run "style: vulture" .venv/bin/vulture
run "style: biome" node_modules/.bin/biome check --error-on-warnings --colors=off
run "types: JavaScript" node_modules/.bin/tsc -p tsconfig.json
run "types: widgets' views" node_modules/.bin/tsc -p tsconfig.views.json
run "site: build" $python -m introml.site build
if [ ${#failed[@]} -gt 0 ] && [[ " ${failed[*]} " == *"site: build"* ]]; then
  echo "the site does not build, so the tests that read it cannot run"
  exit 1
fi
# There are more processes than cores, so a thread for each will do.
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
if [ "${CI:-}" = true ] || [ -n "${ALL:-}" ]; then which=all; else which=changed; fi
select=(-p selection --selection "$which" -n "$($python tests/selection/processes.py)")
by_file=(--dist loadfile --no-loadscope-reorder)
run "pages: executed again" $python tests/pages/execute_again.py "${select[@]}"
run "package, widgets, site, grader" $python -m pytest -q "${select[@]}" "${by_file[@]}" --ignore tests/browser --ignore tests/hub "$@"
run "hub" $python -m pytest -q "${select[@]}" "${by_file[@]}" tests/hub "$@"
# Test by test, for the pages of one file are most of them.
run "browser" $python -m pytest -q "${select[@]}" --dist worksteal tests/browser "$@"
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED: %s\n' "${failed[@]}"
  exit 1
fi
