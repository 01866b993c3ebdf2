# From nothing: `make demo` runs the main sample, `make test` the tests. Both set up all they need.

ifndef PYTHON
PYTHON := $(shell for python in python3.11 python3.12 python3.13 python3; do \
  $$python -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' \
  2>/dev/null && break; done)
endif
ifeq ($(PYTHON),)
$(error localdlc needs Python 3.11 or later: install it, or say `make PYTHON=/path/to/python`)
endif

# An index to take torch from instead of pip's own, such as one with builds for CPUs only.
TORCH_INDEX ?=
INDEX := $(if $(TORCH_INDEX),--index $(TORCH_INDEX))

# Where this is set, pytest would rewrite all assertions and every localdlc that a test starts would
# be compiled, each time anew: a third of what the fast tests take.
export PYTHONDONTWRITEBYTECODE :=

# Where random kills begin; what one of them finds, its seed brings about again.
SEED ?= 1
KILLS ?= 200

# Steps that do not need each other run side by side, and each says its name on every line.
MAKEFLAGS += --jobs=4 --no-print-directory
STEP := $(PYTHON) tools/step.py
VENV := .venv/bin
INSTALLED := .venv/installed-$(shell cksum < pyproject.toml | cut -d ' ' -f 1)
DIGITS := samples/data/digits.csv.gz
# Each is the name of a folder below samples/, and of its image.
FRAMEWORKS := xgboost ray data-juicer mpi slurm

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' Makefile

.PHONY: setup demo test test-fast test-engines test-frameworks chaos check bench docs images frameworks clean
setup: $(INSTALLED) base ## Set up: virtual environment, container engine, base image

demo: setup pytorch $(DIGITS) ## Run the main sample: PyTorch, data-parallel on three replicas
	$(VENV)/python -m localdlc run samples/pytorch-ddp/job.json --config samples/pytorch-ddp/localdlc.toml

test: setup images $(DIGITS) ## Run the tests, but for those of test-frameworks
	$(VENV)/python -m pytest -m "not frameworks"

test-frameworks: setup frameworks $(DIGITS) ## Run a sample of every other framework
	$(VENV)/python -m pytest -m frameworks

test-engines: setup ## Run the contract tests on other engines: Debian's Docker 26 and 28, Podman 4.3
	$(VENV)/python tools/engines.py

chaos: setup ## Strike at jobs 200 times, at random, and see that nothing is lost (SEED=1 KILLS=200)
	cd tests && ../$(VENV)/python -m chaos --seed $(SEED) --kills $(KILLS)

test-fast: $(INSTALLED) ## Run the tests that need neither an engine nor servers of their own
	LOCALDLC_TEST_EXAMPLES=0.3 $(VENV)/python -m pytest -n auto --dist worksteal -m "not engine and not servers and not samples and not frameworks"

check: $(INSTALLED) ## Check style, types and who imports what
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

bench: setup ## Measure
	$(VENV)/python -m benchmarks

docs: $(INSTALLED) ## Write the pages of docs/ that are made from the code
	$(VENV)/python tools/compatibility.py docs/compatibility.md

images: pytorch tensorflow ## Build the samples' images

frameworks: $(FRAMEWORKS) ## Build the images of the other frameworks' samples

clean: ## Remove what set-up made in this folder (images stay in the engine)
	rm -rf .venv .setup samples/data

# The steps of set-up

.PHONY: packages engine base pytorch tensorflow pytorch-wheels tensorflow-wheels
packages:
	@$(PYTHON) tools/packages.py

.venv/bin/python: | packages
	@$(STEP) venv $(PYTHON) -m venv --clear .venv

$(INSTALLED): | .venv/bin/python
	@$(STEP) venv $(VENV)/python -m pip install --progress-bar off --editable '.[dev]'
	@rm -f .venv/installed-* && touch $@

engine: | packages
	@$(STEP) engine $(PYTHON) tools/engine.py

base: engine $(INSTALLED)
	@$(STEP) base $(VENV)/python tools/images.py base

pytorch: base pytorch-wheels
	@$(STEP) pytorch $(VENV)/python tools/images.py sample samples/pytorch-ddp localdlc/pytorch:latest $(INDEX)

tensorflow: base tensorflow-wheels
	@$(STEP) tensorflow $(VENV)/python tools/images.py sample samples/tf-ps localdlc/tensorflow:latest

pytorch-wheels: $(INSTALLED)
	@$(STEP) wheels $(VENV)/python tools/images.py wheels samples/pytorch-ddp $(INDEX)

tensorflow-wheels: $(INSTALLED)
	@$(STEP) wheels $(VENV)/python tools/images.py wheels samples/tf-ps

.PHONY: $(FRAMEWORKS) $(FRAMEWORKS:=-wheels)
$(FRAMEWORKS): %: base %-wheels
	@$(STEP) $* $(VENV)/python tools/images.py sample samples/$* localdlc/$*:latest

data-juicer: pytorch # its image starts from PyTorch's

$(FRAMEWORKS:=-wheels): %-wheels: $(INSTALLED)
	@$(STEP) wheels $(VENV)/python tools/images.py wheels samples/$*

$(DIGITS): | $(INSTALLED)
	@$(STEP) digits $(VENV)/python tools/digits.py $@
