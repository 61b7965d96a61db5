# Every target works from a fresh clone: it makes .venv, installs the locked packages once, and runs.
#
#   make book PROFILE=full SEED=1 CORES=8
#   make book MODEL=path/to/model2017-1_bfm_nomouth.h5

PROFILE ?= quick
SEED    ?= 0
MODEL   ?= open
PHOTOS  ?=
PHOTOS_MAP ?=
PHOTOS_ONE_SIDE ?=
CORES   ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
MEMORY  ?= 7500
PYTHON  ?= python3.13 python3.12 python3.11 python3

VENV := .venv
# Named by what is installed, so that a changed lock file or pyproject.toml installs again and nothing else does.
STAMP := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | tr -s ' \t' '-')

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PYTHONUTF8 := 1
export PYTHONNOUSERSITE := 1
export TF_CPP_MIN_LOG_LEVEL := 3
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help install book ablations test lint lock clean

help:  ## this list
	@echo "make TARGET, with a TARGET of:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' Makefile
	@echo "Variables: PROFILE=$(PROFILE) (quick, short, full or paper), SEED=$(SEED), CORES=$(CORES), MEMORY=$(MEMORY) (MB), PYTHON=an interpreter"
	@echo "           PHOTOS=$(PHOTOS) (a store from mmreg data encode, for the ablations)"
	@echo "           PHOTOS_MAP=$(PHOTOS_MAP) (another, by --encoder dlib-map, for those with 1,024 features)"
	@echo "           PHOTOS_ONE_SIDE=$(PHOTOS_ONE_SIDE) (another, by --encoder dlib-layers-one-side, for the one without mirror images)"
	@echo "           MODEL=$(MODEL) (the face model: open, ict:FOLDER, open+ict:FOLDER, or the path of a Basel Face Model 2017 file)"

install: $(STAMP)  ## .venv with everything in it (the other targets do this by themselves)

# A rerun is decided by the files' contents and the parameters, not by the workflow's own wording (Snakefile says why).
book: $(STAMP)  ## run the chapters that changed and build the book: book/_build/html/index.html
	@snakemake --cores $(CORES) --resources mem_mb=$(MEMORY) --config profile=$(PROFILE) seed=$(SEED) "model=$(MODEL)" \
	  --rerun-triggers mtime params input --max-checksum-file-size 100MB --rerun-incomplete \
	  --scheduler greedy --quiet host reason rules
	@echo "The book: $(CURDIR)/book/_build/html/index.html"

# Runs side by side, a core each: make ablations PROFILE=short PHOTOS=photographs.npz
ablations: $(STAMP)  ## train every variant of mmreg/variants.toml: results/PROFILE/variants
	@snakemake ablations --cores $(CORES) --resources mem_mb=$(MEMORY) \
	  --config profile=$(PROFILE) seed=$(SEED) "model=$(MODEL)" "photos=$(PHOTOS)" "photos_map=$(PHOTOS_MAP)" "photos_one_side=$(PHOTOS_ONE_SIDE)" \
	  --rerun-triggers mtime params input --max-checksum-file-size 100MB --rerun-incomplete \
	  --scheduler greedy --quiet host reason rules

test: $(STAMP)  ## run the tests
	@python -m pytest

lint: $(STAMP)  ## formatting, lint, import layers, types
	@# pyright is a Node program behind a Python package, which fetches it when it first runs.
	@failed=; run() { echo "$$*"; "$$@" || failed="$$failed $$1"; }; \
	run ruff check .; \
	run ruff format --check .; \
	run lint-imports; \
	if pyright --version >/dev/null 2>&1; then run pyright; \
	else echo "pyright: not run, because its Node package couldn't be fetched here"; fi; \
	[ -z "$$failed" ] || { echo "Not clean:$$failed" >&2; exit 1; }

lock:  ## resolve requirements.lock again from pyproject.toml (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv; install it with: python3 -m pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-header --upgrade -o requirements.lock

clean:  ## remove what the workflow made; keeps .venv and the committed results
	rm -rf book/_build book/_executed book/_generated results/quick results/logs .snakemake

$(STAMP):
	@set -e; \
	if ! $(VENV)/bin/python -m pip --version >/dev/null 2>&1; then \
	  for candidate in $(PYTHON); do \
	    if $$candidate -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; \
	    then found=$$candidate; break; fi; \
	  done; \
	  if [ -z "$${found:-}" ]; then \
	    echo "No Python 3.11, 3.12 or 3.13 with the venv module among: $(PYTHON)." >&2; \
	    echo "Install one (on Debian and Ubuntu: python3 and python3-venv), or name it: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$found ($$($$found --version))"; \
	  $$found -m venv $(VENV); \
	fi; \
	echo "Installing the packages of requirements.lock (about 2 GB on disk, some minutes)"; \
	$(VENV)/bin/python -m pip install -qq --disable-pip-version-check -r requirements.lock; \
	$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --no-deps -e .; \
	rm -f $(VENV)/.installed-*; touch $@
