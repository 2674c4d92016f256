# make demo | test | test-slow | lint | bench | notebooks | docs: each sets up .venv by itself, once
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uploads nothing unless WANDB_MODE says otherwise
export WANDB_MODE ?= offline

.PHONY: setup demo test test-slow lint bench notebooks docs clean
setup: $(VENV)/.installed-dev

# pip's output is kept: the first installation takes minutes and should be seen to move
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "graphrec needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -c constraints.txt -e '.[demo,report,dev]'
	@touch $@ $(VENV)/.installed-demo

demo: $(VENV)/.installed-demo
	$(BIN)/graphrec demo --out runs/demo

# a process more than cores, for some wait for others; each test file whole: its tests share what they fit
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# sweeps, fuzzing and kills: an hour or more
test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow --timeout 3600

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy graphrec

# all but those that ask for a model or for other libraries
bench: $(VENV)/.installed-dev
	@for script in $$(ls experiments/benchmarks/*.py | grep -v -e measure.py -e peers.py -e exported.py -e live.py); do \
	  echo "== $$script"; \
	  $(BIN)/python $$script --json runs/bench/$$(basename $$script .py).json || exit 1; \
	done

# runs them in place: what they show is committed with them
notebooks: $(VENV)/.installed-dev
	$(BIN)/python notebooks/execute.py

$(VENV)/.installed-docs: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install -c constraints.txt -e '.[docs]'
	@touch $@

# the site, with every link checked, in build/docs/site
docs: $(VENV)/.installed-docs
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
