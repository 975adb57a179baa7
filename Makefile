# make install   a virtual environment in .venv with everything in it
# make train     install, then DRIFT on the bestiary (the main job)
# make test      install, then lint, types and all tests
# Nothing is done twice: a second call starts at once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: install train test lint format clean

install: $(STAMP)

# hpsv2 is the reference for our HPSv2 in the tests. What it wants installed (protobuf < 4, pytest
# 7.2) is older than what everything else wants, and its network does without.
$(STAMP): pyproject.toml Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev,repro,viz]"
	$(BIN)/python -m pip install --quiet --no-deps hpsv2==1.2.0
	touch $@

train: install
	$(BIN)/kedro run --pipelines=train $(ARGS)

# One process per core, each with one thread: they would only wait for each other's.
test: install lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
